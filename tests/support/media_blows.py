"""What is done to media workers and to their database while a room is being recorded."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from tests.support.media_house import RestlessSeat, WorkerHouse, pids


async def blows(
    house: WorkerHouse, seats: Sequence[RestlessSeat], kinds: Sequence[signal.Signals], *, within_s: float
) -> list[float]:
    """Seconds from each blow against the room's holder until a seat was recorded again, for each of the seats.

    A worker that was stopped goes on as soon as the seats have found another one, and is heard before the next blow.
    """
    outages: list[float] = []
    await asyncio.gather(*(seat.comes_again(0.0, 60) for seat in seats))
    for blow in kinds:
        number, epoch = house.holder()
        pid = pids(house.processes)[number]
        struck = monotonic()
        os.kill(pid, blow)
        try:
            outages += await asyncio.gather(*(seat.comes_again(struck, within_s) for seat in seats))
        finally:
            if blow == signal.SIGSTOP:
                os.kill(pid, signal.SIGCONT)
        other, later = house.holder()
        assert other != number, "the room is where it was"
        assert later == epoch + 1
        await house.hears_of(number)
        await house.hears_of(number)
    return outages


async def sealed_after_closing(house: WorkerHouse, within_s: float) -> float:
    """Opens, scores and closes the evaluation; seconds from then until its recording is sealed."""
    house.case.open()
    for member in house.case.members():
        house.case.score(member)
    house.case.act("close")
    closed = monotonic()
    async with asyncio.timeout(within_s):
        while house.case.state != "sealed":
            await asyncio.sleep(0.05)  # other processes do it
    return monotonic() - closed


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Nobody else writes to this SQLite database meanwhile."""
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()
