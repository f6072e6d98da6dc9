"""Keeps the leases of one worker's rooms, and knows without the database when they can no longer be relied on."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from app.core.clock import Clock
from app.core.database import Database
from venue.placement import leases, presence
from venue.placement.patience import Patience, Trouble
from venue.placement.presence import SeatNow

logger = logging.getLogger(__name__)

_NS_PER_MS = 1_000_000
_STUCK = 3
_SPARE_MS = 200
"""A lease is relied on for so much less than it lasts."""
_PRESENCE_EVERY_S = 1.0


class Keeper:
    """Renews all leases of a worker in one transaction, which also carries what is to be told of its seats.

    The renewal is never waited for longer than a lease lasts, and what it brings counts from the moment before it was sent.
    All calls belong to the event loop, except `claim` and `let_go`.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        worker_id: str,
        url: str,
        *,
        ttl_ms: int = leases.TTL_MS,
        every_s: float = leases.RENEW_EVERY_S,
    ) -> None:
        self.worker_id = worker_id
        self.url = url
        self._database = database
        self._clock = clock
        self._seats: Callable[[], Collection[SeatNow]] = tuple
        self._moved: Callable[[str], None] = lambda _room_id: None
        self._ttl_ms = ttl_ms
        self._every_s = every_s
        self._call = Patience(_STUCK, ttl_ms / 1000)
        self._trouble = Trouble(logger)
        self._renewing = asyncio.Lock()
        self._epochs: dict[str, int] = {}
        self._good_until_ns = 0
        self._told_ns: int | None = None

    @property
    def fresh(self) -> bool:
        """Whether the leases can be relied on now, by this process's own clock."""
        return self._clock.monotonic_ns() < self._good_until_ns

    def held(self, room_id: str) -> int | None:
        """The epoch under which this worker holds the room for sure; None when it does not, or cannot know."""
        return self._epochs.get(room_id) if self.fresh else None

    async def hold(self, room_id: str) -> int | None:
        """`held`, or what the rows say of a room that was given to this worker a moment ago."""
        if (epoch := self.held(room_id)) is not None:
            return epoch
        async with self._renewing:
            if self.held(room_id) is None:
                await self._renew_now()
        return self.held(room_id)

    @asynccontextmanager
    async def running(
        self, seats: Callable[[], Collection[SeatNow]], moved: Callable[[str], None]
    ) -> AsyncIterator["Keeper"]:
        """Keeps the leases while the block runs; at the end the rooms may be taken at once.

        seats: how all seats of this worker stand now. moved: told of each room that another worker holds by now.
        """
        self._seats, self._moved = seats, moved
        keeping = asyncio.create_task(self._run())
        try:
            yield self
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            self._good_until_ns = 0
            try:
                await self._call(self._let_go)
            except Exception:  # then the leases run out by themselves
                logger.exception("the leases of worker %s could not be given back", self.worker_id)

    async def renew(self) -> bool:
        """One renewal; False when the database did not take it in time."""
        async with self._renewing:  # what an earlier one found out must not be heard after a later one
            return await self._renew_now()

    async def drain(self) -> None:
        """No further room is given to this worker: it is about to stop."""
        try:
            await self._call(self._drain)
        except Exception:  # whoever is sent here meanwhile asks for another way
            logger.exception("worker %s could not say that it is about to stop", self.worker_id)

    def claim(self, room_id: str) -> int | None:
        """Takes a room that nobody holds; None while another worker does. From any thread."""
        with self._database.transaction() as session:
            return leases.claim(session, room_id, self.worker_id, self._ttl_ms)

    async def _renew_now(self) -> bool:
        sent_ns = self._clock.monotonic_ns()
        seats = self._due(sent_ns)
        try:
            held = await self._call(self._renew, seats)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the rooms go on; the next renewal may succeed
            self._trouble.began(error, "the leases of worker %s are not renewed; trying on", self.worker_id)
            return False
        self._trouble.over("the leases of worker %s are renewed again", self.worker_id)
        if seats:
            self._told_ns = sent_ns
        self._good_until_ns = max(self._good_until_ns, sent_ns + (self._ttl_ms - _SPARE_MS) * _NS_PER_MS)
        lost = self._epochs.keys() - held.keys()
        self._epochs = held
        for room_id in lost:
            logger.warning("room %s is held by another worker now", room_id)
            self._moved(room_id)
        return True

    async def _run(self) -> None:
        while True:
            await self.renew()
            await asyncio.sleep(self._every_s)

    def _due(self, now_ns: int) -> tuple[SeatNow, ...]:
        if self._told_ns is not None and now_ns - self._told_ns < _PRESENCE_EVERY_S * 1e9:
            return ()
        return tuple(self._seats())

    def _renew(self, seats: Collection[SeatNow]) -> dict[str, int]:
        with self._database.transaction() as session:
            held = leases.renew(session, self.worker_id, self._ttl_ms)
            if held is None:
                leases.sweep_out(session)
                leases.register(session, self.worker_id, self.url)
                held = leases.held_by(session, self.worker_id)
            presence.write(session, held, seats)
        return held

    def _drain(self) -> None:
        with self._database.transaction() as session:
            leases.drain(session, self.worker_id)

    def _let_go(self) -> None:
        with self._database.transaction() as session:
            leases.bury(session, self.worker_id)
