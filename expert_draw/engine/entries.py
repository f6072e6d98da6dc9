"""What each kind of line in the record of a draw says, and how it is written and read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from app.core.canonical import Canonical
from expert_draw.engine.pool import Candidate, DrawKind, DrawRequest, Pool, Slot
from expert_draw.engine.randomness import ALGORITHM
from expert_draw.engine.shapes import (
    CODE,
    HASH,
    KEY,
    NUMBER,
    WORD,
    Pairs,
    ascending,
    distinct,
    fields_of,
    kind_of,
    many,
    pairs,
    row_of,
    string,
    whole,
)
from expert_draw.engine.wording import RecordBroken

FORMAT = "yuanping-draw/1"
LAW = "uniform-labelled"

Body = dict[str, Canonical]


@dataclass(frozen=True, slots=True)
class RulePack:
    """The rules in force at the draw (规则包): id, version and the SHA-256 of its content."""

    id: str
    version: str
    hash: str


@dataclass(frozen=True, slots=True)
class Open:
    """The draw is announced: its number, its rules, what every party has promised, and the frozen lists.

    chains: (party, anchor) with the anchor of each party's hash chain in hex.
    """

    TYPE: ClassVar[str] = "open"

    draw: str
    rules: RulePack
    chains: Pairs
    pools: tuple[Pool, ...]

    def body(self) -> Body:
        return {
            "algorithm": ALGORITHM,
            "chains": _written(self.chains),
            "draw": self.draw,
            "format": FORMAT,
            "law": LAW,
            "pools": [_write_pool(pool) for pool in self.pools],
            "rules": {"hash": self.rules.hash, "id": self.rules.id, "version": self.rules.version},
        }

    @classmethod
    def read(cls, body: object) -> "Open":
        fields = fields_of(body, "open", "algorithm", "chains", "draw", "format", "law", "pools", "rules")
        for field, known in (("format", FORMAT), ("algorithm", ALGORITHM), ("law", LAW)):
            if fields[field] != known:
                raise RecordBroken("record.unknown_format", value=str(fields[field])[:64])
        rules = fields_of(fields["rules"], "rules", "hash", "id", "version")
        return cls(
            draw=string(fields["draw"], NUMBER, "draw"),
            rules=RulePack(
                string(rules["id"], NUMBER, "rules"),
                string(rules["version"], NUMBER, "rules"),
                string(rules["hash"], HASH, "rules"),
            ),
            chains=distinct(pairs(fields["chains"], WORD, HASH, "chains"), "chains"),
            pools=ascending(many(fields["pools"], _read_pool, "pools"), lambda pool: pool.kind, "pools"),
        )


@dataclass(frozen=True, slots=True)
class Declare:
    """The list of venues or seats as it stands now, before a further round."""

    TYPE: ClassVar[str] = "pool"

    pool: Pool

    def body(self) -> Body:
        return {"pool": _write_pool(self.pool)}

    @classmethod
    def read(cls, body: object) -> "Declare":
        return cls(_read_pool(fields_of(body, "pool", "pool")["pool"]))


@dataclass(frozen=True, slots=True)
class Exclude:
    """Candidates found unable to take part after the draw was opened: (code, ground)."""

    TYPE: ClassVar[str] = "exclude"

    kind: DrawKind
    excluded: Pairs

    def body(self) -> Body:
        return {"excluded": _written(self.excluded), "kind": self.kind.value}

    @classmethod
    def read(cls, body: object) -> "Exclude":
        fields = fields_of(body, "exclude", "excluded", "kind")
        excluded = pairs(fields["excluded"], CODE, WORD, "excluded")
        return cls(kind_of(fields["kind"]), ascending(excluded, " ".join, "excluded"))


@dataclass(frozen=True, slots=True)
class Round:
    """One kind drawn in one round (轮次): what the parties revealed, what was needed, who or what came out.

    shares: (party, share in hex). needed: (slot, how many). drawn: (slot, code). seed: hex, derived from the rest.
    """

    TYPE: ClassVar[str] = "round"

    round_no: int
    kind: DrawKind
    shares: Pairs
    seed: str
    needed: tuple[tuple[str, int], ...]
    drawn: Pairs
    method: str
    tries: int

    def body(self) -> Body:
        return {
            "drawn": _written(self.drawn),
            "kind": self.kind.value,
            "method": self.method,
            "needed": [[key, count] for key, count in self.needed],
            "round": self.round_no,
            "seed": self.seed,
            "shares": _written(self.shares),
            "tries": self.tries,
        }

    @classmethod
    def read(cls, body: object) -> "Round":
        fields = fields_of(
            body, "round", "drawn", "kind", "method", "needed", "round", "seed", "shares", "tries"
        )
        return cls(
            round_no=whole(fields["round"], "round"),
            kind=kind_of(fields["kind"]),
            shares=distinct(pairs(fields["shares"], WORD, HASH, "shares"), "shares"),
            seed=string(fields["seed"], HASH, "seed"),
            needed=many(fields["needed"], _read_counted, "needed"),
            drawn=pairs(fields["drawn"], KEY, CODE, "drawn"),
            method=string(fields["method"], WORD, "method"),
            tries=whole(fields["tries"], "tries"),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one who was drawn (答复结果). evidence: SHA-256 of the proof kept in the house, or None."""

    TYPE: ClassVar[str] = "outcome"

    kind: DrawKind
    slot: str
    code: str
    outcome: str
    evidence: str | None = None

    def body(self) -> Body:
        return {
            "code": self.code,
            "evidence": self.evidence,
            "kind": self.kind.value,
            "outcome": self.outcome,
            "slot": self.slot,
        }

    @classmethod
    def read(cls, body: object) -> "Outcome":
        fields = fields_of(body, "outcome", "code", "evidence", "kind", "outcome", "slot")
        return cls(
            kind=kind_of(fields["kind"]),
            slot=string(fields["slot"], KEY, "slot"),
            code=string(fields["code"], CODE, "code"),
            outcome=string(fields["outcome"], WORD, "outcome"),
            evidence=None if fields["evidence"] is None else string(fields["evidence"], HASH, "evidence"),
        )


@dataclass(frozen=True, slots=True)
class Close:
    """The draw is complete: every place is filled. holders: (kind, slot, code)."""

    TYPE: ClassVar[str] = "close"

    rounds: int
    holders: tuple[tuple[str, str, str], ...]

    def body(self) -> Body:
        return {"holders": [list(holder) for holder in self.holders], "rounds": self.rounds}

    @classmethod
    def read(cls, body: object) -> "Close":
        fields = fields_of(body, "close", "holders", "rounds")
        return cls(whole(fields["rounds"], "rounds"), many(fields["holders"], _read_holder, "holders"))


@dataclass(frozen=True, slots=True)
class Void:
    """The draw is given up, for ever visibly. reason: a code. party: whose share was withheld, or None."""

    TYPE: ClassVar[str] = "void"

    reason: str
    party: str | None = None

    def body(self) -> Body:
        return {"party": self.party, "reason": self.reason}

    @classmethod
    def read(cls, body: object) -> "Void":
        fields = fields_of(body, "void", "party", "reason")
        party = None if fields["party"] is None else string(fields["party"], WORD, "party")
        return cls(string(fields["reason"], WORD, "reason"), party)


Entry = Open | Declare | Exclude | Round | Outcome | Close | Void
_TYPES: Mapping[str, type[Entry]] = {
    entry.TYPE: entry for entry in (Open, Declare, Exclude, Round, Outcome, Close, Void)
}


def read_entry(type_: object, body: object) -> Entry:
    """The entry that a line's type and body say; RecordBroken unless they are written in the one permitted way."""
    if not isinstance(type_, str) or type_ not in _TYPES:
        raise RecordBroken("record.unknown_type", type=str(type_)[:64])
    entry = _TYPES[type_].read(body)
    if entry.body() != body:
        raise RecordBroken("record.malformed", where=type_)
    return entry


def _write_pool(pool: Pool) -> Canonical:
    request = pool.request
    slots_of: dict[str, list[str]] = {candidate.id: [] for candidate in request.candidates}
    for slot in request.slots:
        for id_ in slot.eligible:
            slots_of[id_].append(slot.key)
    return {
        "candidates": [[one.id, _written(one.groups), slots_of[one.id]] for one in request.candidates],
        "caps": [[group, cap] for group, cap in request.group_caps],
        "excluded": _written(request.excluded),
        "follows": None if pool.follows is None else [pool.follows[0].value, pool.follows[1]],
        "held": [[one.id, _written(one.groups)] for one in request.held],
        "kind": request.kind.value,
        "slots": [[slot.key, slot.quota] for slot in request.slots],
    }


def _read_pool(value: object) -> Pool:
    names = ("candidates", "caps", "excluded", "follows", "held", "kind", "slots")
    fields = fields_of(value, "pool", *names)
    slots = many(fields["slots"], _read_counted, "slots")
    eligible: dict[str, list[str]] = {key: [] for key, _ in slots}

    def read_candidate(row: object) -> Candidate:
        code, groups, keys = row_of(row, 3, "candidates")
        candidate = Candidate(string(code, CODE, "candidates"), _groups(groups))
        for key in many(keys, lambda key: string(key, KEY, "candidates"), "candidates"):
            if key not in eligible:
                raise RecordBroken("record.malformed", where="candidates")
            eligible[key].append(candidate.id)
        return candidate

    candidates = many(fields["candidates"], read_candidate, "candidates")
    return Pool(
        DrawRequest(
            kind=kind_of(fields["kind"]),
            slots=tuple(Slot(key, quota, tuple(eligible[key])) for key, quota in slots),
            candidates=candidates,
            group_caps=many(fields["caps"], _read_cap, "caps"),
            held=many(fields["held"], _read_held, "held"),
            excluded=pairs(fields["excluded"], CODE, WORD, "excluded"),
        ),
        None if fields["follows"] is None else _read_follows(fields["follows"]),
    )


def _read_held(row: object) -> Candidate:
    code, groups = row_of(row, 2, "held")
    return Candidate(string(code, CODE, "held"), _groups(groups))


def _read_follows(row: object) -> tuple[DrawKind, str]:
    kind, group = row_of(row, 2, "follows")
    return kind_of(kind), string(group, WORD, "follows")


def _read_cap(row: object) -> tuple[str, int]:
    group, cap = row_of(row, 2, "caps")
    return string(group, WORD, "caps"), whole(cap, "caps")


def _read_counted(row: object) -> tuple[str, int]:
    key, count = row_of(row, 2, "slots")
    return string(key, KEY, "slots"), whole(count, "slots")


def _read_holder(row: object) -> tuple[str, str, str]:
    kind, slot, code = row_of(row, 3, "holders")
    return kind_of(kind).value, string(slot, KEY, "holders"), string(code, CODE, "holders")


def _groups(value: object) -> Pairs:
    return pairs(value, WORD, CODE, "groups")


def _written(pairs: Pairs) -> list[Canonical]:
    return [list(pair) for pair in pairs]
