"""One line of a record: how it is spelt, numbered, dated, signed and bound to the line before."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from app.core.canonical import Canonical, canonical_json
from expert_draw.engine.randomness import Suite, hash_of
from expert_draw.engine.shapes import HASH, MOST_WHOLE, SIGNATURE, TIME
from expert_draw.engine.signing import Signer, signed
from expert_draw.engine.wording import RecordBroken

NO_LINE_BEFORE = "0" * 64
_MEMBERS = {"at", "body", "hash", "n", "prev", "sig", "type"}


@dataclass(frozen=True, slots=True)
class Event:
    """One line (记录行). n: from 1. at: UTC, whole seconds. prev, hash: 64 hex digits; line: bytes without newline."""

    n: int
    type: str
    at: str
    prev: str
    body: Mapping[str, Canonical]
    hash: str
    sig: str
    line: bytes

    @property
    def text(self) -> str:
        """The line as it is stored and published, without its newline."""
        return self.line.decode()


def time_of(now: datetime) -> str:
    """The time as a record writes it: UTC, whole seconds."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_event(
    house: Signer, suite: Suite, last: Event | None, now: datetime, type_: str, body: Mapping[str, Canonical]
) -> Event:
    """The line that says this after `last` (None: the first one), hashed and signed.

    A clock set back must not make the record refuse: time stands still until it has caught up.
    """
    at, n, prev = time_of(now), 1, NO_LINE_BEFORE
    if last:
        at, n, prev = max(at, last.at), last.n + 1, last.hash
    before = b'{"at":%b,"body":%b' % (canonical_json(at), canonical_json(body))
    number = b',"n":%d,"prev":"%b"' % (n, prev.encode())
    kind = b',"type":%b}' % canonical_json(type_)
    hash_ = hash_of(suite, before + number + kind)
    sig = house.sign("line", hash_)
    line = b'%b,"hash":"%b"%b,"sig":"%b"%b' % (before, hash_.hex().encode(), number, sig.encode(), kind)
    return Event(n, type_, at, prev, body, hash_.hex(), sig, line)


def read_event(line: bytes) -> Event:
    """Reads one line without its newline. RecordBroken unless every byte is in its one permitted place.

    Says nothing yet of its hash, its signature and its place: `check_hash`, `check_signature`, `check_place`.
    """
    try:
        value = json.loads(line.decode())
        exact = canonical_json(value) == line
    except (ValueError, TypeError, RecursionError) as fault:
        raise RecordBroken("record.not_canonical") from fault
    if not exact or not isinstance(value, dict):
        raise RecordBroken("record.not_canonical")
    if value.keys() != _MEMBERS or not _well_typed(value):
        raise RecordBroken("record.malformed", where="line")
    return _event(value, line)


def trust_event(text: str | bytes) -> Event:
    """A line that the house wrote itself, read without looking twice."""
    line = text.encode() if isinstance(text, str) else text
    return _event(json.loads(line), line)


def check_hash(event: Event, suite: Suite) -> None:
    """Whether the hash in the line is that of its contents."""
    content: dict[str, Canonical] = {
        "at": event.at,
        "body": event.body,
        "n": event.n,
        "prev": event.prev,
        "type": event.type,
    }
    if hash_of(suite, canonical_json(content)).hex() != event.hash:
        raise RecordBroken("record.wrong_hash")


def check_signature(event: Event, key: str) -> None:
    """Whether the owner of this public key (64 hex digits) signed the line."""
    if not signed(key, "line", bytes.fromhex(event.hash), event.sig):
        raise RecordBroken("record.wrong_signature")


def check_place(event: Event, last: Event | None) -> None:
    """Whether the line may stand after `last` (None: at the beginning), by number, hash and time."""
    expected, previous = (last.n + 1, last.hash) if last else (1, NO_LINE_BEFORE)
    if event.n != expected:
        raise RecordBroken("record.wrong_number", expected=expected, found=event.n)
    if event.prev != previous:
        raise RecordBroken("record.wrong_previous")
    if last and event.at < last.at:
        raise RecordBroken("record.time_goes_back")


def _event(value: Mapping[str, Canonical], line: bytes) -> Event:
    return Event(line=line, **value)  # type: ignore[arg-type]  # every member has been looked at, or is our own


def _well_typed(value: Mapping[str, object]) -> bool:
    n, patterns = value["n"], (("at", TIME), ("prev", HASH), ("hash", HASH), ("sig", SIGNATURE))
    return (
        isinstance(n, int)
        and not isinstance(n, bool)
        and 0 <= n <= MOST_WHOLE
        and all(
            isinstance(text := value[name], str) and pattern.fullmatch(text) for name, pattern in patterns
        )
        and isinstance(value["body"], dict)
        and isinstance(value["type"], str)
    )
