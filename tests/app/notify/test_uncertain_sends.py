"""Sends whose fate is not known at once: nothing is lost and nothing goes out twice."""

from typing import NoReturn

import pytest

from app.core.sealed_columns import MESSAGE_TO
from app.notify import repository
from app.notify.delivery import Event
from app.notify.messenger import FateUnknown, LookUpFailed, Outgoing, SendResult, Taken
from app.notify.models import OutgoingMessage
from app.notify.pacing import Pacing
from app.notify.progress import QUIET_S
from app.notify.simulator_reports import Fault
from app.notify.twilio import TwilioMessenger
from tests.support.phones import PhoneHouse

LI = "+8613800000001"
GRACE_S = 15


@pytest.mark.parametrize("fault", [Fault.drop_reply, Fault.server_error_taken])
def test_a_call_whose_reply_was_lost_is_found_and_adopted_once(house: PhoneHouse, fault: Fault) -> None:
    li = house.person(LI)
    house.fails(fault)
    house.fails(Fault.lose, 99)
    message = house.invites(li, "invitation-1", ring_s=300)
    house.settle()
    assert house.state(message) == "unknown"
    assert house.invitees.told == []
    house.pass_time(GRACE_S)
    assert house.state(message) == "ringing"
    assert len(house.provider_calls()) == 1
    assert house.message(message).provider_sid == house.provider_calls()[0]["sid"]
    assert house.invitees.count("taken", "invitation-1") == 1


def test_a_report_resolves_an_unknown_call_before_anyone_asks(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.fails(Fault.drop_reply)
    message = house.invites(li, "invitation-1")
    house.settle()
    assert house.state(message) == "ringing"  # the report carries our own id
    assert house.invitees.count("taken", "invitation-1") == 1


def test_a_report_before_our_own_note_is_not_undone_by_it(
    house: PhoneHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    messenger = house.room.messenger
    send = messenger.send

    async def slow(outgoing: Outgoing) -> SendResult:
        taken = await send(outgoing)
        assert isinstance(taken, Taken)
        await house.line.tick()
        await house.line.tick()
        return FateUnknown("timeout")

    monkeypatch.setattr(messenger, "send", slow)
    message = house.invites(house.person(LI), "invitation-1")
    house.settle()
    assert house.state(message) == "ringing"
    assert house.invitees.count("taken", "invitation-1") == 1
    assert len(house.provider_calls()) == 1


def test_a_call_the_provider_never_saw_is_sent_again_after_two_look_ups(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.fails(Fault.server_error)
    message = house.invites(li, "invitation-1")
    house.settle()
    assert house.state(message) == "unknown"
    house.pass_time(GRACE_S)
    assert house.state(message) == "unknown"
    house.pass_time(GRACE_S)
    assert house.state(message) == "ringing"
    assert house.message(message).tries == 2
    assert len(house.provider_calls()) == 1


def test_too_many_requests_only_wait(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.fails(Fault.refuse, 2)
    message = house.invites(li, "invitation-1")
    house.settle()
    assert house.state(message) == "queued"
    assert house.message(message).error_code == "20429"
    house.pass_time(1)
    assert house.state(message) == "queued"
    house.pass_time(2)
    assert house.state(message) == "ringing"
    assert house.message(message).error_code is None
    assert len(house.provider_calls()) == 1


def test_a_number_that_cannot_be_called_fails_for_good(house: PhoneHouse) -> None:
    nobody = house.person("12345")
    message = house.invites(nobody, "invitation-1")
    house.settle()
    assert house.state(message) == "failed"
    assert house.message(message).error_code == "21211"
    assert house.invitees.told == [("ended", "invitation-1", "voice", "failed")]


def test_a_sender_that_died_leaves_a_message_that_is_looked_up(house: PhoneHouse) -> None:
    li = house.person(LI)
    message = house.invites(li, "invitation-1")
    now = house.clock.now()
    with house.database.transaction() as session:
        assert repository.move(
            session, message, Event.claim, sending_at=now, lease_until=now, tries=1, looked_up=0
        )
    house.settle()
    assert house.state(message) == "unknown"
    house.pass_time(GRACE_S)
    house.pass_time(GRACE_S)
    assert house.state(message) == "ringing"
    assert len(house.provider_calls()) == 1


def test_two_lost_replies_to_one_phone_adopt_one_message_each(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.fails(Fault.lose, 99)
    house.fails(Fault.drop_reply, 2)
    first = house.invites(li, "invitation-1", "sms")
    second = house.invites(li, "invitation-2", "sms")
    house.settle()
    assert {house.state(first), house.state(second)} == {"unknown"}
    house.pass_time(GRACE_S)
    sids = {house.message(one).provider_sid for one in (first, second)}
    assert sids == {text["sid"] for text in house.provider_texts()}
    assert len(sids) == 2


def test_a_report_takes_its_call_back_from_a_message_that_adopted_it_by_mistake(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.fails(Fault.lose, 99)
    house.fails(Fault.server_error)
    never_arrived = house.invites(li, "invitation-1", ring_s=600)
    house.settle()
    house.fails(Fault.drop_reply)
    arrived = house.invites(li, "invitation-2", ring_s=600)
    house.settle()
    house.clock.advance(GRACE_S)
    house.run(house.room.inquiry.reconcile())
    owner = {house.message(one).provider_sid for one in (never_arrived, arrived)}
    assert owner == {house.provider_calls()[0]["sid"], None}

    sid = house.provider_calls()[0]["sid"]
    fields = {"CallSid": sid, "CallStatus": "in-progress", "SequenceNumber": "2"}
    assert house.reports(f"/hooks/twilio/status/{arrived}", fields).status_code == 204
    assert house.message(arrived).provider_sid == sid
    assert house.state(arrived) == "answered"
    house.settle()
    for _ in range(3):
        house.pass_time(GRACE_S)
    assert house.message(never_arrived).provider_sid not in {None, sid}
    assert len(house.provider_calls()) == 2


def test_a_call_that_the_provider_has_forgotten_ends_the_step(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.fails(Fault.lose, 9)
    message = house.invites(li, "invitation-1", ring_s=600)
    house.settle()
    with house.database.transaction() as session:
        row = session.get_one(OutgoingMessage, message)
        row.provider_sid = "CA" + "f" * 32
        session.add(row)
    house.pass_time(QUIET_S + 600)
    assert house.state(message) == "failed"
    assert house.message(message).error_code == "gone"
    assert house.invitees.told[-1] == ("ended", "invitation-1", "voice", "failed")


def test_a_provider_that_cannot_be_asked_proves_nothing(
    house: PhoneHouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    li = house.person(LI)
    house.fails(Fault.server_error)
    message = house.invites(li, "invitation-1")
    house.settle()

    async def away(*_: object) -> None:
        raise LookUpFailed("503 20500")

    monkeypatch.setattr(house.room.messenger, "find", away)
    for _ in range(4):
        house.pass_time(GRACE_S)
    assert house.state(message) == "unknown"
    assert house.message(message).looked_up == 0
    assert LI not in caplog.text


def test_an_unknown_message_of_a_closed_invitation_is_not_sent_again(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.fails(Fault.server_error)
    message = house.invites(li, "invitation-1")
    house.settle()
    house.invitees.answers["invitation-1"] = "declined"
    house.pass_time(GRACE_S)
    house.pass_time(GRACE_S)
    assert house.state(message) == "cancelled"
    assert house.provider_calls() == []


def test_a_row_that_cannot_be_read_fails_alone(house: PhoneHouse) -> None:
    li, wang = house.person(LI), house.person("+8613800000002")
    spoilt = house.invites(li, "invitation-1")
    fine = house.invites(wang, "invitation-2")
    with house.database.transaction() as session:
        row = session.get_one(OutgoingMessage, spoilt)
        row.to_sealed = house.sealer.seal("x", MESSAGE_TO.at(spoilt))[:-8] + "AAAAAAA="
        session.add(row)
    house.settle()
    assert (house.state(spoilt), house.state(fine)) == ("failed", "ringing")
    assert house.message(spoilt).error_code == "unreadable"


def test_a_provider_nobody_answers_for_gets_the_message_later(house: PhoneHouse) -> None:
    house.person(LI)
    messenger = house.room.messenger
    assert isinstance(messenger, TwilioMessenger)
    messenger._client.api.base_url = "http://127.0.0.1:9/sim"
    message = house.invites(house.person(LI), "invitation-1")
    house.settle()
    assert house.state(message) == "queued"
    assert house.message(message).error_code == "connect"
    messenger._client.api.base_url = f"{house.url}/sim"
    house.pass_time(1)
    assert house.state(message) == "ringing"


def test_a_reply_that_never_comes_leaves_the_fate_unknown(
    house: PhoneHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    messenger = house.room.messenger
    monkeypatch.setattr(messenger, "_timeout_s", 0.0)
    message = house.invites(house.person(LI), "invitation-1")
    house.settle()
    assert house.state(message) == "unknown"
    assert house.message(message).error_code == "timeout"


def test_sends_keep_to_the_rate_the_provider_allows(house: PhoneHouse) -> None:
    house.room.dispatch._pacing = Pacing({"voice": 2.0, "sms": 2.0}, (), None)
    for number in range(5):
        house.invites(house.person(f"+861380000001{number}"), f"invitation-{number}")
    house.settle()
    assert len(house.provider_calls()) == 2
    house.pass_time(1)
    assert len(house.provider_calls()) == 4
    house.pass_time(1)
    assert len(house.provider_calls()) == 5


def test_the_message_on_its_way_holds_no_more_than_it_must(house: PhoneHouse) -> None:
    assert set(Outgoing.__dataclass_fields__) == {
        "message_id",
        "channel",
        "to",
        "template",
        "variables",
        "language",
        "ring_s",
        "valid_s",
    }


def test_a_message_nobody_can_be_asked_about_is_given_up_and_the_ladder_goes_on(
    house: PhoneHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cannot_tell(*_: object) -> NoReturn:
        raise LookUpFailed("down")

    monkeypatch.setattr(house.room.messenger, "find", cannot_tell)
    house.fails(Fault.lose, 99)
    house.fails(Fault.drop_reply)
    message = house.invites(house.person(LI), "invitation-1", ring_s=600)
    house.settle()
    for _ in range(3):
        house.clock.advance(399)
        house.run(house.room.inquiry.reconcile())
        assert house.state(message) == "unknown"
    house.clock.advance(GRACE_S)
    house.run(house.room.inquiry.reconcile())
    assert (house.state(message), house.message(message).error_code) == ("failed", "untold")
    assert house.invitees.told == [("ended", "invitation-1", "voice", "failed")]
    house.settle()
    assert len(house.provider_calls()) == 1, "it was not sent again"
