"""One holder at a time: rooms go to the least loaded worker, and a former holder decides nothing any more."""

import threading
from collections import Counter

import pytest
from sqlmodel import col, update

from app.core.database import Database
from app.core.errors import Unavailable
from tests.support.leases import HOUR_MS, fall_silent, hold, open_rooms, place, run_out, start_workers
from venue.placement import leases
from venue.placement.models import MediaWorker, RoomLease
from venue.placement.moments import in_ms


def renew(database: Database, worker_id: str) -> dict[str, int] | None:
    with database.transaction() as session:
        return leases.renew(session, worker_id, HOUR_MS)


def claim(database: Database, room_id: str, worker_id: str) -> int | None:
    with database.transaction() as session:
        return leases.claim(session, room_id, worker_id, HOUR_MS)


def test_rooms_are_spread_over_the_workers_and_stay_where_they_are(any_database: Database) -> None:
    rooms = [f"room-{number}" for number in range(6)]
    open_rooms(any_database, *rooms)
    start_workers(any_database, "one", "two", "three")
    placed = {room: place(any_database, room) for room in rooms}
    assert Counter(one.worker_id for one in placed.values()) == {"one": 2, "two": 2, "three": 2}
    assert {one.epoch for one in placed.values()} == {1}
    assert placed["room-0"].url == f"ws://{{host}}/{placed['room-0'].worker_id}"
    assert {room: place(any_database, room) for room in rooms} == placed


def test_without_a_living_worker_there_is_no_place(any_database: Database) -> None:
    open_rooms(any_database, "room-1")
    with pytest.raises(Unavailable, match="no-worker"):
        place(any_database, "room-1")
    start_workers(any_database, "one")
    fall_silent(any_database, "one")
    with pytest.raises(Unavailable, match="no-worker"):
        place(any_database, "room-1")


def test_a_room_whose_holder_fell_silent_goes_to_another_under_the_next_epoch(any_database: Database) -> None:
    open_rooms(any_database, "room-1")
    start_workers(any_database, "one", "two")
    assert place(any_database, "room-1").worker_id == "one"
    fall_silent(any_database, "one")
    assert hold(any_database, "room-1", "one") == 1  # nobody has taken it yet
    moved = place(any_database, "room-1")
    assert (moved.worker_id, moved.epoch) == ("two", 2)
    assert hold(any_database, "room-1", "one") is None
    assert hold(any_database, "room-1", "two") == 2
    assert renew(any_database, "one") == {}
    assert renew(any_database, "two") == {"room-1": 2}


def test_a_lease_that_ran_out_is_renewed_as_long_as_nobody_took_the_room(any_database: Database) -> None:
    open_rooms(any_database, "room-1")
    start_workers(any_database, "one", "two")
    place(any_database, "room-1")
    run_out(any_database, "room-1")
    assert renew(any_database, "one") == {"room-1": 1}
    assert claim(any_database, "room-1", "two") is None


def test_a_room_whose_lease_ran_out_stays_with_a_holder_that_lives(any_database: Database) -> None:
    open_rooms(any_database, "room-1", "room-2", "room-3")
    start_workers(any_database, "one", "two")
    former = place(any_database, "room-1")
    assert {place(any_database, room).worker_id for room in ("room-2", "room-3")} == {"one", "two"}
    run_out(any_database, "room-1")
    again = place(any_database, "room-1")
    assert (again.worker_id, again.epoch) == (former.worker_id, 2)


def test_nobody_is_sent_to_a_holder_that_has_fallen_silent(any_database: Database) -> None:
    open_rooms(any_database, "room-1")
    start_workers(any_database, "one", "two")
    assert place(any_database, "room-1").worker_id == "one"
    with any_database.transaction() as session:
        session.exec(
            update(MediaWorker).where(col(MediaWorker.id) == "one").values(seen_at=in_ms(-HOUR_MS // 2 - 1))
        )
    with pytest.raises(Unavailable, match="no-worker"):
        place(any_database, "room-1")
    assert hold(any_database, "room-1", "one") == 1
    run_out(any_database, "room-1")
    assert place(any_database, "room-1").worker_id == "two"


def test_a_worker_that_is_going_to_stop_gets_no_further_room(any_database: Database) -> None:
    open_rooms(any_database, "room-1", "room-2")
    start_workers(any_database, "one", "two")
    assert place(any_database, "room-1").worker_id == "one"
    with any_database.transaction() as session:
        leases.drain(session, "one")
    assert place(any_database, "room-1").worker_id == "one"
    assert place(any_database, "room-2").worker_id == "two"


def test_the_rooms_of_a_worker_that_has_ended_may_be_taken_at_once(any_database: Database) -> None:
    open_rooms(any_database, "room-1")
    start_workers(any_database, "one", "two")
    place(any_database, "room-1")
    with any_database.transaction() as session:
        leases.bury(session, "one")
    assert place(any_database, "room-1").worker_id == "two"
    assert renew(any_database, "one") is None


def test_a_claim_takes_what_nobody_holds_and_keeps_the_epoch_of_what_is_held(any_database: Database) -> None:
    open_rooms(any_database, "room-1")
    assert claim(any_database, "room-1", "one") == 1
    assert claim(any_database, "room-1", "one") == 1
    assert claim(any_database, "room-1", "two") is None
    run_out(any_database, "room-1")
    assert claim(any_database, "room-1", "two") == 2
    assert claim(any_database, "room-1", "one") is None


def test_of_many_who_claim_a_room_at_once_one_gets_it(any_database: Database) -> None:
    open_rooms(any_database, "room-1")
    claim(any_database, "room-1", "former")
    run_out(any_database, "room-1")
    got: dict[str, int | None] = {}
    start = threading.Barrier(6)

    def one(worker_id: str) -> None:
        start.wait(10)
        got[worker_id] = claim(any_database, "room-1", worker_id)

    threads = [threading.Thread(target=one, args=(f"worker-{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(got.values(), key=str) == [2, None, None, None, None, None]


def test_who_holds_a_room_in_a_transaction_keeps_others_out_until_it_ends(pg_database: Database) -> None:
    open_rooms(pg_database, "room-1")
    claim(pg_database, "room-1", "one")
    run_out(pg_database, "room-1")
    taken: list[int | None] = []
    other = threading.Thread(target=lambda: taken.append(claim(pg_database, "room-1", "two")))
    with pg_database.transaction() as session:
        assert leases.hold(session, "room-1", "one") == 1
        other.start()
        other.join(0.3)
        assert taken == []
    other.join(30)
    assert taken == [2]


def test_a_worker_says_how_many_rooms_it_holds(any_database: Database) -> None:
    open_rooms(any_database, "room-1", "room-2")
    start_workers(any_database, "one")
    for room in ("room-1", "room-2"):
        place(any_database, room)
    renew(any_database, "one")
    with any_database.reading() as session:
        row = session.get(MediaWorker, "one")
        lease = session.get(RoomLease, "room-1")
    assert row is not None
    assert lease is not None
    assert (row.rooms, row.draining) == (2, False)
    assert abs((lease.until - row.seen_at).total_seconds() - HOUR_MS / 1000) < 60


def test_workers_unheard_of_for_long_are_forgotten(any_database: Database) -> None:
    start_workers(any_database, "one", "two")
    fall_silent(any_database, "one")
    with any_database.transaction() as session:
        leases.sweep_out(session)
    with any_database.reading() as session:
        assert session.get(MediaWorker, "one") is None
        assert session.get(MediaWorker, "two") is not None
