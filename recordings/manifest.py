"""The written account of a recording: one line per stored piece, each line holding the hash of the line before.

Every track file has an index file beside it. Its lines are canonical JSON; `prev` is the SHA-256 of the previous
line, so nothing can be changed, taken out or moved without the chain breaking. When the room closes, the manifest
binds the last line of every index, the counts and the gaps, and is itself hashed.

    opened → header → (fragment | gap)* → closed
                                        → recovered     after the server was killed
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self, TypeVar

from app.core.canonical import Canonical, canonical_json, digest, sha256_hex
from app.core.samples import Source

FORMAT = 1
GENESIS = "0" * 64
MANIFEST_FILE = "manifest.json"
MAX_LINE = 64 * 1024
_T = TypeVar("_T")
_HEX = re.compile(r"[0-9a-f]{64}")
_STEM = re.compile(r"seat-([1-9][0-9]{0,5})-(camera|microphone)-([1-9][0-9]{0,8})")


class Malformed(ValueError):
    """A line or manifest that no recorder wrote."""


@dataclass(frozen=True, slots=True)
class TrackName:
    """Which file holds what: a source of one seat in one connection epoch (1, 2, …)."""

    seat_no: int
    source: Source
    epoch: int

    @property
    def stem(self) -> str:
        return f"seat-{self.seat_no}-{self.source}-{self.epoch}"

    @property
    def media(self) -> str:
        return f"{self.stem}.webm"

    @property
    def index(self) -> str:
        return f"{self.stem}.index.jsonl"

    @classmethod
    def parse(cls, stem: str) -> Self | None:
        """The name behind a file's stem, None for anything that is not one."""
        match = _STEM.fullmatch(stem)
        return cls(int(match[1]), Source(match[2]), int(match[3])) if match else None


@dataclass(frozen=True, slots=True)
class Opened:
    """Who and what is recorded in this file."""

    kind: ClassVar[str] = "opened"
    room_id: str
    seat_no: int
    source: str
    codec: str
    epoch: int
    wall_ms: int


@dataclass(frozen=True, slots=True)
class Header:
    """The container's opening bytes."""

    kind: ClassVar[str] = "header"
    offset: int
    length: int
    sha256: str
    wall_ms: int


@dataclass(frozen=True, slots=True)
class Fragment:
    """One stored piece of media (录制片段), at most half a second long.

    from_ms, to_ms: room time of the first and the last frame in it. wall_ms: UTC in milliseconds when it was cut.
    rtp: time stamp of the first frame as received. arrived_ms: room clock when the last frame had arrived.
    moved_ms: by how much a frame had to be moved forward, at most, to keep time from running backwards.
    keyframe: playing may begin here.
    """

    kind: ClassVar[str] = "fragment"
    offset: int
    length: int
    sha256: str
    from_ms: int
    to_ms: int
    wall_ms: int
    arrived_ms: int
    rtp: int
    samples: int
    moved_ms: int
    keyframe: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """Media that is missing between two room times, and why (缺失时段)."""

    kind: ClassVar[str] = "gap"
    from_ms: int
    to_ms: int
    reason: str
    wall_ms: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was found after the server had been killed: bytes that no line covered yet, hashed as they lay.

    playable: how many of the `length` bytes from `offset` form whole clusters, between from_ms and to_ms.
    torn_length, torn_sha256: unfinished bytes in the index itself, just before this line and its line feed.
    """

    kind: ClassVar[str] = "recovered"
    offset: int
    length: int
    sha256: str
    playable: int
    from_ms: int
    to_ms: int
    keyframe: bool
    torn_length: int
    torn_sha256: str
    reason: str
    wall_ms: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The file was closed in good order."""

    kind: ClassVar[str] = "closed"
    reason: str
    wall_ms: int


Act = Opened | Header | Fragment | Gap | Recovered | Closed
_ACTS: Mapping[str, type[Act]] = {act.kind: act for act in (Opened, Header, Fragment, Gap, Recovered, Closed)}
_HASH_FIELDS = ("sha256", "torn_sha256")
_TYPES: Mapping[object, type] = {int: int, str: str, bool: bool}
_EXPECTED: Mapping[str, Mapping[str, type]] = {
    kind: {field.name: _TYPES[field.type] for field in fields(act)} for kind, act in _ACTS.items()
}
_SPELLING = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an index as read: its number, what it tells, and its own hash."""

    seq: int
    prev: str
    act: Act
    sha256: str


@dataclass(frozen=True, slots=True)
class Chain:
    """The end of an index: how many lines stand, and the hash of the last."""

    seq: int = 0
    head: str = GENESIS

    def append(self, act: Act) -> tuple["Chain", bytes]:
        """The chain one line longer, and the bytes of that line without its line feed."""
        told: dict[str, Canonical] = {field.name: getattr(act, field.name) for field in fields(act)}
        raw = canonical_json({**told, "kind": act.kind, "seq": self.seq, "prev": self.head})
        return Chain(self.seq + 1, sha256_hex(raw)), raw


@dataclass(frozen=True, slots=True)
class Fault:
    """Where an index does not hold together. `line` counts from 0; `code` is a reason code; the range may be unknown."""

    line: int
    code: str
    from_ms: int | None
    to_ms: int | None


@dataclass(frozen=True, slots=True)
class IndexReading:
    """An index file as read: its good lines, its faults, unfinished bytes at the end (a write in flight, or a crash)."""

    lines: tuple[Line, ...]
    faults: tuple[Fault, ...]
    torn: bytes

    @property
    def chain(self) -> Chain:
        return Chain(self.lines[-1].seq + 1, self.lines[-1].sha256) if self.lines else Chain()

    @property
    def ended(self) -> bool:
        """No more lines will follow."""
        return bool(self.lines) and isinstance(self.lines[-1].act, Closed | Recovered)

    @property
    def covered(self) -> int:
        """How many bytes of the media file the lines account for."""
        return max((_end(line.act, 0) or 0 for line in self.lines), default=0)


def parse_line(raw: bytes) -> Line:
    """Reads one line, without its line feed. Raises Malformed unless it is spelled exactly as a recorder spells it."""
    if len(raw) > MAX_LINE:
        raise Malformed("line too long")
    try:
        told = json.loads(raw)
        # A line is flat and every value's type is checked below: for such values this is the canonical spelling.
        if not isinstance(told, dict) or _SPELLING.encode(told).encode() != raw:
            raise Malformed("not canonical")
    except (ValueError, TypeError, RecursionError) as error:
        raise Malformed(str(error)) from error
    kind, seq, prev = told.pop("kind", None), told.pop("seq", None), told.pop("prev", None)
    shape = _ACTS.get(kind) if isinstance(kind, str) else None
    if shape is None or type(seq) is not int or not isinstance(prev, str) or not _HEX.fullmatch(prev):
        raise Malformed("no kind, number or previous hash")
    return Line(seq, prev, _act(shape, told), sha256_hex(raw))


def is_line(raw: bytes) -> bool:
    """Whether these bytes could be a line of some index."""
    try:
        parse_line(raw)
    except Malformed:
        return False
    return True


def read_index(data: bytes) -> IndexReading:
    """Reads a whole index and follows its chain. Never raises: what does not hold is a fault with its place."""
    return continue_index(IndexReading((), (), b""), data)


def continue_index(known: IndexReading, data: bytes) -> IndexReading:
    """Reads on: `known` is what was read before and held, `data` the bytes after its last whole line.

    What was read before is not looked at again. An index that did not hold must be read from its start: ValueError.
    """
    if known.faults:
        raise ValueError("an index with faults is read as a whole")
    pieces = data.split(b"\n")
    tail = pieces.pop()
    if not known.lines and not tail and (healed := _read_recovered(pieces)) is not None:
        return healed
    lines: list[Line] = list(known.lines)
    faults: list[Fault] = []
    chain = known.chain
    covered: int | None = known.covered
    for number, raw in enumerate(pieces, len(lines)):
        before = lines[-1].act if lines else None
        try:
            line = parse_line(raw)
        except Malformed:
            faults.append(_fault(number, "line-unreadable", before, None))
            # The chain cannot go on from here by itself; the next line is measured against these very bytes.
            chain, covered = Chain(number + 1, sha256_hex(raw)), None
            continue
        if (line.seq, line.prev) != (chain.seq, chain.head):
            faults.append(_fault(number, "chain-broken", before, line.act))
            covered = None  # how many bytes the missing lines told of is unknown
        elif _out_of_order(before, line.act, covered):
            faults.append(_fault(number, "line-out-of-order", before, line.act))
        lines.append(line)
        chain, covered = Chain(line.seq + 1, line.sha256), _end(line.act, covered)
    return IndexReading(tuple(lines), tuple(faults), tail)


def good_prefix(data: bytes) -> tuple[IndexReading, bytes]:
    """The lines that hold from the start, and all bytes after them. For recovery: what lies behind is kept, not trusted."""
    lines: list[Line] = []
    chain, at = Chain(), 0
    covered: int | None = 0
    while (end := data.find(b"\n", at)) >= 0:
        try:
            line = parse_line(data[at:end])
        except Malformed:
            break
        before = lines[-1].act if lines else None
        if (line.seq, line.prev) != (chain.seq, chain.head) or _out_of_order(before, line.act, covered):
            break
        lines.append(line)
        chain, at, covered = Chain(line.seq + 1, line.sha256), end + 1, _end(line.act, covered)
    return IndexReading(tuple(lines), (), b""), data[at:]


def _read_recovered(pieces: list[bytes]) -> IndexReading | None:
    """An index with unfinished bytes in it holds if its last line is a `recovered` that accounts for exactly those."""
    if not pieces:
        return None
    try:
        last = parse_line(pieces[-1])
    except Malformed:
        return None
    if not isinstance(last.act, Recovered) or not last.act.torn_length:
        return None
    reading, rest = good_prefix(b"\n".join(pieces[:-1]) + b"\n")
    torn = rest[:-1]
    fits = (
        not any(is_line(piece) for piece in torn.split(b"\n"))
        and (len(torn), sha256_hex(torn)) == (last.act.torn_length, last.act.torn_sha256)
        and (last.seq, last.prev) == (reading.chain.seq, reading.chain.head)
        and not reading.ended
    )
    return IndexReading((*reading.lines, last), (), b"") if fits else None


def _act(shape: type[Act], told: Mapping[str, object]) -> Act:
    expected = _EXPECTED[shape.kind]
    if told.keys() != expected.keys():
        raise Malformed("fields do not fit the kind")
    for name, kind in expected.items():
        value = told[name]
        if type(value) is not kind or (isinstance(value, int) and value < 0):
            raise Malformed(f"{name} does not fit")
        if name in _HASH_FIELDS and not _HEX.fullmatch(str(value)):
            raise Malformed(f"{name} is no hash")
    return shape(**told)  # type: ignore[arg-type]  # every field was checked just above


def _out_of_order(before: Act | None, act: Act, covered: int | None) -> bool:
    """Whether a line may not follow the one before it though the chain holds: media bytes must lie end to end."""
    if isinstance(act, Header | Fragment | Recovered) and covered not in {None, act.offset}:
        return True
    if before is None:
        return not isinstance(act, Opened | Recovered)
    return isinstance(act, Opened) or isinstance(before, Closed | Recovered)


def _end(act: Act, covered: int | None) -> int | None:
    """How far the media bytes are accounted for after this line."""
    return act.offset + act.length if isinstance(act, Header | Fragment | Recovered) else covered


def _fault(number: int, code: str, before: Act | None, act: Act | None) -> Fault:
    """A break may lie in the line before or in this one: the range spans both."""
    spans = [span for span in (_span(before), _span(act)) if span is not None]
    if not spans:
        return Fault(number, code, None, None)
    return Fault(number, code, min(span[0] for span in spans), max(span[1] for span in spans))


def _span(act: Act | None) -> tuple[int, int] | None:
    return (act.from_ms, act.to_ms) if isinstance(act, Fragment | Gap | Recovered) else None


@dataclass(frozen=True, slots=True)
class TrackSeal:
    """One track file as the manifest binds it. `head` is the hash of its index's last line."""

    file: str
    index: str
    seat_no: int
    source: str
    codec: str
    epoch: int
    lines: int
    faults: int
    fragments: int
    bytes: int
    from_ms: int
    to_ms: int
    ended: str
    head: str


@dataclass(frozen=True, slots=True)
class GapSeal:
    """A gap of a seat's picture or sound as the manifest tells it."""

    seat_no: int
    source: str
    from_ms: int
    to_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The account of a whole room's recording (录制清单).

    zero_wall_ms: UTC of room time 0 in milliseconds, None when unknown. sealed_wall_ms: UTC when the room was sealed.
    """

    room_id: str
    zero_wall_ms: int | None
    sealed_wall_ms: int
    tracks: tuple[TrackSeal, ...]
    gaps: tuple[GapSeal, ...]

    @property
    def body(self) -> Mapping[str, Canonical]:
        return {
            "format": FORMAT,
            "room_id": self.room_id,
            "zero_wall_ms": self.zero_wall_ms,
            "sealed_wall_ms": self.sealed_wall_ms,
            "tracks": [_plain(track) for track in self.tracks],
            "gaps": [_plain(gap) for gap in self.gaps],
        }

    @property
    def sha256(self) -> str:
        """The hash that stands for the whole recording; it goes into the audit trail."""
        return digest(self.body)

    def to_bytes(self) -> bytes:
        return canonical_json({"manifest": self.body, "sha256": self.sha256}) + b"\n"


def parse_manifest(data: bytes) -> Manifest:
    """Reads a manifest file. Raises Malformed when it is not exactly what a recorder wrote or its own hash is wrong."""
    try:
        told = json.loads(data)
        body = told["manifest"]
        manifest = Manifest(
            room_id=_typed(body["room_id"], str),
            zero_wall_ms=None if body["zero_wall_ms"] is None else _typed(body["zero_wall_ms"], int),
            sealed_wall_ms=_typed(body["sealed_wall_ms"], int),
            tracks=tuple(TrackSeal(**_seal(track, TrackSeal)) for track in body["tracks"]),
            gaps=tuple(GapSeal(**_seal(gap, GapSeal)) for gap in body["gaps"]),
        )
        if manifest.to_bytes() != data:
            raise Malformed("not canonical, or its hash is wrong")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Malformed(str(error)) from error
    return manifest


def seal_track(name: TrackName, reading: IndexReading) -> TrackSeal:
    """What the manifest says of one index, sound or not: faults found at sealing are counted, not hidden."""
    acts = [line.act for line in reading.lines]
    spans = [
        act for act in acts if isinstance(act, Fragment) or (isinstance(act, Recovered) and act.playable)
    ]
    return TrackSeal(
        file=name.media,
        index=name.index,
        seat_no=name.seat_no,
        source=name.source.value,
        codec=next((act.codec for act in acts if isinstance(act, Opened)), ""),
        epoch=name.epoch,
        lines=len(acts),
        faults=len(reading.faults),
        fragments=len(spans),
        bytes=reading.covered,
        from_ms=min((act.from_ms for act in spans), default=0),
        to_ms=max((act.to_ms for act in spans), default=0),
        ended=next((act.reason for act in reversed(acts) if isinstance(act, Closed | Recovered)), ""),
        head=reading.chain.head,
    )


def _plain(value: TrackSeal | GapSeal) -> dict[str, Canonical]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _seal(told: object, shape: type[TrackSeal | GapSeal]) -> dict[str, Any]:
    if not isinstance(told, dict) or told.keys() != {field.name for field in fields(shape)}:
        raise Malformed("fields do not fit")
    return {field.name: _typed(told[field.name], _TYPES[field.type]) for field in fields(shape)}


def _typed(value: object, kind: type[_T]) -> _T:
    if type(value) is not kind:
        raise Malformed("a value has the wrong type")
    return value
