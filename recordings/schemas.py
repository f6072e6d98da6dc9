"""What the API of recordings gives."""

from pydantic import BaseModel, ConfigDict


class GapOut(BaseModel):
    """Missing media: room time in milliseconds, and a reason code."""

    from_ms: int
    to_ms: int
    reason: str


class FileOut(BaseModel):
    """One file of a track.

    id: for the media address. header_length: opening bytes a player needs first. ended: why it ended, None while it grows.
    pieces: [offset, length, from_ms, to_ms, 1 when playing may begin here else 0], in order of time.
    """

    id: str
    epoch: int
    header_length: int
    ended: str | None
    pieces: list[tuple[int, int, int, int, int]]


class TrackOut(BaseModel):
    """One seat's picture or sound over all its files. coverage: [from_ms, to_ms] pairs."""

    seat_no: int
    source: str
    mime: str
    files: list[FileOut]
    coverage: list[tuple[int, int]]
    gaps: list[GapOut]


class EventOut(BaseModel):
    """Something that happened at a moment of the room."""

    at_ms: int
    code: str
    seat_no: int | None


class TimelineOut(BaseModel):
    """All a player needs. Times are room time in milliseconds; zero_wall_ms is UTC of room time 0, if known."""

    room_id: str
    sealed: bool
    manifest_sha256: str | None
    zero_wall_ms: int | None
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
