"""One line of the record of a draw: how it is spelt, numbered, dated and bound to the line before."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.core.canonical import Canonical, canonical_json, sha256_hex
from expert_draw.engine.wording import RecordBroken

NO_LINE_BEFORE = "0" * 64
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Event:
    """One line (记录行). n: from 1. at: UTC, whole seconds. prev, hash: 64 hex digits; line: bytes without newline."""

    n: int
    type: str
    at: str
    prev: str
    body: Mapping[str, Canonical]
    hash: str
    line: bytes

    @property
    def text(self) -> str:
        """The line as it is stored and published, without its newline."""
        return self.line.decode()


def write_event(*, n: int, type_: str, at: str, prev: str, body: Mapping[str, Canonical]) -> Event:
    """The line with these contents; its hash covers everything in it but the hash itself."""
    before = b'{"at":%b,"body":%b' % (canonical_json(at), canonical_json(body))
    after = b',"n":%b,"prev":%b,"type":%b}' % (canonical_json(n), canonical_json(prev), canonical_json(type_))
    hash_ = sha256_hex(before + after)
    return Event(n, type_, at, prev, body, hash_, b'%b,"hash":"%b"%b' % (before, hash_.encode(), after))


def read_event(line: bytes) -> Event:
    """Reads one line without its newline. RecordBroken unless every byte is in its one permitted place."""
    try:
        value = json.loads(line.decode())
        exact = canonical_json(value) == line
    except (ValueError, TypeError, RecursionError) as fault:
        raise RecordBroken("record.not_canonical") from fault
    if not exact or not isinstance(value, dict):
        raise RecordBroken("record.not_canonical")
    if value.keys() != {"at", "body", "hash", "n", "prev", "type"} or not _well_typed(value):
        raise RecordBroken("record.malformed", where="line")
    event = write_event(
        n=value["n"], type_=value["type"], at=value["at"], prev=value["prev"], body=value["body"]
    )
    if event.hash != value["hash"]:
        raise RecordBroken("record.wrong_hash")
    return event


def check_place(event: Event, last: Event | None) -> None:
    """Whether the line may stand after `last` (None: at the beginning), by number, hash and time."""
    expected, previous = (last.n + 1, last.hash) if last else (1, NO_LINE_BEFORE)
    if event.n != expected:
        raise RecordBroken("record.wrong_number", expected=expected, found=event.n)
    if event.prev != previous:
        raise RecordBroken("record.wrong_previous")
    if last and event.at < last.at:
        raise RecordBroken("record.time_goes_back")


def _well_typed(value: Mapping[str, object]) -> bool:
    n, at, prev = value["n"], value["at"], value["prev"]
    return (
        isinstance(n, int)
        and not isinstance(n, bool)
        and isinstance(at, str)
        and bool(_TIME.fullmatch(at))
        and isinstance(prev, str)
        and bool(_HASH.fullmatch(prev))
        and isinstance(value["body"], dict)
        and isinstance(value["type"], str)
    )
