"""Texts there and back, over real HTTP with the real Twilio client."""

import pytest

from app.notify import outbox
from app.notify.simulator_reports import Fault
from app.notify.wording import TemplateId
from tests.support.phones import WINDOW, WORDS, PhoneHouse

LI = "+8613800000001"


def test_an_invited_person_reads_the_notice_and_answers_by_text(house: PhoneHouse) -> None:
    li = house.person(LI)
    message = house.invites(li, "invitation-1", "sms")
    house.settle()
    assert WORDS["time"] in li.inbox[0]
    assert house.state(message) == "delivered"
    assert house.invitees.told == [
        ("taken", "invitation-1"),
        ("ended", "invitation-1", "sms", "delivered"),
    ]
    li.writes("１。")
    assert house.invitees.answers == {"invitation-1": "accepted"}
    assert "已登记您参加" in li.inbox[0]
    li.writes("2")
    assert "此前的答复已经登记" in li.inbox[0]


def test_a_text_that_is_not_understood_is_answered_with_how_to_answer(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.invites(li, "invitation-1", "sms")
    house.settle()
    li.writes("请问在哪里停车？")
    assert "能参加回复1" in li.inbox[0]
    assert house.invitees.answers == {}


def test_a_text_after_the_window_is_kept_without_effect(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.invites(li, "invitation-1", "sms")
    house.settle()
    house.pass_time(WINDOW.total_seconds())
    li.writes("1")
    assert "已失效" in li.inbox[0]
    li.writes("为什么？")
    assert "已失效" in li.inbox[0]
    assert house.invitees.answers == {}
    assert house.invitees.told[-1] == ("late", "invitation-1", "sms")


def test_who_opts_out_gets_no_more_texts_and_the_ladder_goes_on(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.invites(li, "invitation-1", "sms")
    house.settle()
    li.writes("td").writes("退订")
    assert "已为您退订" in li.inbox[0]
    later = house.invites(li, "invitation-2", "sms")
    house.settle()
    assert house.state(later) == "failed"
    assert house.message(later).error_code == "21610"
    assert house.invitees.told[-1] == ("ended", "invitation-2", "sms", "failed")
    assert len(house.provider_texts()) == 5


def test_the_code_to_a_seat_already_accepted_reaches_even_who_opted_out(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.invites(li, "invitation-1", "sms")
    house.settle()
    li.writes("退订")
    code = house.invites(
        li,
        "member-1",
        "sms",
        purpose=outbox.SEAT_CODE,
        template=TemplateId.seat_code_sms,
        variables={"code": "12345678", "place": "评标1室", "time": "明天上午9时"},
    )
    house.settle()
    assert house.state(code) == "delivered"
    assert any("12345678" in text for text in li.inbox)


def test_a_text_from_a_stranger_reveals_nothing(house: PhoneHouse) -> None:
    stranger = house.person("+8613900000099")
    stranger.writes("1")
    assert stranger.inbox == ["您好，您的号码目前没有待答复的通知。再见。"]
    assert house.invitees.told == []


def test_the_same_text_posted_twice_is_answered_once(house: PhoneHouse) -> None:
    house.person(LI, "invitation-1")
    fields = {"From": LI, "Body": "1", "MessageSid": "SM" + "0" * 32}
    first = house.reports("/hooks/twilio/inbound/sms", fields)
    again = house.reports("/hooks/twilio/inbound/sms", fields)
    assert "<Message>" not in again.text
    assert first.status_code == again.status_code == 200
    assert house.invitees.told == []  # no notice was ever sent to this number


@pytest.mark.parametrize("fault", [Fault.duplicate, Fault.reorder])
def test_delivery_reports_without_numbers_may_come_in_any_order(house: PhoneHouse, fault: Fault) -> None:
    li = house.person(LI)
    house.fails(fault)
    message = house.invites(li, "invitation-1", "sms")
    house.settle()
    assert house.state(message) == "delivered"
    house.pass_time(5)
    assert house.state(message) == "delivered"
    assert house.invitees.count("taken", "invitation-1") == 1
    assert house.invitees.count("ended", "invitation-1", "sms", "delivered") == 1


def test_a_seat_code_is_no_invitation(house: PhoneHouse) -> None:
    li = house.person(LI)
    with house.database.transaction() as session:
        outbox.enqueue(
            session,
            house.clock.now(),
            house.sealer,
            subject="member-1",
            purpose="seat-code",
            channel=outbox.SMS,
            to=LI,
            template=TemplateId.seat_code_sms,
            variables={**WORDS, "code": "482913"},
            due_at=house.clock.now(),
        )
    house.settle()
    assert "482913" in li.inbox[0]
    assert house.invitees.told == []


def test_a_message_is_english_for_who_reads_english(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.invites(li, "invitation-1", language="en")
    house.settle()
    assert li.answers().hears.startswith("Hello")
    assert li.phone.language == "en-US"


def test_who_wants_texts_again_gets_them_again(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.invites(li, "invitation-1", "sms")
    house.settle()
    li.writes("退订").writes("“恢复”")
    assert "已为您恢复短信通知" in li.inbox[0]
    later = house.invites(li, "invitation-2", "sms")
    house.settle()
    assert house.state(later) == "delivered"


def test_the_text_holds_a_link_to_the_house_and_nothing_else_of_ours(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.invites(li, "invitation-1", "sms")
    house.settle()
    assert f" {house.url}/a/{WORDS['code']} " in li.inbox[0]
    assert li.inbox[0].count("://") == 1


def test_who_only_holds_themselves_ready_is_told_so_by_text_too(house: PhoneHouse) -> None:
    house.invitees.standbys.add("invitation-1")
    li = house.person(LI)
    house.invites(li, "invitation-1", "sms")
    house.settle()
    li.writes("1")
    assert "另发短信通知" in li.inbox[0]
    assert WORDS["place"] not in li.inbox[0]
