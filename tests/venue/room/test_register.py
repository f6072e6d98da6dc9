from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import col, delete, select

from app.core.clock import ManualClock
from app.core.errors import Conflict, Forbidden, Unauthenticated, Unavailable
from tests.support.leases import HOUR_MS, run_out
from tests.support.ledgers import noted
from tests.support.rooms import ZERO_AT, House
from venue.models import RoomEvent
from venue.placement import leases
from venue.placement.models import RoomLease
from venue.room.events import EventKind, SeatEvent
from venue.room.ports import Arrival, Contest, Departure
from venue.room.register import DatabaseRegister


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
    held = house.register.redeem(ticket)
    assert (held.holder.member_id, held.holder.seat_no, held.room_closed) == ("li", 2, False)
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
    (held,) = house.register.held_seats(["li"])
    assert held is not None
    assert held.room_closed


def test_events_are_written_and_the_evaluation_hears_who_came_and_left(house: House) -> None:
    holder = house.committee.holders["li"]
    house.register.write(
        [
            noted(SeatEvent("room-1", 2, 10, EventKind.seat_joined), ZERO_AT, seq=1),
            Arrival(holder),
            noted(SeatEvent("room-1", 2, 45_000, EventKind.seat_left, {"why": "网络"}), ZERO_AT, seq=2),
            Departure(holder),
        ]
    )
    assert house.events() == [(2, "seat-joined"), (2, "seat-left")]
    assert (house.committee.sat, house.committee.gone) == (["li"], ["li"])
    known, unknown = house.register.held_seats(["li", "nobody"])
    assert unknown is None
    assert known is not None
    assert known.last_ms == 45_000


def test_an_event_that_has_its_row_keeps_it(house: House) -> None:
    joined = noted(SeatEvent("room-1", 2, 10, EventKind.seat_joined), ZERO_AT, seq=1)
    left = noted(SeatEvent("room-1", 2, 20, EventKind.seat_left), ZERO_AT, seq=2)
    house.register.write([joined])
    house.register.write([joined, left])
    assert house.events() == [(2, "seat-joined"), (2, "seat-left")]


def test_of_a_room_that_another_worker_holds_by_now_nothing_is_written(house: House) -> None:
    joined = noted(SeatEvent("room-1", 2, 10, EventKind.seat_joined), ZERO_AT, seq=1)
    house.admit("wang", 1, "room-2")
    other = noted(SeatEvent("room-2", 1, 10, EventKind.seat_joined), ZERO_AT, seq=1)
    with house.database.transaction() as session:
        leases.bury(session, "worker-1")
        leases.register(session, "worker-2", "")
        leases.claim(session, "room-1", "worker-2", HOUR_MS)
    house.register.write([joined, Arrival(house.committee.holders["li"]), other])
    assert house.events() == []
    assert house.committee.sat == []
    assert house.events("room-2") == [(1, "seat-joined")]


def test_a_row_says_under_which_lease_it_was_written(house: House) -> None:
    late = noted(SeatEvent("room-1", 2, 10, EventKind.seat_joined), ZERO_AT, lease=1, seq=7)
    run_out(house.database, "room-1")
    with house.database.transaction() as session:
        assert leases.place(session, "room-1", HOUR_MS).epoch == 2
    house.register.write([late])
    with house.database.reading() as session:
        (row,) = session.exec(select(RoomEvent)).all()
    assert (row.lease, row.seq, row.kept_under, row.at) == (1, 7, 2, ZERO_AT)


def test_where_there_is_no_space_only_rooms_that_have_begun_are_entered(house: House) -> None:
    def full() -> None:
        raise Unavailable("recording-space", "录制磁盘已满")

    short = DatabaseRegister(
        house.database, house.clock, house.sealer, house.committee, ttl_ms=HOUR_MS, may_begin=full
    )
    short.way("li", "")
    house.admit("wang", 1, "room-2")
    with house.database.transaction() as session:
        session.exec(delete(RoomLease).where(col(RoomLease.room_id) == "room-2"))
    assert refused(Unavailable, lambda: short.way("wang", "")) == "recording-space"


def test_a_ticket_is_for_the_session_it_was_given_to(house: House) -> None:
    """T5. Who has the cookie of an earlier session, or a ticket of it, has nothing once the member has signed in anew."""
    house.cookie("li")
    early = house.register.issue_ticket("li")
    house.cookie("li")
    assert refused(Unauthenticated, lambda: house.register.redeem(early)) == "ticket-refused"
    (held,) = house.register.held_seats(["li"])
    assert held is not None
    assert house.register.redeem(house.register.issue_ticket("li")).session_id == held.session_id != ""


def test_the_evaluation_hears_of_a_second_page_at_a_seat(house: House) -> None:
    house.register.write([Contest(house.committee.holders["li"])])
    assert house.committee.contests == ["li"]
