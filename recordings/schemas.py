"""What the API of recordings gives."""

from pydantic import BaseModel, ConfigDict


class GapOut(BaseModel):
    """Missing media: room time in milliseconds, and a reason code."""

    from_ms: int
    to_ms: int
    reason: str


class FileOut(BaseModel):
    """One file of a track: what a process recorded under one lease of the room, in one connection, until it was rolled.

    id: for the media address. mime: what it holds, with its codec. header_length: opening bytes a player needs first.
    ended: why it ended, None while it grows.
    """

    id: str
    lease: int
    connection: int
    part: int
    mime: str
    width: int
    height: int
    header_length: int
    ended: str | None


class OverlapOut(BaseModel):
    """What a process that had lost the room still recorded beside its successor: kept, and not played."""

    lease: int
    from_ms: int
    to_ms: int


class TrackOut(BaseModel):
    """One seat's camera, microphone or screen over all its files.

    pieces: what is played, in order of time: [number in files, offset, length, from_ms, to_ms, 1 when playing may begin here
    else 0]. coverage: [from_ms, to_ms] pairs. levels: of a microphone, the loudest packet of each second from levels_from_ms
    on, 0 (loudest) to 127 (nothing heard).
    """

    seat_no: int
    source: str
    files: list[FileOut]
    pieces: list[tuple[int, int, int, int, int, int]]
    coverage: list[tuple[int, int]]
    gaps: list[GapOut]
    overlaps: list[OverlapOut]
    levels_from_ms: int
    levels: list[int]


class EventOut(BaseModel):
    """Something that happened at a moment of the room."""

    at_ms: int
    code: str
    seat_no: int | None


class TimelineOut(BaseModel):
    """All a player needs. Times are room time in milliseconds; zero_wall_ms is UTC of room time 0, if known.

    since: tracks and events are told from this moment on; what was told before still holds.
    """

    room_id: str
    sealed: bool
    manifest_sha256: str | None
    zero_wall_ms: int | None
    since: int
    from_ms: int
    to_ms: int
    tracks: list[TrackOut]
    events: list[EventOut]


class FindingOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    file: str
    code: str
    from_ms: int | None
    to_ms: int | None


class VerdictOut(BaseModel):
    """The outcome of a check. Without a seal, lines cut off the end of an index cannot be noticed."""

    model_config = ConfigDict(from_attributes=True)

    ok: bool
    sealed: bool
    sha256: str | None
    files: int
    fragments: int
    bytes: int
    findings: list[FindingOut]
