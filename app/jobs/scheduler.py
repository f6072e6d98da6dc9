"""The one door to APScheduler, which only ticks: what is due lives in rows."""

import asyncio
from collections.abc import Awaitable, Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler

_PATIENCE_S = 10.0

Sweep = Callable[[], Awaitable[None]]


class Ticker:
    """Calls each sweep again and again on the running event loop, never twice at once."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._running: set[asyncio.Future[None]] = set()

    def every(self, seconds: float, name: str, sweep: Sweep) -> None:
        """A tick missed because the last one took long is skipped: the next one finds the same rows."""

        async def tick() -> None:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._running.add(done)
            try:
                await sweep()
            finally:
                self._running.discard(done)
                done.set_result(None)

        self._scheduler.add_job(
            tick,
            "interval",
            seconds=seconds,
            id=name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )

    def start(self) -> None:
        self._scheduler.start()

    async def stop(self) -> None:
        """No further tick; a sweep in the middle of its work finishes it, unless that takes too long."""
        self._scheduler.pause()
        if self._running:
            await asyncio.wait(set(self._running), timeout=_PATIENCE_S)
        self._scheduler.shutdown(wait=False)
