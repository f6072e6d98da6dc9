"""Media workers that are struck down, and a database that is away: what of the rooms that are being recorded is lost."""

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import monotonic

from app.core.database import Database
from recordings.events import read_events
from recordings.replay import Indexes, load_files
from recordings.timeline import RoomTimeline, TrackTimeline, parts_timeline
from recordings.verify import verify_room
from tests.bench.measuring import percentile
from tests.bench.media_ends import bench_folder
from tests.bench.table import Figure, at_most
from tests.support.databases import furnish
from tests.support.media_blows import blows, locked, sealed_after_closing
from tests.support.media_house import RestlessSeat, WorkerHouse
from tests.support.postgres import Server, fresh, stoppable

_WITHIN_S = 60.0
_SETTLE_S = 3.0


def workers(quick: bool) -> Iterator[Figure]:
    """The holder of a room is killed again and again, or stopped: its seats are recorded by the other worker."""
    count = 3 if quick else 20
    for kind in (signal.SIGKILL, signal.SIGSTOP):
        with bench_folder() as folder:
            yield from _struck(WorkerHouse(folder), kind, count)


def _struck(house: WorkerHouse, kind: signal.Signals, count: int) -> Iterator[Figure]:
    house.watch_for_stale_writes()

    async def story() -> tuple[list[float], float]:
        async with house.seated() as seats:
            outages = await blows(house, seats, [kind] * count, within_s=_WITHIN_S)
            return outages, await sealed_after_closing(house, _WITHIN_S)

    outages, sealed_s = asyncio.run(story())
    name = f"{count} times {kind.name} to the room's worker"
    yield at_most(
        f"seats recorded again, {name}, p95",
        percentile(outages, 95),
        5,
        unit="s",
        beside=f"median {median(outages):.1f} s, most {max(outages):.1f} s",
    )
    yield at_most(f"rows written under a stale epoch, {name}", len(house.stale_writes()), 0, unit="")
    played = {piece.name.lease for track in _timeline(house).tracks for piece in track.fragments}
    yield at_most(f"epochs that do not replay, {name}", len(set(range(1, count + 2)) - played), 0, unit="")
    yield from _whole(house, name, sealed_s)


def database(quick: bool) -> Iterator[Figure]:
    """Nobody can write to the database for ten minutes while a room is being recorded."""
    seconds = 15.0 if quick else 600.0
    with bench_folder() as folder:
        away = partial(locked, folder / "world.db")
        yield from _without(WorkerHouse(folder), away, seconds, "a locked SQLite")
    with bench_folder() as folder, stoppable() as server, fresh(server.address) as address:
        house = WorkerHouse(folder, furnish(Database(address)))
        yield from _without(house, partial(_stopped, server), seconds, "a stopped PostgreSQL")


@dataclass(frozen=True, slots=True)
class _Outage:
    """What a room saw while the database was away, from one moment of room time to another.

    noted: events that were noted meanwhile. caught_up_s: until every one of them had its row. came_again: seats that had to.
    """

    from_ms: int
    to_ms: int
    noted: int
    came_again: int
    caught_up_s: float
    sealed_s: float


def _without(
    house: WorkerHouse, away: Callable[[], AbstractContextManager[None]], seconds: float, what: str
) -> Iterator[Figure]:
    seen = asyncio.run(_outage(house, away, seconds))
    name = f"{seconds:.0f} s of {what}"
    silence_s = max(_longest_silence_ms(track, seen) for track in _timeline(house).tracks) / 1000
    yield at_most(f"longest silence in a track, {name}", silence_s, 1, unit="s")
    yield at_most(f"seats that had to come again, {name}", seen.came_again, 0, unit="")
    on_disk = [(lease, seq) for lease, seq, _ in read_events(house.recording)]
    rows = house.rows_of_events()
    yield at_most(
        f"events without a row, {name}",
        len(set(on_disk) ^ set(rows)),
        0,
        unit="",
        beside=f"{seen.noted} noted meanwhile, {len(rows)} rows",
    )
    jumps = sum(after <= before for before, after in pairwise((lease or 0, seq or 0) for lease, seq in rows))
    yield at_most(f"rows out of order, {name}", jumps, 0, unit="")
    yield at_most(f"rows caught up, {name}", seen.caught_up_s, 10, unit="s")
    yield from _whole(house, name, seen.sealed_s)


async def _outage(
    house: WorkerHouse, away: Callable[[], AbstractContextManager[None]], seconds: float
) -> _Outage:
    """The seats go on sending, and looking away and back once a second, whatever becomes of the database."""
    async with house.seated() as seats:
        await asyncio.gather(*(seat.comes_again(0.0, _WITHIN_S) for seat in seats))
        await asyncio.sleep(_SETTLE_S)
        arrivals = sum(len(seat.arrivals) for seat in seats)
        before = len(read_events(house.recording))
        with ExitStack() as outage:
            await asyncio.to_thread(outage.enter_context, away())  # the seats must not stand still meanwhile
            from_ms = max(seat.reached_ms for seat in seats)
            await _look_about(seats, seconds)
            to_ms = min(seat.reached_ms for seat in seats)
            events = read_events(house.recording)
            await asyncio.to_thread(outage.close)
        back = monotonic()
        noted = {(lease, seq) for lease, seq, _ in events}
        async with asyncio.timeout(_WITHIN_S):
            while not noted <= set(await asyncio.to_thread(house.rows_of_events)):
                await asyncio.sleep(0.1)  # other processes do it
        caught_up_s = monotonic() - back
        came_again = sum(len(seat.arrivals) for seat in seats) - arrivals
        await asyncio.sleep(_SETTLE_S)
        sealed_s = await sealed_after_closing(house, _WITHIN_S)
    return _Outage(from_ms, to_ms, len(events) - before, came_again, caught_up_s, sealed_s)


async def _look_about(seats: Sequence[RestlessSeat], seconds: float) -> None:
    end, here = monotonic() + seconds, True
    while monotonic() < end:
        here = not here
        for seat in seats:
            await seat.looks(here=here)
        await asyncio.sleep(1.0)


@contextmanager
def _stopped(server: Server) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


def _whole(house: WorkerHouse, name: str, sealed_s: float) -> Iterator[Figure]:
    verdict = verify_room(house.recording)
    yield at_most(
        f"faults in the recording, {name}",
        len(verdict.findings) + (not verdict.sealed) + (verdict.key is None),
        0,
        unit="",
        beside=f"{verdict.files} files, {verdict.fragments} fragments",
    )
    yield at_most(f"room closed to signed manifest, {name}", sealed_s, 10, unit="s")


def _timeline(house: WorkerHouse) -> RoomTimeline:
    """As the replay puts it together."""
    return parts_timeline(file.part for file in load_files(Path(house.recording), Indexes()))


def _longest_silence_ms(track: TrackTimeline, seen: _Outage) -> int:
    """Between two frames of the track, as far as it lies in the outage."""
    pieces = [
        piece for piece in track.fragments if piece.to_ms >= seen.from_ms and piece.from_ms <= seen.to_ms
    ]
    edges = [
        (seen.from_ms, seen.from_ms),
        *((one.from_ms, one.to_ms) for one in pieces),
        (seen.to_ms, seen.to_ms),
    ]
    return max(after[0] - before[1] for before, after in pairwise(edges))
