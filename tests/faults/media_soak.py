"""Strikes down media workers again and again while their rooms are being recorded, and says how long seats were not.

    python -m tests.faults.media_soak [BLOWS]

Prints one line of JSON for each kind of blow: seconds until recorded again at the median, at p95 and at most, and how many
rows were written under a stale epoch. Its exit code is 1 when p95 is above five seconds or a row was.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.media_house import WorkerHouse

P95_S = 5.0
_BLOWS = 20


async def blows(house: WorkerHouse, kinds: Sequence[signal.Signals], *, within_s: float) -> list[float]:
    """Seconds from each blow against the room's holder until a seat was recorded again, for each of two seats.

    A worker that was stopped goes on as soon as the seats have found another one, and is heard before the next blow.
    """
    outages: list[float] = []
    async with house.seated() as seats:
        await asyncio.gather(*(seat.comes_again(0.0, 60) for seat in seats))
        for blow in kinds:
            number, epoch = house.holder()
            pid = house.processes.pids[number]
            struck = time.monotonic()
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


def soak(folder: Path, kind: signal.Signals, count: int) -> dict[str, object]:
    """What came of so many blows of one kind."""
    house = WorkerHouse(folder)
    house.watch_for_stale_writes()
    outages = sorted(asyncio.run(blows(house, [kind] * count, within_s=60)))
    return {
        "blow": kind.name,
        "blows": count,
        "median_s": round(outages[len(outages) // 2], 2),
        "p95_s": round(outages[min(int(len(outages) * 0.95), len(outages) - 1)], 2),
        "most_s": round(outages[-1], 2),
        "stale_writes": len(house.stale_writes()),
    }


def main(count: int = _BLOWS) -> int:
    """Both kinds of blows, one after the other."""
    good = True
    for kind in (signal.SIGKILL, signal.SIGSTOP):
        with tempfile.TemporaryDirectory() as folder:
            found = soak(Path(folder), kind, count)
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
        good = good and float(str(found["p95_s"])) <= P95_S and found["stale_writes"] == 0
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in sys.argv[1:])))
