"""A worker knows by its own clock when its leases can no longer be relied on, whatever the database does."""

import threading
from pathlib import Path
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.database import Database
from app.core.samples import Source
from tests.support.databases import furnish
from tests.support.leases import HOUR_MS, ZERO_AT, fall_silent, open_rooms, place, start_workers
from tests.support.seats import play
from venue.placement import leases, presence
from venue.placement.keeper import Keeper
from venue.placement.models import MediaWorker
from venue.placement.presence import Reached, SeatNow


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = furnish(Database(f"sqlite:///{tmp_path / 'rooms.db'}"))
    open_rooms(database, "room-1", "room-2")
    return database


class Kept:
    """A keeper that renews only when a test says so."""

    def __init__(self, database: Database, worker_id: str = "one", ttl_ms: int = HOUR_MS) -> None:
        self.clock = ManualClock(ZERO_AT)
        self.moved: list[str] = []
        self.seats: list[SeatNow] = []
        self.keeper = Keeper(
            database, self.clock, worker_id, "ws://{host}/one", ttl_ms=ttl_ms, every_s=HOUR_MS
        )

    def running(self) -> Any:
        return self.keeper.running(lambda: self.seats, self.moved.append)


def test_a_room_is_held_as_long_as_the_lease_lasts_by_the_workers_own_clock(database: Database) -> None:
    async def scenario() -> None:
        kept = Kept(database)
        async with kept.running():
            assert await kept.keeper.renew()
            assert kept.keeper.fresh
            assert await kept.keeper.hold("room-1") is None
            place(database, "room-1")
            assert kept.keeper.held("room-1") is None
            assert await kept.keeper.hold("room-1") == 1
            kept.clock.advance(HOUR_MS / 1000)
            assert kept.keeper.held("room-1") is None
            assert await kept.keeper.hold("room-1") == 1

    play(scenario())


def test_a_renewal_counts_from_before_it_was_sent(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        kept = Kept(database)
        real = leases.renew

        def slow(*arguments: Any) -> Any:
            kept.clock.advance(HOUR_MS / 1000)  # the way to the database took that long
            return real(*arguments)

        async with kept.running():
            assert await kept.keeper.renew()
            assert kept.keeper.fresh
            monkeypatch.setattr(leases, "renew", slow)
            assert await kept.keeper.renew()
            assert not kept.keeper.fresh

    play(scenario())


def test_a_database_that_does_not_answer_is_not_waited_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    async def scenario() -> None:
        kept = Kept(database, ttl_ms=300)
        async with kept.running():
            assert await kept.keeper.renew()
            with monkeypatch.context() as patch:
                patch.setattr(leases, "renew", lambda *_: gate.wait())
                for _ in range(5):
                    assert not await kept.keeper.renew()
                assert kept.moved == []
            gate.set()

    play(scenario())


def test_rooms_that_another_worker_has_taken_are_told_once(database: Database) -> None:
    async def scenario() -> None:
        kept, other = Kept(database), Kept(database, "two")
        async with kept.running(), other.running():
            assert await kept.keeper.renew()
            place(database, "room-1")
            assert await kept.keeper.hold("room-1") == 1
            fall_silent(database, "one")
            assert await other.keeper.renew()
            assert place(database, "room-1").worker_id == "two"
            assert kept.moved == []
            assert await kept.keeper.renew()
            assert kept.moved == ["room-1"]
            assert kept.keeper.held("room-1") is None
            assert await kept.keeper.renew()
            assert kept.moved == ["room-1"]

    play(scenario())


def test_at_the_end_its_rooms_may_be_taken_at_once(database: Database) -> None:
    async def scenario() -> None:
        kept, other = Kept(database), Kept(database, "two")
        async with other.running():
            async with kept.running():
                assert await kept.keeper.renew()
                place(database, "room-1")
                assert await other.keeper.renew()
                await kept.keeper.drain()
                assert place(database, "room-2").worker_id == "two"
            assert place(database, "room-1").worker_id == "two"
            assert not kept.keeper.fresh

    play(scenario())


def test_the_renewal_carries_what_is_told_of_seats_once_a_second(database: Database) -> None:
    def reached() -> list[int]:
        with database.reading() as session:
            found = presence.of_room(session, "room-1", HOUR_MS)
        return [one.reached[Source.camera] for one in found.values()]

    def seat(ms: int) -> SeatNow:
        return SeatNow("room-1", 1, True, None, True, {Source.camera: Reached(ms, 0)})

    async def scenario() -> None:
        kept = Kept(database)
        async with kept.running():
            assert await kept.keeper.renew()
            place(database, "room-1")
            kept.seats = [seat(1000)]
            assert await kept.keeper.renew()
            assert reached() == [1000]
            kept.seats = [seat(1500)]
            kept.clock.advance(0.5)
            assert await kept.keeper.renew()
            assert reached() == [1000]
            kept.clock.advance(0.5)
            assert await kept.keeper.renew()
            assert reached() == [1500]

    play(scenario())


def test_who_begins_forgets_workers_that_have_been_gone_for_long(database: Database) -> None:
    start_workers(database, "former", "other")
    fall_silent(database, "former")

    async def scenario() -> None:
        async with Kept(database).running() as keeper:
            assert await keeper.renew()
            with database.reading() as session:
                assert session.get(MediaWorker, "former") is None
                assert session.get(MediaWorker, "other") is not None

    play(scenario())
