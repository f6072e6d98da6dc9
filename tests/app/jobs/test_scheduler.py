"""The ticker ticks, never twice at once, goes on after a failure, and stops without cutting a sweep short."""

import asyncio
import logging

import pytest

from app.jobs.scheduler import Ticker


def test_a_slow_sweep_is_never_run_twice_at_once_and_is_finished_before_the_end() -> None:
    async def story() -> tuple[int, int, int]:
        began = finished = most = 0
        going_on = asyncio.Event()

        async def sweep() -> None:
            nonlocal began, finished, most
            began += 1
            most = max(most, began - finished)
            going_on.set()
            for _ in range(30):
                await asyncio.sleep(0.01)
            finished += 1

        ticker = Ticker()
        ticker.every(0.02, "slow", sweep)
        ticker.start()
        async with asyncio.timeout(20):
            await going_on.wait()
            await ticker.stop()
        return began, finished, most

    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # it warns of every tick it skips
    began, finished, most = asyncio.run(story())
    assert began == finished >= 1
    assert most == 1


def test_a_failing_sweep_is_tried_again_at_the_next_tick(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> int:
        tries = 0
        enough = asyncio.Event()

        async def sweep() -> None:
            nonlocal tries
            tries += 1
            if tries == 2:
                enough.set()
            raise RuntimeError("the disk is full")

        ticker = Ticker()
        ticker.every(0.02, "failing", sweep)
        ticker.start()
        async with asyncio.timeout(20):
            await enough.wait()
            await ticker.stop()
        return tries

    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    assert asyncio.run(story()) >= 2
    assert "the disk is full" in caplog.text
