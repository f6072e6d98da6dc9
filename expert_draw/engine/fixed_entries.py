"""What the lines say that come before any chance: the opening, the agreements, the figures, and changes of the lists."""

from dataclasses import dataclass
from math import gcd
from typing import ClassVar, Literal, get_args

from app.core.canonical import Canonical
from expert_draw.engine.lists import Terms
from expert_draw.engine.pool import DrawKind, Law
from expert_draw.engine.randomness import ALGORITHM, SUITES, Suite
from expert_draw.engine.shapes import (
    CODE,
    DECIMAL,
    HASH,
    KEY,
    NUMBER,
    SIGNATURE,
    WORD,
    Pairs,
    ascending,
    fields_of,
    kind_of,
    many,
    maybe,
    one_of,
    pairs,
    refused,
    row_of,
    some,
    string,
    whole,
)
from expert_draw.engine.signing import FORMAT
from expert_draw.engine.wording import RecordBroken

LAWS: tuple[Law, ...] = get_args(Law)
SUPERVISOR = "supervisor"
Body = dict[str, Canonical]
Ratio = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RulePack:
    """The rules in force at the draw (规则包): id, version and the SHA-256 of its content."""

    id: str
    version: str
    hash: str


@dataclass(frozen=True, slots=True)
class RosterRoot:
    """The roster of experts as it stood (专家库快照): the root of its tree in hex, and how many experts it has."""

    root: str
    size: int


@dataclass(frozen=True, slots=True, order=True)
class Party:
    """One who takes part in the chance (参与方): public key and anchor in hex; who holds the secret of its shares."""

    name: str
    key: str
    anchor: str
    held: Literal["own", "kept"]


@dataclass(frozen=True, slots=True)
class Open:
    """The draw is announced: everything that is fixed before any chance exists. key: public key of the house."""

    TYPE: ClassVar[str] = "open"

    draw: str
    before: str | None
    suite: Suite
    law: Law
    key: str
    rules: RulePack
    roster: RosterRoot | None
    reserve: int
    parties: tuple[Party, ...]
    pools: tuple[Terms, ...]

    def body(self) -> Body:
        roster = self.roster
        return {
            "algorithm": ALGORITHM,
            "before": self.before,
            "draw": self.draw,
            "format": FORMAT,
            "key": self.key,
            "law": self.law,
            "parties": [[one.name, one.key, one.anchor, one.held] for one in self.parties],
            "pools": [terms.body() for terms in self.pools],
            "reserve": self.reserve,
            "roster": None if roster is None else {"root": roster.root, "size": roster.size},
            "rules": {"hash": self.rules.hash, "id": self.rules.id, "version": self.rules.version},
            "suite": self.suite,
        }

    @classmethod
    def read(cls, body: object) -> "Open":
        if isinstance(body, dict) and body.get("format") != FORMAT:
            raise RecordBroken("record.unknown_format", value=str(body.get("format"))[:64])
        fields = fields_of(
            body, "open", "algorithm", "before", "draw", "format", "key", "law", "parties", "pools", "reserve",
            "roster", "rules", "suite",
        )  # fmt: skip
        for field, known in (("algorithm", (ALGORITHM,)), ("law", LAWS), ("suite", SUITES)):
            if fields[field] not in known:
                raise RecordBroken("record.unknown_format", value=str(fields[field])[:64])
        terms = some(many(fields["pools"], Terms.read, "pools"), "pools")
        if len({one.kind for one in terms}) != len(terms):
            raise refused("pools")
        parties = some(many(fields["parties"], read_party, "parties"), "parties")
        return cls(
            draw=string(fields["draw"], NUMBER, "draw"),
            before=maybe(fields["before"], NUMBER, "before"),
            suite=fields["suite"],
            law=fields["law"],
            key=string(fields["key"], HASH, "key"),
            rules=read_rules(fields["rules"]),
            roster=_read_roster(fields["roster"]),
            reserve=whole(fields["reserve"], "reserve", 0),
            parties=ascending(parties, "parties", lambda party: party.name),
            pools=terms,
        )


@dataclass(frozen=True, slots=True)
class Agree:
    """A party has seen the first line and takes part."""

    TYPE: ClassVar[str] = "agree"

    party: str
    sig: str

    def body(self) -> Body:
        return {"party": self.party, "sig": self.sig}

    @classmethod
    def read(cls, body: object) -> "Agree":
        fields = fields_of(body, "agree", "party", "sig")
        return cls(string(fields["party"], WORD, "party"), string(fields["sig"], SIGNATURE, "sig"))


@dataclass(frozen=True, slots=True)
class Lock:
    """What is known of the chances before there are any (可预测性). Figures are whole numbers in decimal, as text.

    lists: (slot, needed, length of its list). greatest, least: the chance of one candidate as (numerator, denominator); ten:
    how many places the ten likeliest are expected to take. chances: root of the tree of all chances in hex.
    """

    TYPE: ClassVar[str] = "lock"

    lists: tuple[tuple[str, int, int], ...]
    warnings: tuple[str, ...]
    feasible: str | None = None
    chances: str | None = None
    greatest: Ratio | None = None
    least: Ratio | None = None
    ten: Ratio | None = None

    def body(self) -> Body:
        return {
            "chances": self.chances,
            "feasible": self.feasible,
            "greatest": self.greatest and list(self.greatest),
            "least": self.least and list(self.least),
            "lists": [list(row) for row in self.lists],
            "ten": self.ten and list(self.ten),
            "warnings": list(self.warnings),
        }

    @classmethod
    def read(cls, body: object) -> "Lock":
        fields = fields_of(
            body, "lock", "chances", "feasible", "greatest", "least", "lists", "ten", "warnings"
        )
        figures = [fields[name] for name in ("chances", "feasible", "greatest", "least", "ten")]
        if 0 < figures.count(None) < len(figures):
            raise refused("lock")
        words = many(fields["warnings"], lambda word: string(word, WORD, "warnings"), "warnings")
        return cls(
            lists=ascending(many(fields["lists"], _read_length, "lists"), "lists", lambda row: row[0]),
            warnings=ascending(words, "warnings"),
            feasible=maybe(fields["feasible"], DECIMAL, "feasible"),
            chances=maybe(fields["chances"], HASH, "chances"),
            greatest=_read_ratio(fields["greatest"], "greatest"),
            least=_read_ratio(fields["least"], "least"),
            ten=_read_ratio(fields["ten"], "ten"),
        )


@dataclass(frozen=True, slots=True)
class Approve:
    """The supervisor accepts the warnings."""

    TYPE: ClassVar[str] = "approve"

    sig: str

    def body(self) -> Body:
        return {"party": SUPERVISOR, "sig": self.sig}

    @classmethod
    def read(cls, body: object) -> "Approve":
        fields = fields_of(body, "approve", "party", "sig")
        one_of(fields["party"], (SUPERVISOR,), "party")
        return cls(string(fields["sig"], SIGNATURE, "sig"))


@dataclass(frozen=True, slots=True)
class Declare:
    """The list of venues or seats as it stands now, before a further round."""

    TYPE: ClassVar[str] = "pool"

    pool: Terms

    def body(self) -> Body:
        return {"pool": self.pool.body()}

    @classmethod
    def read(cls, body: object) -> "Declare":
        return cls(Terms.read(fields_of(body, "pool", "pool")["pool"]))


@dataclass(frozen=True, slots=True)
class Exclude:
    """Candidates found unable to take part after the draw was opened: (code, ground)."""

    TYPE: ClassVar[str] = "exclude"

    kind: DrawKind
    excluded: Pairs

    def body(self) -> Body:
        return {"excluded": [list(pair) for pair in self.excluded], "kind": self.kind.value}

    @classmethod
    def read(cls, body: object) -> "Exclude":
        fields = fields_of(body, "exclude", "excluded", "kind")
        excluded = some(pairs(fields["excluded"], CODE, WORD, "excluded"), "excluded")
        return cls(kind_of(fields["kind"]), ascending(excluded, "excluded"))


def read_rules(value: object) -> RulePack:
    """The rule pack as a first line names it."""
    fields = fields_of(value, "rules", "hash", "id", "version")
    return RulePack(
        string(fields["id"], NUMBER, "rules"),
        string(fields["version"], NUMBER, "rules"),
        string(fields["hash"], HASH, "rules"),
    )


def read_party(row: object) -> Party:
    """One row of the parties in a first line."""
    name, key, anchor, held = row_of(row, 4, "parties")
    who: Literal["own", "kept"] = "own" if one_of(held, ("own", "kept"), "parties") == "own" else "kept"
    return Party(
        string(name, WORD, "parties"), string(key, HASH, "parties"), string(anchor, HASH, "parties"), who
    )


def _read_roster(value: object) -> RosterRoot | None:
    if value is None:
        return None
    fields = fields_of(value, "roster", "root", "size")
    return RosterRoot(string(fields["root"], HASH, "roster"), whole(fields["size"], "roster", 0))


def _read_length(row: object) -> tuple[str, int, int]:
    slot, needed, length = row_of(row, 3, "lists")
    return string(slot, KEY, "lists"), whole(needed, "lists"), whole(length, "lists", 0)


def _read_ratio(value: object, where: str) -> Ratio | None:
    if value is None:
        return None
    above, below = row_of(value, 2, where)
    ratio = string(above, DECIMAL, where), string(below, DECIMAL, where)
    if gcd(int(ratio[0]), int(ratio[1])) != 1 or int(ratio[1]) == 0:
        raise refused(where)
    return ratio
