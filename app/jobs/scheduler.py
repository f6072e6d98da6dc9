"""The one door to APScheduler, which only ticks: what is due lives in rows."""

from collections.abc import Awaitable, Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler

Sweep = Callable[[], Awaitable[None]]


class Ticker:
    """Calls each sweep again and again on the running event loop, never twice at once."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC")

    def every(self, seconds: float, name: str, sweep: Sweep) -> None:
        """A tick missed because the last one took long is skipped: the next one finds the same rows."""
        self._scheduler.add_job(
            sweep,
            "interval",
            seconds=seconds,
            id=name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)
