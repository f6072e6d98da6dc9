import asyncio
import logging
import threading

import pytest

from app.core.errors import Unavailable
from tests.support.seats import play
from venue.placement.patience import Patience, Trouble


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


def test_trouble_is_said_once_for_each_kind_and_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    trouble = Trouble(logging.getLogger("test"))
    trouble.over("went well, %d", 0)
    for spell in (1, 2):
        for _ in range(3):
            for error in (OSError("away"), ValueError("odd")):
                trouble.began(error, "away, %d", spell)
        for _ in range(3):
            trouble.over("back, %d", spell)
    once = ["away", "away", "back"]
    assert [record.getMessage() for record in caplog.records] == [
        f"{what}, {spell}" for spell in (1, 2) for what in once
    ]
    assert [(record.exc_text or "").rpartition("\n")[2] for record in caplog.records] == [
        "OSError: away",
        "ValueError: odd",
        "",
    ] * 2
