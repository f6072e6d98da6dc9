"""The list of one kind in a record: pinned by a salted tree before any chance exists, opened row by row afterwards."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from app.core.canonical import Canonical
from expert_draw.engine.merkle import Hash, Leaf, root_of
from expert_draw.engine.pool import MOST_LEVELS, MOST_PLACES, Bound, Candidate, DrawKind, Level, Member, Pool
from expert_draw.engine.randomness import Suite, hash_of
from expert_draw.engine.shapes import (
    CODE,
    HASH,
    KEY,
    WORD,
    Counts,
    counts,
    fields_of,
    kind_of,
    many,
    refused,
    row_of,
    some,
    string,
    whole,
)
from expert_draw.engine.wording import RecordBroken

NONCE_BYTES = 32
OPENING = b'{"kind":'
_NO_CODE = bytes(16)
_ROW = b"ed-panel/2 row\x00"
_HEAD = re.compile(r'\{"kind":"([a-z]+)","line":([0-9]+),')


@dataclass(frozen=True, slots=True)
class Terms:
    """What a line says of a list: what is drawn from it and how, how long it is, and the hash that pins it (名单承诺).

    slots: (key, quota), ascending. table: 64 hex digits.
    """

    kind: DrawKind
    slots: Counts
    levels: tuple[Level, ...]
    follows: tuple[DrawKind, str] | None
    size: int
    table: str

    def body(self) -> dict[str, Canonical]:
        return {
            "follows": None if self.follows is None else [self.follows[0].value, self.follows[1]],
            "kind": self.kind.value,
            "levels": [
                [[[group, cap] for group, cap in level.caps], 1 if level.apart else 0]
                for level in self.levels
            ],
            "size": self.size,
            "slots": [[key, quota] for key, quota in self.slots],
            "table": self.table,
        }

    @classmethod
    def read(cls, value: object) -> "Terms":
        fields = fields_of(value, "pool", "follows", "kind", "levels", "size", "slots", "table")
        slots = some(counts(fields["slots"], KEY, "slots"), "slots")
        if sum(quota for _, quota in slots) > MOST_PLACES:
            raise refused("slots")
        levels = some(many(fields["levels"], _read_level, "levels"), "levels")
        if len(levels) > MOST_LEVELS:
            raise refused("levels")
        return cls(
            kind=kind_of(fields["kind"]),
            slots=slots,
            levels=levels,
            follows=None if fields["follows"] is None else _read_follows(fields["follows"]),
            size=whole(fields["size"], "size", 0),
            table=string(fields["table"], HASH, "table"),
        )

    def same_draw(self, other: "Terms") -> bool:
        """Whether both ask for the same places in the same way, whatever their lists are."""
        return replace(self, size=0, table="") == replace(other, size=0, table="")


class Listing:
    """An opened list (名单公开): which line pinned it, with which nonce, and the pool it makes together with that line.

    text: its line in the file, without newline. The pool is put together when first asked for.
    """

    __slots__ = ("_pool", "_terms", "_weighted", "kind", "line", "nonce", "text")

    def __init__(
        self, text: str, terms: Terms, line: int, nonce: bytes, *, weighted: bool, pool: Pool | None
    ) -> None:
        self.text, self.kind, self.line, self.nonce = text, terms.kind, line, nonce
        self._terms, self._weighted, self._pool = terms, weighted, pool

    @property
    def pool(self) -> Pool:
        if self._pool is None:
            self._pool = _read_pool(json.loads(self.text)["list"], self._terms, weighted=self._weighted)
        return self._pool


Lists = Mapping[tuple[int, DrawKind], Listing]


def commit(pool: Pool, nonce: bytes, line: int, suite: Suite, *, weighted: bool) -> tuple[Terms, Listing]:
    """Pins a list in codes: what the line says of it, and what opens it later. nonce: 32 fresh secret bytes.

    RecordBroken if anything in the pool is not a code or a word.
    """
    if not isinstance(nonce, bytes) or len(nonce) != NONCE_BYTES:
        raise TypeError("the nonce of a list is 32 bytes")
    rows, rest = rows_of(pool, weighted=weighted), rest_of(pool)
    table = table_of(suite, nonce, pool, rows, rest)
    terms = Terms(pool.kind, pool.slots, pool.levels, pool.follows, len(pool.candidates), table)
    Terms.read(terms.body())
    return terms, Listing(
        _opening(pool.kind, line, rows, rest, nonce), terms, line, nonce, weighted=weighted, pool=pool
    )


def trusted(text: str, terms_of: Mapping[tuple[int, DrawKind], Terms], *, weighted: bool) -> Listing:
    """An opening that the house wrote itself; its rows are not looked at until somebody needs them."""
    found = _HEAD.match(text)
    if not found or (at := (int(found[2]), DrawKind(found[1]))) not in terms_of:
        raise RecordBroken("record.opening_unknown")
    nonce = bytes.fromhex(text[-2 - 2 * NONCE_BYTES : -2])
    return Listing(text, terms_of[at], at[0], nonce, weighted=weighted, pool=None)


def read_opening(
    line: bytes, terms_of: Mapping[tuple[int, DrawKind], Terms], suite: Suite, *, weighted: bool
) -> Listing:
    """Reads an opening and looks at every byte of it; RecordBroken unless it is the list that its line has pinned."""
    try:
        value = json.loads(text := line.decode())
    except (ValueError, RecursionError) as fault:
        raise RecordBroken("record.not_canonical") from fault
    fields = fields_of(value, "opening", "kind", "line", "list", "nonce")
    at = (whole(fields["line"], "opening"), kind_of(fields["kind"]))
    nonce = bytes.fromhex(string(fields["nonce"], HASH, "nonce"))
    terms = terms_of.get(at)
    if terms is None:
        raise RecordBroken("record.opening_unknown")
    pool = _read_pool(fields["list"], terms, weighted=weighted)
    rows, rest = rows_of(pool, weighted=weighted), rest_of(pool)
    # Spelling and order are right exactly if the same list, written anew, gives the same text.
    if _opening(terms.kind, at[0], rows, rest, nonce) != text:
        raise RecordBroken("record.not_canonical")
    if len(rows) != terms.size:
        raise RecordBroken("record.wrong_size", kind=terms.kind.value, expected=terms.size, found=len(rows))
    if table_of(suite, nonce, pool, rows, rest) != terms.table:
        raise RecordBroken("record.wrong_commitment", kind=terms.kind.value)
    return Listing(text, terms, at[0], nonce, weighted=weighted, pool=pool)


def rows_of(pool: Pool, *, weighted: bool) -> list[str]:
    """The candidates as canonical JSON, one text for each row; RecordBroken for what is not a code, a key or a word."""
    pairs, keys, words = _Pairs(), _Strings(KEY), _Strings(WORD)
    code_like = CODE.fullmatch
    rows = []
    for one in pool.candidates:
        if not code_like(one.id):
            raise refused("candidates")
        groups = ",".join([pairs[group] for group in one.groups])
        weight = f",{one.weight}" if weighted else ""
        rows.append(f'["{one.id}",[{groups}],{keys[one.slots]},{words[one.grounds]}{weight}]')
    return rows


def rest_of(pool: Pool) -> str:
    """The list without its candidates as canonical JSON."""
    pairs = _Pairs()
    bounds = [f"{pairs[one.group, one.value][:-1]},{one.least:d},{one.most:d}]" for one in pool.bounds]
    held = [
        f'["{string(one.id, CODE, "held")}",[{",".join(pairs[group] for group in one.groups)}]]'
        for one in pool.held
    ]
    conflicts = [f'["{one}","{other}"]' for one, other in pool.conflicts]
    return f'{{"bounds":[{",".join(bounds)}],"conflicts":[{",".join(conflicts)}],"held":[{",".join(held)}]}}'


def table_of(suite: Suite, nonce: bytes, pool: Pool, rows: Iterable[str], rest: str) -> str:
    """The hash that pins a list: `table` of docs/draw-record.md, 64 hex digits."""
    hash_ = hasher(suite)
    root = root_of(hash_, leaves_of(hash_, nonce, [one.id for one in pool.candidates], rows))
    return hash_(b"\x02" + root + rest_hash(hash_, nonce, rest)).hex()


def leaves_of(hash_: Hash, nonce: bytes, codes: Iterable[str], rows: Iterable[str]) -> list[Leaf]:
    """(key, hash) of the leaf of each row: nobody who lacks the nonce can guess a row from its hash."""
    salt = _ROW + nonce
    keyed = ((bytes.fromhex(code), row.encode()) for code, row in zip(codes, rows, strict=True))
    return [(key, hash_(b"\x00" + hash_(salt + key) + row)) for key, row in keyed]


def row_nonce(hash_: Hash, nonce: bytes, code: str) -> bytes:
    """What hides one row: 32 bytes that open this row and no other."""
    return hash_(_ROW + nonce + bytes.fromhex(code))


def rest_hash(hash_: Hash, nonce: bytes, rest: str) -> bytes:
    """R of docs/draw-record.md section 3."""
    return hash_(b"\x00" + hash_(_ROW + nonce + _NO_CODE) + rest.encode())


def hasher(suite: Suite) -> Hash:
    """H of that suite as a function, quick for many small texts."""
    if suite == "sha256":
        return lambda data: hashlib.sha256(data).digest()
    return lambda data: hash_of(suite, data)


class _Pairs(dict[tuple[str, str], str]):
    """The spelling of each pair of group name and value: looked at when first met, as most rows share theirs."""

    def __missing__(self, pair: tuple[str, str]) -> str:
        name, value = pair
        self[pair] = spelt = f'["{string(name, WORD, "groups")}","{string(value, CODE, "groups")}"]'
        return spelt


class _Strings(dict[tuple[str, ...], str]):
    """The spelling of each combination of keys or words."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        super().__init__()
        self.pattern = pattern

    def __missing__(self, strings: tuple[str, ...]) -> str:
        spelt = ",".join(f'"{string(one, self.pattern, "candidates")}"' for one in strings)
        self[strings] = spelt = f"[{spelt}]"
        return spelt


def _opening(kind: DrawKind, line: int, rows: list[str], rest: str, nonce: bytes) -> str:
    bounds, others = rest[:-1].split(',"conflicts":', 1)
    table = f'{bounds},"candidates":[{",".join(rows)}],"conflicts":{others}}}'
    return f'{{"kind":"{kind.value}","line":{line},"list":{table},"nonce":"{nonce.hex()}"}}'


def _read_pool(value: object, terms: Terms, *, weighted: bool) -> Pool:
    fields = fields_of(value, "list", "bounds", "candidates", "conflicts", "held")
    bounds = many(fields["bounds"], _read_bound, "bounds")
    try:
        return Pool(
            terms.kind,
            terms.slots,
            tuple([(_weighted if weighted else _plain)(*row) for row in fields["candidates"]]),
            terms.levels,
            terms.follows,
            bounds,
            tuple([_pair(*row) for row in fields["conflicts"]]),
            tuple([_member(*row) for row in fields["held"]]),
        )
    except (
        TypeError,
        ValueError,
    ) as fault:  # not the rows we know; what they hold is looked at when spelt anew
        raise refused("list") from fault


def _plain(code: str, groups: list[list[str]], slots: list[str], grounds: list[str]) -> Candidate:
    return Candidate(code, tuple([(name, value) for name, value in groups]), tuple(slots), tuple(grounds))


def _weighted(
    code: str, groups: list[list[str]], slots: list[str], grounds: list[str], weight: int
) -> Candidate:
    return Candidate(
        code, tuple([(name, value) for name, value in groups]), tuple(slots), tuple(grounds), weight
    )


def _member(code: str, groups: list[list[str]]) -> Member:
    return Member(code, tuple([(name, value) for name, value in groups]))


def _pair(one: str, other: str) -> tuple[str, str]:
    return one, other


def _read_bound(row: object) -> Bound:
    group, value, least, most = row_of(row, 4, "bounds")
    return Bound(
        string(group, WORD, "bounds"),
        string(value, CODE, "bounds"),
        whole(least, "bounds", 0),
        whole(most, "bounds", 0),
    )


def _read_level(row: object) -> Level:
    caps, apart = row_of(row, 2, "levels")
    if isinstance(apart, bool) or apart not in (0, 1):
        raise refused("levels")
    return Level(counts(caps, WORD, "levels"), bool(apart))


def _read_follows(row: object) -> tuple[DrawKind, str]:
    kind, group = row_of(row, 2, "follows")
    return kind_of(kind), string(group, WORD, "follows")
