"""The list of draws that a center keeps (抽取总账): each when it opens and when it ends, chained so that none is left out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from app.core.canonical import Canonical
from app.core.errors import YuanpingError
from expert_draw.engine.lines import Event, write_event
from expert_draw.engine.randomness import Suite
from expert_draw.engine.reading import read_lines
from expert_draw.engine.shapes import HASH, NUMBER, fields_of, one_of, string
from expert_draw.engine.signing import Signer
from expert_draw.engine.wording import RecordBroken

EVENTS = ("opened", "closed", "void")
_NUMBER = re.compile(r"([A-Za-z0-9._]+)-([0-9]{4})-([0-9]+)")


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list. event: opened, closed or void. head: hash of the record's first line, or of its last."""

    TYPE: ClassVar[str] = "listed"

    center: str
    draw: str
    event: str
    head: str
    key: str

    def body(self) -> dict[str, Canonical]:
        return {
            "center": self.center,
            "draw": self.draw,
            "event": self.event,
            "head": self.head,
            "key": self.key,
        }

    @classmethod
    def read(cls, body: object) -> "Listed":
        fields = fields_of(body, "listed", "center", "draw", "event", "head", "key")
        return cls(
            string(fields["center"], NUMBER, "center"),
            string(fields["draw"], NUMBER, "draw"),
            one_of(fields["event"], EVENTS, "event"),
            string(fields["head"], HASH, "head"),
            string(fields["key"], HASH, "key"),
        )


@dataclass(frozen=True, slots=True)
class RegisterVerdict:
    """The result of a check (总账校验): ok, or (line, refusal) for all that is wrong.

    draws: number → (last event, hash of the first line, hash of the last line or None for one still going on).
    """

    ok: bool
    findings: tuple[tuple[int, YuanpingError], ...]
    center: str
    key: str
    lines: int
    head: str
    draws: Mapping[str, tuple[str, str, str | None]]


def listed(
    now: datetime, house: Signer, last: Event | None, *, center: str, draw: str, event: str, head: str
) -> Event:
    """The next line of the list. event: opened, closed or void. head: hash of the record's first or last line.

    RecordBroken unless all are of the right shape, and of the same center and house as the line before. That a draw is
    opened before it ends, once each, the caller sees to; `verify_register` tells.
    """
    entry = Listed.read(Listed(center, draw, event, head, house.public).body())
    _counter(draw)
    if last is not None:
        before = Listed.read(last.body)
        if (before.center, before.key) != (center, house.public):
            raise RecordBroken("register.another_house")
    return write_event(house, "sha256", last, now, Listed.TYPE, entry.body())


def verify_register(text: bytes, key: str | None = None) -> RegisterVerdict:
    """Checks the list from beginning to end; never raises, whatever the bytes are. key: the published one of the house."""
    findings: list[tuple[int, YuanpingError]] = []
    lines = text.split(b"\n")
    if lines.pop():
        findings.append((len(lines) + 1, RecordBroken("record.no_newline")))
    book = _Book()
    head = "0" * 64
    for event, entry in read_lines(lines, _suite_and_key, _read, findings):
        try:
            book.enter(entry)
            head = event.hash
        except YuanpingError as refusal:
            findings.append((event.n, refusal))
            break
    if key is not None and book.key not in ("", key):
        findings.append((1, RecordBroken("record.wrong_key")))
    found = tuple(sorted(findings, key=lambda finding: finding[0]))
    return RegisterVerdict(not found, found, book.center, book.key, len(lines), head, book.draws)


@dataclass(slots=True)
class _Book:
    """What the lines so far amount to."""

    center: str = ""
    key: str = ""
    draws: dict[str, tuple[str, str, str | None]] = field(default_factory=dict)
    counters: dict[tuple[str, str], int] = field(default_factory=dict)

    def enter(self, entry: Listed) -> None:
        if (self.center or entry.center, self.key or entry.key) != (entry.center, entry.key):
            raise RecordBroken("register.another_house")
        self.center, self.key = entry.center, entry.key
        known = self.draws.get(entry.draw)
        if entry.event != "opened":
            if known is None or known[2] is not None:
                raise RecordBroken("register.wrong_end", draw=entry.draw)
            self.draws[entry.draw] = entry.event, known[1], entry.head
            return
        year, counter = _counter(entry.draw)
        if known is not None or counter <= self.counters.get(year, -1):
            raise RecordBroken("register.wrong_order", draw=entry.draw)
        self.counters[year] = counter
        self.draws[entry.draw] = entry.event, entry.head, None


def _read(type_: str, body: object) -> Listed:
    if type_ != Listed.TYPE:
        raise RecordBroken("record.unknown_type", type=type_[:64])
    return Listed.read(body)


def _suite_and_key(event: Event) -> tuple[Suite, str]:
    return "sha256", _read(event.type, event.body).key


def _counter(draw: str) -> tuple[tuple[str, str], int]:
    found = _NUMBER.fullmatch(draw)
    if found is None:
        raise RecordBroken("register.wrong_number", draw=draw)
    return (found[1], found[2]), int(found[3])
