"""Writes of many requests share one transaction: on a disk that has to confirm every commit this is several times the rate."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import anyio.to_thread
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from app.core.clock import Clock
from app.core.database import Database

_MOST = 256
_ALONE_TRIES = 3

T = TypeVar("T")
Work = Callable[[Session, datetime], T]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Work[Any]
    answer: "asyncio.Future[Any]"


class GroupWriter:
    """Gathers what waits to be written while the transaction before is on its way to the disk; used on one event loop.

    Whoever waits for `write` is answered after the commit. Work that fails is tried again alone, so that it spoils nothing
    for the others: it must do nothing but read and write rows, for it may run twice before it counts once.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def write(self, work: Work[T]) -> T:
        """What the work gives, once it is safely written; raises what it raises."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(work, answer))
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
                results = await anyio.to_thread.run_sync(self._write_all, [one.work for one in together])
                for one, (good, result) in zip(together, results, strict=True):
                    if one.answer.done():
                        continue  # whoever asked has gone meanwhile; it is written all the same
                    if good:
                        one.answer.set_result(result)
                    else:
                        one.answer.set_exception(result)
        finally:
            self._writing = None

    def _write_all(self, works: list[Work[Any]]) -> list[tuple[bool, Any]]:
        """(went well, what it gave or raised) of each."""
        if len(works) > 1:
            try:
                return [(True, given) for given in self._in_one_transaction(works)]
            except Exception as error:  # noqa: BLE001 -- which of them it was shows when each is tried alone
                _log.info("%d writes are tried one by one after %s", len(works), type(error).__name__)
        return [self._alone(work) for work in works]

    def _in_one_transaction(self, works: list[Work[Any]]) -> list[Any]:
        given = []
        with self._database.transaction() as session:
            for work in works:
                given.append(work(session, self._clock.now()))
                session.flush()
                session.expunge_all()  # the next one reads its rows itself, as if it were alone
        return given

    def _alone(self, work: Work[Any]) -> tuple[bool, Any]:
        tries = 1
        while True:
            try:
                return True, self._in_one_transaction([work])[0]
            except OperationalError as error:  # two transactions wait for each other, or the database is busy
                if tries == _ALONE_TRIES:
                    return False, error
                tries += 1
            except Exception as error:  # noqa: BLE001 -- handed to whoever waits for it
                return False, error
