from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.core.clock import ManualClock
from app.core.errors import Conflict, Forbidden, Unauthenticated
from tests.support.rooms import House
from venue.room.events import EventKind, SeatEvent
from venue.room.ports import Arrival, Departure


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 21, 1, 0, tzinfo=UTC))


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock) -> House:
    house = House(tmp_path, clock=clock)
    house.admit("li", 2)
    return house


def refused(kind: type[Exception], act: Callable[[], object]) -> str:
    with pytest.raises(kind) as error:
        act()
    return str(getattr(error.value, "code", ""))


def test_a_ticket_opens_the_seat_once(house: House) -> None:
    ticket = house.register.issue_ticket("li")
    place = house.register.redeem(ticket)
    assert (place.holder.member_id, place.holder.seat_no, place.room_closed) == ("li", 2, False)
    assert refused(Unauthenticated, lambda: house.register.redeem(ticket)) == "ticket-refused"


def test_a_ticket_is_good_for_half_a_minute(house: House, clock: ManualClock) -> None:
    early, late = house.register.issue_ticket("li"), house.register.issue_ticket("li")
    clock.advance(29)
    house.register.redeem(early)
    clock.advance(2)
    assert refused(Unauthenticated, lambda: house.register.redeem(late)) == "ticket-refused"


def test_a_made_up_ticket_opens_nothing(house: House) -> None:
    assert refused(Unauthenticated, lambda: house.register.redeem("x" * 43)) == "ticket-refused"


def test_who_is_not_admitted_gets_no_ticket_and_cannot_use_an_earlier_one(house: House) -> None:
    ticket = house.register.issue_ticket("li")
    house.committee.change("li", admitted=False)
    assert refused(Forbidden, lambda: house.register.issue_ticket("li")) == "seat-not-admitted"
    assert refused(Forbidden, lambda: house.register.redeem(ticket)) == "seat-not-admitted"
    house.committee.change("li", admitted=True)
    assert refused(Unauthenticated, lambda: house.register.redeem(ticket)) == "ticket-refused"


def test_a_stranger_gets_no_ticket(house: House) -> None:
    assert refused(Forbidden, lambda: house.register.issue_ticket("nobody")) == "seat-not-admitted"


def test_a_closed_room_gives_no_tickets(house: House) -> None:
    house.close_room_row()
    assert refused(Conflict, lambda: house.register.issue_ticket("li")) == "room-closed"
    (place,) = house.register.places(["li"])
    assert place is not None
    assert place.room_closed


def test_events_are_written_and_the_evaluation_hears_who_came_and_left(house: House) -> None:
    holder = house.committee.holders["li"]
    house.register.write(
        [
            SeatEvent("room-1", 2, 10, EventKind.seat_joined),
            Arrival(holder),
            SeatEvent("room-1", 2, 45_000, EventKind.seat_left, {"why": "网络"}),
            Departure(holder),
        ]
    )
    assert house.events() == [(2, "seat-joined"), (2, "seat-left")]
    assert (house.committee.sat, house.committee.gone) == (["li"], ["li"])
    known, unknown = house.register.places(["li", "nobody"])
    assert unknown is None
    assert known is not None
    assert known.last_ms == 45_000


def test_of_entries_that_cannot_all_be_written_none_is(house: House) -> None:
    with pytest.raises(Exception, match="FOREIGN KEY"):
        house.register.write(
            [
                SeatEvent("room-1", 2, 10, EventKind.seat_joined),
                SeatEvent("no-room", 1, 10, EventKind.seat_joined),
            ]
        )
    assert house.events() == []
