"""A worker that dies or stands still takes no room with it: seats are recorded again elsewhere, and both recordings last."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from recordings.trackfile import track_names
from tests.support.media_house import WorkerHouse

SOON_S = 20.0
"""What a busy machine is given; `soak` measures what it takes on a quiet one."""


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_seats_of_a_worker_that_falls_are_recorded_again_by_another(
    tmp_path: Path, blow: signal.Signals
) -> None:
    house = WorkerHouse(tmp_path)

    async def story() -> list[float]:
        async with house.seated() as seats:
            await asyncio.gather(*(seat.comes_again(0.0, 60) for seat in seats))
            number, epoch = house.holder()
            pid = house.processes.pids[number]
            struck = time.monotonic()
            os.kill(pid, blow)
            try:
                gaps = await asyncio.gather(*(seat.comes_again(struck, SOON_S) for seat in seats))
            finally:
                if blow == signal.SIGSTOP:
                    os.kill(pid, signal.SIGCONT)
            other, later = house.holder()
            assert (other != number, later) == (True, epoch + 1)
        return gaps

    print("recorded again after", asyncio.run(story()))  # noqa: T201
    leases = {(name.seat_no, name.lease) for name in track_names(house.recording)}
    assert {lease for _, lease in leases} == {1, 2}
