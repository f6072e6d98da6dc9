"""What may be done with a room's recording: begin it, note that it is sealed, open it for replay, check it.

Database work flushes and never commits. Files are read outside of any transaction.
"""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from sqlmodel import Session

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.errors import NotFound
from app.core.i18n import N_
from recordings import repository
from recordings.manifest import (
    MANIFEST_FILE,
    Fragment,
    IndexReading,
    Malformed,
    TrackName,
    parse_manifest,
    read_index,
)
from recordings.models import RoomRecording
from recordings.trackfile import track_names
from recordings.verify import Verdict

WATCHED_AGAIN_AFTER = timedelta(hours=1)


class RecordingState(StrEnum):
    """Where a room's recording stands."""

    recording = "recording"  # media may still be added
    sealed = "sealed"  # the manifest is written, nothing is added any more


class Viewings:
    """Remembers which tracks a viewer has just been noted for, so that the trail holds one line and not thousands."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._noted: OrderedDict[tuple[str, str, str], datetime] = OrderedDict()

    def first(self, now: datetime, actor_id: str, room_id: str, track_id: str) -> bool:
        """Whether this viewer's look at this track is still to be written into the audit trail."""
        key = (actor_id, room_id, track_id)
        with self._lock:
            noted = self._noted.get(key)
            if noted is not None and now - noted < WATCHED_AGAIN_AFTER:
                return False
            self._noted[key] = now
            self._noted.move_to_end(key)
            if len(self._noted) > self._limit:
                self._noted.popitem(last=False)
            return True

    def forget(self, actor_id: str, room_id: str, track_id: str) -> None:
        """Takes a note back because it could not be written."""
        with self._lock:
            self._noted.pop((actor_id, room_id, track_id), None)


def begin(session: Session, now: datetime, *, room_id: str, evaluation_id: str) -> RoomRecording:
    """Notes that a room is recorded from now on; a second call changes nothing."""
    row = repository.get(session, room_id)
    if row is None:
        row = RoomRecording(
            room_id=room_id, evaluation_id=evaluation_id, state=RecordingState.recording, started_at=now
        )
        session.add(row)
        session.flush()
    return row


def seal(session: Session, now: datetime, *, room_id: str, manifest_sha256: str) -> RoomRecording:
    """Notes the hash of the manifest that `Recorder.close_room` wrote; a second call changes nothing."""
    row = find(session, room_id)
    if row.state != RecordingState.sealed:
        row.state, row.sealed_at, row.manifest_sha256 = RecordingState.sealed, now, manifest_sha256
        session.add(row)
        session.flush()
    return row


def find(session: Session, room_id: str) -> RoomRecording:
    """The row of a room's recording. Raises NotFound."""
    row = repository.get(session, room_id)
    if row is None:
        raise _no_recording()
    return row


def of_evaluation(session: Session, evaluation_id: str) -> RoomRecording | None:
    """The recording of an evaluation's room, None when nothing was recorded yet."""
    return repository.of_evaluation(session, evaluation_id)


def note_replay(session: Session, now: datetime, actor_id: str, row: RoomRecording) -> None:
    """Writes into the audit trail that somebody opened the replay of a room."""
    audit.record(
        session,
        now,
        case=row.evaluation_id,
        tag=Tag.recording_replayed,
        actor=actor_id,
        subject=row.room_id,
    )


def note_track(session: Session, now: datetime, actor_id: str, row: RoomRecording, track_id: str) -> None:
    """Writes into the audit trail that somebody began to watch or hear one track."""
    audit.record(
        session,
        now,
        case=row.evaluation_id,
        tag=Tag.recording_track_watched,
        actor=actor_id,
        subject=row.room_id,
        data={"track": track_id},
    )


def note_verdict(
    session: Session, now: datetime, actor_id: str, row: RoomRecording, verdict: Verdict
) -> None:
    """Writes into the audit trail that a recording was checked, and what came of it."""
    audit.record(
        session,
        now,
        case=row.evaluation_id,
        tag=Tag.recording_verified,
        actor=actor_id,
        subject=row.room_id,
        data={"ok": verdict.ok, "findings": len(verdict.findings), "manifest": verdict.sha256},
    )


def track_file(room: Path, track_id: str) -> Path:
    """The media file of a track by its id (`seat-3-camera-1`). Raises NotFound."""
    name = TrackName.parse(track_id)
    if name is None or not (room / name.media).is_file():
        raise NotFound("track-not-found", N_("没有这一路录制"))
    return room / name.media


def load_readings(room: Path) -> tuple[tuple[TrackName, IndexReading], ...]:
    """Every index of a room, from memory where the file has not grown. No directory means no tracks yet."""
    if not room.is_dir():
        return ()
    readings = []
    for name in track_names(room):
        try:
            status = (room / name.index).stat()
        except FileNotFoundError:
            continue
        readings.append((name, _reading(room / name.index, status.st_size, status.st_mtime_ns)))
    return tuple(readings)


def zero_wall_ms(room: Path, readings: tuple[tuple[TrackName, IndexReading], ...]) -> int | None:
    """UTC of room time 0 in milliseconds: from the manifest, else reckoned from when fragments were cut."""
    try:
        told = parse_manifest((room / MANIFEST_FILE).read_bytes()).zero_wall_ms
    except (OSError, Malformed):
        told = None
    if told is not None:
        return told
    reckoned = (
        line.act.wall_ms - line.act.arrived_ms
        for _, reading in readings
        for line in reading.lines
        if isinstance(line.act, Fragment)
    )
    return min(reckoned, default=None)


@lru_cache(maxsize=512)
def _reading(index: Path, _size: int, _mtime_ns: int) -> IndexReading:
    return read_index(index.read_bytes())


def _no_recording() -> NotFound:
    return NotFound("recording-not-found", N_("没有这间评标室的录制"), N_("请从评标页面进入回放"))
