"""Writes down what happens in the rooms without making anybody wait for the disk."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.errors import Unavailable
from venue.placement.patience import Patience, Trouble
from venue.room.ports import Entry, Noted

logger = logging.getLogger(__name__)

MOST_WAITING = 10_000
_BATCH = 200
_RETRY_S = 1.0
_SOON_S = 0.25
_THREADS = 2
_PATIENCE_S = 15.0
_AWAY = (InterfaceError, OperationalError, PoolTimeout, Unavailable)


class Journal:
    """Entries in order, written in batches by `write`, which runs in a thread.

    durable: whether an event is on disk beside the recording; before that it gets no row. While the database is away entries
    wait; beyond `MOST_WAITING` the oldest go: those events get their rows from the disk when the room is sealed. An entry
    that can never be written is logged and left out, so that those behind it are not lost with it.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Entry]], None],
        durable: Callable[[Noted], bool] = lambda _noted: True,
    ) -> None:
        self._write = write
        self._durable = durable
        self._call = Patience(_THREADS, _PATIENCE_S)
        self._waiting: deque[Entry] = deque()
        self._news = asyncio.Event()
        self._writing = asyncio.Lock()
        self._trouble = Trouble(logger)
        self._dropped = 0

    def note(self, entry: Entry) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._drop_one()
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
            taken = await self.flush()
            if self._waiting:
                await asyncio.sleep(_SOON_S if taken else _RETRY_S)
                self._news.set()

    async def flush(self) -> bool:
        """Writes all that waits and is on disk; False when the database is away, and then all of it still waits."""
        async with self._writing:
            size = _BATCH
            while batch := self._ready(size):
                try:
                    await self._call(self._write, batch)
                except _AWAY as error:
                    self._trouble.began(error, "room events cannot be written; they wait")
                    return False
                except Exception:  # whatever it is, it must not take the entries behind it along
                    if len(batch) > 1:
                        size = 1
                        continue
                    logger.exception("a room event could not be written: %r", batch[0])
                self._trouble.over("room events are written again")
                self._forget(batch)
        return True

    def _ready(self, size: int) -> tuple[Entry, ...]:
        """The first entries that wait, up to one that is not on disk yet."""
        ready = []
        for entry in islice(self._waiting, size):
            if isinstance(entry, Noted) and not self._durable(entry):
                break
            ready.append(entry)
        return tuple(ready)

    def _drop_one(self) -> None:
        """The oldest event goes: its row comes from the disk. Who came and left is known only here."""
        oldest = next((n for n, entry in enumerate(self._waiting) if isinstance(entry, Noted)), 0)
        del self._waiting[oldest]

    def _forget(self, batch: Sequence[Entry]) -> None:
        for entry in batch:
            if self._waiting and self._waiting[0] is entry:
                self._waiting.popleft()
