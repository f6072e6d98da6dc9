"""Calls from the queue to the answer, over real HTTP with the real Twilio client."""

import pytest

from app.core.errors import Conflict, NotFound
from app.notify import outbox
from app.notify.progress import QUIET_S
from app.notify.simulator_reports import LATE_S, REORDER_S, Fault
from tests.support.phones import WINDOW, WORDS, PhoneHouse

LI = "+8613800000001"


def test_one_and_one_again_accepts(house: PhoneHouse) -> None:
    li = house.person(LI)
    message = house.invites(li, "invitation-1")
    house.settle()
    assert li.phone.state == "ringing"
    assert house.state(message) == "ringing"
    assert house.invitees.count("taken", "invitation-1") == 1

    assert WORDS["time"] in li.answers().hears
    assert "按1" in li.hears
    assert house.state(message) == "answered"
    assert "再按一次1" in li.presses("1").hears
    assert house.invitees.answers == {}
    assert "已登记您参加" in li.presses("1").hears
    assert house.invitees.answers == {"invitation-1": "accepted"}

    li.hangs_up()
    assert house.state(message) == "completed"
    assert house.invitees.told[-1] == ("ended", "invitation-1", "voice", "completed")


def test_two_and_two_again_declines_and_the_line_closes_by_itself(house: PhoneHouse) -> None:
    li = house.person(LI)
    message = house.invites(li, "invitation-1")
    house.settle()
    assert "已登记您不参加" in li.answers().presses("2", "2").hears
    assert house.invitees.told[-1] == ("answer", "invitation-1", "no", "voice")
    house.pass_time(60)
    assert li.phone.state == "idle"
    assert house.state(message) == "completed"


def test_a_changed_mind_a_star_and_a_wrong_key_are_understood(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.invites(li, "invitation-1")
    house.settle()
    invitation = li.answers().hears
    assert "不参加" in li.presses("2").hears
    assert "您选择了参加" in li.presses("1").hears
    assert li.presses("*").hears.startswith("您选择了参加")
    assert li.presses("9").hears.startswith("没有听清您的按键。您选择了参加")
    li.presses("1")
    assert house.invitees.answers == {"invitation-1": "accepted"}
    assert "再按一次" not in invitation


def test_a_phone_that_rings_out_ends_the_step_once(house: PhoneHouse) -> None:
    li = house.person(LI)
    message = house.invites(li, "invitation-1")
    house.settle()
    house.pass_time(24)
    assert li.phone.state == "ringing"
    house.pass_time(1)
    assert house.state(message) == "no_answer"
    assert house.invitees.count("ended", "invitation-1", "voice", "no_answer") == 1


def test_a_call_pushed_away_is_busy(house: PhoneHouse) -> None:
    li = house.person(LI)
    message = house.invites(li, "invitation-1")
    house.settle()
    li.declines_the_call()
    assert house.state(message) == "busy"
    assert house.invitees.count("ended", "invitation-1", "voice", "busy") == 1


def test_silence_is_asked_three_times_and_then_the_call_ends_without_an_answer(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.invites(li, "invitation-1")
    house.settle()
    li.answers()
    for _ in range(2):
        house.pass_time(60)
        assert li.phone.awaits_key
    house.pass_time(60)
    assert "没有收到您的答复" in li.hears
    assert house.invitees.answers == {}
    house.pass_time(60)
    assert li.phone.state == "idle"


def test_whoever_calls_back_in_time_answers_on_the_hotline(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.invites(li, "invitation-1")
    house.settle()
    house.pass_time(30)
    assert WORDS["place"] in li.calls_back().hears
    li.presses("1", "1")
    assert house.invitees.told[-1] == ("answer", "invitation-1", "yes", "hotline")


def test_whoever_calls_back_too_late_hears_that_the_notice_has_lapsed(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.invites(li, "invitation-1")
    house.settle()
    house.pass_time(WINDOW.total_seconds() + 1)
    assert "已失效" in li.calls_back().hears
    assert not li.phone.awaits_key
    assert house.invitees.told[-1] == ("late", "invitation-1", "hotline")


def test_an_answer_confirmed_after_the_window_has_no_effect(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.invites(li, "invitation-1", ring_s=600)
    house.settle()
    house.pass_time(WINDOW.total_seconds() - 5 - 600)
    li.answers()
    house.clock.advance(601 + 5)
    li.presses("1", "1")
    assert "已失效" in li.hears
    assert house.invitees.answers == {}


def test_a_stranger_on_the_hotline_learns_nothing(house: PhoneHouse) -> None:
    stranger = house.person("+8613900000099")
    assert stranger.calls_back().hears == "您好，您的号码目前没有待答复的通知。再见。"
    assert house.invitees.told == []


def test_a_second_call_to_an_engaged_phone_is_busy(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.invites(li, "invitation-1")
    house.settle()
    second = house.invites(li, "invitation-2")
    house.settle()
    assert house.state(second) == "busy"


def test_a_phone_that_does_not_ring_cannot_be_answered(house: PhoneHouse) -> None:
    li = house.person(LI)
    with pytest.raises(NotFound):
        li.answers()
    house.invites(li, "invitation-1")
    house.settle()
    with pytest.raises(Conflict):
        li.hangs_up()
    with pytest.raises(Conflict):
        li.calls_back()
    li.answers().presses("1", "1")
    with pytest.raises(Conflict):
        li.presses("1")


@pytest.mark.parametrize("fault", [Fault.duplicate, Fault.reorder, Fault.late])
def test_reports_that_come_twice_late_or_in_the_wrong_order_change_nothing(
    house: PhoneHouse, fault: Fault
) -> None:
    li = house.person(LI)
    house.fails(fault, 2)
    message = house.invites(li, "invitation-1")
    house.settle()
    li.answers().presses("1", "1").hangs_up()
    assert house.state(message) == "completed"
    house.pass_time(REORDER_S)
    house.pass_time(LATE_S)
    assert house.state(message) == "completed"
    assert house.invitees.count("taken", "invitation-1") == 1
    assert house.invitees.count("ended", "invitation-1", "voice", "completed") == 1
    reports = house.events(message, "status")
    assert len(reports) == 4
    assert {report["status"] for report in reports} == {"initiated", "ringing", "in-progress", "completed"}


def test_a_call_whose_reports_are_all_lost_is_asked_about(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.fails(Fault.lose, 9)
    message = house.invites(li, "invitation-1")
    house.settle()
    house.pass_time(25)
    assert house.state(message) == "sent"
    house.pass_time(QUIET_S)
    assert house.state(message) == "no_answer"
    assert house.invitees.count("ended", "invitation-1", "voice", "no_answer") == 1


def test_a_call_that_waits_is_cancelled_and_one_that_rings_is_not(house: PhoneHouse) -> None:
    li = house.person(LI)
    first = house.invites(li, "invitation-1")
    house.settle()
    second = house.invites(li, "invitation-1")
    with house.database.transaction() as session:
        assert outbox.cancel_for(session, house.clock.now(), "invitation-1") == 1
    house.settle()
    assert (house.state(first), house.state(second)) == ("ringing", "cancelled")


def test_nothing_leaves_for_an_invitation_that_is_closed_or_has_expired(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.invitees.answers["invitation-1"] = "accepted"
    closed = house.invites(li, "invitation-1")
    expired = house.invites(li, "invitation-2", expires_at=house.clock.now())
    house.settle()
    assert (house.state(closed), house.state(expired)) == ("cancelled", "cancelled")
    assert house.provider_calls() == []
    assert house.invitees.told == []
