"""Replay over HTTP: the timeline of a room, the bytes of its tracks, and the check of both."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import FileResponse
from sqlmodel import Session
from starlette.requests import HTTPConnection

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.database import Database
from app.core.dependencies import ClockDep, DatabaseDep, SettingsDep
from app.core.samples import Source
from recordings import replay, service
from recordings.reach import ReachDep, find_for
from recordings.schemas import EventOut, FileOut, GapOut, OverlapOut, TimelineOut, TrackOut, VerdictOut
from recordings.timeline import LEVEL_MS, Part, RoomTimeline, TrackTimeline, gather
from recordings.verify import verify_room

router = APIRouter(prefix="/api/recordings", tags=["recordings"])
Viewer = Annotated[Actor, Requires(Permission.recording_replay)]
_OPENED = ""
"""Among the tracks a viewer was noted for: the timeline of the room, which is none of them."""


async def _memory(connection: HTTPConnection) -> replay.ReplayMemory:
    """One memory per application, made with the first replay."""
    state = connection.app.state
    if not hasattr(state, "replay_memory"):
        state.replay_memory = replay.ReplayMemory()
    memory: replay.ReplayMemory = state.replay_memory
    return memory


MemoryDep = Annotated[replay.ReplayMemory, Depends(_memory)]


@router.get("/{room_id}/timeline")
def timeline(
    room_id: str,
    actor: Viewer,
    database: DatabaseDep,
    clock: ClockDep,
    settings: SettingsDep,
    memory: MemoryDep,
    reach: ReachDep,
    since: Annotated[int | None, Query(ge=0)] = None,
) -> TimelineOut:
    """Where every track's media lies. Also while the room runs: ask again with `since` for what is told from then on.

    Opening it (without `since`) is noted in the audit trail, and so is asking with `since` for what one has not opened lately.
    """
    with database.reading() as session:
        row = find_for(session, reach, actor, room_id, Permission.recording_replay)
    now = clock.now()
    if memory.viewings.first(now, actor.id, row.room_id, _OPENED) or since is None:
        with _noting(database, memory, actor, row.room_id, _OPENED) as session:
            service.note_replay(session, now, actor.id, row)
    room = settings.recordings_dir / row.room_id
    files = replay.load_files(room, memory.indexes)
    known = replay.timeline_since([file.part for file in files], since or 0)
    return TimelineOut(
        room_id=row.room_id,
        sealed=row.state == service.RecordingState.sealed,
        manifest_sha256=row.manifest_sha256,
        zero_wall_ms=replay.zero_wall_ms(room, files),
        since=since or 0,
        from_ms=known.from_ms,
        to_ms=known.to_ms,
        tracks=[_track(track, known, since or 0) for track in known.tracks],
        events=_events(known, since or 0),
    )


@router.get("/{room_id}/tracks/{track_id}/media")
def media(
    room_id: str,
    track_id: str,
    actor: Viewer,
    database: DatabaseDep,
    clock: ClockDep,
    settings: SettingsDep,
    memory: MemoryDep,
    reach: ReachDep,
) -> FileResponse:
    """The bytes of one file of a track, whole or by `Range`. The first look of a viewer at a track is noted."""
    with database.reading() as session:
        row = find_for(session, reach, actor, room_id, Permission.recording_replay)
    name, path = replay.track_file(settings.recordings_dir / row.room_id, track_id)
    now = clock.now()
    if memory.viewings.first(now, actor.id, row.room_id, track_id):
        with _noting(database, memory, actor, row.room_id, track_id) as session:
            service.note_track(session, now, actor.id, row, track_id)
    headers = {"Cache-Control": "private, no-store"}
    return FileResponse(path, media_type=replay.media_type(name), headers=headers)


@router.post("/{room_id}/verify")
def verify(
    room_id: str,
    actor: Viewer,
    database: DatabaseDep,
    clock: ClockDep,
    settings: SettingsDep,
    reach: ReachDep,
) -> VerdictOut:
    """Reads every byte of the recording and compares it with its index, its manifest and our own row."""
    with database.reading() as session:
        row = find_for(session, reach, actor, room_id, Permission.recording_replay)
    verdict = verify_room(settings.recordings_dir / row.room_id, row.manifest_sha256)
    with database.transaction() as session:
        service.note_verdict(session, clock.now(), actor.id, row, verdict)
    return VerdictOut.model_validate(verdict)


@contextmanager
def _noting(
    database: Database, memory: replay.ReplayMemory, actor: Actor, room_id: str, seen: str
) -> Iterator[Session]:
    """A transaction that writes a look down; when it cannot be written, it is still to be written the next time."""
    try:
        with database.transaction() as session:
            yield session
    except BaseException:
        memory.viewings.forget(actor.id, room_id, seen)
        raise


def _track(track: TrackTimeline, known: RoomTimeline, since: int) -> TrackOut:
    pieces = [piece for piece in gather(track.fragments) if piece.from_ms >= since]
    shown = {piece.name for piece in pieces}
    parts = [part for part in track.parts if part.name in shown]
    numbers = {part.name: number for number, part in enumerate(parts)}
    levels_from_ms = max(known.from_ms, since) // LEVEL_MS * LEVEL_MS
    return TrackOut(
        seat_no=track.seat_no,
        source=track.source,
        files=[_file(part) for part in parts],
        pieces=[
            (numbers[piece.name], piece.offset, piece.length, piece.from_ms, piece.to_ms, int(piece.keyframe))
            for piece in pieces
        ],
        coverage=list(track.coverage),
        gaps=[GapOut(from_ms=gap.from_ms, to_ms=gap.to_ms, reason=gap.reason) for gap in track.gaps],
        overlaps=[
            OverlapOut(lease=one.lease, from_ms=one.from_ms, to_ms=one.to_ms) for one in track.overlaps
        ],
        levels_from_ms=levels_from_ms,
        levels=list(track.levels(levels_from_ms, known.to_ms)) if track.source is Source.microphone else [],
    )


def _file(part: Part) -> FileOut:
    return FileOut(
        id=part.name.stem,
        lease=part.name.lease,
        connection=part.name.connection,
        part=part.name.part,
        mime=replay.mime(part),
        width=part.width,
        height=part.height,
        header_length=part.header_length,
        ended=part.ended,
    )


def _events(known: RoomTimeline, since: int) -> list[EventOut]:
    """What the recordings themselves know: when each seat's picture began, again after every break."""
    began: dict[tuple[int, int, int], int] = {}
    for track in known.tracks:
        for part in track.parts:
            if track.source is Source.camera and part.fragments and part.name.part == 1:
                began[track.seat_no, part.name.lease, part.name.connection] = part.fragments[0].from_ms
    return [
        EventOut(at_ms=at, code="joined", seat_no=seat_no)
        for (seat_no, _, _), at in began.items()
        if at >= since
    ]
