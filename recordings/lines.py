"""The written account of a recording: one line per stored piece, each line holding the hash of the line before.

Every media file has an index file beside it, and every lease of a room a file of its events. Their lines are canonical
JSON; `prev` is the SHA-256 of the previous line, so nothing can be changed, taken out or moved without the chain breaking.

    opened → header → (fragment | clock | gap)* → closed
                                                → recovered     after the server was killed
    ledger → event*                             → closed | recovered
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from app.core.canonical import sha256_hex
from app.core.samples import Codec, Source

GENESIS = "0" * 64
MAX_LINE = 64 * 1024
NO_LEVEL = 127
"""Loudness when nobody told one, and of digital silence."""
_HEX = re.compile(r"[0-9a-f]{64}")
_STEM = re.compile(
    r"seat-([1-9][0-9]{0,5})-(camera|microphone|screen)-([1-9][0-9]{0,8})-([1-9][0-9]{0,8})-([1-9][0-9]{0,8})"
)
_EVENTS = re.compile(r"events-([1-9][0-9]{0,8})\.jsonl")


class Malformed(ValueError):
    """A line or manifest that no recorder wrote."""


@dataclass(frozen=True, slots=True, order=True)
class TrackName:
    """Which file holds what: a source of one seat, under a lease of its room, in its nth connection, nth part of that.

    All three count from 1. ending: of the media file, `webm` or `mp4`.
    """

    seat_no: int
    source: Source
    lease: int
    connection: int
    part: int
    ending: str = "webm"

    @property
    def stem(self) -> str:
        return f"seat-{self.seat_no}-{self.source}-{self.lease}-{self.connection}-{self.part}"

    @property
    def media(self) -> str:
        return f"{self.stem}.{self.ending}"

    @property
    def index(self) -> str:
        return f"{self.stem}.index.jsonl"

    @classmethod
    def parse(cls, stem: str, ending: str = "webm") -> Self | None:
        """The name behind a file's stem, None for anything that is not one."""
        match = _STEM.fullmatch(stem)
        if match is None:
            return None
        seat_no, source, lease, connection, part = match.groups()
        return cls(int(seat_no), Source(source), int(lease), int(connection), int(part), ending)


def ending_of(codec: str) -> str:
    """Of the file a codec is kept in."""
    return "mp4" if codec == Codec.h264 else "webm"


def named(name: TrackName, reading: "IndexReading") -> TrackName:
    """The name with the ending that the index tells of, whatever lies beside it."""
    opened = reading.opened
    return name if opened is None else replace(name, ending=ending_of(opened.codec))


def events_file(lease: int) -> str:
    """The name of the file with the events of a lease."""
    return f"events-{lease}.jsonl"


def lease_of(file: str) -> int | None:
    """Whose events a file holds; None when it is no such file."""
    match = _EVENTS.fullmatch(file)
    return int(match[1]) if match else None


class Opened(NamedTuple):
    """Who and what is recorded in this file.

    codecs: the codec as a player wants it named (RFC 6381). width, height: pixels, 0 for sound. zero_wall_ms: UTC of room
    time 0, known to within wall_uncertainty_ms.
    """

    room_id: str
    seat_no: int
    source: str
    codec: str
    codecs: str
    width: int
    height: int
    lease: int
    connection: int
    part: int
    zero_wall_ms: int
    wall_uncertainty_ms: int
    wall_ms: int


class Header(NamedTuple):
    """The container's opening bytes."""

    offset: int
    length: int
    sha256: str
    wall_ms: int


class Fragment(NamedTuple):
    """One stored piece of media (录制片段), at most half a second long.

    from_ms, to_ms: room time of the first and the last frame in it. wall_ms: UTC in milliseconds when it was cut.
    rtp: time stamp of the first frame as received. arrived_ms: room clock when the last frame had arrived.
    moved_ms: by how much a frame had to be moved forward, at most, to keep time from running backwards.
    lost: milliseconds of media told lost since the fragment before. level: of the loudest packet, 0 (loudest) to 127.
    frozen: the picture before it had stood still for more than two seconds and nobody said why.
    keyframe: playing may begin here.
    """

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
    lost: int
    level: int
    frozen: bool
    keyframe: bool


class ClockLine(NamedTuple):
    """A sender report as it came: the sender's wall clock (64-bit NTP) and its media time at the same instant.

    arrived_ms: room time. rtt_us: shortest round trip lately, 0 before one was measured. shift_us: by how much samples
    are placed earlier than by their arrival alone; may be negative.
    """

    arrived_ms: int
    ntp: int
    rtp: int
    rtt_us: int
    shift_us: int
    wall_ms: int


class Gap(NamedTuple):
    """Media that is missing between two room times, and why (缺失时段)."""

    from_ms: int
    to_ms: int
    reason: str
    wall_ms: int


class Recovered(NamedTuple):
    """What was found after the server had been killed: bytes that no line covered yet, hashed as they lay.

    playable: how many of the `length` bytes from `offset` form whole clusters, between from_ms and to_ms.
    torn_length, torn_sha256: unfinished bytes in the index itself, just before this line and its line feed.
    """

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


class Closed(NamedTuple):
    """The file was closed in good order."""

    reason: str
    wall_ms: int


class Ledger(NamedTuple):
    """Whose events follow: those of a room under one lease."""

    room_id: str
    lease: int
    zero_wall_ms: int
    wall_uncertainty_ms: int
    wall_ms: int


class Event(NamedTuple):
    """Something that happened in the room. seat_no: 0 when it concerns the room. detail: flat, no fractions."""

    at_ms: int
    wall_ms: int
    seat_no: int
    event: str
    detail: Mapping[str, bool | int | str | None]


Act = Opened | Header | Fragment | ClockLine | Gap | Recovered | Closed | Ledger | Event
_ACTS: Mapping[str, type[Act]] = {
    "opened": Opened,
    "header": Header,
    "fragment": Fragment,
    "clock": ClockLine,
    "gap": Gap,
    "recovered": Recovered,
    "closed": Closed,
    "ledger": Ledger,
    "event": Event,
}
_KINDS: Mapping[type[Act], str] = {shape: kind for kind, shape in _ACTS.items()}
_FIRST = (Opened, Ledger)
_LAST = (Closed, Recovered)
_TIMED = (Fragment, Event, Recovered)
_HASH_FIELDS = ("sha256", "torn_sha256")
_SIGNED_FIELDS = ("shift_us",)
_EXPECTED: Mapping[str, Mapping[str, type]] = {
    kind: {name: shape.__annotations__[name] for name in shape._fields} for kind, shape in _ACTS.items()
}
_SPELLING = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_FRAGMENT = (
    '{{"arrived_ms":{0.arrived_ms},"from_ms":{0.from_ms},"frozen":{frozen},"keyframe":{keyframe},"kind":"fragment",'
    '"length":{0.length},"level":{0.level},"lost":{0.lost},"moved_ms":{0.moved_ms},"offset":{0.offset},"prev":"{prev}",'
    '"rtp":{0.rtp},"samples":{0.samples},"seq":{seq},"sha256":"{0.sha256}","to_ms":{0.to_ms},"wall_ms":{0.wall_ms}}}'
)
_INTEGER = rb"(0|[1-9][0-9]{0,18})"
_FRAGMENT_LINE = re.compile(
    rb'\{"arrived_ms":N,"from_ms":N,"frozen":(true|false),"keyframe":(true|false),"kind":"fragment","length":N,"level":N,'
    rb'"lost":N,"moved_ms":N,"offset":N,"prev":"([0-9a-f]{64})","rtp":N,"samples":N,"seq":N,"sha256":"([0-9a-f]{64})",'
    rb'"to_ms":N,"wall_ms":N\}'.replace(b"N", _INTEGER)
)


class Line(NamedTuple):
    """One line of an index as read: its number, what it tells, and its own hash."""

    seq: int
    prev: str
    act: Act
    sha256: str


class Chain(NamedTuple):
    """The end of an index: how many lines stand, and the hash of the last."""

    seq: int = 0
    head: str = GENESIS

    def append(self, act: Act) -> tuple["Chain", bytes]:
        """The chain one line longer, and the bytes of that line without its line feed."""
        if isinstance(act, Fragment):
            text = _FRAGMENT.format(
                act,
                frozen="true" if act.frozen else "false",
                keyframe="true" if act.keyframe else "false",
                prev=self.head,
                seq=self.seq,
            )
        else:
            told = {**act._asdict(), "kind": _KINDS[type(act)], "seq": self.seq, "prev": self.head}
            text = _SPELLING.encode(told)
        raw = text.encode()
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
        return bool(self.lines) and isinstance(self.lines[-1].act, _LAST)

    @property
    def opened(self) -> Opened | None:
        """What the first line says; None when it is missing."""
        return next((line.act for line in self.lines if isinstance(line.act, Opened)), None)

    @property
    def covered(self) -> int:
        """How many bytes of the media file the lines account for."""
        return max((_end(line.act, 0) or 0 for line in self.lines), default=0)


def parse_line(raw: bytes) -> Line:
    """Reads one line, without its line feed. Raises Malformed unless it is spelled exactly as a recorder spells it."""
    if match := _FRAGMENT_LINE.fullmatch(raw):
        return _fragment_line(match, raw)
    if len(raw) > MAX_LINE:
        raise Malformed("line too long")
    try:
        told = json.loads(raw)
        # Every value's type is checked below: for such values this is the canonical spelling.
        if not isinstance(told, dict) or _SPELLING.encode(told).encode() != raw:
            raise Malformed("not canonical")
    except (ValueError, TypeError, RecursionError) as error:
        raise Malformed(str(error)) from error
    kind, seq, prev = told.pop("kind", None), told.pop("seq", None), told.pop("prev", None)
    shape = _ACTS.get(kind) if isinstance(kind, str) else None
    if shape is None or type(seq) is not int or not isinstance(prev, str) or not _HEX.fullmatch(prev):
        raise Malformed("no kind, number or previous hash")
    return Line(seq, prev, _act(kind, shape, told), sha256_hex(raw))


def is_line(raw: bytes) -> bool:
    """Whether these bytes could be a line of some index."""
    try:
        parse_line(raw)
    except Malformed:
        return False
    return True


def ends(raw: bytes) -> bool:
    """Whether these bytes are a line after which no other may follow."""
    return is_line(raw) and isinstance(parse_line(raw).act, _LAST)


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
    broken: list[tuple[int, str, int]] = []
    chain = known.chain
    covered: int | None = known.covered
    for number, raw in enumerate(pieces, len(lines)):
        before = lines[-1].act if lines else None
        try:
            line = parse_line(raw)
        except Malformed:
            broken.append((number, "line-unreadable", len(lines)))
            # The chain cannot go on from here by itself; the next line is measured against these very bytes.
            chain, covered = Chain(number + 1, sha256_hex(raw)), None
            continue
        if (line.seq, line.prev) != chain:
            broken.append((number, "chain-broken", len(lines)))
            covered = None  # how many bytes the missing lines told of is unknown
        elif _out_of_order(before, line.act, covered):
            broken.append((number, "line-out-of-order", len(lines)))
        lines.append(line)
        chain, covered = Chain(line.seq + 1, line.sha256), _end(line.act, covered)
    faults = tuple(Fault(number, code, *_around(lines, at)) for number, code, at in broken)
    return IndexReading(tuple(lines), faults, tail)


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
        if (line.seq, line.prev) != chain or _out_of_order(before, line.act, covered):
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
        and (last.seq, last.prev) == reading.chain
        and not reading.ended
    )
    return IndexReading((*reading.lines, last), (), b"") if fits else None


def _fragment_line(match: re.Match[bytes], raw: bytes) -> Line:
    """Nearly all lines are fragments: those are read by their one possible spelling, without a parser."""
    (
        arrived_ms, from_ms, frozen, keyframe, length, level, lost, moved_ms, offset, prev, rtp, samples, seq, sha256, to_ms,
        wall_ms,
    ) = match.groups()  # fmt: skip
    act = Fragment(
        int(offset), int(length), sha256.decode(), int(from_ms), int(to_ms), int(wall_ms), int(arrived_ms), int(rtp),
        int(samples), int(moved_ms), int(lost), int(level), frozen == b"true", keyframe == b"true",
    )  # fmt: skip
    return Line(int(seq), prev.decode(), act, sha256_hex(raw))


def _act(kind: str, shape: type[Act], told: Mapping[str, object]) -> Act:
    expected = _EXPECTED[kind]
    if told.keys() != expected.keys():
        raise Malformed("fields do not fit the kind")
    for name, wanted in expected.items():
        value = told[name]
        if wanted not in {int, str, bool}:
            _require_flat(value)
        elif type(value) is not wanted:
            raise Malformed(f"{name} does not fit")
        if isinstance(value, int) and value < 0 and name not in _SIGNED_FIELDS:
            raise Malformed(f"{name} does not fit")
        if name in _HASH_FIELDS and not _HEX.fullmatch(str(value)):
            raise Malformed(f"{name} is no hash")
    return shape(**told)  # type: ignore[arg-type]  # every field was checked just above


def _require_flat(value: object) -> None:
    if not isinstance(value, dict) or not all(
        item is None or isinstance(item, bool | int | str) for item in value.values()
    ):
        raise Malformed("a detail is not flat")


def _out_of_order(before: Act | None, act: Act, covered: int | None) -> bool:
    """Whether a line may not follow the one before it though the chain holds: media bytes must lie end to end."""
    if isinstance(act, Header | Fragment | Recovered) and covered not in {None, act.offset}:
        return True
    if before is None:
        return not isinstance(act, (*_FIRST, Recovered))
    return isinstance(act, _FIRST) or isinstance(before, _LAST)


def _end(act: Act, covered: int | None) -> int | None:
    """How far the media bytes are accounted for after this line."""
    return act.offset + act.length if isinstance(act, Header | Fragment | Recovered) else covered


def _around(lines: list[Line], at: int) -> tuple[int | None, int | None]:
    """The room time in which a break before line `at` lies: from the media or event known before it to the one known after."""
    before = next((line.act for line in reversed(lines[:at]) if isinstance(line.act, _TIMED)), None)
    ends = []
    for line in lines[at:]:
        if (span := _span(line.act)) is not None:
            ends.append(span[1])
        if isinstance(line.act, _TIMED):
            break
    known = _span(before)
    if known is None and not ends:
        return None, None
    start = 0 if known is None else known[0]
    return start, max([*ends, start if known is None else known[1]])


def _span(act: Act | None) -> tuple[int, int] | None:
    if isinstance(act, Event):
        return act.at_ms, act.at_ms
    if isinstance(act, ClockLine):
        return act.arrived_ms, act.arrived_ms
    return (act.from_ms, act.to_ms) if isinstance(act, Fragment | Gap | Recovered) else None
