"""All online rooms of this process: who is in them, one connection per seat, and when a stay ends.

A room is recorded under the lease by which this process holds it. When another process has taken the room, its seats here
go on being recorded under the old lease until their pages have moved: what is lost is the right to decide, never a picture.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakValueDictionary

from app.core import bus
from app.core.clock import Clock
from app.core.errors import Conflict
from app.core.i18n import N_
from app.core.samples import SinkFactory, Source, TrackKey
from app.core.settings_rooms import MediaSettings, RecordingSettings
from venue.media.peer import SeatPeer
from venue.placement.patience import Patience
from venue.placement.presence import Reached, SeatNow
from venue.room.clock import RoomClock
from venue.room.events import EventKind, SeatEvent
from venue.room.journal import Journal
from venue.room.ports import (
    Arrival,
    Contest,
    Departure,
    Durable,
    HeldSeat,
    Leases,
    Ledgers,
    PeerFactory,
    Register,
)
from venue.room.protocol import ClientMessage, CloseCode, ClosedReason, Hello, MediaState
from venue.room.sitting import Connection, Fittings, Sitting

logger = logging.getLogger(__name__)

_REFRESH_EVERY = 10
"""Ticks between two looks at the rows without having been told of a change."""
_ENTER_THREADS, _LOOK_THREADS, _DISK_THREADS = 8, 4, 8
_ROWS_PATIENCE_S = 12.0
"""A locked SQLite gives up after ten seconds, and so does PostgreSQL."""
_DISK_PATIENCE_S = 60.0


class RoomHub:
    """Lets members in, keeps one connection per seat, and follows the evaluation's state.

    All methods belong to the event loop that runs `running`.
    """

    def __init__(
        self,
        *,
        register: Register,
        clock: Clock,
        sinks: SinkFactory,
        durable: Durable,
        leases: Leases,
        ledgers: Ledgers,
        media: MediaSettings,
        recording: RecordingSettings,
        peers: PeerFactory = SeatPeer,
        grace_s: float = 20.0,
        tick_s: float = 1.0,
    ) -> None:
        """durable: how far a track is on disk. grace_s: how long a seat without connection is kept."""
        self.register = register
        self.clock = clock
        self.lobby: set[object] = set()
        """Connections that have not yet said who they are."""
        self._fittings = Fittings(clock, sinks, durable, peers, media, recording.stale_after_ms)
        self._grace_s = grace_s
        self._tick_s = tick_s
        self._durable = durable
        self._leases = leases
        self._ledgers = ledgers
        self._journal = Journal(register.write, ledgers.durable)
        self._rows = Patience(_ENTER_THREADS, _ROWS_PATIENCE_S)
        self._look = Patience(_LOOK_THREADS, _ROWS_PATIENCE_S)
        self._disk = Patience(_DISK_THREADS, _DISK_PATIENCE_S)
        # Many come at once when rooms open or a worker has died: they wait for one another instead of being sent away.
        self._door = asyncio.Semaphore(_ENTER_THREADS)
        self._beginning = asyncio.Semaphore(_DISK_THREADS)
        self._begun: dict[str, int] = {}
        self._beginnings: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._clocks: dict[str, RoomClock] = {}
        self._sittings: dict[tuple[str, int], Sitting] = {}
        self._locks: WeakValueDictionary[tuple[str, int], asyncio.Lock] = WeakValueDictionary()
        self._followers: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator["RoomHub"]:
        """Runs the hub; at the end every seat is told that the service stops."""
        self._loop, self._stopping = asyncio.get_running_loop(), False
        self._spawn(self._journal.run())
        self._spawn(self._ticking())
        self._spawn(self._looking())
        try:
            yield self
        finally:
            await self.stop()

    async def enter(self, hello: Hello, connection: Connection) -> Sitting:
        """Lets the holder of the ticket in. Raises YuanpingError when the ticket or the seat is refused, or when another
        process holds the room: with a new ticket the page finds its way there."""
        async with self._door:
            held = await self._rows(self.register.redeem, hello.ticket)
        holder = held.holder
        await self._begin(held)
        key = (holder.room_id, holder.seat_no)
        async with self._lock(key):
            sitting = self._sittings.get(key)
            if sitting is not None and sitting.holder.member_id != holder.member_id:
                await self._end(sitting, ClosedReason.seat_released, CloseCode.not_admitted)
                sitting = None
            if sitting is None:
                sitting = Sitting(holder, self._clock_of(held), self._fittings, self._note, self._seat)
                self._sittings[key] = sitting
                self._follow(holder.room_id, holder.evaluation_id)
            sitting.update(holder)
            if sitting.taken_from(held.session_id, hello.page):
                self._journal.note(Contest(holder))
            sitting.session_id = held.session_id
            await sitting.take(connection, hello.page)
        return sitting

    async def handle(self, sitting: Sitting, connection: Connection, message: ClientMessage) -> None:
        async with self._lock((sitting.holder.room_id, sitting.holder.seat_no)):
            await sitting.handle(connection, message)

    def leave(self, sitting: Sitting, connection: Connection) -> None:
        """The connection is gone; the seat is kept for a while."""
        if sitting.lose(connection):
            self._keep_a_while(sitting)

    def tick(self) -> None:
        """Tells every seat how far its recording has reached the disk."""
        for sitting in tuple(self._sittings.values()):
            try:
                sitting.tick()
            except Exception:  # one seat's trouble must not put out the others' lights
                logger.exception("seat %s was not told of its recording", sitting.holder.seat_no)

    async def refresh(self, room_id: str) -> None:
        """Looks at the rows of a room's members: tells changes, and sends away who may no longer be there."""
        sittings = [s for s in tuple(self._sittings.values()) if s.holder.room_id == room_id]
        members = [sitting.holder.member_id for sitting in sittings]
        asked_as = {sitting: sitting.session_id for sitting in sittings}
        held_seats = await self._look(self.register.held_seats, members)
        for sitting, held in zip(sittings, held_seats, strict=True):
            if sitting.ended:
                continue
            if (
                held is not None
                and held.holder.admitted
                and not held.room_closed
                and _same_seat(sitting, held)
                and held.session_id == sitting.session_id
            ):
                sitting.update(held.holder)
                continue
            async with self._lock((room_id, sitting.holder.seat_no)):
                if held is not None and held.room_closed:
                    sitting.update(held.holder)
                    await self._end(sitting, ClosedReason.room_closed, CloseCode.room_closed)
                elif sitting.ended or (held is not None and sitting.session_id != asked_as[sitting]):
                    continue  # they have come again while we asked
                elif (
                    held is not None
                    and held.holder.admitted
                    and _same_seat(sitting, held)
                    and held.session_id
                ):
                    # They have signed in anew: whoever sits here by the earlier session goes at once, media too.
                    if await sitting.oust():
                        self._keep_a_while(sitting)
                else:
                    await self._end(sitting, ClosedReason.seat_released, CloseCode.not_admitted)

    async def close_room(self, room_id: str) -> None:
        """Sends everyone out and waits until their media has ended; the recording may be sealed afterwards."""
        for key in [key for key in self._sittings if key[0] == room_id]:
            async with self._lock(key):
                sitting = self._sittings.get(key)
                if sitting is not None:
                    await self._end(sitting, ClosedReason.room_closed, CloseCode.room_closed)
        self._clocks.pop(room_id, None)
        self._begun.pop(room_id, None)
        await self._journal.flush()

    def move_room(self, room_id: str) -> None:
        """Another process holds the room now: its pages are sent there. Until they have gone, everything here is recorded."""
        for sitting in tuple(self._sittings.values()):
            if sitting.holder.room_id == room_id and sitting.connection is not None:
                sitting.connection.close(CloseCode.moved)

    def seats(self) -> tuple[SeatNow, ...]:
        """Every seat as it is now, to be written down for others."""
        return tuple(self._seat_now(sitting) for sitting in tuple(self._sittings.values()))

    async def stop(self) -> None:
        """Tells every seat that the service stops, ends all media and writes down what waits."""
        self._stopping = True
        for sitting in tuple(self._sittings.values()):
            await self._end(sitting, ClosedReason.service_stopping, CloseCode.service_restart)
        await self._journal.flush()  # also waits for what is just being written
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._followers.clear()
        await self._journal.flush()

    async def _ticking(self) -> None:
        while True:
            await asyncio.sleep(self._tick_s)
            self.tick()

    async def _looking(self) -> None:
        """Apart from the ticks: while the database is away, lights go on telling the truth."""
        while True:
            await asyncio.sleep(self._tick_s * _REFRESH_EVERY)
            for room_id in tuple(self._followers):
                await self._refresh_or_log(room_id)

    async def _begin(self, held: HeldSeat) -> None:
        """Makes sure that the room is recorded under the lease by which it is held here; Conflict when it is not held."""
        room_id = held.holder.room_id
        lock = self._beginnings.get(room_id)
        if lock is None:
            lock = self._beginnings[room_id] = asyncio.Lock()
        async with lock:
            lease = await self._leases.hold(room_id)
            if lease is None:
                raise Conflict(
                    "room-elsewhere", N_("评标室已转到另一个音视频进程"), N_("页面会自动重新领取凭据")
                )
            if self._begun.get(room_id, 0) < lease:
                async with self._beginning:
                    await self._disk(self._ledgers.begin, room_id, lease, held.holder.zero_at)
                self._begun[room_id] = lease
                if lease > 1:
                    self._spawn(self._catch_up(room_id))

    async def _catch_up(self, room_id: str) -> None:
        """Rows for what an earlier holder of the room kept beside the recording and could not tell the database any more."""
        for noted in await self._disk(self._ledgers.read, room_id):
            self._journal.note(noted)

    def _note(self, event: SeatEvent) -> None:
        noted = self._ledgers.note(event)
        if noted is None:
            logger.warning("room %s has ended; %s is not kept", event.room_id, event.kind)
        else:
            self._journal.note(noted)

    def _follow(self, room_id: str, evaluation_id: str) -> None:
        if room_id not in self._followers:
            self._followers[room_id] = self._spawn(self._following(room_id, evaluation_id))

    async def _following(self, room_id: str, evaluation_id: str) -> None:
        async with bus.subscribe(f"evaluation:{evaluation_id}") as news:
            # Something may have changed between the rows that let the first member in and this subscription.
            await self._refresh_or_log(room_id)
            while self._followers.get(room_id) is asyncio.current_task():
                await news.get()
                while not news.empty():
                    news.get_nowait()  # one look at the rows answers them all
                await self._refresh_or_log(room_id)

    async def _refresh_or_log(self, room_id: str) -> None:
        try:
            await self.refresh(room_id)
        except Exception:  # the room goes on without the database; the next look may succeed
            logger.exception("room %s could not look at its rows", room_id)

    def _seat(self, sitting: Sitting) -> None:
        self._journal.note(Arrival(sitting.holder))

    def _keep_a_while(self, sitting: Sitting) -> None:
        if self._loop is not None and not self._stopping:
            self._loop.call_later(self._grace_s, self._spawn_gone, sitting, sitting.times_away)

    def _spawn_gone(self, sitting: Sitting, times_away: int) -> None:
        if not self._stopping:
            self._spawn(self._gone(sitting, times_away))

    async def _gone(self, sitting: Sitting, times_away: int) -> None:
        """The grace is over: unless the seat came back meanwhile, the member has left.

        Who cannot come back, because the room is not held here for sure, is recorded as long as their media comes.
        """
        room_id, away = (
            sitting.holder.room_id,
            sitting.connection is None and sitting.times_away == times_away,
        )
        if away and sitting.media is MediaState.connected and await self._leases.hold(room_id) is None:
            self._keep_a_while(sitting)
            return
        async with self._lock((sitting.holder.room_id, sitting.holder.seat_no)):
            if sitting.connection is None and sitting.times_away == times_away and not sitting.ended:
                await self._end(sitting, ClosedReason.seat_released, CloseCode.not_admitted)
                self._journal.note(Departure(sitting.holder))

    async def _end(self, sitting: Sitting, reason: ClosedReason, code: CloseCode) -> None:
        if sitting.ended:
            return
        room_id, seat_no = sitting.holder.room_id, sitting.holder.seat_no
        await sitting.end(reason, code)
        if reason is not ClosedReason.service_stopping:
            sitting.note(EventKind.seat_left)
        if self._sittings.get((room_id, seat_no)) is sitting:
            del self._sittings[room_id, seat_no]
        if not any(key[0] == room_id for key in self._sittings):
            follower = self._followers.pop(room_id, None)
            if follower is not None and follower is not asyncio.current_task():
                follower.cancel()  # one that ends its own room sees so and stops by itself

    def _seat_now(self, sitting: Sitting) -> SeatNow:
        holder, reached = sitting.holder, {}
        for source in Source:
            room_ms = self._durable(TrackKey(holder.room_id, holder.seat_no, source))
            if room_ms is not None:
                reached[source] = Reached(room_ms, max(sitting.room_ms - room_ms, 0))
        return SeatNow(
            room_id=holder.room_id,
            seat_no=holder.seat_no,
            connected=sitting.connection is not None,
            media=None if sitting.media is None else str(sitting.media),
            visible=sitting.visible,
            reached=reached,
            stats=sitting.stats,
        )

    def _clock_of(self, held: HeldSeat) -> RoomClock:
        room_id = held.holder.room_id
        if room_id not in self._clocks:
            self._clocks[room_id] = RoomClock(self.clock, held.holder.zero_at, held.last_ms)
        return self._clocks[room_id]

    def _lock(self, key: tuple[str, int]) -> asyncio.Lock:
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("work of the room hub failed", exc_info=error)


def _same_seat(sitting: Sitting, held: HeldSeat) -> bool:
    return (sitting.holder.room_id, sitting.holder.seat_no) == (held.holder.room_id, held.holder.seat_no)
