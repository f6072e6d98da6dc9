"""Writes down what happens in the rooms without making anybody wait for the disk."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from anyio import to_thread
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from venue.room.ports import Entry

logger = logging.getLogger(__name__)

MOST_WAITING = 10_000
_BATCH = 200
_RETRY_S = 1.0
_AWAY = (InterfaceError, OperationalError, PoolTimeout)


class Journal:
    """Entries in order, written in batches by `write`, which runs in a thread.

    While the database is away they wait; beyond `MOST_WAITING` the oldest go. An entry that can never be written is
    logged and left out, so that those behind it are not lost with it.
    """

    def __init__(self, write: Callable[[Sequence[Entry]], None]) -> None:
        self._write = write
        self._waiting: deque[Entry] = deque()
        self._news = asyncio.Event()
        self._writing = asyncio.Lock()
        self._dropped = 0

    def note(self, entry: Entry) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self._dropped += 1
            if self._dropped % _BATCH == 1:
                logger.error("the database takes no room events; %d were dropped", self._dropped)
        self._waiting.append(entry)
        self._news.set()

    async def run(self) -> None:
        """Writes until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            if not await self.flush():
                await asyncio.sleep(_RETRY_S)
                self._news.set()

    async def flush(self) -> bool:
        """Writes all that waits; False when the database is away, and then all of it still waits."""
        async with self._writing:
            size = _BATCH
            while self._waiting:
                batch = tuple(self._waiting)[:size]
                try:
                    await to_thread.run_sync(self._write, batch)
                except _AWAY:
                    logger.exception("room events could not be written; they wait")
                    return False
                except Exception:  # whatever it is, it must not take the entries behind it along
                    if len(batch) > 1:
                        size = 1
                        continue
                    logger.exception("a room event could not be written: %r", batch[0])
                self._forget(batch)
        return True

    def _forget(self, batch: Sequence[Entry]) -> None:
        for entry in batch:
            if self._waiting and self._waiting[0] is entry:
                self._waiting.popleft()
