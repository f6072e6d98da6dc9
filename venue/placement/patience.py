"""Calls that may hang, such as those to a database that is cut off: never many at a time, never waited for without end, and
not complained of each time they fail."""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

from app.core.errors import Unavailable
from app.core.i18n import N_

P = ParamSpec("P")
T = TypeVar("T")


class Patience:
    """Runs calls in threads of their own, `most` at a time. One that takes longer than `patience_s` is no longer waited for.

    It keeps its thread until it ends, so that a database that never answers takes no more than `most` threads, and none that
    others need. The threads do not keep the process alive.
    """

    def __init__(self, most: int, patience_s: float) -> None:
        self._most = most
        self._patience_s = patience_s
        self._busy = 0

    @property
    def busy(self) -> int:
        """How many threads are under way."""
        return self._busy

    async def __call__(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the work returns or raises. Unavailable when it took too long, or too many others still do."""
        if self._busy >= self._most:
            raise _away()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def finish(result: T | None, error: BaseException | None) -> None:
            self._busy -= 1
            if done.cancelled():
                return
            if error is not None:
                done.set_exception(error)
                done.exception()  # whoever waited may have gone
            else:
                done.set_result(result)  # type: ignore[arg-type]

        def run() -> None:
            result, error = None, None
            try:
                result = work(*args, **kwargs)
            except BaseException as raised:  # noqa: BLE001 -- handed to whoever waits
                error = raised
            with suppress(RuntimeError):  # the loop has ended meanwhile, and nobody waits any more
                loop.call_soon_threadsafe(finish, result, error)

        threading.Thread(target=run, name="patience", daemon=True).start()
        self._busy += 1
        await asyncio.wait({done}, timeout=self._patience_s)
        if not done.done():
            raise _away()
        return done.result()


class Trouble:
    """What fails again and again while something is away is said once for each kind of error, and when it is over."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said: set[type[Exception]] = set()

    def began(self, error: Exception, what: str, *words: object) -> None:
        """It failed; the error's trace goes into the log, too."""
        if type(error) not in self._said:
            self._log.warning(what, *words, exc_info=error)
        self._said.add(type(error))

    def over(self, what: str, *words: object) -> None:
        """It went well; says so if it failed before."""
        if self._said:
            self._log.warning(what, *words)
        self._said.clear()


def _away() -> Unavailable:
    return Unavailable("database-slow", N_("数据库暂时没有应答"), N_("页面会稍后自动重试，录制不受影响"))
