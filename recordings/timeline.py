"""Where every seat's picture and sound of any moment lies, and where they are missing and why."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.core.samples import Source
from recordings.manifest import (
    Fragment,
    Gap,
    Header,
    IndexReading,
    Line,
    Opened,
    Recovered,
    TrackName,
)

TOLERANCE_MS = 1_000
"""A silence between two frames up to this long is a slow camera or a quiet microphone, not a gap."""
PIECE_MS = 2_000
"""A piece gathers fragments from a key frame on, up to about this long: one request's worth for a player."""

NOT_JOINED, NO_SIGNAL = "not-joined", "no-signal"


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes [offset, offset + length) of one file that hold the room time from_ms to to_ms (first and last frame)."""

    name: TrackName
    offset: int
    length: int
    from_ms: int
    to_ms: int
    keyframe: bool

    @property
    def file(self) -> str:
        return self.name.media


@dataclass(frozen=True, slots=True)
class Missing:
    """Room time without media, and the reason code."""

    from_ms: int
    to_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class Epoch:
    """One file of a track as its index tells it. header_length: the opening bytes a player needs before any piece.

    ended: the reason it ended, None while it still grows.
    """

    name: TrackName
    codec: str
    header_length: int
    fragments: tuple[Piece, ...]
    gaps: tuple[Missing, ...]
    ended: str | None


@dataclass(frozen=True, slots=True)
class TrackTimeline:
    """Everything known of one seat's camera or microphone over all its epochs, in order of time."""

    seat_no: int
    source: Source
    epochs: tuple[Epoch, ...]
    fragments: tuple[Piece, ...]
    coverage: tuple[tuple[int, int], ...]
    gaps: tuple[Missing, ...]

    def place(self, room_ms: int) -> Piece | Missing:
        """The fragment that holds `room_ms`, or the gap it falls into.

        Just behind the last frame before a short silence, the answer is the fragment before it: its last picture
        still stands.
        """
        for gap in self.gaps:
            if gap.from_ms <= room_ms < gap.to_ms:
                return gap
        at = bisect_right(self.fragments, room_ms, key=lambda piece: piece.from_ms)
        if at == 0 or room_ms > self.fragments[at - 1].to_ms + TOLERANCE_MS:
            return Missing(room_ms, room_ms, NO_SIGNAL)
        return self.fragments[at - 1]

    def start_of(self, room_ms: int) -> Piece | None:
        """The fragment to begin feeding a player with, so that it can show `room_ms`: a key frame, same file."""
        place = self.place(room_ms)
        if isinstance(place, Missing):
            return None
        before = [
            piece
            for piece in self.fragments
            if piece.name == place.name and piece.keyframe and piece.from_ms <= place.from_ms
        ]
        return before[-1] if before else None


@dataclass(frozen=True, slots=True)
class RoomTimeline:
    """All tracks of a room on one clock, from the first to the last frame of any of them."""

    from_ms: int
    to_ms: int
    tracks: tuple[TrackTimeline, ...]


def read_epoch(name: TrackName, lines: Sequence[Line]) -> Epoch:
    """What an index tells of its file. Lines after a fault may be missing; the rest still counts."""
    codec, header_length, ended = "", 0, None
    fragments: list[Piece] = []
    gaps: list[Missing] = []
    for line in lines:
        act = line.act
        if isinstance(act, Opened):
            codec = act.codec
        elif isinstance(act, Header):
            header_length = act.length
        elif isinstance(act, Fragment):
            fragments.append(Piece(name, act.offset, act.length, act.from_ms, act.to_ms, act.keyframe))
        elif isinstance(act, Gap):
            gaps.append(Missing(act.from_ms, act.to_ms, act.reason))
        else:
            ended = act.reason
            if isinstance(act, Recovered) and act.playable and header_length:
                fragments.append(Piece(name, act.offset, act.playable, act.from_ms, act.to_ms, act.keyframe))
    return Epoch(name, codec, header_length, tuple(fragments), tuple(gaps), ended)


def room_timeline(indexes: Iterable[tuple[TrackName, IndexReading]]) -> RoomTimeline:
    """Puts all index files of a room on one clock."""
    epochs = [read_epoch(name, reading.lines) for name, reading in indexes]
    moments = [
        moment for epoch in epochs for piece in epoch.fragments for moment in (piece.from_ms, piece.to_ms)
    ]
    first, last = (min(moments), max(moments)) if moments else (0, 0)
    keys = sorted({(epoch.name.seat_no, epoch.name.source) for epoch in epochs})
    tracks = tuple(
        track_timeline(
            seat_no,
            source,
            [epoch for epoch in epochs if (epoch.name.seat_no, epoch.name.source) == (seat_no, source)],
            first,
            last,
        )
        for seat_no, source in keys
    )
    return RoomTimeline(first, last, tracks)


def track_timeline(
    seat_no: int, source: Source, epochs: Sequence[Epoch], from_ms: int, to_ms: int
) -> TrackTimeline:
    """Joins the epochs of one track; gaps are told for the room time from_ms to to_ms."""
    ordered = tuple(sorted(epochs, key=lambda epoch: epoch.name.epoch))
    fragments = tuple(
        sorted(
            (piece for epoch in ordered for piece in epoch.fragments),
            key=lambda piece: (piece.from_ms, piece.name.epoch, piece.offset),
        )
    )
    coverage = _join([(piece.from_ms, piece.to_ms) for piece in fragments], TOLERANCE_MS)
    told = _told([gap for epoch in ordered for gap in epoch.gaps], from_ms, to_ms)
    gaps = _gaps(coverage, told, ordered, from_ms, to_ms)
    return TrackTimeline(seat_no, source, ordered, fragments, coverage, gaps)


def gather(fragments: Sequence[Piece]) -> tuple[Piece, ...]:
    """Larger pieces for a player: neighbours in one file run together until a key frame, or about PIECE_MS.

    The pieces of a growing track stay as they were, only the last may still grow.
    """
    gathered: list[Piece] = []
    for piece in fragments:
        last = gathered[-1] if gathered else None
        if last is not None and _continues(last, piece):
            gathered[-1] = Piece(
                last.name, last.offset, last.length + piece.length, last.from_ms, piece.to_ms, last.keyframe
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


def _gaps(
    coverage: Sequence[tuple[int, int]],
    told: Sequence[Missing],
    epochs: Sequence[Epoch],
    from_ms: int,
    to_ms: int,
) -> tuple[Missing, ...]:
    holes = _holes(coverage, from_ms, to_ms)
    named = [Missing(start, end, _reason(start, end, told, epochs)) for start, end in holes]
    # What was written down but lies within coverage (a short loss) is told as well.
    extra = [Missing(start, end, gap.reason) for gap in told for start, end in _outside(gap, holes)]
    gaps: list[Missing] = []
    for gap in sorted((*named, *extra), key=lambda gap: gap.from_ms):
        if gaps and (gaps[-1].to_ms, gaps[-1].reason) == (gap.from_ms, gap.reason):
            gaps[-1] = Missing(gaps[-1].from_ms, gap.to_ms, gap.reason)
        else:
            gaps.append(gap)
    return tuple(gaps)


def _holes(coverage: Sequence[tuple[int, int]], from_ms: int, to_ms: int) -> tuple[tuple[int, int], ...]:
    """Room time of the window that no frame covers; at either end only when longer than the tolerance."""
    if not coverage:
        return ((from_ms, to_ms),) if to_ms > from_ms else ()
    holes = [(before[1], after[0]) for before, after in pairwise(coverage)]
    if coverage[0][0] - from_ms > TOLERANCE_MS:
        holes.insert(0, (from_ms, coverage[0][0]))
    if to_ms - coverage[-1][1] > TOLERANCE_MS:
        holes.append((coverage[-1][1], to_ms))
    return tuple(holes)


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


def _reason(start: int, end: int, told: Sequence[Missing], epochs: Sequence[Epoch]) -> str:
    """Why a hole is there: what was written down for most of it, else how the file before it ended."""
    overlapping = [gap for gap in told if gap.from_ms < end and gap.to_ms > start]
    if overlapping:
        return max(overlapping, key=lambda gap: min(gap.to_ms, end) - max(gap.from_ms, start)).reason
    before = [epoch for epoch in epochs if epoch.fragments and epoch.fragments[0].from_ms <= start]
    # The hole at the very start of the window has nothing before it, except a frame exactly there.
    if not before or before[-1].fragments[0].from_ms >= end:
        return NOT_JOINED
    last = before[-1]
    return last.ended if last.ended is not None and last.fragments[-1].to_ms <= start else NO_SIGNAL
