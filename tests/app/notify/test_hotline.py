"""Who calls the hotline back is heard, may ask leave and may talk to our staff, who never learn who it is."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from app.audit import service as audit
from app.core.errors import Conflict
from app.notify import hotline
from app.notify.hotline import PATIENCE, Act, Caller
from app.notify.listener import Heard, Standing
from app.notify.models import HotlineCall, OutgoingMessage
from tests.support.phones import WINDOW, WORDS, Person, PhoneHouse

LI, WANG, AGENT = "+8613800000001", "+8613800000002", "+8687012345678"
STAFF, COLLEAGUE = "account:one", "account:two"


def invited(house: PhoneHouse, number: str = LI, subject: str = "invitation-1") -> Person:
    """Somebody whose phone rang and was not answered."""
    person = house.person(number)
    house.invites(person, subject)
    house.settle()
    house.pass_time(25)
    return person


def accepted(house: PhoneHouse) -> Person:
    li = house.person(LI)
    house.invites(li, "invitation-1")
    house.settle()
    return li.answers().presses("1", "1").hangs_up()


def line(house: PhoneHouse, account: str = STAFF) -> tuple[Caller, ...]:
    with house.database.reading() as session:
        return hotline.on_the_line(session, house.clock.now(), house.invitees, account)


def acts(house: PhoneHouse, work: Callable[[Session], object]) -> None:
    with house.database.transaction() as session:
        work(session)


def takes(house: PhoneHouse, call: Caller, account: str = STAFF) -> None:
    acts(house, lambda session: hotline.take(session, house.clock.now(), call.id, account))


def registers(house: PhoneHouse, call: Caller, act: Act, account: str = STAFF) -> Heard:
    with house.database.transaction() as session:
        return hotline.register(session, house.clock.now(), house.invitees, call.id, account, act)


def test_who_has_accepted_hears_when_and_where_and_can_ask_leave_by_pressing_three_twice(
    house: PhoneHouse,
) -> None:
    li = accepted(house)
    heard = li.calls_back().hears
    assert "您已登记参加" in heard
    assert WORDS["time"] in heard
    assert WORDS["place"] in heard
    assert "再按一次3" in li.presses("3").hears
    assert house.invitees.answers["invitation-1"] == "accepted"
    assert "您已登记参加" in li.presses("1").hears
    assert li.presses("3", "*").hears.startswith("您选择了请假")
    assert "已登记您请假" in li.presses("3").hears
    assert not li.phone.awaits_key
    assert house.invitees.told[-1] == ("leave", "invitation-1", "hotline")
    li.hangs_up()
    assert "已失效" in li.calls_back().hears


def test_leave_after_its_cut_off_is_not_granted_and_our_staff_can_be_asked_for(house: PhoneHouse) -> None:
    li = accepted(house)
    house.invitees.leave_until["invitation-1"] = house.clock.now()
    heard = li.calls_back().presses("3", "3").hears
    assert heard.startswith("请假的截止时间已过")
    assert "转人工请按0" in heard
    assert house.invitees.answers["invitation-1"] == "accepted"
    assert "来电编号" in li.presses("0").hears


def test_who_holds_themselves_ready_is_not_told_to_come(house: PhoneHouse) -> None:
    house.invitees.standbys.add("invitation-1")
    li = house.person(LI)
    house.invites(li, "invitation-1")
    house.settle()
    heard = li.answers().presses("1", "1").hears
    assert "另发短信通知" in heard
    assert WORDS["place"] not in heard
    li.hangs_up()
    heard = li.calls_back().hears
    assert "另发短信通知" in heard
    assert WORDS["place"] not in heard
    assert "再按一次3" in li.presses("3").hears


def test_who_says_nothing_after_accepting_is_let_go_politely(house: PhoneHouse) -> None:
    li = accepted(house).calls_back().presses("9", "9")
    assert li.presses("9").hears == "感谢您的来电，再见。"
    assert house.invitees.answers["invitation-1"] == "accepted"


def test_a_caller_who_presses_zero_waits_on_the_screen_without_a_name_or_number(house: PhoneHouse) -> None:
    li = invited(house)
    assert "转人工请按0" in li.calls_back().hears
    heard = li.presses("0").hears
    (call,) = line(house)
    assert " ".join(call.reference) in heard
    assert (call.position.standing, call.acts) == (Standing.open, (Act.accept, Act.decline))
    assert call.position.until == house.invitees.deadlines["invitation-1"]
    assert not call.mine
    for _ in range(3):
        house.pass_time(20)
        assert [one.id for one in line(house)] == [call.id]  # heard of every few seconds
    house.pass_time(600)  # however late the exchange asks again
    assert "工作人员暂时无法接听" in li.hears


def test_a_call_that_is_heard_of_late_keeps_its_number(house: PhoneHouse) -> None:
    li = invited(house).calls_back().presses("0")
    (call,) = line(house)
    house.pass_time(60)
    assert [one.id for one in line(house)] == [call.id]
    assert " ".join(call.reference) in li.hears


def test_a_call_that_is_hung_up_leaves_the_screen_by_itself(house: PhoneHouse) -> None:
    li = invited(house).calls_back().presses("0")
    li.hangs_up()
    house.pass_time(44)
    assert len(line(house)) == 1
    house.pass_time(1)
    assert line(house) == ()
    first = call_rows(house)
    li.calls_back().presses("0")
    assert len(call_rows(house)) == len(first) + 1  # another call, with a number of its own


def call_rows(house: PhoneHouse) -> list[HotlineCall]:
    with house.database.reading() as session:
        return list(session.exec(select(HotlineCall)).all())


def test_who_waits_can_go_back_and_answer_alone(house: PhoneHouse) -> None:
    li = invited(house).calls_back().presses("0")
    assert WORDS["time"] in li.presses("*").hears
    assert line(house) == ()
    li.presses("1", "1")
    assert house.invitees.answers == {"invitation-1": "accepted"}


def test_nobody_waits_longer_than_our_patience(house: PhoneHouse) -> None:
    li = invited(house).calls_back().presses("0")
    for _ in range(int(PATIENCE / timedelta(seconds=20)) - 1):
        house.pass_time(20)
    assert "来电编号" in li.hears
    house.pass_time(20)
    house.pass_time(20)
    assert li.hears == "工作人员暂时无法接听，请您稍后再拨。再见。"
    assert line(house) == ()


def test_what_the_staff_registers_is_heard_by_the_caller_and_stands_in_the_trail(house: PhoneHouse) -> None:
    li = invited(house).calls_back().presses("0")
    takes(house, line(house)[0])
    (call,) = line(house)
    assert call.mine
    assert not line(house, COLLEAGUE)[0].mine
    assert registers(house, call, Act.accept) is Heard.accepted
    assert house.invitees.answers == {"invitation-1": "accepted"}
    assert house.invitees.told[-1] == ("answer", "invitation-1", "yes", "hotline")
    house.pass_time(20)
    assert "已登记您参加" in li.hears
    assert line(house) == ()
    with house.database.reading() as session:
        trail = [(one.tag, one.actor, one.data) for one in audit.trail(session, "house")]
    assert [(tag, actor) for tag, actor, _ in trail] == [
        ("notify:hotline:taken", STAFF),
        ("notify:hotline:registered", STAFF),
    ]
    assert '"act":"accept"' in trail[1][2]
    assert '"channel":"hotline"' in trail[1][2]
    assert LI not in str(trail)


@pytest.mark.parametrize(
    ("act", "heard", "says"),
    [(Act.decline, Heard.declined, "已登记您不参加"), (Act.leave, Heard.lapsed, "已失效")],
)
def test_the_staff_registers_only_what_is_possible(
    house: PhoneHouse, act: Act, heard: Heard, says: str
) -> None:
    li = invited(house).calls_back().presses("0")
    takes(house, line(house)[0])
    assert registers(house, line(house)[0], act) is heard
    house.pass_time(20)
    assert says in li.hears


def test_leave_is_registered_for_who_has_accepted(house: PhoneHouse) -> None:
    li = accepted(house).calls_back().presses("0")
    (call,) = line(house)
    assert (call.position.standing, call.acts) == (Standing.holds, (Act.leave,))
    takes(house, call)
    assert registers(house, call, Act.leave) is Heard.leave
    house.pass_time(20)
    assert "已登记您请假" in li.hears


def test_a_notice_that_lapses_while_the_caller_waits_can_only_be_closed(house: PhoneHouse) -> None:
    li = invited(house).calls_back().presses("0")
    takes(house, line(house)[0])
    house.pass_time(WINDOW.total_seconds())
    (call,) = line(house)
    assert (call.position.standing, call.acts) == (Standing.over, ())
    acts(house, lambda session: hotline.close(session, house.clock.now(), call.id, STAFF))
    house.pass_time(20)
    assert li.hears == "感谢您的来电，再见。"


def test_a_caller_heard_of_while_the_call_is_taken_does_not_shorten_it(house: PhoneHouse) -> None:
    invited(house).calls_back().presses("0")
    (before,) = call_rows(house)
    (call,) = line(house)
    takes(house, call)
    (taken,) = call_rows(house)

    def hears(session: Session) -> None:
        message = session.get_one(OutgoingMessage, before.message_id)
        hotline.waits(session, house.clock.now(), message, before, put_through=False)

    acts(house, hears)  # with what was read before it was taken
    (after,) = call_rows(house)
    assert (after.until, after.state) == (taken.until, "taken")
    assert taken.until - before.until > timedelta(minutes=20)


def test_a_call_is_taken_by_one_and_registered_once_by_whoever_took_it(house: PhoneHouse) -> None:
    invited(house).calls_back().presses("0")
    (call,) = line(house)
    with pytest.raises(Conflict, match="hotline-gone"):
        registers(house, call, Act.accept)
    takes(house, call)
    with pytest.raises(Conflict, match="hotline-taken"):
        takes(house, call, COLLEAGUE)
    with pytest.raises(Conflict, match="hotline-gone"):
        registers(house, call, Act.accept, COLLEAGUE)
    with house.database.reading() as session:
        now = house.clock.now()
        assert hotline.caller(session, now, house.invitees, call.id, STAFF).mine
        with pytest.raises(Conflict, match="hotline-gone"):
            hotline.caller(session, now, house.invitees, call.id, COLLEAGUE)
    registers(house, call, Act.accept)
    with pytest.raises(Conflict, match="hotline-gone"):
        registers(house, call, Act.decline)
    assert house.invitees.answers == {"invitation-1": "accepted"}


def test_a_call_of_which_nothing_was_heard_cannot_be_taken(house: PhoneHouse) -> None:
    invited(house).calls_back().presses("0").hangs_up()
    (call,) = line(house)
    house.pass_time(45)
    with pytest.raises(Conflict, match="hotline-taken"):
        takes(house, call)


def test_what_the_staff_took_can_be_registered_after_the_caller_hung_up(house: PhoneHouse) -> None:
    li = invited(house).calls_back().presses("0")
    takes(house, line(house)[0])
    li.hangs_up()
    house.pass_time(300)
    assert registers(house, line(house)[0], Act.decline) is Heard.declined


def test_my_call_stands_first_then_those_who_wait(house: PhoneHouse) -> None:
    invited(house).calls_back().presses("0")
    invited(house, WANG, "invitation-2").calls_back().presses("0")
    first, second = line(house)
    takes(house, second)
    assert [one.id for one in line(house)] == [second.id, first.id]
    assert [one.id for one in line(house, COLLEAGUE)] == [first.id, second.id]
    assert first.reference != second.reference


def with_agent(house: PhoneHouse) -> Person:
    """The staff has a phone of its own."""
    answering = replace(house.room.answering, agent=AGENT)
    house.room = replace(house.room, answering=answering)
    house.application.state.phone_room = house.room
    return house.person(AGENT)


def test_a_caller_is_put_through_under_our_own_number(house: PhoneHouse) -> None:
    agent = with_agent(house)
    li = invited(house).calls_back().presses("0")
    assert "正在为您接通" in li.hears
    house.pass_time(10)
    assert agent.phone.state == "ringing"
    assert [one["from"] for one in house.provider_calls() if one["to"] == AGENT] == [
        house.settings.notify.from_number
    ]
    agent.answers()
    assert (agent.hears, li.hears) == ("已接通，双方正在通话。",) * 2
    takes(house, line(house)[0])
    registers(house, line(house)[0], Act.accept)
    agent.hangs_up()
    assert "已登记您参加" in li.hears


def test_a_conversation_in_which_nothing_was_registered_ends_politely(house: PhoneHouse) -> None:
    agent = with_agent(house)
    li = invited(house).calls_back().presses("0")
    house.pass_time(10)
    agent.answers().hangs_up()
    assert "人工服务已结束" in li.hears
    assert line(house) == ()


def test_a_phone_nobody_picks_up_ends_the_wait(house: PhoneHouse) -> None:
    agent = with_agent(house)
    li = invited(house).calls_back().presses("0")
    house.pass_time(10)
    house.pass_time(30)
    assert agent.phone.state == "idle"
    assert "人工服务已结束" in li.hears
    assert line(house) == ()


def test_the_phone_of_the_staff_stops_ringing_when_the_caller_hangs_up(house: PhoneHouse) -> None:
    agent = with_agent(house)
    li = invited(house).calls_back().presses("0")
    house.pass_time(10)
    li.hangs_up()
    assert (agent.phone.state, agent.phone.ended) == ("idle", "canceled")


@pytest.mark.parametrize("number", [LI, "+8613900000099"])
def test_who_has_nothing_to_answer_is_not_put_through(house: PhoneHouse, number: str) -> None:
    invited(house)
    house.pass_time(WINDOW.total_seconds())
    caller = house.person(number).calls_back()
    assert not caller.phone.awaits_key
    assert call_rows(house) == []
