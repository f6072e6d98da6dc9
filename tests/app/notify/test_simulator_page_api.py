"""The wall of pretend phones as its page and a rehearsal use it."""

import pytest

from app.accounts.permissions import Role
from app.core.errors import InvalidInput, NotFound
from app.core.settings import Settings
from app.core.settings_calls import NotifySettings, Provider
from app.notify.phone_room import _line, open_phone_room
from tests.support.phones import PhoneHouse

LI, WANG = "+8613800000001", "+8613800000002"


def test_a_phone_is_answered_pressed_and_hung_up_from_the_page(house: PhoneHouse) -> None:
    house.invites(house.person(LI), "invitation-1")
    house.invites(house.person(WANG), "invitation-2", "sms")
    house.settle()
    with house.staff(Role.host_operator) as page:
        first, second = page.get("/api/simulator/phones").json()["phones"]
        assert (first["number"], first["state"], first["label"]) == (LI, "ringing", "+86138****0001")
        assert (second["number"], second["state"], len(second["texts"])) == (WANG, "idle", 1)
        answered = page.post(f"/api/simulator/phones/{LI}/answer").json()
        assert answered["state"] == "in_call"
        assert answered["awaits_key"]
        assert answered["language"] == "cmn-CN"
        pressed = page.post(f"/api/simulator/phones/{LI}/keys", json={"digit": "1"}).json()
        assert pressed["turn"] != answered["turn"]
        page.post(f"/api/simulator/phones/{LI}/keys", json={"digit": "1"})
        assert house.invitees.answers == {"invitation-1": "accepted"}
        assert page.post(f"/api/simulator/phones/{LI}/hangup").json()["ended"] == "completed"
        written = page.post(f"/api/simulator/phones/{WANG}/sms", json={"body": "2"}).json()
        assert [text["body"] for text in written["texts"] if text["sent_by_phone"]] == ["2"]
        house.settle()
        assert house.invitees.answers["invitation-2"] == "declined"
        called = page.post(f"/api/simulator/phones/{WANG}/call-hotline").json()
        assert called["calls_hotline"]
        assert "已经登记" in called["spoken"]


def test_a_call_can_be_pushed_away_and_an_unused_phone_rings_the_hotline(house: PhoneHouse) -> None:
    house.invites(house.person(LI), "invitation-1")
    house.settle()
    with house.staff(Role.supervisor) as page:
        assert page.post(f"/api/simulator/phones/{LI}/busy").json()["ended"] == "busy"
        assert page.post(f"/api/simulator/phones/{LI}/busy").json()["code"] == "no-call"
        assert page.post(f"/api/simulator/phones/{LI}/keys", json={"digit": "12"}).status_code == 422
        called = page.post("/api/simulator/phones/+8613900000009/call-hotline").json()
        assert "没有待答复的通知" in called["spoken"]
        assert page.post("/api/simulator/phones/123/answer").status_code == 422


def test_faults_are_set_counted_down_and_taken_back(house: PhoneHouse) -> None:
    with house.staff(Role.administrator) as page:
        set_now = page.post("/api/simulator/faults", json={"kind": "429", "count": 2}).json()
        assert set_now["faults"] == {"429": 2}
        house.invites(house.person(LI), "invitation-1")
        house.settle()
        assert page.get("/api/simulator/phones").json()["faults"] == {"429": 1}
        page.post("/api/simulator/faults", json={"kind": "429", "count": 0})
        assert page.get("/api/simulator/phones").json()["faults"] == {}
        assert page.post("/api/simulator/faults", json={"kind": "melt", "count": 1}).status_code == 422


@pytest.mark.parametrize("role", [Role.expert, Role.guest_operator, Role.pool_administrator])
def test_who_may_not_train_sees_no_phone(house: PhoneHouse, role: Role) -> None:
    with house.staff(role) as page:
        assert page.get("/api/simulator/phones").status_code == 403
        page.cookies.clear()
        assert page.get("/api/simulator/phones").status_code == 401
        assert page.post(f"/api/simulator/phones/{LI}/answer").status_code == 401


def test_a_number_on_the_page_is_no_name(house: PhoneHouse) -> None:
    house.invites(house.person(LI), "invitation-1")
    house.settle()
    with house.staff(Role.host_operator) as page:
        (phone,) = page.get("/api/simulator/phones").json()["phones"]
    assert set(phone) == {
        "number",
        "label",
        "state",
        "calls_hotline",
        "spoken",
        "language",
        "turn",
        "awaits_key",
        "rings_until",
        "ended",
        "texts",
        "changed_at",
    }
    assert phone["spoken"] == ""


async def _opened(house: PhoneHouse, settings: Settings) -> str:
    room = await open_phone_room(settings, house.database, house.clock, house.sealer, house.invitees)
    await room.close()
    with pytest.raises(NotFound):
        await _line(room)
    return "opened"


def test_beside_a_real_provider_there_are_no_pretend_phones(house: PhoneHouse) -> None:
    real = NotifySettings(provider=Provider.twilio, auth_token="token")
    assert house.run(_opened(house, house.settings.model_copy(update={"notify": real, "demo": False})))


def test_with_sample_data_a_real_provider_is_refused(house: PhoneHouse) -> None:
    real = NotifySettings(provider=Provider.twilio, auth_token="token")
    with pytest.raises(InvalidInput, match="demo-real-phones"):
        house.run(_opened(house, house.settings.model_copy(update={"notify": real})))
