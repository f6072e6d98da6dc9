import asyncio
import threading

import pytest

from app.core.errors import Unavailable
from tests.support.seats import play
from venue.placement.patience import Patience


def test_what_the_work_returns_or_raises_comes_back() -> None:
    async def scenario() -> None:
        call = Patience(2, 10.0)
        assert await call(max, 1, 2) == 2
        with pytest.raises(ZeroDivisionError):
            await call(lambda: 1 // 0)
        assert call.busy == 0

    play(scenario())


def test_work_that_hangs_is_not_waited_for_and_takes_no_more_threads_than_allowed() -> None:
    gate = threading.Event()

    async def scenario() -> None:
        call = Patience(2, 0.05)
        for _ in range(2):
            with pytest.raises(Unavailable, match="database-slow"):
                await call(gate.wait)
        assert call.busy == 2
        began = threading.active_count()
        with pytest.raises(Unavailable, match="database-slow"):
            await call(max, 1, 2)
        assert threading.active_count() == began
        gate.set()
        async with asyncio.timeout(10):
            while call.busy:
                await asyncio.sleep(0.01)
        assert await call(max, 1, 2) == 2

    play(scenario())


def test_a_thread_that_cannot_be_started_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def scenario() -> None:
        call = Patience(1, 10.0)
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", no_more)
            with pytest.raises(RuntimeError):
                await call(max, 1, 2)
        assert await call(max, 1, 2) == 2

    play(scenario())
