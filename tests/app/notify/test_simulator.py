"""The pretend exchange by itself: rows, turns and what happens by the clock."""

import pytest
from sqlmodel import select

from app.core.errors import InvalidInput
from app.notify.models import SimulatedCall
from app.notify.simulator import CallState
from app.notify.twiml import Script
from tests.support.phones import PhoneHouse

LI = "+8613800000001"


def call_of(house: PhoneHouse) -> SimulatedCall:
    with house.database.reading() as session:
        return session.exec(select(SimulatedCall)).one()


def follow(house: PhoneHouse, turn: int, script: Script) -> bool:
    sid = call_of(house).sid
    done: bool = house.run(
        house.line.act(lambda session, now: house.line.exchange.follow(session, now, sid, turn, script))
    )
    return done


def test_a_document_that_comes_after_the_next_key_is_not_spoken(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.invites(li, "invitation-1")
    house.settle()
    li.answers()
    spoken, turn = li.hears, call_of(house).turn
    assert not follow(house, turn - 1, Script(text="an older sentence"))
    assert li.hears == spoken
    assert follow(house, turn, Script(text="a newer sentence", language="en-US"))
    assert li.hears == "a newer sentence"


def test_a_redirect_is_followed_when_the_sentence_is_over(house: PhoneHouse) -> None:
    li = house.person(LI)
    house.invites(li, "invitation-1")
    house.settle()
    li.answers()
    call = call_of(house)
    assert follow(house, call.turn, Script(text="请稍候。", language="cmn-CN", redirect=call.document_url))
    house.settle()
    assert li.hears == "请稍候。"
    house.pass_time(1)
    assert "按1" in li.hears


def test_a_phone_has_twelve_keys_and_numbers_begin_with_plus(house: PhoneHouse) -> None:
    exchange = house.line.exchange
    with house.database.transaction() as session:
        with pytest.raises(InvalidInput):
            exchange.press(session, house.clock.now(), LI, "A")
        with pytest.raises(InvalidInput):
            exchange.call_hotline(session, house.clock.now(), "0870-1234567")
        with pytest.raises(InvalidInput):
            exchange.write(session, house.clock.now(), "10086", "1")


def test_what_waits_survives_the_death_of_the_exchange(house: PhoneHouse) -> None:
    house.invites(house.person(LI), "invitation-1")
    house.run(house.room.dispatch.deliver_due())
    assert call_of(house).state == CallState.queued.value  # rows, not memory: whoever ticks next goes on
    house.settle()
    assert call_of(house).state == CallState.ringing.value
