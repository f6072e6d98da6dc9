"""The slip of one expert (抽取证明): I was in the roster, in the pool of this draw, with these grounds and this chance."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from app.core.canonical import Canonical, canonical_json
from app.core.errors import YuanpingError
from expert_draw.engine.certificate import Certificate, Thresholds, certify
from expert_draw.engine.codes import expert_code
from expert_draw.engine.entries import read_entry
from expert_draw.engine.figures import chance_leaves, chance_row
from expert_draw.engine.fixed_entries import Lock, Open
from expert_draw.engine.lines import Event, check_hash, check_place, check_signature, read_event
from expert_draw.engine.lists import Listing, hasher, leaves_of, rest_hash, rest_of, row_nonce, rows_of
from expert_draw.engine.merkle import Hash, Tree, climb
from expert_draw.engine.pool import DrawKind
from expert_draw.engine.record import DrawRecord
from expert_draw.engine.shapes import CODE, DECIMAL, HASH, WORD, fields_of, many, refused, row_of, string
from expert_draw.engine.wording import RecordBroken

FORMAT = "yuanping-slip/1"
_ROSTER_ROW = 6  # number, unit, region, state, specialties, last day
_TEXTS = (0, 1, 2, 3, 5)


@dataclass(frozen=True, slots=True)
class Slip:
    """What a slip proves. draw: its number; head: hash of its first line; house: the public key it is signed with.

    roster: the expert's row there. grounds: why the expert could not be drawn, () for who could. slots: keys. chance: of
    being drawn in round 1, None where it was not computed.
    """

    draw: str
    head: str
    house: str
    code: str
    roster: tuple[object, ...]
    slots: tuple[str, ...]
    grounds: tuple[str, ...]
    chance: Fraction | None


def write_slip(
    record: DrawRecord,
    *,
    key: bytes,
    row: str,
    salt: bytes,
    path: Sequence[bytes],
    certificate: Certificate | None = None,
) -> bytes:
    """The slip of one expert as a file, from a record whose list of experts is opened.

    key: `expert_key` of the draw. row, salt, path: the expert's leaf in the roster of line 1: canonical JSON, 32 bytes, and
    the siblings up to its root. certificate: the one of `lock`, computed anew when it is not at hand.
    RecordBroken("slip.not_listed") for who is not on the list.
    """
    opening, kind = record.history.opening, DrawKind.expert
    experts = record.lists.get((1, kind))
    if experts is None:
        raise RecordBroken("record.list_unopened", kind=kind.value)
    hash_, code = hasher(opening.suite), expert_code(key, roster_leaf(salt, row), opening.suite)
    place = experts.pool.place_of(code)
    if place is None:
        raise RecordBroken("slip.not_listed")
    rows = rows_of(experts.pool, weighted=opening.law == "weighted")
    codes = [one.id for one in experts.pool.candidates]
    tree = Tree(hash_, leaves_of(hash_, experts.nonce, codes, rows))
    lock = record.history.lock
    return (
        canonical_json(
            {
                "chance": _chance(record, experts, code, certificate, hash_),
                "code": code,
                "format": FORMAT,
                "key": key.hex(),
                "lines": [
                    event.text for event in record.events if event.n == 1 or (lock and event.hash == lock[1])
                ],
                "nonce": row_nonce(hash_, experts.nonce, code).hex(),
                "path": _hex(tree.path(bytes.fromhex(code))),
                "rest": rest_hash(hash_, experts.nonce, rest_of(experts.pool)).hex(),
                "roster": {"path": _hex(path), "row": json.loads(row), "salt": salt.hex()},
                "row": json.loads(rows[place]),
            }
        )
        + b"\n"
    )


def verify_slip(text: bytes, key: str | None = None) -> tuple[Slip | None, tuple[YuanpingError, ...]]:
    """What the slip proves and (); or None and what is wrong. Never raises, whatever the bytes are.

    key: the published public key of the house, if known.
    """
    try:
        slip = _read(text)
        if key is not None and slip.house != key:
            raise RecordBroken("record.wrong_key")
    except YuanpingError as refusal:
        return None, (refusal,)
    return slip, ()


def roster_leaf(salt: bytes, row: str) -> bytes:
    """The hash of an expert's leaf in the roster: always SHA-256, and its own key there."""
    return hashlib.sha256(b"\x00" + salt + row.encode()).digest()


def _read(text: bytes) -> Slip:
    fields = fields_of(
        _canonical(text),
        "slip",
        "chance",
        "code",
        "format",
        "key",
        "lines",
        "nonce",
        "path",
        "rest",
        "roster",
        "row",
    )
    if fields["format"] != FORMAT:
        raise RecordBroken("record.unknown_format", value=str(fields["format"])[:64])
    event, opening, lock = _lines(fields["lines"])
    hash_ = hasher(opening.suite)
    code = string(fields["code"], CODE, "code")
    roster, leaf = _in_roster(fields["roster"], opening)
    if expert_code(bytes.fromhex(string(fields["key"], HASH, "key")), leaf, opening.suite) != code:
        raise RecordBroken("slip.wrong_code")
    slots, grounds = _in_table(fields, opening, code, hash_)
    return Slip(
        draw=opening.draw,
        head=event.hash,
        house=opening.key,
        code=code,
        roster=roster,
        slots=slots,
        grounds=grounds,
        chance=_in_chances(fields, lock, code, hash_),
    )


def _canonical(text: bytes) -> Any:
    try:
        value = json.loads(text.decode())
        if canonical_json(value) + b"\n" != text:
            raise RecordBroken("record.not_canonical")
    except (ValueError, TypeError, RecursionError) as fault:
        raise RecordBroken("record.not_canonical") from fault
    return value


def _lines(value: object) -> tuple[Event, Open, Lock | None]:
    texts = many(value, _text, "lines")
    if not 1 <= len(texts) <= 2:  # noqa: PLR2004 -- line 1 and the `lock` line
        raise refused("lines")
    first = read_event(texts[0].encode())
    check_place(first, None)
    opening = read_entry(first.type, first.body)
    if not isinstance(opening, Open):
        raise RecordBroken("record.not_opened")
    events = [first, *(read_event(text.encode()) for text in texts[1:])]
    for event in events:
        check_hash(event, opening.suite)
        check_signature(event, opening.key)
    lock = read_entry(events[-1].type, events[-1].body) if len(events) > 1 else None
    if lock is not None and not isinstance(lock, Lock):
        raise refused("lines")
    return first, opening, lock


def _in_roster(value: object, opening: Open) -> tuple[tuple[object, ...], bytes]:
    fields = fields_of(value, "roster", "path", "row", "salt")
    row = row_of(fields["row"], _ROSTER_ROW, "roster")
    if not all(isinstance(row[at], str) for at in _TEXTS) or not isinstance(row[4], list):
        raise refused("roster")
    specialties = many(row[4], _text, "roster")
    leaf = roster_leaf(bytes.fromhex(string(fields["salt"], HASH, "roster")), canonical_json(row).decode())
    if opening.roster is None or not _leads(_sha256, leaf, leaf, fields["path"], opening.roster.root):
        raise RecordBroken("slip.not_in_roster")
    return (*row[:4], specialties, row[5]), leaf


def _in_table(
    fields: Mapping[str, Any], opening: Open, code: str, hash_: Hash
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    row = row_of(fields["row"], 5 if opening.law == "weighted" else 4, "row")
    table = next((terms.table for terms in opening.pools if terms.kind is DrawKind.expert), "")
    leaf = hash_(b"\x00" + _bytes(fields["nonce"]) + canonical_json(row))
    path = many(fields["path"], _bytes, "path")
    if row[0] != code or len(path) > 8 * len(code) // 2:
        raise RecordBroken("slip.not_in_table")
    root = climb(hash_, bytes.fromhex(code), leaf, path)
    if hash_(b"\x02" + root + _bytes(fields["rest"])).hex() != table:
        raise RecordBroken("slip.not_in_table")
    return many(row[2], _text, "row"), many(row[3], lambda word: string(word, WORD, "row"), "row")


def _in_chances(fields: Mapping[str, Any], lock: Lock | None, code: str, hash_: Hash) -> Fraction | None:
    if fields["chance"] is None:
        return None
    chance = fields_of(fields["chance"], "chance", "count", "path")
    count = string(chance["count"], DECIMAL, "chance")
    leaf = hash_(b"\x00" + _bytes(fields["nonce"]) + chance_row(code, count).encode())
    if lock is None or lock.chances is None or not int(lock.feasible or 0):
        raise RecordBroken("slip.not_in_chances")
    if not _leads(hash_, bytes.fromhex(code), leaf, chance["path"], lock.chances):
        raise RecordBroken("slip.not_in_chances")
    return Fraction(int(count), int(lock.feasible or 0))


def _leads(hash_: Hash, key: bytes, leaf: bytes, path: object, root: str) -> bool:
    siblings = many(path, _bytes, "path")
    return len(siblings) <= 8 * len(key) and climb(hash_, key, leaf, siblings).hex() == root


def _chance(
    record: DrawRecord, experts: Listing, code: str, certificate: Certificate | None, hash_: Hash
) -> Canonical:
    lock, law = record.history.lock, record.history.opening.law
    if lock is None or lock[0].chances is None:
        return None
    if certificate is None:
        certificate = certify(experts.pool, law, Thresholds(0, Fraction(1), Fraction(1)))
    rows = certificate.chance_rows or ()
    count = dict(rows).get(code)
    if count is None:
        return None
    tree = Tree(hash_, chance_leaves(hash_, experts.nonce, rows))
    return {"count": str(count), "path": _hex(tree.path(bytes.fromhex(code)))}


def _hex(path: Sequence[bytes]) -> list[str]:
    return [sibling.hex() for sibling in path]


def _bytes(value: object) -> bytes:
    return bytes.fromhex(string(value, HASH, "hash"))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise refused("text")
    return value


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
