"""The lists of a campaign of inspections: pinned before any chance exists, opened row by row afterwards (名单公开)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from expert_draw.engine.inspection import InspectionObject, Inspector
from expert_draw.engine.inspection_entries import (
    CampaignEntry,
    Inspectors,
    InspectorTerms,
    ObjectTerms,
    OpenCampaign,
)
from expert_draw.engine.lists import NONCE_BYTES, hasher, leaves_of, rest_hash
from expert_draw.engine.merkle import root_of
from expert_draw.engine.randomness import Suite
from expert_draw.engine.shapes import (
    CODE,
    HASH,
    WORD,
    ascending,
    fields_of,
    many,
    one_of,
    row_of,
    string,
    whole,
)
from expert_draw.engine.wording import RecordBroken

RollKind = Literal["object", "inspector"]
Terms = ObjectTerms | InspectorTerms
Row = InspectionObject | Inspector
At = tuple[int, RollKind]
R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Roll:
    """An opened list: the line that pins it, its text in the file without newline, and its rows, ascending by code."""

    kind: RollKind
    line: int
    text: str
    objects: tuple[InspectionObject, ...] = ()
    inspectors: tuple[Inspector, ...] = ()


Rolls = Mapping[At, Roll]


def roll_of_objects(objects: Iterable[InspectionObject], nonce: bytes, suite: Suite) -> tuple[Roll, str]:
    """A list of objects in codes and the hash that pins it (hex); RecordBroken if anything in it is not a code or a word.

    nonce: 32 fresh secret bytes.
    """
    rows = sorted(objects, key=lambda one: one.id)
    return _roll("object", 1, rows, nonce, suite)


def roll_of_inspectors(
    inspectors: Iterable[Inspector], nonce: bytes, suite: Suite, line: int = 1
) -> tuple[Roll, str]:
    """A list of inspectors in codes, pinned by this line, and the hash that pins it (hex); RecordBroken as above."""
    rows = sorted(inspectors, key=lambda one: one.id)
    return _roll("inspector", line, rows, nonce, suite)


def pinned_in(entry: CampaignEntry, line: int) -> dict[At, Terms]:
    """The lists that this line pins, in the order in which their openings stand."""
    if isinstance(entry, OpenCampaign):
        return {(line, "object"): entry.objects, (line, "inspector"): entry.inspectors}
    return {(line, "inspector"): entry.terms} if isinstance(entry, Inspectors) else {}


def read_roll(line: bytes, pinned: Mapping[At, Terms], suite: Suite) -> Roll:
    """Reads an opening and looks at every byte of it; RecordBroken unless it is the list that its line has pinned."""
    roll, nonce, rows = _read(line)
    terms = pinned.get((roll.line, roll.kind))
    if terms is None:
        raise RecordBroken("record.opening_unknown")
    if len(rows) != terms.size:
        raise RecordBroken("record.wrong_size", kind=roll.kind, expected=terms.size, found=len(rows))
    if _table(roll, rows, nonce, suite) != terms.table:
        raise RecordBroken("record.wrong_commitment", kind=roll.kind)
    return roll


def trusted_roll(text: str) -> Roll:
    """An opening that the house wrote itself; its hash is not computed again."""
    return _read(text.encode())[0]


def _roll(kind: RollKind, line: int, rows: Sequence[Row], nonce: bytes, suite: Suite) -> tuple[Roll, str]:
    if not isinstance(nonce, bytes) or len(nonce) != NONCE_BYTES:
        raise TypeError("the nonce of a list is 32 bytes")
    # Read back as the verifier does, so that nothing but codes can get into a list.
    roll, _, spelt = _read(_spelt(kind, line, [_row(one) for one in rows], nonce).encode())
    return roll, _table(roll, spelt, nonce, suite)


def _table(roll: Roll, rows: Sequence[str], nonce: bytes, suite: Suite) -> str:
    hash_ = hasher(suite)
    leaves = leaves_of(hash_, nonce, [one.id for one in roll.objects or roll.inspectors], rows)
    return hash_(b"\x02" + root_of(hash_, leaves) + rest_hash(hash_, nonce, "{}")).hex()


def _read(line: bytes) -> tuple[Roll, bytes, Sequence[str]]:
    """The list, its nonce, and the spelling of each row; RecordBroken unless it is spelt in the one permitted way."""
    try:
        value = json.loads(text := line.decode())
    except (ValueError, RecursionError) as fault:
        raise RecordBroken("record.not_canonical") from fault
    fields = fields_of(value, "opening", "kind", "line", "list", "nonce")
    number = whole(fields["line"], "opening")
    nonce = bytes.fromhex(string(fields["nonce"], HASH, "nonce"))
    rows = fields_of(fields["list"], "list", "rows")["rows"]
    if one_of(fields["kind"], ("object", "inspector"), "kind") == "object":
        roll = Roll("object", number, text, objects=_by_code(many(rows, _read_object, "rows")))
    else:
        roll = Roll("inspector", number, text, inspectors=_by_code(many(rows, _read_inspector, "rows")))
    spelt = [_row(one) for one in roll.objects or roll.inspectors]
    if _spelt(roll.kind, number, spelt, nonce) != text:
        raise RecordBroken("record.not_canonical")
    return roll, nonce, spelt


def _spelt(kind: RollKind, line: int, rows: Sequence[str], nonce: bytes) -> str:
    """The opening as canonical JSON."""
    return f'{{"kind":"{kind}","line":{line},"list":{{"rows":[{",".join(rows)}]}},"nonce":"{nonce.hex()}"}}'


def _row(one: Row) -> str:
    """A row as canonical JSON; codes and words need no escape."""
    units, grounds = _strings(one.units), _strings(one.grounds)
    if isinstance(one, Inspector):
        return f'["{one.id}",{units},{grounds}]'
    return f'["{one.id}","{one.tier}",{one.points:d},{units},{grounds}]'


def _strings(texts: Sequence[str]) -> str:
    return "[" + ",".join([f'"{one}"' for one in sorted(texts)]) + "]"


def _by_code(rows: tuple[R, ...]) -> tuple[R, ...]:
    return ascending(rows, "rows", lambda row: row.id)


def _read_object(row: object) -> InspectionObject:
    code, tier, points, units, grounds = row_of(row, 5, "rows")
    return InspectionObject(
        string(code, CODE, "rows"),
        "" if tier == "" else string(tier, WORD, "rows"),
        whole(points, "rows", 0),
        _units(units),
        _grounds(grounds),
    )


def _read_inspector(row: object) -> Inspector:
    code, units, grounds = row_of(row, 3, "rows")
    return Inspector(string(code, CODE, "rows"), _units(units), _grounds(grounds))


def _units(value: object) -> tuple[str, ...]:
    return ascending(many(value, lambda unit: string(unit, CODE, "units"), "units"), "units")


def _grounds(value: object) -> tuple[str, ...]:
    return ascending(many(value, lambda word: string(word, WORD, "grounds"), "grounds"), "grounds")
