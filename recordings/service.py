"""What may be done with a room's recording: begin it, note that it is sealed, open it for replay, check it.

Database work flushes and never commits. Files are read outside of any transaction.
"""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.canonical import Canonical
from app.core.errors import NotFound
from app.core.i18n import N_
from recordings import repository
from recordings.models import RoomRecording
from recordings.verify import Verdict

Recording = RoomRecording
"""What others know a room's recording by."""


class RecordingState(StrEnum):
    """Where a room's recording stands."""

    recording = "recording"  # media may still be added
    sealed = "sealed"  # the manifest is written, nothing is added any more


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


def dispose(session: Session, now: datetime, row: RoomRecording) -> None:
    """Notes that the media of a sealed recording are to be deleted; from now on nobody is shown any of it."""
    row.disposed_at = now
    session.add(row)
    session.flush()


def require_there(row: RoomRecording) -> None:
    """Raises NotFound once the recording has been disposed of."""
    if row.disposed_at is not None:
        raise NotFound(
            "recording-disposed",
            N_("这份录制已于 {on} 处置，只留存封存清单和留痕"),
            N_("在评标的保管页面查看处置决定"),
            on=row.disposed_at.date().isoformat(),
        )


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
    _note(session, now, actor_id, row, Tag.recording_replayed)


def note_track(session: Session, now: datetime, actor_id: str, row: RoomRecording, track_id: str) -> None:
    """Writes into the audit trail that somebody began to watch or hear one track."""
    _note(session, now, actor_id, row, Tag.recording_track_watched, track=track_id)


def note_live(
    session: Session, now: datetime, actor_id: str, row: RoomRecording, track: str, from_ms: int | None
) -> None:
    """Writes into the audit trail that somebody began to watch or hear one track of a running room, and from when on."""
    _note(session, now, actor_id, row, Tag.recording_watched_live, track=track, from_ms=from_ms)


def note_verdict(
    session: Session, now: datetime, actor_id: str, row: RoomRecording, verdict: Verdict
) -> None:
    """Writes into the audit trail that a recording was checked, and what came of it."""
    _note(
        session,
        now,
        actor_id,
        row,
        Tag.recording_verified,
        ok=verdict.ok,
        findings=len(verdict.findings),
        manifest=verdict.sha256,
    )


def _note(
    session: Session, now: datetime, actor_id: str, row: RoomRecording, tag: Tag, **data: Canonical
) -> None:
    audit.record(
        session, now, case=row.evaluation_id, tag=tag, actor=actor_id, subject=row.room_id, data=data
    )


def _no_recording() -> NotFound:
    return NotFound("recording-not-found", N_("没有这间评标室的录制"), N_("请从评标页面进入回放"))
