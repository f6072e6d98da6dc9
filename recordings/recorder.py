"""Takes the encoded frames of every seat and keeps them on disk in pieces of half a second (音视频同步录制).

The event loop only hands frames over; threads of the recorder write them, wait for the disk and then tell of them in
the index. Memory is bounded: when the disk is too slow, frames are dropped and the gap is written down.
"""

import logging
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zlib import crc32

from app.core.clock import Clock
from app.core.errors import Conflict, InvalidInput
from app.core.i18n import N_
from app.core.samples import Codec, EncodedSample, SampleSink, TrackKey
from recordings.cutter import FRAGMENT_MS, WAITING_FOR_KEYFRAME, Cut, Cutter
from recordings.manifest import MANIFEST_FILE, Manifest
from recordings.sealing import seal_room
from recordings.trackfile import CloseNote, GapNote, TrackFile

logger = logging.getLogger(__name__)

DISK_SLOW, DISK_FAILED, REPLACED, ROOM_CLOSED, SERVER_STOPPED = (
    "disk-slow",
    "disk-failed",
    "replaced",
    "room-closed",
    "server-stopped",
)
STALE_MS = 150
"""Frames that wait this much longer than a fragment lasts are written as they are: the seat has stopped sending."""
RETRY_MS = 1_000
"""After a disk error a new file is tried this long after the last try."""
_TICK_SECONDS = 0.1
_MS = 1_000_000
_ROOM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")

Note = Cut | GapNote | CloseNote


@dataclass(frozen=True, slots=True)
class Durable:
    """How far a track is safely on disk: room time of its last frame, and when (UTC) the disk had it."""

    room_ms: int
    at: datetime


class Recorder:
    """Gives out the sinks of all tracks; a `SinkFactory`.

    `__call__`, `durable` and the sinks are safe on the event loop. `close_room`, `settle` and `close` wait for the
    disk: call them from a thread.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        *,
        fragment_ms: int = FRAGMENT_MS,
        writers: int = 2,
        max_pending_bytes: int = 16 * 1024 * 1024,
    ) -> None:
        """directory: holds one directory per room. max_pending_bytes: media per track that may wait for the disk."""
        self.fragment_ms = fragment_ms
        self._directory = directory
        self._clock = clock
        self.max_pending_bytes = max_pending_bytes
        self._lock = threading.Lock()
        self._sinks: dict[TrackKey, _Sink] = {}
        self._durable: dict[TrackKey, Durable] = {}
        self._sealed: set[str] = set()
        self._writers = [_Writer(clock) for _ in range(writers)]
        for writer in self._writers:
            writer.start()

    def __call__(self, key: TrackKey, codec: Codec) -> SampleSink:
        """Opens the sink of a track; an earlier sink of the same track is closed first (reason `replaced`)."""
        self.room_path(key.room_id)
        writer = self._writers[crc32(repr(key).encode()) % len(self._writers)]
        with self._lock:
            if key.room_id in self._sealed or (self._directory / key.room_id / MANIFEST_FILE).exists():
                raise Conflict("recording-sealed", N_("本室录制已封存，不能再录入。"))
            earlier = self._sinks.get(key)
            sink = self._sinks[key] = _Sink(self, key, codec, writer)
        if earlier is not None:
            earlier.close(REPLACED)
        writer.watch(sink)
        return sink

    def durable(self, key: TrackKey) -> int | None:
        """Room time in milliseconds up to which this track is on disk; None while nothing is."""
        durable = self._durable.get(key)
        return durable.room_ms if durable else None

    def durable_at(self, key: TrackKey) -> datetime | None:
        """When the disk last confirmed bytes of this track: the recording light shows its age, not that we are alive."""
        durable = self._durable.get(key)
        return durable.at if durable else None

    def room_path(self, room_id: str) -> Path:
        """Where a room's recording lies. Raises InvalidInput for an id that is no plain name."""
        if not _ROOM_ID.fullmatch(room_id):
            raise InvalidInput("room-id", N_("评标室编号不合规。"))
        return self._directory / room_id

    def settle(self) -> None:
        """Cuts what waits, and returns when everything handed over so far is on disk."""
        with self._lock:
            sinks = tuple(self._sinks.values())
        for sink in sinks:
            sink.cut()
        for writer in self._writers:
            writer.barrier()

    def close_room(self, room_id: str, zero_at: datetime | None = None) -> Manifest:
        """Ends all tracks of a room and seals it; the second call returns the same manifest.

        zero_at: UTC of room time 0. Raises OSError when the disk does not take it; nothing is lost, call again.
        """
        room = self.room_path(room_id)
        with self._lock:
            self._sealed.add(room_id)
            sinks = [sink for key, sink in self._sinks.items() if key.room_id == room_id]
        for sink in sinks:
            sink.close(ROOM_CLOSED)
        for writer in self._writers:
            writer.barrier()
        return seal_room(room, room_id, self._clock.now(), zero_at, unfinished=DISK_FAILED)

    def close(self) -> None:
        """Ends every track (reason `server-stopped`) and the threads. Rooms stay open: they may go on after a restart."""
        with self._lock:
            sinks = tuple(self._sinks.values())
        for sink in sinks:
            sink.close(SERVER_STOPPED)
        for writer in self._writers:
            writer.stop()

    def _stored(self, key: TrackKey, room_ms: int) -> None:
        self._durable[key] = Durable(room_ms, self._clock.now())

    def _forget(self, sink: "_Sink") -> None:
        with self._lock:
            if self._sinks.get(sink.key) is sink:
                del self._sinks[sink.key]


class _Sink:
    """One track on its way to disk. The upper half runs on the event loop, the lower half on a writer's thread."""

    def __init__(self, recorder: Recorder, key: TrackKey, codec: Codec, writer: "_Writer") -> None:
        self.key = key
        self._recorder = recorder
        self._codec = codec
        self._writer = writer
        self._clock = recorder._clock  # noqa: SLF001 — a sink is a part of its recorder
        self._lock = threading.Lock()
        self._cutter = Cutter(codec, recorder.fragment_ms)
        self._stale_ns = (recorder.fragment_ms + STALE_MS) * _MS
        self._waiting_since_ns: int | None = None
        self._held = 0
        self._dropped_from: int | None = None
        self._latest_ms = 0
        self._closed = False
        # Only the writer's thread touches these.
        self._file: TrackFile | None = None
        self._failed_from: int | None = None
        self._retry_at_ns: int | None = None
        self._early: list[GapNote] = []

    # On the event loop

    def write(self, sample: EncodedSample) -> None:
        """Takes one frame; after `close` frames are no longer taken."""
        with self._lock:
            if self._closed:
                return
            self._latest_ms = max(self._latest_ms, sample.room_ms)
            cut, unshowable = self._cutter.add(sample)
            if unshowable is not None and self._dropped_from is None:
                self._put(GapNote(*unshowable, WAITING_FOR_KEYFRAME))
            if cut is not None:
                self._waiting_since_ns = None
                self._offer(cut)
            if self._waiting_since_ns is None and self._cutter.waiting:
                self._waiting_since_ns = self._clock.monotonic_ns()

    def lost(self, from_ms: int, to_ms: int, reason: str) -> None:
        with self._lock:
            if not self._closed and to_ms > from_ms:
                self._put(GapNote(from_ms, to_ms, reason))

    def close(self, reason: str) -> None:
        with self._lock:
            if self._closed:
                return
            self._cut()
            if self._dropped_from is not None and self._latest_ms > self._dropped_from:
                self._put(GapNote(self._dropped_from, self._latest_ms, DISK_SLOW))
            self._put(CloseNote(reason))
            self._closed = True

    def cut(self) -> None:
        with self._lock:
            if not self._closed:
                self._cut()

    def cut_if_stale(self, now_ns: int) -> None:
        with self._lock:
            since = self._waiting_since_ns
            if not self._closed and since is not None and now_ns - since >= self._stale_ns:
                self._cut()

    def _cut(self) -> None:
        self._waiting_since_ns = None
        if (cut := self._cutter.cut()) is not None:
            self._offer(cut)

    def _offer(self, cut: Cut) -> None:
        """Queues a fragment, or drops it when too much already waits for the disk."""
        if self._held and self._held + cut.weight > self._recorder.max_pending_bytes:
            if self._dropped_from is None:
                self._dropped_from = cut.from_ms
                logger.warning("disk too slow for %s, dropping from %d ms", self.key, cut.from_ms)
            self._cutter.await_keyframe()
            return
        if self._dropped_from is not None:
            self._put(GapNote(self._dropped_from, cut.from_ms, DISK_SLOW))
            self._dropped_from = None
        self._put(cut)

    def _put(self, note: Note) -> None:
        if isinstance(note, Cut):
            self._held += note.weight
        self._writer.put(self, note)

    # On the writer's thread

    def store(self, notes: Sequence[Note]) -> None:
        """Brings notes to disk; trouble with one track's file must never stop the others."""
        try:
            ready = [note for note in notes if self._ready(note)]
            if self._file is not None and ready:
                self._file.append(ready)
                stored = [note.to_ms for note in ready if isinstance(note, Cut)]
                if stored:
                    self._recorder._stored(self.key, stored[-1])  # noqa: SLF001
        except Exception:
            logger.exception("cannot store %s", self.key)
            self._fail(notes)
        finally:
            with self._lock:
                self._held -= sum(note.weight for note in notes if isinstance(note, Cut))
        if any(isinstance(note, CloseNote) for note in notes):
            if self._file is not None:
                self._file.release()
                self._file = None
            self._recorder._forget(self)  # noqa: SLF001
            self._writer.unwatch(self)

    def _ready(self, note: Note) -> bool:
        """Whether a note can go into the file now; the first fragment that can be shown opens one."""
        if self._file is not None:
            return True
        if isinstance(note, GapNote):
            self._early.append(note)
        if not isinstance(note, Cut):
            return False
        now_ns = self._clock.monotonic_ns()
        resting = self._retry_at_ns is not None and now_ns < self._retry_at_ns
        if not note.keyframe or resting:
            self._failed_from = note.from_ms if self._failed_from is None else self._failed_from
            return False
        self._retry_at_ns = now_ns + RETRY_MS * _MS
        room = self._recorder.room_path(self.key.room_id)
        self._file = TrackFile.create(room, self.key, self._codec, note.size or (0, 0), self._clock)
        if self._failed_from is not None:
            self._early.append(GapNote(self._failed_from, note.from_ms, DISK_FAILED))
            self._failed_from = None
        if self._early:
            self._file.append(self._early)
            self._early = []
        return True

    def _fail(self, notes: Sequence[Note]) -> None:
        cuts = [note for note in notes if isinstance(note, Cut)]
        if self._failed_from is None and cuts:
            self._failed_from = cuts[0].from_ms
        # Gaps are told again in the next file, at worst twice.
        self._early += [note for note in notes if isinstance(note, GapNote) and note not in self._early]
        if self._file is not None:
            self._file.release()
            self._file = None


class _Writer(threading.Thread):
    """Brings the notes of some tracks to disk, in order for each track."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(name="recorder", daemon=True)
        self._clock = clock
        self._wake = threading.Condition()
        self._notes: list[tuple[_Sink, Note]] = []
        self._barriers: list[threading.Event] = []
        self._sinks: set[_Sink] = set()
        self._stopping = False

    def put(self, sink: _Sink, note: Note) -> None:
        with self._wake:
            self._notes.append((sink, note))
            self._wake.notify()

    def watch(self, sink: _Sink) -> None:
        with self._wake:
            self._sinks.add(sink)

    def unwatch(self, sink: _Sink) -> None:
        with self._wake:
            self._sinks.discard(sink)

    def barrier(self) -> None:
        """Returns when everything put before is stored."""
        done = threading.Event()
        with self._wake:
            if self._stopping:
                return
            self._barriers.append(done)
            self._wake.notify()
        done.wait()

    def stop(self) -> None:
        """Stores what waits and ends the thread."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self.join()

    def run(self) -> None:
        while True:
            with self._wake:
                if not (self._notes or self._barriers or self._stopping):
                    self._wake.wait(_TICK_SECONDS)
                notes, self._notes = self._notes, []
                barriers, self._barriers = self._barriers, []
                sinks, stopping = tuple(self._sinks), self._stopping
            by_sink: dict[_Sink, list[Note]] = {}
            for sink, note in notes:
                by_sink.setdefault(sink, []).append(note)
            for sink, waiting in by_sink.items():
                sink.store(waiting)
            for done in barriers:
                done.set()
            if stopping and not notes:
                return
            now_ns = self._clock.monotonic_ns()
            for sink in sinks:
                sink.cut_if_stale(now_ns)
