"""Replay over HTTP: the timeline of a room, the bytes of its tracks, and the check of both."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import FileResponse
from starlette.requests import HTTPConnection

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import ClockDep, DatabaseDep, SettingsDep
from app.core.samples import Codec, Source
from recordings import replay, service
from recordings.container import MIME
from recordings.lines import TrackName
from recordings.schemas import EventOut, FileOut, GapOut, TimelineOut, TrackOut, VerdictOut
from recordings.timeline import Part, Piece, RoomTimeline, TrackTimeline, gather, room_timeline
from recordings.verify import verify_room

router = APIRouter(prefix="/api/recordings", tags=["recordings"])
Viewer = Annotated[Actor, Requires(Permission.recording_replay)]


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
    since: Annotated[int | None, Query(ge=0)] = None,
) -> TimelineOut:
    """Where every track's media lies. Also while the room runs: ask again with `since` for pieces from that room time on.

    Opening it (without `since`) is noted in the audit trail.
    """
    if since is None:
        with database.transaction() as session:
            row = service.find(session, room_id)
            service.note_replay(session, clock.now(), actor.id, row)
    else:
        with database.reading() as session:
            row = service.find(session, room_id)
    room = settings.recordings_dir / row.room_id
    readings = replay.load_readings(room, memory.indexes)
    known = room_timeline(readings)
    return TimelineOut(
        room_id=row.room_id,
        sealed=row.state == service.RecordingState.sealed,
        manifest_sha256=row.manifest_sha256,
        zero_wall_ms=replay.zero_wall_ms(room, readings),
        from_ms=known.from_ms,
        to_ms=known.to_ms,
        tracks=[_track(track, since or 0) for track in known.tracks],
        events=_events(known),
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
) -> FileResponse:
    """The bytes of one file of a track, whole or by `Range`. The first look of a viewer at a track is noted."""
    with database.reading() as session:
        row = service.find(session, room_id)
    path = replay.track_file(settings.recordings_dir / row.room_id, track_id)
    now = clock.now()
    if memory.viewings.first(now, actor.id, row.room_id, track_id):
        try:
            with database.transaction() as session:
                service.note_track(session, now, actor.id, row, track_id)
        except BaseException:
            memory.viewings.forget(actor.id, row.room_id, track_id)
            raise
    name = TrackName.parse(track_id)
    kind = "video" if name is not None and name.source == "camera" else "audio"
    return FileResponse(path, media_type=f"{kind}/webm", headers={"Cache-Control": "private, no-store"})


@router.post("/{room_id}/verify")
def verify(
    room_id: str, actor: Viewer, database: DatabaseDep, clock: ClockDep, settings: SettingsDep
) -> VerdictOut:
    """Reads every byte of the recording and compares it with its index, its manifest and our own row."""
    with database.reading() as session:
        row = service.find(session, room_id)
    verdict = verify_room(settings.recordings_dir / row.room_id, row.manifest_sha256)
    with database.transaction() as session:
        service.note_verdict(session, clock.now(), actor.id, row, verdict)
    return VerdictOut.model_validate(verdict)


def _track(track: TrackTimeline, since: int) -> TrackOut:
    codec = Codec.vp8 if track.source is Source.camera else Codec.opus
    return TrackOut(
        seat_no=track.seat_no,
        source=track.source,
        mime=MIME[codec],
        files=[_file(number, part, since) for number, part in enumerate(track.parts, 1) if part.fragments],
        coverage=list(track.coverage),
        gaps=[GapOut(from_ms=gap.from_ms, to_ms=gap.to_ms, reason=gap.reason) for gap in track.gaps],
    )


def _file(number: int, part: Part, since: int) -> FileOut:
    return FileOut(
        id=part.name.stem,
        epoch=number,
        header_length=part.header_length,
        ended=part.ended,
        pieces=[_piece(piece) for piece in gather(part.fragments) if piece.from_ms >= since],
    )


def _piece(piece: Piece) -> tuple[int, int, int, int, int]:
    return piece.offset, piece.length, piece.from_ms, piece.to_ms, int(piece.keyframe)


def _events(known: RoomTimeline) -> list[EventOut]:
    """What the recordings themselves know: when each seat's picture began, again after every break."""
    return [
        EventOut(at_ms=part.fragments[0].from_ms, code="joined", seat_no=track.seat_no)
        for track in known.tracks
        for part in track.parts
        if track.source == "camera" and part.fragments
    ]
