"""Writes of many requests share one transaction: on a disk that has to confirm every commit this is several times the rate."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import anyio.to_thread
from sqlmodel import Session

from app.core.clock import Clock
from app.core.database import Database, held_up

_MOST = 256
_PATIENCE_NS = 10_000_000_000
"""So long an item that others are in the way of is tried again and again."""
_PAUSE_S = 0.05

Item = TypeVar("Item")
Given = TypeVar("Given")
Work = Callable[[Session, datetime, Sequence[Item]], Sequence[Given]]
"""Writes down some items at once and gives what came of each, in their order."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Work[Any, Any]
    item: Any
    answer: "asyncio.Future[Any]"
    since_ns: int


class GroupWriter:
    """Gathers what waits to be written while the transaction before is on its way to the disk; used on one event loop.

    Whoever waits for `write` is answered after the commit. Where a transaction fails, every item is tried again alone, so that
    one spoils nothing for the others; one that another writer is in the way of goes to the end of the line, so that nobody
    behind it waits. The work must do nothing but read and write rows, for it may run twice before it counts once.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def write(self, work: Work[Item, Given], item: Item) -> Given:
        """What the work gives for this item, once it is safely written; raises what the work raises for it."""
        answer: asyncio.Future[Given] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(work, item, answer, self._clock.monotonic_ns()))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_on())
        return await answer

    async def close(self) -> None:
        """Returns when nothing waits any more."""
        if self._writing is not None:
            await self._writing

    async def _write_on(self) -> None:
        try:
            while self._waiting:
                together = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST))]
                together.sort(key=lambda one: repr(one.work))  # stable: items of one work keep their order
                try:
                    results = await anyio.to_thread.run_sync(self._write_all, together)
                except BaseException as error:
                    results = [_Failed(error)] * len(together)
                    raise
                finally:
                    answered = [
                        self._tell(one, result) for one, result in zip(together, results, strict=True)
                    ]
                if not any(answered):
                    await asyncio.sleep(_PAUSE_S)
        finally:
            self._writing = None

    def _tell(self, one: _Waiting, result: Any) -> bool:
        """Answers whoever waits; False for one that was held up and waits on, at the end of the line."""
        failed = result.error if isinstance(result, _Failed) else None
        waited_ns = self._clock.monotonic_ns() - one.since_ns
        if failed is not None and held_up(failed) and waited_ns < _PATIENCE_NS:
            self._waiting.append(one)
            return False
        if one.answer.done():
            return True  # whoever asked has gone meanwhile; it is written all the same
        if failed is not None:
            one.answer.set_exception(failed)
        else:
            one.answer.set_result(result)
        return True

    def _write_all(self, together: Sequence[_Waiting]) -> list[Any]:
        """What each gave, or how it failed."""
        if len(together) > 1:
            try:
                return self._in_one_transaction(together)
            except Exception as error:  # noqa: BLE001 -- which of them it was shows when each is tried alone
                _log.info("%d writes are tried one by one after %s", len(together), type(error).__name__)
        return [self._alone(one) for one in together]

    def _in_one_transaction(self, together: Sequence[_Waiting]) -> list[Any]:
        given: list[Any] = []
        with self._database.transaction(patient=False) as session:
            for work, items in _by_work(together):
                found = work(session, self._clock.now(), items)
                if len(found) != len(items):
                    raise TypeError(f"{work!r} gave {len(found)} answers for {len(items)} items")
                given += found
                session.flush()
                session.expunge_all()  # the next work reads its rows itself, as if it were alone
        return given

    def _alone(self, one: _Waiting) -> Any:
        try:
            return self._in_one_transaction([one])[0]
        except Exception as error:  # noqa: BLE001 -- handed to whoever waits for it
            return _Failed(error)


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


def _by_work(together: Sequence[_Waiting]) -> list[tuple[Work[Any, Any], list[Any]]]:
    """The items of each work; those of one work stand together already."""
    groups: list[tuple[Work[Any, Any], list[Any]]] = []
    for one in together:
        if not groups or groups[-1][0] != one.work:
            groups.append((one.work, []))
        groups[-1][1].append(one.item)
    return groups


def one_by_one(work: Callable[[Session, datetime, Item], Given]) -> Work[Item, Given]:
    """A work that looks at each item on its own."""
    return _OneByOne(work)


@dataclass(frozen=True, slots=True)
class _OneByOne:
    work: Callable[[Session, datetime, Any], Any]

    def __call__(self, session: Session, now: datetime, items: Sequence[Any]) -> Sequence[Any]:
        given = []
        for item in items:
            given.append(self.work(session, now, item))
            session.flush()
            session.expunge_all()
        return given
