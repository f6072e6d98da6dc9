"""One track on its way to disk. What hands frames over runs on the event loop, the rest on a writer's thread."""

import errno
import logging
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from app.core.allowance import Allowance
from app.core.clock import Clock
from app.core.samples import ClockNote, Codec, EncodedSample, TrackKey
from recordings.cutter import CloseNote, Cut, Cutter, GapNote, Note, Picture, weight
from recordings.manifest import MANIFEST_FILE
from recordings.trackfile import Begun, TrackFile, make_room, name_of

logger = logging.getLogger(__name__)

DISK_SLOW, DISK_FAILED, REPLACED = "disk-slow", "disk-failed", "replaced"
ROLLED, CHANGED = "rolled", "picture-changed"
RETRY_MS = 1_000
"""After a disk error a new file is tried this long after the last try."""
CHANGES_AT_ONCE, CHANGES_PER_S = 16, 0.5
"""So often a picture of another kind gets a file of its own. One that changes faster goes on in the file it is in."""
MOST_EARLY = 1_000
"""So many gaps and sender reports are kept for a file that cannot be begun; then the oldest give way to the newest."""
_MS = 1_000_000

_Handed = EncodedSample | GapNote | ClockNote | CloseNote


class Keeper(Protocol):
    """What a sink asks of its recorder."""

    clock: Clock
    fragment_ms: int
    roll_ms: int
    share_bytes: int

    def room_path(self, room_id: str) -> Path: ...

    def stored(self, key: TrackKey, room_ms: int) -> None: ...

    def forget(self, sink: "Sink") -> None: ...


@dataclass(slots=True, eq=False)
class Job:
    """What goes into one file in one go. fresh: the file is new; last: it ends with this."""

    sink: "Sink"
    file: TrackFile
    notes: list[Note] = field(default_factory=list)
    fresh: bool = False
    last: bool = False


class Sink:
    """A `SampleSink`; belongs to one thread."""

    def __init__(self, keeper: Keeper, begun: Begun, key: TrackKey, codec: Codec, connection: int) -> None:
        self.key = key
        self.room = keeper.room_path(key.room_id)
        self._keeper = keeper
        self._begun = begun
        self._codec = codec
        self._connection = connection
        self._inbox: deque[_Handed] = deque()
        self._taken = 0
        self._dropped_from: int | None = None
        self._dropped_to = 0
        self._closed = False
        # Only the writer's thread touches these.
        self.ended = False
        self._released = 0
        self._cutter = Cutter(codec, keeper.fragment_ms)
        self._file: TrackFile | None = None
        self._part = 0
        self._part_from_ms = 0
        self._picture: Picture | None = None
        self._changes = Allowance(CHANGES_AT_ONCE, CHANGES_PER_S)
        self._early: list[GapNote | ClockNote] = []
        self._failed_from: int | None = None
        self._retry_at_ns = 0

    # On the event loop

    @property
    def held(self) -> int:
        """Bytes of memory that media takes which waits for the disk."""
        return self._taken - self._released

    def write(self, sample: EncodedSample) -> None:
        """Takes one frame; after `close` frames are no longer taken."""
        if self._closed:
            return
        size = weight(sample.data)
        much = self._taken - self._released + size > self._keeper.share_bytes
        if (much or self._dropped_from is not None) and not self._resumes(sample, size):
            return
        self._taken += size
        self._inbox.append(sample)

    def lost(self, from_ms: int, to_ms: int, reason: str) -> None:
        """Takes a gap; while frames are dropped anyway, theirs tells of it."""
        if not self._closed and to_ms > from_ms and self._dropped_from is None:
            self._inbox.append(GapNote(from_ms, to_ms, reason))

    def clock(self, note: ClockNote) -> None:
        if not self._closed:
            self._inbox.append(note)

    def close(self, reason: str) -> None:
        if self._closed:
            return
        self._closed = True
        if self._dropped_from is not None and self._dropped_to > self._dropped_from:
            self._inbox.append(GapNote(self._dropped_from, self._dropped_to, DISK_SLOW))
        self._inbox.append(CloseNote(reason))

    def _resumes(self, sample: EncodedSample, size: int) -> bool:
        """Whether a frame may be taken though others before it were dropped, or though much waits for the disk."""
        held = self._taken - self._released
        if held and held + size > self._keeper.share_bytes:
            if self._dropped_from is None:
                self._dropped_from = sample.room_ms
                logger.warning("disk too slow for %s, dropping from %d ms", self.key, sample.room_ms)
            self._dropped_to = sample.room_ms
            return False
        if self._dropped_from is None:
            return True
        if not sample.keyframe:  # pictures refer to dropped ones until a key frame comes
            self._dropped_to = sample.room_ms
            return False
        if sample.room_ms > self._dropped_from:
            self._inbox.append(GapNote(self._dropped_from, sample.room_ms, DISK_SLOW))
        self._dropped_from = None
        return True

    # On the writer's thread

    def gather(self, wall_ms: int) -> list[Job]:
        """What has been handed over since the last time, cut, and each piece with the file it belongs into."""
        if not self._inbox:
            return []
        jobs: list[Job] = []
        for note in self._drain():
            if isinstance(note, Cut):
                self._place(note, jobs, wall_ms)
            elif isinstance(note, CloseNote):
                self.ended = True
                if self._file is not None:
                    self._end(self._file, note, jobs)
                break
            elif self._file is not None:
                _job(self, self._file, jobs).notes.append(note)
            else:
                self._keep_early(note)
        return jobs

    def forget(self) -> None:
        """Nothing more will come of this sink."""
        self._keeper.forget(self)

    def done(self, job: Job) -> None:
        """A job is on disk."""
        stored = [note.to_ms for note in job.notes if isinstance(note, Cut)]
        if stored:
            self._keeper.stored(self.key, stored[-1])
        self._finish(job)

    def fail(self, job: Job) -> None:
        """A job could not be brought to disk; trouble with one track's file must never stop the others."""
        gaps = [note for note in job.notes if isinstance(note, GapNote)]
        # What the disk did not take before is told anew with this, up to where media goes on.
        failed = [gap for gap in gaps if gap.reason == DISK_FAILED]
        lost: list[GapNote | Cut] = [*failed, *(note for note in job.notes if isinstance(note, Cut))]
        if lost and self._file not in {job.file, None}:
            # The next file has begun already, and goes on.
            self._keep_early(GapNote(lost[0].from_ms, lost[-1].to_ms, DISK_FAILED))
        elif lost and self._failed_from is None:
            self._failed_from = lost[0].from_ms
        # Gaps are told again in the next file, at worst twice.
        for gap in gaps:
            if gap not in failed and gap not in self._early:
                self._keep_early(gap)
        if self._file is job.file:
            self._file = None
        job.file.withdraw_if_empty()
        job.last = True
        self._finish(job)

    def _finish(self, job: Job) -> None:
        self._released += sum(_weight(note) for note in job.notes if isinstance(note, Cut))
        if job.last:
            job.file.release()

    def _drain(self) -> list[Note]:
        cutter, inbox = self._cutter, self._inbox
        notes: list[Note] = []
        for _ in range(len(inbox)):
            handed = inbox.popleft()
            if isinstance(handed, EncodedSample):
                cutter.add(handed, notes)
            elif isinstance(handed, GapNote):
                if handed.reason == DISK_SLOW:
                    cutter.cut(notes)
                    cutter.await_keyframe()
                cutter.tell(handed, notes)
            else:
                if isinstance(handed, CloseNote):
                    cutter.cut(notes)
                notes.append(handed)
        cutter.cut(notes)
        self._released += cutter.take_discarded()
        return notes

    def _keep_early(self, note: GapNote | ClockNote) -> None:
        """Keeps what was told while there is no file, for the next one; never more than a bound."""
        self._early.append(note)
        if len(self._early) > MOST_EARLY:
            del self._early[0]

    def _place(self, cut: Cut, jobs: list[Job], wall_ms: int) -> None:
        if self._file is not None and cut.keyframe:
            if cut.picture != self._picture and self._changes.take(self._keeper.clock.monotonic_ns()):
                self._end(self._file, CloseNote(CHANGED), jobs)
            elif cut.from_ms - self._part_from_ms >= self._keeper.roll_ms:
                self._end(self._file, CloseNote(ROLLED), jobs)
        file = self._file or self._open(cut, jobs, wall_ms)
        if file is None:
            self._released += _weight(cut)
            return
        job = _job(self, file, jobs)
        if self._failed_from is not None:
            job.notes.append(GapNote(self._failed_from, cut.from_ms, DISK_FAILED))
            self._failed_from = None
        if self._early:
            job.notes += self._early
            self._early = []
        job.notes.append(cut)

    def _open(self, cut: Cut, jobs: list[Job], wall_ms: int) -> TrackFile | None:
        """Begins the next part with a fragment that can be shown; None while the disk refuses."""
        now_ns = self._keeper.clock.monotonic_ns()
        resting = self._failed_from is not None and now_ns < self._retry_at_ns
        if cut.keyframe and not resting:
            self._retry_at_ns = now_ns + RETRY_MS * _MS
            try:
                self._file = self._create(cut, wall_ms)
            except OSError:
                logger.exception("cannot begin a file for %s", self.key)
            else:
                self._picture, self._part_from_ms = cut.picture, cut.from_ms
                jobs.append(Job(self, self._file, fresh=True))
                return self._file
        if self._failed_from is None:
            self._failed_from = cut.from_ms
        return None

    def _create(self, cut: Cut, wall_ms: int) -> TrackFile:
        """The next part under a name that nobody has used; the file system decides, should two ask at once.

        A process that stood still may find that the room was sealed without it: nothing is added to that any more.
        """
        make_room(self.room)
        if (self.room / MANIFEST_FILE).exists():
            raise OSError(errno.EROFS, "the room has been sealed", str(self.room))
        while True:
            self._part += 1
            name = name_of(
                self._begun, self.key.seat_no, self.key.source, self._codec, self._connection, self._part
            )
            try:
                return TrackFile.create(self.room, self._begun, name, self._codec, cut.picture, wall_ms)
            except FileExistsError:
                continue

    def _end(self, file: TrackFile, note: CloseNote, jobs: list[Job]) -> None:
        job = _job(self, file, jobs)
        job.notes.append(note)
        job.last = True
        self._file = None


def _job(sink: Sink, file: TrackFile, jobs: list[Job]) -> Job:
    """The one for this file, which is the newest of its sink."""
    if not jobs or jobs[-1].file is not file:
        jobs.append(Job(sink, file))
    return jobs[-1]


def _weight(cut: Cut) -> int:
    return sum(weight(block.data) for block in cut.blocks)
