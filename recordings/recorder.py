"""Takes the encoded frames of every seat and keeps them on disk in pieces of half a second (音视频同步录制).

The event loop only hands frames over, without a lock. Threads of the recorder wake about twice a second, cut what has
come for all their tracks, write it, wait for the disk and then tell of it in the indexes. Memory is bounded: when the
disk is too slow, frames are dropped and the gap is written down.
"""

import logging
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zlib import crc32

from app.core.clock import Clock
from app.core.errors import Conflict, InvalidInput
from app.core.i18n import N_
from app.core.samples import Codec, SampleSink, TrackKey
from recordings.cutter import FRAGMENT_MS
from recordings.events import EventLedger, LedgerEvent
from recordings.lines import events_file
from recordings.manifest import MANIFEST_FILE, Manifest
from recordings.sealing import seal_room
from recordings.signing import Signer
from recordings.sink import REPLACED, Sink
from recordings.trackfile import Begun
from recordings.writer import LedgerWriter, Writer

logger = logging.getLogger(__name__)

ROOM_CLOSED, SERVER_STOPPED = "room-closed", "server-stopped"
CLOCK_STEPPED = "clock-stepped"
STEP_MS = 100
"""A wall clock that differs by more from what the monotonic clock led to expect was set, and the events say so."""
WAKE = 0.9
"""Writers wake after this part of a fragment's length, so that a fragment rarely has to be divided."""
_MS = 1_000_000
_ROOM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


@dataclass(slots=True)
class _Room:
    """A room under its newest lease. zero_ns: monotonic time of room time 0."""

    begun: Begun
    ledger: EventLedger
    zero_ns: int
    connections: dict[TrackKey, int]


class Recorder:
    """Gives out the sinks of all tracks; a `SinkFactory`.

    `begin`, `events`, `__call__`, `durable` and the sinks are safe on the event loop; one sink belongs to one thread.
    `close_room`, `settle` and `close` wait for the disk: call them from a thread.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        *,
        fragment_ms: int = FRAGMENT_MS,
        roll_s: int = 300,
        writers: int = 2,
        max_pending_bytes: int = 16 * 1024 * 1024,
        most_pending_bytes: int = 512 * 1024 * 1024,
        signer: Signer | None = None,
        wake_s: float | None = None,
    ) -> None:
        """directory: holds one directory per room. max_pending_bytes, most_pending_bytes: media of one track, and of all,
        that may wait for the disk. roll_s: a track's file is followed by the next after this long. signer: puts the
        house's name under manifests. wake_s: how often writers look, when not as the length of fragments suggests.
        """
        self.fragment_ms = fragment_ms
        self.roll_ms = roll_s * 1000
        self.max_pending_bytes = max_pending_bytes
        self.most_pending_bytes = most_pending_bytes
        self.share_bytes = max_pending_bytes
        self.clock = clock
        self._directory = directory
        self._signer = signer
        self._lock = threading.Lock()
        self._rooms: dict[str, _Room] = {}
        self._sinks: dict[TrackKey, Sink] = {}
        self._durable: dict[TrackKey, int] = {}
        self._sealed: set[str] = set()
        self._leases: dict[str, int] = {}
        self._listeners: tuple[Callable[[TrackKey, int], None], ...] = ()
        self._wall_ns = self._wall_offset()
        wake_s = fragment_ms * WAKE / 1000 if wake_s is None else wake_s
        self._writers = [Writer(clock, wake_s, None if n else self._watch_wall) for n in range(writers)]
        self._ledgers = LedgerWriter()
        for thread in (*self._writers, self._ledgers):
            thread.start()

    def begin(self, room_id: str, lease: int, zero_at: datetime, zero_uncertainty_ms: int = 0) -> None:
        """Tells under which lease a room is recorded from now on, and the UTC of its room time 0.

        A second call with the same lease, or one of an older, changes nothing; sinks opened later belong to the newest.
        Raises Conflict when the room is sealed, or when files of this lease are there already: nobody may add to them.
        """
        room = self.room_path(room_id)
        with self._lock:
            known = self._rooms.get(room_id)
            if known is not None and known.begun.lease >= lease:
                return
            self._require_open(room_id)
            if (room / events_file(lease)).exists():
                raise Conflict(
                    "lease-used",
                    N_("本室已按这一租约录制过，不能接着写入"),
                    N_("请重新取得本室的租约"),
                )
            before = self.clock.monotonic_ns()
            now = self.clock.now()
            after = self.clock.monotonic_ns()
            own_uncertainty_ms = max(1, -(-(after - before) // (2 * _MS)))
            begun = Begun(
                room_id, lease, max(_wall_ms(zero_at), 0), max(zero_uncertainty_ms, 0) + own_uncertainty_ms
            )
            zero_ns = after - round((now - zero_at).total_seconds() * 1_000_000_000)
            ledger = EventLedger(room, begun, self.clock, self._ledgers.put)
            self._rooms[room_id] = _Room(begun, ledger, zero_ns, {})
        if known is not None:
            known.ledger.close(REPLACED)

    def events(self, room_id: str) -> EventLedger:
        """Where the events of a room are noted, under its newest lease. Raises Conflict for a room that was not begun."""
        return self._room(room_id).ledger

    def __call__(self, key: TrackKey, codec: Codec) -> SampleSink:
        """Opens the next connection of a track; an earlier one is closed first (reason `replaced`).

        Raises Conflict when the room was not begun, or is sealed.
        """
        self.room_path(key.room_id)
        writer = self._writers[crc32(repr(key).encode()) % len(self._writers)]
        with self._lock:
            self._require_open(key.room_id)
            room = self._room(key.room_id)
            connection = room.connections[key] = room.connections.get(key, 0) + 1
            earlier = self._sinks.get(key)
            sink = self._sinks[key] = Sink(self, room.begun, key, codec, connection)
            self._share()
        if earlier is not None:
            earlier.close(REPLACED)
        writer.add(sink)
        return sink

    def durable(self, key: TrackKey) -> int | None:
        """Room time in milliseconds up to which this track is on disk; None while nothing is, and once its room is sealed."""
        return self._durable.get(key)

    def listen(self, listener: Callable[[TrackKey, int], None]) -> Callable[[], None]:
        """From now on tells (track, room time) each time more of it is on disk; returns what ends that.

        The listener is called on a writer's thread and must not take long.
        """
        with self._lock:
            self._listeners = (*self._listeners, listener)
        return lambda: self._unlisten(listener)

    def room_path(self, room_id: str) -> Path:
        """Where a room's recording lies. Raises InvalidInput for an id that is no plain name."""
        if not _ROOM_ID.fullmatch(room_id):
            raise InvalidInput("room-id", N_("评标室编号不合规。"))
        return self._directory / room_id

    def settle(self) -> None:
        """Cuts what waits, and returns when everything handed over so far is on disk."""
        for thread in (*self._writers, self._ledgers):
            thread.barrier()

    def close_room(self, room_id: str, zero_at: datetime | None = None, *, force: bool = False) -> Manifest:
        """Ends all tracks of a room and seals it; the second call returns the same manifest.

        zero_at: UTC of room time 0. Raises OSError when the disk does not take it, and Unavailable while another process
        still writes into the room (unless force): nothing is lost, call again.
        """
        room = self.room_path(room_id)
        with self._lock:
            self._sealed.add(room_id)
            sinks = [sink for key, sink in self._sinks.items() if key.room_id == room_id]
            begun = self._rooms.pop(room_id, None)
            if begun is not None:
                self._leases[room_id] = begun.begun.lease
        for sink in sinks:
            sink.close(ROOM_CLOSED)
        if begun is not None:
            begun.ledger.close(ROOM_CLOSED)
        self.settle()
        manifest = seal_room(
            room,
            room_id,
            self.clock.now(),
            zero_at,
            own_lease=self._leases.get(room_id),
            signer=self._signer,
            force=force,
        )
        with self._lock:  # the manifest says from now on that nothing is added; a process that runs for years forgets the rest
            self._sealed.discard(room_id)
            self._leases.pop(room_id, None)
            for key in [key for key in tuple(self._durable) if key.room_id == room_id]:
                del self._durable[key]
        return manifest

    def close(self) -> None:
        """Ends every track (reason `server-stopped`) and the threads. Rooms stay open: they may go on after a restart."""
        with self._lock:
            sinks, rooms = tuple(self._sinks.values()), tuple(self._rooms.values())
        for sink in sinks:
            sink.close(SERVER_STOPPED)
        for room in rooms:
            room.ledger.close(SERVER_STOPPED)
        for thread in (*self._writers, self._ledgers):
            thread.stop()

    # For sinks and writers

    def stored(self, key: TrackKey, room_ms: int) -> None:
        """A writer's word that a track is on disk up to a room time."""
        self._durable[key] = room_ms
        for listener in self._listeners:
            listener(key, room_ms)

    def forget(self, sink: Sink) -> None:
        """A sink is closed and all of it on disk."""
        with self._lock:
            if self._sinks.get(sink.key) is sink:
                del self._sinks[sink.key]
                self._share()

    def _room(self, room_id: str) -> _Room:
        room = self._rooms.get(room_id)
        if room is None:
            raise Conflict("recording-not-begun", N_("本室还没有开始录制"), N_("请重新进入本室"))
        return room

    def _require_open(self, room_id: str) -> None:
        if room_id in self._sealed or (self._directory / room_id / MANIFEST_FILE).exists():
            raise Conflict("recording-sealed", N_("本室录制已封存，不能再录入。"))

    def _share(self) -> None:
        """Divides among the tracks what may wait for the disk, so that together they keep the bound."""
        self.share_bytes = min(self.max_pending_bytes, self.most_pending_bytes // max(len(self._sinks), 1))

    def _unlisten(self, listener: Callable[[TrackKey, int], None]) -> None:
        with self._lock:
            self._listeners = tuple(one for one in self._listeners if one is not listener)

    def _wall_offset(self) -> int:
        return round(self.clock.now().timestamp() * 1_000_000_000) - self.clock.monotonic_ns()

    def _watch_wall(self) -> None:
        """Notes in every room that the server's wall clock was set. Room time goes on by the monotonic clock."""
        with self._lock:
            offset = self._wall_offset()
            stepped_ms = round((offset - self._wall_ns) / _MS)
            self._wall_ns = offset
            rooms = tuple(self._rooms.values()) if abs(stepped_ms) > STEP_MS else ()
        for room in rooms:
            logger.warning("the wall clock was set by %d ms", stepped_ms)
            room_ms = (self.clock.monotonic_ns() - room.zero_ns) // _MS
            wall_ms = _wall_ms(self.clock.now())
            room.ledger.note(LedgerEvent(room_ms, wall_ms, None, CLOCK_STEPPED, {"by_ms": stepped_ms}))


def _wall_ms(moment: datetime) -> int:
    return round(moment.astimezone(UTC).timestamp() * 1000)
