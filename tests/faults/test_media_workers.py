"""A worker that dies or stands still takes no room with it: seats are recorded again elsewhere, and both recordings last."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from app.jobs.media_processes import MediaProcesses
from recordings.events import read_events
from recordings.manifest import MANIFEST_FILE
from recordings.trackfile import track_names
from tests.support.ledgers import noted
from tests.support.media_blows import blows, locked, sealed_after_closing
from tests.support.media_house import WorkerHouse, pids
from venue.placement import leases
from venue.room import register
from venue.room.events import EventKind, SeatEvent

SOON_S = 20.0
"""What a busy machine is given; `make soak-media` measures what it takes on a quiet one."""


def test_neither_killed_workers_nor_a_locked_database_cost_a_room_its_recording(tmp_path: Path) -> None:
    """One story, since workers take their time to start: a death, a database that lets nobody write, another death."""
    house = WorkerHouse(tmp_path)
    house.watch_for_stale_writes()

    async def story() -> None:
        async with house.seated() as seats:
            outages = await blows(house, seats, [signal.SIGKILL], within_s=SOON_S)
            assert len(outages) == 2
            arrivals = [len(seat.arrivals) for seat in seats]
            with locked(tmp_path / "world.db"):
                reached = [seat.reached_ms for seat in seats]
                rows = house.rows_of_events()
                async with asyncio.timeout(SOON_S):
                    while any(seat.reached_ms < ms + 2500 for seat, ms in zip(seats, reached, strict=True)):
                        await asyncio.sleep(0.1)  # another process records it
                assert house.rows_of_events() == rows
            assert [len(seat.arrivals) for seat in seats] == arrivals  # nobody had to come again
            number, _ = house.holder()
            await house.hears_of(number)
            os.kill(pids(house.processes)[number], signal.SIGKILL)
            await sealed_after_closing(house, SOON_S)

    asyncio.run(story())
    assert {1, 2} <= {name.lease for name in track_names(house.recording)}
    assert house.stale_writes() == []
    assert (house.recording / MANIFEST_FILE).exists()
    on_disk = [(lease, seq) for lease, seq, _ in read_events(house.recording)]
    assert on_disk
    assert sorted(house.rows_of_events()) == on_disk


@pytest.mark.soak
def test_seats_of_a_worker_that_stands_still_are_recorded_again_by_another(tmp_path: Path) -> None:
    house = WorkerHouse(tmp_path)
    house.watch_for_stale_writes()

    async def story() -> list[float]:
        async with house.seated() as seats:
            return await blows(house, seats, [signal.SIGSTOP], within_s=SOON_S)

    assert len(asyncio.run(story())) == 2
    assert {name.lease for name in track_names(house.recording)} == {1, 2}
    assert house.stale_writes() == []
    on_disk = [(lease, seq) for lease, seq, _ in read_events(house.recording)]
    assert set(house.rows_of_events()) <= set(on_disk)


def test_a_stale_write_would_be_seen(tmp_path: Path) -> None:
    """The control: what is written without asking who holds the room."""
    house = WorkerHouse(tmp_path)
    house.watch_for_stale_writes()
    event = noted(SeatEvent(house.room_id, 1, 10, EventKind.seat_joined), house.clock.now())
    for worker_id in ("one", "two"):
        with house.database.transaction() as session:
            assert leases.claim(session, house.room_id, worker_id) is not None
            leases.bury(session, worker_id)
    with house.database.transaction() as session:
        held = leases.hold(session, house.room_id, "one")
        assert held is None
        register.keep(session, 1, [event])
    assert house.stale_writes() == ["event"]


@pytest.mark.soak
def test_a_worker_whose_loop_stands_still_is_killed_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = WorkerHouse(tmp_path, workers=1)
    house.processes = MediaProcesses(house.settings, house.database, house.clock, silent_s=1.0)

    async def story() -> None:
        async with house.seated(1) as (seat,):
            await seat.comes_again(0.0, 60)
            (pid,) = pids(house.processes)
            await asyncio.sleep(2.5)  # the watch has looked once
            os.kill(pid, signal.SIGSTOP)
            stopped = time.monotonic()
            await seat.comes_again(stopped, 60)
            assert pids(house.processes) != (pid,)

    asyncio.run(story())
    assert {name.lease for name in track_names(house.recording)} == {1, 2}


@pytest.mark.soak
def test_a_worker_that_never_comes_up_is_killed_and_started_again(tmp_path: Path) -> None:
    house = WorkerHouse(tmp_path, workers=1)
    asleep = (sys.executable, "-c", "import time; time.sleep(600)")
    processes = MediaProcesses(
        house.settings, house.database, house.clock, command=lambda: asleep, up_within_s=0.5
    )

    async def story() -> None:
        async with processes.running(), asyncio.timeout(60):
            while not pids(processes):
                await asyncio.sleep(0.05)
            first = pids(processes)
            while pids(processes) in {first, ()}:
                await asyncio.sleep(0.05)

    asyncio.run(story())


@pytest.mark.soak
def test_workers_stop_with_the_service_in_good_order_or_not(tmp_path: Path) -> None:
    house = WorkerHouse(tmp_path)

    async def story() -> None:
        async with house.seated() as seats:
            await asyncio.gather(*(seat.comes_again(0.0, 60) for seat in seats))

    asyncio.run(story())
    reasons = {event.kind for *_, event in read_events(house.recording)}
    assert "media-closed" in reasons
    assert pids(house.processes) == ()
