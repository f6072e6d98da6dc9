"""What the holder of a room says of its seats is read by others, and grows old by itself."""

import pytest
from sqlmodel import Session, select, update

from app.core.database import Database
from app.core.samples import Source
from tests.support.leases import HOUR_MS, open_rooms, place, run_out, start_workers
from venue.placement import leases, presence
from venue.placement.models import SeatPresence
from venue.placement.moments import in_ms
from venue.placement.presence import Reached, SeatNow, SeatStanding

FRESH_MS = 5000


def seat(seat_no: int = 1, age_ms: int = 0, *, connected: bool = True) -> SeatNow:
    reached = {Source.camera: Reached(9000, age_ms), Source.microphone: Reached(9100, 0)}
    return SeatNow("room-1", seat_no, connected, "connected", True, reached, '{"rtt_ms":20}')


def tell(database: Database, worker_id: str, *seats: SeatNow) -> None:
    with database.transaction() as session:
        presence.write(session, leases.held_by(session, worker_id), seats)


def told(database: Database) -> dict[int, SeatStanding]:
    with database.reading() as session:
        return presence.of_room(session, "room-1", FRESH_MS)


@pytest.fixture
def rooms(any_database: Database) -> Database:
    open_rooms(any_database, "room-1")
    start_workers(any_database, "one", "two")
    assert place(any_database, "room-1").worker_id == "one"
    return any_database


def test_a_seat_is_recorded_when_the_disk_had_it_lately(rooms: Database) -> None:
    tell(rooms, "one", seat(1), seat(2, age_ms=FRESH_MS + 500))
    first, second = told(rooms).values()
    assert first.recorded == {Source.camera, Source.microphone}
    assert second.recorded == {Source.microphone}
    assert second.reached == {Source.camera: 9000, Source.microphone: 9100}
    assert (first.connected, first.media, first.stats) == (True, "connected", '{"rtt_ms":20}')


def test_a_later_word_takes_the_place_of_an_earlier_one(rooms: Database) -> None:
    tell(rooms, "one", seat())
    tell(rooms, "one", seat(connected=False))
    assert [one.connected for one in told(rooms).values()] == [False]


def test_a_seat_whose_worker_fell_silent_counts_as_neither_there_nor_recorded(rooms: Database) -> None:
    tell(rooms, "one", seat())
    with rooms.transaction() as session:
        session.exec(update(SeatPresence).values(seen_at=in_ms(-FRESH_MS - 1)))
    (found,) = told(rooms).values()
    assert (found.connected, found.fresh, found.recorded) == (False, False, frozenset())


def test_who_has_lost_a_room_says_nothing_of_its_seats(rooms: Database) -> None:
    tell(rooms, "one", seat())
    with rooms.transaction() as session:
        leases.bury(session, "one")
    assert place(rooms, "room-1").worker_id == "two"
    tell(rooms, "two", seat(connected=True))
    tell(rooms, "one", seat(connected=False))
    assert [one.connected for one in told(rooms).values()] == [True]


def epoch_of_the_row(session: Session) -> int:
    return session.exec(select(SeatPresence.epoch)).one()


def test_without_the_condition_on_the_epoch_a_stale_word_would_go_through(rooms: Database) -> None:
    """The control: what the holder of old remembered is taken for true."""
    remembered = {"room-1": 1}
    run_out(rooms, "room-1")
    with rooms.transaction() as session:
        assert leases.place(session, "room-1", HOUR_MS).epoch == 2
    with rooms.transaction() as session:
        presence.write(session, remembered, [seat()])
        assert epoch_of_the_row(session) == 1
    tell(rooms, "one", seat())
    with rooms.transaction() as session:
        assert epoch_of_the_row(session) == 2
        presence.write(session, remembered, [seat(connected=False)])  # a young row is not made older by it
        assert epoch_of_the_row(session) == 2
    assert [one.connected for one in told(rooms).values()] == [True]
