"""Where every seat's picture and sound of any moment lies, and where they are missing and why."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from app.core.samples import Source
from recordings.lines import (
    NO_LEVEL,
    Closed,
    Fragment,
    Gap,
    Header,
    IndexReading,
    Recovered,
    TrackName,
)

TOLERANCE_MS = 1_000
"""A silence between two frames of one connection up to this long is a slow camera or a quiet microphone, not a gap."""
CHANGE_MS = 100
"""Between two connections a shorter silence than this is none: a frame lasts nearly as long."""
PIECE_MS = 2_000
"""A piece gathers fragments from a key frame on, up to about this long: one request's worth for a player."""
LEVEL_MS = 1_000
"""Loudness is told for every second."""

NOT_JOINED, NO_SIGNAL, FROZEN, TAKEN_OVER, UNKNOWN = (
    "not-joined",
    "no-signal",
    "frozen",
    "taken-over",
    "unknown",
)
_GOES_ON = frozenset({"rolled", "picture-changed"})
"""Ends of a file that the next file of the same connection follows at once."""


class Piece(NamedTuple):
    """Bytes [offset, offset + length) of one file that hold the room time from_ms to to_ms (first and last frame).

    level: loudest packet in it, 0 (loudest) to 127. frozen: the picture before it stood still and nobody said why.
    """

    name: TrackName
    offset: int
    length: int
    from_ms: int
    to_ms: int
    keyframe: bool
    level: int = NO_LEVEL
    frozen: bool = False

    @property
    def file(self) -> str:
        return self.name.media


class Missing(NamedTuple):
    """Room time without media, and the reason code."""

    from_ms: int
    to_ms: int
    reason: str


class Overlap(NamedTuple):
    """What a process that had lost the room's lease still recorded, beside its successor. It is kept, and not played."""

    lease: int
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a track as its index tells it. header_length: the opening bytes a player needs before any piece.

    codecs: as a player wants it named (RFC 6381). width, height: pixels, 0 for sound. ended: the reason it ended, None while
    it still grows. faultless: its lines hold together.
    """

    name: TrackName
    codec: str
    codecs: str
    width: int
    height: int
    header_length: int
    fragments: tuple[Piece, ...]
    gaps: tuple[Missing, ...]
    ended: str | None
    faultless: bool = True


@dataclass(frozen=True, slots=True)
class TrackTimeline:
    """Everything known of one seat's camera, microphone or screen over all its files.

    parts: by lease, connection and part. fragments: what is played, in order of time; where two leases recorded the same
    time, the later one's. overlaps: what of the earlier ones is therefore not played.
    """

    seat_no: int
    source: Source
    parts: tuple[Part, ...]
    fragments: tuple[Piece, ...]
    coverage: tuple[tuple[int, int], ...]
    gaps: tuple[Missing, ...]
    overlaps: tuple[Overlap, ...] = ()

    def levels(self, from_ms: int, to_ms: int) -> tuple[int, ...]:
        """The loudest packet of each second from from_ms on, 0 (loudest) to 127 (nothing heard)."""
        loudest = [NO_LEVEL] * max(-(-(to_ms - from_ms) // LEVEL_MS), 0)
        for piece in self.fragments:
            for second in range(
                max((piece.from_ms - from_ms) // LEVEL_MS, 0),
                min((piece.to_ms - from_ms) // LEVEL_MS + 1, len(loudest)),
            ):
                loudest[second] = min(loudest[second], piece.level)
        return tuple(loudest)


@dataclass(frozen=True, slots=True)
class RoomTimeline:
    """All tracks of a room on one clock, from the first to the last frame of any of them."""

    from_ms: int
    to_ms: int
    tracks: tuple[TrackTimeline, ...]


def read_part(name: TrackName, reading: IndexReading) -> Part:
    """What an index tells of its file. Lines after a fault may be missing; the rest still counts."""
    header_length, ended = 0, None
    fragments: list[Piece] = []
    gaps: list[Missing] = []
    for _, _, act, _ in reading.lines:
        if isinstance(act, Fragment):
            fragments.append(
                Piece(
                    name,
                    act.offset,
                    act.length,
                    act.from_ms,
                    act.to_ms,
                    act.keyframe,
                    act.level,
                    act.frozen,
                )
            )
        elif isinstance(act, Header):
            header_length = act.length
        elif isinstance(act, Gap):
            gaps.append(Missing(act.from_ms, act.to_ms, act.reason))
        elif isinstance(act, Recovered):
            ended = act.reason
            if act.playable and header_length:
                fragments.append(Piece(name, act.offset, act.playable, act.from_ms, act.to_ms, act.keyframe))
        elif isinstance(act, Closed):
            ended = act.reason
    opened = reading.opened
    return Part(
        name,
        opened.codec if opened else "",
        opened.codecs if opened else "",
        opened.width if opened else 0,
        opened.height if opened else 0,
        header_length,
        tuple(fragments),
        tuple(gaps),
        ended,
        not reading.faults,
    )


def room_timeline(indexes: Iterable[tuple[TrackName, IndexReading]]) -> RoomTimeline:
    """Puts all index files of a room on one clock."""
    return parts_timeline(read_part(name, reading) for name, reading in indexes)


def parts_timeline(parts: Iterable[Part]) -> RoomTimeline:
    """Puts all files of a room, as they have been read, on one clock."""
    tracks: dict[tuple[int, Source], list[Part]] = {}
    for part in parts:
        tracks.setdefault((part.name.seat_no, part.name.source), []).append(part)
    pieces = [piece for own in tracks.values() for part in own for piece in part.fragments]
    first = min((piece.from_ms for piece in pieces), default=0)
    last = max((piece.to_ms for piece in pieces), default=0)
    return RoomTimeline(
        first,
        last,
        tuple(
            track_timeline(seat_no, source, own, first, last)
            for (seat_no, source), own in sorted(tracks.items())
        ),
    )


def track_timeline(
    seat_no: int, source: Source, parts: Sequence[Part], from_ms: int, to_ms: int
) -> TrackTimeline:
    """Joins the files of one track; gaps are told for the room time from_ms to to_ms."""
    ordered = tuple(sorted(parts, key=lambda part: part.name))
    fragments, overlaps = _played(ordered)
    coverage, holes = _covered(fragments, from_ms, to_ms)
    told = _told([gap for part in ordered for gap in part.gaps], from_ms, to_ms)
    gaps = _gaps(holes, told, fragments, ordered)
    return TrackTimeline(seat_no, source, ordered, fragments, coverage, gaps, overlaps)


def _played(parts: Sequence[Part]) -> tuple[tuple[Piece, ...], tuple[Overlap, ...]]:
    """The pieces to be played, in order of time, and what is left out because a later lease recorded the same time."""
    played: list[Piece] = []
    overlaps: list[Overlap] = []
    taken: tuple[tuple[int, int], ...] = ()
    for lease in sorted({part.name.lease for part in parts}, reverse=True):
        own = sorted(
            (piece for part in parts if part.name.lease == lease for piece in part.fragments), key=_when
        )
        starts = [start for start, _ in taken]
        for piece in own:
            at = bisect_right(starts, piece.from_ms)
            if at == 0 or taken[at - 1][1] < piece.from_ms:
                played.append(piece)
            elif (
                overlaps
                and overlaps[-1].lease == lease
                and piece.from_ms - overlaps[-1].to_ms <= TOLERANCE_MS
            ):
                overlaps[-1] = Overlap(lease, overlaps[-1].from_ms, piece.to_ms)
            else:
                overlaps.append(Overlap(lease, piece.from_ms, piece.to_ms))
        spans = sorted([*taken, *((piece.from_ms, piece.to_ms) for piece in own)])
        taken = _join(spans, TOLERANCE_MS)
    return tuple(sorted(played, key=_when)), tuple(sorted(overlaps, key=lambda one: one.from_ms))


def _when(piece: Piece) -> tuple[int, TrackName, int]:
    return piece.from_ms, piece.name, piece.offset


def gather(fragments: Sequence[Piece]) -> tuple[Piece, ...]:
    """Larger pieces for a player: neighbours in one file run together until a key frame, or about PIECE_MS.

    The pieces of a growing track stay as they were, only the last may still grow.
    """
    gathered: list[Piece] = []
    for piece in fragments:
        last = gathered[-1] if gathered else None
        if last is not None and _continues(last, piece):
            gathered[-1] = last._replace(
                length=last.length + piece.length, to_ms=piece.to_ms, level=min(last.level, piece.level)
            )
        else:
            gathered.append(piece)
    return tuple(gathered)


def _continues(last: Piece, piece: Piece) -> bool:
    if last.name != piece.name or last.offset + last.length != piece.offset:
        return False
    if piece.from_ms - last.to_ms > TOLERANCE_MS or piece.to_ms - last.from_ms > PIECE_MS:
        return False
    return piece.name.source is Source.microphone or not piece.keyframe


def _join(spans: Sequence[tuple[int, int]], tolerance: int) -> tuple[tuple[int, int], ...]:
    """Spans in order of their start, run together where they overlap or are at most `tolerance` apart."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start - joined[-1][1] <= tolerance:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)


def _told(gaps: Sequence[Missing], from_ms: int, to_ms: int) -> tuple[Missing, ...]:
    """The gaps that were written down, cut to the window and so that no two overlap: the earlier keeps its part."""
    kept: list[Missing] = []
    for gap in sorted(gaps, key=lambda gap: (gap.from_ms, gap.to_ms, gap.reason)):
        start = max(gap.from_ms, from_ms, kept[-1].to_ms if kept else from_ms)
        end = min(gap.to_ms, to_ms)
        if start < end:
            kept.append(Missing(start, end, gap.reason))
    return tuple(kept)


def _covered(
    fragments: Sequence[Piece], from_ms: int, to_ms: int
) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
    """(spans that frames cover, holes of the window between them); at either end a hole only beyond the tolerance."""
    coverage: list[tuple[int, int]] = []
    connection: tuple[int, int] | None = None
    for piece in fragments:
        same = connection == (piece.name.lease, piece.name.connection)
        if coverage and piece.from_ms - coverage[-1][1] <= (TOLERANCE_MS if same else CHANGE_MS):
            coverage[-1] = (coverage[-1][0], max(coverage[-1][1], piece.to_ms))
        else:
            coverage.append((piece.from_ms, piece.to_ms))
        connection = (piece.name.lease, piece.name.connection)
    if not coverage:
        return (), ((from_ms, to_ms),) if to_ms > from_ms else ()
    holes = [(before[1], after[0]) for before, after in pairwise(coverage)]
    if coverage[0][0] - from_ms > TOLERANCE_MS:
        holes.insert(0, (from_ms, coverage[0][0]))
    if to_ms - coverage[-1][1] > TOLERANCE_MS:
        holes.append((coverage[-1][1], to_ms))
    return tuple(coverage), tuple(holes)


def _gaps(
    holes: Sequence[tuple[int, int]],
    told: Sequence[Missing],
    fragments: Sequence[Piece],
    parts: Sequence[Part],
) -> tuple[Missing, ...]:
    named = [Missing(start, end, _reason(start, end, told, fragments, parts)) for start, end in holes]
    # What was written down but lies within coverage (a short loss) is told as well.
    extra = [Missing(start, end, gap.reason) for gap in told for start, end in _outside(gap, holes)]
    gaps: list[Missing] = []
    for gap in sorted((*named, *extra), key=lambda gap: gap.from_ms):
        if gaps and (gaps[-1].to_ms, gaps[-1].reason) == (gap.from_ms, gap.reason):
            gaps[-1] = Missing(gaps[-1].from_ms, gap.to_ms, gap.reason)
        else:
            gaps.append(gap)
    return tuple(gaps)


def _outside(gap: Missing, holes: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    at, parts = gap.from_ms, []
    for start, end in holes:
        if end <= at or start >= gap.to_ms:
            continue
        if start > at:
            parts.append((at, start))
        at = max(at, end)
    if at < gap.to_ms:
        parts.append((at, gap.to_ms))
    return tuple(parts)


def _reason(
    start: int, end: int, told: Sequence[Missing], fragments: Sequence[Piece], parts: Sequence[Part]
) -> str:
    """Why a hole is there: what was written down for most of it, else what lies on either side of it says."""
    overlapping = [gap for gap in told if gap.from_ms < end and gap.to_ms > start]
    if overlapping:
        return max(overlapping, key=lambda gap: min(gap.to_ms, end) - max(gap.from_ms, start)).reason
    at = bisect_right(fragments, start, key=lambda piece: piece.from_ms)
    # The hole at the very start of the window has nothing before it, except a frame exactly there.
    if at == 0:
        return NOT_JOINED
    before = fragments[at - 1]
    after = fragments[at] if at < len(fragments) else None
    part = next(part for part in parts if part.name == before.name)
    if after is not None and after.name == before.name:
        return FROZEN if after.frozen else NO_SIGNAL
    return _ending(part, after)


def _ending(part: Part, after: Piece | None) -> str:
    """Why there is nothing behind the last frame of a file."""
    if part.ended in _GOES_ON:
        return NO_SIGNAL
    if part.ended is not None:
        return part.ended
    if not part.faultless:
        return UNKNOWN
    if after is None:
        return NO_SIGNAL  # it is still open
    return TAKEN_OVER if after.name.lease > part.name.lease else UNKNOWN
