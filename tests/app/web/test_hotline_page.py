"""The hotline as the staff sees it: numbers of calls, never of phones; two presses register, under the name of who pressed."""

import re

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from app.accounts.permissions import Role
from app.audit import service as audit
from app.notify import hotline
from app.notify.models import HotlineCall, OutgoingMessage
from expert_draw.models import Invitation
from expert_draw.personal import name_of, phone_of
from tests.support.links import calling, reached
from tests.support.web import WebHouse


@pytest.fixture
def staff(house: WebHouse) -> TestClient:
    return house.visitor(Role.host_operator)


@pytest.fixture
def call(house: WebHouse) -> HotlineCall:
    """Somebody whose window is open has pressed 0."""
    calling(house.world)
    return rings(house, reached(house.world))


def rings(house: WebHouse, invitation_id: str) -> HotlineCall:
    with house.world.transaction() as session:
        message = session.exec(select(OutgoingMessage).where(OutgoingMessage.subject == invitation_id)).one()
        return hotline.waits(session, house.world.now(), message, None, put_through=False)


def invitation(house: WebHouse, call: HotlineCall) -> Invitation:
    with house.world.database.reading() as session:
        return session.get_one(Invitation, call.subject)


def test_without_callers_the_page_says_who_will_appear(house: WebHouse, staff: TestClient) -> None:
    page = staff.get("/hotline").text
    assert "没有等待的来电" in page
    assert 'data-news="/api/hotline/stream"' in page
    assert "<input" not in page  # nobody can be looked up


def test_news_of_callers_is_for_who_answers_them(house: WebHouse) -> None:
    assert house.visitor(Role.supervisor).get("/api/hotline/stream").status_code == 403
    assert house.visitor().get("/api/hotline/stream").status_code == 401


def test_a_caller_is_a_number_of_the_line_and_nothing_else(
    house: WebHouse, staff: TestClient, call: HotlineCall
) -> None:
    page = staff.get("/hotline").text
    assert call.reference in page
    assert "持有待答复的通知" in page
    # The end of their window would tell which place of the terminal they were asked for.
    assert "count-down" not in page
    until = invitation(house, call).deadline
    assert until is not None
    assert until.isoformat()[:16] not in page
    invited = invitation(house, call)
    expert = house.world.expert(invited)
    for hidden in (
        name_of(house.world.sealer, expert),
        phone_of(house.world.sealer, expert).removeprefix("+86"),
        invited.report_place,
        invited.id,
        invited.code[:8],
        str(call.message_id),
        "秘密水库",
    ):
        assert hidden not in page


def test_two_presses_register_what_the_caller_said(
    house: WebHouse, staff: TestClient, call: HotlineCall
) -> None:
    assert staff.post(f"/hotline/{call.id}/take").headers["location"] == "/hotline"
    page = staff.get("/hotline").text
    assert "我在接听" in page
    assert "登记能参加" in page
    assert "登记请假" not in page
    sure = staff.get(f"/hotline/{call.id}/accept").text
    assert f"为来电 {call.reference} 登记" in sure
    assert invitation(house, call).state == "contacting"
    done = staff.post(f"/hotline/{call.id}/register", data={"act": "accept"})
    assert done.headers["location"] == "/hotline?said=accepted"
    assert "已登记：能参加" in staff.get("/hotline?said=accepted").text
    assert (invitation(house, call).state, invitation(house, call).answer_channel) == ("accepted", "hotline")
    account = house.account(Role.host_operator)
    with house.world.database.reading() as session:
        trail = [one for one in audit.trail(session, "house") if one.tag.startswith("notify:hotline")]
    assert [(one.tag, one.actor) for one in trail] == [
        ("notify:hotline:taken", f"account:{account.id}"),
        ("notify:hotline:registered", f"account:{account.id}"),
    ]


def test_leave_is_offered_to_who_has_accepted(house: WebHouse, staff: TestClient, call: HotlineCall) -> None:
    with house.world.transaction() as session:
        session.get_one(Invitation, call.subject).leave_until = None
        house.world.invitees.answer(session, house.world.now(), call.subject, True, "voice")
    staff.post(f"/hotline/{call.id}/take")
    page = staff.get("/hotline").text
    assert "登记请假" in page
    assert "登记能参加" not in page
    done = staff.post(f"/hotline/{call.id}/register", data={"act": "leave"})
    assert done.headers["location"] == "/hotline?said=leave"
    assert invitation(house, call).state == "withdrawn"


def test_what_will_have_no_effect_is_said_before_it_is_registered(
    house: WebHouse, staff: TestClient, call: HotlineCall
) -> None:
    staff.post(f"/hotline/{call.id}/take")
    house.world.clock.advance(901)
    assert "这项登记不会生效" in staff.get(f"/hotline/{call.id}/accept").text
    done = staff.post(f"/hotline/{call.id}/register", data={"act": "accept"})
    assert done.headers["location"] == "/hotline?said=lapsed"
    assert "通知已失效" in staff.get("/hotline?said=lapsed").text


def test_a_call_can_be_closed_without_registering(
    house: WebHouse, staff: TestClient, call: HotlineCall
) -> None:
    staff.post(f"/hotline/{call.id}/take")
    assert staff.post(f"/hotline/{call.id}/close").status_code == 303
    assert "没有等待的来电" in staff.get("/hotline").text
    assert invitation(house, call).state == "contacting"


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("take", {}, 303),
        ("register", {"act": "accept"}, 409),
        ("register", {"act": "look-up"}, 422),
        ("close", {}, 409),
    ],
)
def test_only_who_took_a_call_registers_for_it(
    house: WebHouse, staff: TestClient, call: HotlineCall, path: str, fields: dict[str, str], status: int
) -> None:
    assert staff.post(f"/hotline/{call.id}/{path}", data=fields).status_code == status
    assert invitation(house, call).state == "contacting"


def test_a_call_nobody_has_taken_asks_nothing(house: WebHouse, staff: TestClient, call: HotlineCall) -> None:
    assert staff.get(f"/hotline/{call.id}/accept").status_code == 409
    assert staff.get(f"/hotline/{call.id}/nonsense").status_code == 422


def test_a_notice_cannot_be_answered_by_its_own_id(
    house: WebHouse, staff: TestClient, call: HotlineCall
) -> None:
    """Only calls stand behind the addresses: no invitation, no message, no number."""
    for guess in (call.subject, call.message_id, call.reference, "+8613900000001"):
        assert staff.post(f"/hotline/{guess}/take").status_code == 409
        assert staff.post(f"/hotline/{guess}/register", data={"act": "accept"}).status_code == 409
    assert invitation(house, call).state == "contacting"


def test_the_page_speaks_english(house: WebHouse, staff: TestClient, call: HotlineCall) -> None:
    staff.post(f"/hotline/{call.id}/take")
    page = staff.get("/hotline?lang=en").text
    assert "holds a notice that waits for an answer" in page
    assert not re.search(r"[\u4e00-\u9fff]", re.sub(r"<header.*?</header>", "", page, flags=re.DOTALL))
