"""What leaves when: the provider's rate for all processes together, each person's limits, the night, and old claims."""

import contextlib
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import pytest
from sqlmodel import Session

from app.core.database import Database
from app.notify import twilio
from app.notify.answering import Answering
from app.notify.dispatch import Claimed, Dispatch, Sent
from app.notify.messenger import FateUnknown, Outgoing, PutBack, Rejected, SendResult, Taken
from app.notify.pacing import CalleeLimit, Pacing, QuietHours
from app.notify.simulator_reports import Fault
from app.notify.twilio import TwilioMessenger
from app.notify.wording import WordingRefused
from tests.support.phones import PhoneHouse

LI, WANG = "+8613800000001", "+8613800000002"
FREE = {"voice": 1000.0, "sms": 1000.0}


def another_node(house: PhoneHouse) -> Dispatch:
    """A second process on the same rows."""
    room = house.room
    return Dispatch(
        Database(house.settings.resolved_database_url()),
        house.clock,
        house.sealer,
        room.messenger,
        room.progress,
        room.writer,
        room.dispatch._pacing,
        send_timeout_s=10,
        unknown_grace_s=15,
    )


def test_all_processes_together_keep_to_the_rate(house: PhoneHouse) -> None:
    house.room.dispatch._pacing = Pacing({"voice": 2.0, "sms": 1.0}, (), None)
    other = another_node(house)
    for number in range(9):
        house.invites(house.person(f"+861380000001{number}"), f"invitation-{number}")
    taken = [len(node.look("voice", 64).claimed) for node in (house.room.dispatch, other)]
    assert taken == [2, 0]
    house.clock.advance(1)
    assert [len(node.look("voice", 64).claimed) for node in (other, house.room.dispatch)] == [2, 0]


def test_each_message_is_claimed_by_one_process_only(house: PhoneHouse) -> None:
    expected = {house.invites(house.person(f"+8613800001{n:03}"), f"invitation-{n}") for n in range(60)}
    claimed: list[Claimed] = []
    nodes = [house.room.dispatch, another_node(house), another_node(house)]
    threads = [
        threading.Thread(target=lambda node=node: claimed.extend(node.look("voice", 30).claimed))
        for node in nodes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [one.outgoing.message_id for one in claimed]
    assert len(ids) == len(set(ids)) == len(expected)
    assert set(ids) == expected


def test_calls_wait_for_the_morning_and_texts_do_not(house: PhoneHouse) -> None:
    house.room.dispatch._pacing = Pacing(FREE, (), QuietHours.read("21:00-08:00"))
    evening = datetime(2026, 11, 21, 13, 30, tzinfo=UTC)  # half past nine in Beijing
    house.clock.advance((evening - house.clock.now()).total_seconds())
    li, wang = house.person(LI), house.person(WANG)
    far = evening + timedelta(days=2)
    call = house.invites(li, "invitation-1", quiet_until=far)
    urgent = house.invites(wang, "invitation-2", quiet_until=evening)
    text = house.invites(wang, "invitation-3", "sms", quiet_until=far)
    house.settle()
    assert (house.state(call), house.state(urgent), house.state(text)) == ("queued", "ringing", "delivered")
    assert house.message(call).due_at == datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
    assert ("taken", "invitation-1") not in house.invitees.told, "and no window has opened"
    house.pass_time(10.5 * 3600)
    assert house.state(call) == "ringing"


def test_nobody_is_rung_up_more_often_than_the_limits_allow(house: PhoneHouse) -> None:
    house.room.dispatch._pacing = Pacing(
        FREE, (CalleeLimit("voice", 1, 60), CalleeLimit("voice", 2, 3600)), None
    )
    li = house.person(LI)
    calls = [house.invites(li, f"invitation-{number}") for number in range(3)]
    other = house.invites(house.person(WANG), "invitation-9")
    house.settle()

    def states() -> list[str]:
        return sorted(house.state(one) for one in calls)

    assert (states(), house.state(other)) == (["queued", "queued", "ringing"], "ringing")
    house.pass_time(60)
    assert states() == ["no_answer", "queued", "ringing"]
    house.pass_time(60)
    assert states() == ["no_answer", "no_answer", "queued"]
    house.pass_time(3480)
    assert states() == ["no_answer", "no_answer", "ringing"]


def test_a_result_that_comes_after_its_lease_changes_nothing_any_more(house: PhoneHouse) -> None:
    """Somebody else has claimed the message meanwhile: what became of the first try is not taken for the second."""
    message = house.invites(house.person(LI), "invitation-1")
    (first,) = house.room.dispatch.look("voice", 1).claimed
    house.clock.advance(16)
    house.run(house.room.inquiry.reconcile())
    assert house.state(message) == "unknown"
    house.clock.advance(15)
    house.run(house.room.inquiry.reconcile())
    (second,) = house.room.dispatch.look("voice", 1).claimed
    assert (first.tries, second.tries) == (1, 2)

    def late(session: Session, now: datetime, items: Sequence[None]) -> Sequence[None]:
        house.room.dispatch.record(session, now, (Sent(first, PutBack("429")), Sent(first, Taken("CAfirst"))))
        return items

    house.run(house.room.writer.write(late, None))
    assert house.state(message) == "sending"
    assert house.message(message).provider_sid is None


def test_a_caller_hears_one_moment_while_the_database_takes_its_time(
    house: PhoneHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key that was pressed counts all the same, and once."""
    li = house.person(LI)
    message = house.invites(li, "invitation-1")
    house.settle()
    li.answers().presses("1")
    gate, real = threading.Event(), Answering.key

    def slow(self: Answering, *arguments: object) -> str:
        assert gate.wait(10)
        return real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Answering, "key", slow)
    object.__setattr__(house.room, "patience_s", 0.05)
    house.clock.advance(0.001)
    house.run(house.line.act(lambda s, now: house.line.exchange.press(s, now, LI, "1")))
    house.run(house.line.tick())
    assert li.hears == "请稍候。"
    assert house.invitees.answers == {}
    gate.set()
    object.__setattr__(house.room, "patience_s", 10)
    house.pass_time(3)
    assert house.invitees.count("answer", "invitation-1", "yes", "voice") >= 1
    assert house.invitees.answers == {"invitation-1": "accepted"}
    assert "登记" in li.hears
    assert house.state(message) in {"answered", "completed"}


def test_a_caller_is_let_go_when_the_database_does_not_come_back(
    house: PhoneHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = house.invites(house.person(LI), "invitation-1")
    house.settle()
    gate = threading.Event()
    monkeypatch.setattr(Answering, "picked_up", lambda *_: str(gate.wait(10)))
    object.__setattr__(house.room, "patience_s", 0.05)
    fields = {"CallSid": house.provider_calls()[0]["sid"]}
    said = [house.reports(f"/hooks/twilio/voice/{message}?asked={asked}", fields).text for asked in (0, 3)]
    gate.set()
    assert ("<Redirect" in said[0], "请稍候" in said[0]) == (True, True)
    assert "asked=1" in said[0]
    assert "<Redirect" not in said[1]
    assert "回拨" in said[1]


def test_a_service_comes_to_rest_before_it_closes(house: PhoneHouse) -> None:
    message = house.invites(house.person(LI), "invitation-1")
    house.run(house.room.dispatch.start_due())
    house.run(house.room.dispatch.settled())
    assert house.state(message) == "sent"


def test_a_send_that_ends_in_an_unforeseen_way_is_told_and_looked_up(
    house: PhoneHouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> NoReturn:
        raise RuntimeError("the disk is full")

    message = house.invites(house.person(LI), "invitation-1")
    with monkeypatch.context() as patched:
        patched.setattr(house.room.messenger, "send", broken)
        house.run(house.room.dispatch.start_due())
        with contextlib.suppress(RuntimeError):
            house.run(house.room.dispatch.settled())
    assert "could not be written down" in caplog.text
    assert house.state(message) == "sending"
    house.clock.advance(16)
    house.run(house.room.inquiry.reconcile())
    house.pass_time(15)
    assert house.state(message) == "ringing"


def test_a_call_that_becomes_urgent_in_the_night_leaves_then(house: PhoneHouse) -> None:
    house.room.dispatch._pacing = Pacing(FREE, (), QuietHours.read("21:00-08:00"))
    evening = datetime(2026, 11, 21, 13, 30, tzinfo=UTC)
    house.clock.advance((evening - house.clock.now()).total_seconds())
    call = house.invites(house.person(LI), "invitation-1", quiet_until=evening + timedelta(hours=1))
    house.settle()
    assert house.message(call).due_at == evening + timedelta(hours=1), "not the morning"
    house.pass_time(3600)
    assert house.state(call) == "ringing"


def test_a_try_that_the_provider_put_back_does_not_count_against_its_callee(house: PhoneHouse) -> None:
    house.room.dispatch._pacing = Pacing(FREE, (CalleeLimit("voice", 1, 60),), None)
    house.fails(Fault.refuse)
    call = house.invites(house.person(LI), "invitation-1")
    house.settle()
    assert house.state(call) == "queued"
    house.pass_time(1)
    assert house.state(call) == "ringing"


def test_whoever_waits_for_the_morning_is_in_nobodys_way(house: PhoneHouse) -> None:
    """At one call a second, sixty calls that wait do not hold up the one that may leave."""
    house.room.dispatch._pacing = Pacing({"voice": 1.0, "sms": 1.0}, (), QuietHours.read("00:00-23:59"))
    tomorrow = house.clock.now() + timedelta(days=1)
    for number in range(150):
        house.invites(house.person(f"+8613800001{number:03}"), f"invitation-{number}", quiet_until=tomorrow)
    urgent = house.invites(house.person(LI), "invitation-urgent")
    house.run(house.room.dispatch.deliver_due())
    assert house.state(urgent) == "sent"


def test_a_process_that_has_slept_sends_nothing_any_more(house: PhoneHouse) -> None:
    message = house.invites(house.person(LI), "invitation-1")
    (claimed,) = house.room.dispatch.look("voice", 1).claimed
    house.clock.advance(60)
    house.run(house.room.dispatch._send(claimed))
    assert house.provider_calls() == []
    house.run(house.room.inquiry.reconcile())
    house.pass_time(15)
    assert (house.state(message), len(house.provider_calls())) == ("ringing", 1)


def test_a_message_that_cannot_be_written_holds_up_nobody_behind_it(
    house: PhoneHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = TwilioMessenger.wire

    def wire(self: TwilioMessenger, message: Outgoing) -> bytes:
        if message.to == LI:
            raise WordingRefused("no address of the house")
        return real(self, message)

    monkeypatch.setattr(TwilioMessenger, "wire", wire)
    broken = house.invites(house.person(LI), "invitation-1")
    sound = house.invites(house.person(WANG), "invitation-2")
    house.settle()
    assert (house.state(broken), house.message(broken).error_code) == ("failed", "unreadable")
    assert house.state(sound) == "ringing"
    assert ("ended", "invitation-1", "voice", "failed") in house.invitees.told


@pytest.mark.parametrize(
    ("status", "code", "result"),
    [
        (400, 21211, Rejected("21211")),
        (400, 21610, Rejected("21610")),
        (400, 21614, Rejected("21614")),
        (400, 21212, PutBack("21212")),  # our own number is wrong
        (403, 20403, PutBack("20403")),
        (403, None, PutBack("403")),
        (401, 20003, PutBack("20003")),
        (429, 20429, PutBack("20429")),
        (400, 21215, PutBack("21215")),  # no permission for that country
        (500, 20500, FateUnknown("20500")),
        (408, None, FateUnknown("408")),
    ],
)
def test_only_what_blames_the_number_ends_a_message(
    status: int, code: int | None, result: SendResult
) -> None:
    assert twilio._refusal(status, code) == result


def test_a_text_nobody_confirms_does_not_stop_the_ladder(house: PhoneHouse) -> None:
    house.fails(Fault.lose, 99)
    text = house.invites(house.person(LI), "invitation-1", "sms")
    house.run(house.room.dispatch.deliver_due())
    house.clock.advance(90)
    house.run(house.room.inquiry.reconcile())
    assert house.state(text) == "untold"
    assert house.invitees.count("ended", "invitation-1", "sms", "untold") == 1
    house.clock.advance(600)
    assert house.run(house.room.inquiry.reconcile()) == 0, "and is not asked about for ever"


def test_a_question_that_fails_does_not_stop_the_others(
    house: PhoneHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = TwilioMessenger.find

    async def find(self: TwilioMessenger, channel: str, to: str) -> object:
        if to == LI:
            raise TypeError("what the client cannot read")
        return await real(self, channel, to)

    monkeypatch.setattr(TwilioMessenger, "find", find)
    house.fails(Fault.lose, 99)
    house.fails(Fault.drop_reply, 2)
    broken = house.invites(house.person(LI), "invitation-1", ring_s=600)
    sound = house.invites(house.person(WANG), "invitation-2", ring_s=600)
    house.settle()
    house.pass_time(15)
    assert (house.state(broken), house.state(sound)) == ("unknown", "ringing")
