"""What each kind of line in the record of a campaign of inspections says (双随机抽查记录)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from app.core.canonical import Canonical
from expert_draw.engine.fixed_entries import Agree, Body, Party, RulePack, read_party, read_rules
from expert_draw.engine.inspection import METHODS, Method, Target
from expert_draw.engine.inspection_assign import AssignMethod, Pair
from expert_draw.engine.randomness import SUITES, Suite
from expert_draw.engine.round_entries import Beacon, Call, Reveal, Void
from expert_draw.engine.shapes import (
    CODE,
    HASH,
    NUMBER,
    WORD,
    ascending,
    fields_of,
    many,
    maybe,
    one_of,
    pairs,
    row_of,
    some,
    string,
    whole,
)
from expert_draw.engine.wording import RecordBroken

FORMAT = "yuanping-inspection/1"
ALGORITHM = "ed-inspection/1"
ASSIGN_METHODS: tuple[AssignMethod, ...] = ("rejection", "counting", "stepwise", "none")


@dataclass(frozen=True, slots=True)
class ObjectTerms:
    """What line 1 says of the objects: how many are drawn and how, how many there are, and the hash that pins them."""

    KIND: ClassVar[Literal["object"]] = "object"

    method: Method
    target: Target
    size: int
    table: str

    @property
    def number(self) -> int:
        """How many objects are drawn in all."""
        return self.target if isinstance(self.target, int) else sum(number for _, number in self.target)

    def body(self) -> Body:
        target: Canonical = (
            self.target if isinstance(self.target, int) else [[tier, number] for tier, number in self.target]
        )
        return {"method": self.method, "size": self.size, "table": self.table, "target": target}

    @classmethod
    def read(cls, value: object) -> "ObjectTerms":
        fields = fields_of(value, "objects", "method", "size", "table", "target")
        method: Method = "tiers" if one_of(fields["method"], METHODS, "method") == "tiers" else "systematic"
        return cls(
            method,
            _read_tiers(fields["target"]) if method == "tiers" else whole(fields["target"], "target", 0),
            whole(fields["size"], "size", 0),
            string(fields["table"], HASH, "table"),
        )


@dataclass(frozen=True, slots=True)
class InspectorTerms:
    """What a line says of the inspectors: how many for an object, how many objects for one, and the hash that pins them."""

    KIND: ClassVar[Literal["inspector"]] = "inspector"

    per_object: int
    most: int
    size: int
    table: str

    def body(self) -> Body:
        return {"most": self.most, "per_object": self.per_object, "size": self.size, "table": self.table}

    @classmethod
    def read(cls, value: object) -> "InspectorTerms":
        fields = fields_of(value, "inspectors", "most", "per_object", "size", "table")
        return cls(
            whole(fields["per_object"], "per_object"),
            whole(fields["most"], "most"),
            whole(fields["size"], "size", 0),
            string(fields["table"], HASH, "table"),
        )


@dataclass(frozen=True, slots=True)
class OpenCampaign:
    """The campaign is announced: everything that is fixed before any chance exists. key: public key of the house."""

    TYPE: ClassVar[str] = "open"

    campaign: str
    before: str | None
    suite: Suite
    key: str
    rules: RulePack
    parties: tuple[Party, ...]
    objects: ObjectTerms
    inspectors: InspectorTerms

    def body(self) -> Body:
        return {
            "algorithm": ALGORITHM,
            "before": self.before,
            "campaign": self.campaign,
            "format": FORMAT,
            "inspectors": self.inspectors.body(),
            "key": self.key,
            "objects": self.objects.body(),
            "parties": [[one.name, one.key, one.anchor, one.held] for one in self.parties],
            "rules": {"hash": self.rules.hash, "id": self.rules.id, "version": self.rules.version},
            "suite": self.suite,
        }

    @classmethod
    def read(cls, body: object) -> "OpenCampaign":
        if isinstance(body, dict) and body.get("format") != FORMAT:
            raise RecordBroken("record.unknown_format", value=str(body.get("format"))[:64])
        fields = fields_of(
            body, "open", "algorithm", "before", "campaign", "format", "inspectors", "key", "objects", "parties",
            "rules", "suite",
        )  # fmt: skip
        for field, known in (("algorithm", (ALGORITHM,)), ("suite", SUITES)):
            if fields[field] not in known:
                raise RecordBroken("record.unknown_format", value=str(fields[field])[:64])
        parties = some(many(fields["parties"], read_party, "parties"), "parties")
        return cls(
            campaign=string(fields["campaign"], NUMBER, "campaign"),
            before=maybe(fields["before"], NUMBER, "before"),
            suite=fields["suite"],
            key=string(fields["key"], HASH, "key"),
            rules=read_rules(fields["rules"]),
            parties=ascending(parties, "parties", lambda party: party.name),
            objects=ObjectTerms.read(fields["objects"]),
            inspectors=InspectorTerms.read(fields["inspectors"]),
        )


@dataclass(frozen=True, slots=True)
class Sampled:
    """The objects drawn (抽中对象). seed: hex, derived from shares and call."""

    TYPE: ClassVar[str] = "sample"

    chosen: tuple[str, ...]
    seed: str
    tries: int

    def body(self) -> Body:
        return {"chosen": list(self.chosen), "round": 1, "seed": self.seed, "tries": self.tries}

    @classmethod
    def read(cls, body: object) -> "Sampled":
        fields = fields_of(body, "sample", "chosen", "round", "seed", "tries")
        if whole(fields["round"], "round") != 1:
            raise RecordBroken("record.wrong_round", expected=1, found=fields["round"])
        chosen = many(fields["chosen"], lambda code: string(code, CODE, "chosen"), "chosen")
        return cls(
            ascending(chosen, "chosen"), string(fields["seed"], HASH, "seed"), whole(fields["tries"], "tries")
        )


@dataclass(frozen=True, slots=True)
class Assigned:
    """Who inspects what (人员匹配): the new pairs (object, inspector) of one round, () with the method `none`."""

    TYPE: ClassVar[str] = "assign"

    round_no: int
    seed: str
    pairs: tuple[Pair, ...]
    method: AssignMethod
    tries: int

    def body(self) -> Body:
        return {
            "method": self.method,
            "pairs": [list(pair) for pair in self.pairs],
            "round": self.round_no,
            "seed": self.seed,
            "tries": self.tries,
        }

    @classmethod
    def read(cls, body: object) -> "Assigned":
        fields = fields_of(body, "assign", "method", "pairs", "round", "seed", "tries")
        known = one_of(fields["method"], ASSIGN_METHODS, "method")
        return cls(
            round_no=whole(fields["round"], "round"),
            seed=string(fields["seed"], HASH, "seed"),
            pairs=_read_pairs(fields["pairs"]),
            method=next(method for method in ASSIGN_METHODS if method == known),
            tries=whole(fields["tries"], "tries"),
        )


@dataclass(frozen=True, slots=True)
class Leave:
    """An inspector gives up one object, or with None all of them and any further one (退出检查)."""

    TYPE: ClassVar[str] = "leave"

    inspector: str
    thing: str | None
    reason: str

    def body(self) -> Body:
        return {"inspector": self.inspector, "object": self.thing, "reason": self.reason}

    @classmethod
    def read(cls, body: object) -> "Leave":
        fields = fields_of(body, "leave", "inspector", "object", "reason")
        return cls(
            string(fields["inspector"], CODE, "inspector"),
            maybe(fields["object"], CODE, "object"),
            string(fields["reason"], WORD, "reason"),
        )


@dataclass(frozen=True, slots=True)
class Inspectors:
    """The list of inspectors as it stands now, before a further round."""

    TYPE: ClassVar[str] = "inspectors"

    terms: InspectorTerms

    def body(self) -> Body:
        return {"inspectors": self.terms.body()}

    @classmethod
    def read(cls, body: object) -> "Inspectors":
        return cls(InspectorTerms.read(fields_of(body, "inspectors", "inspectors")["inspectors"]))


@dataclass(frozen=True, slots=True)
class CloseCampaign:
    """Every object drawn has its inspectors. pairs: all that stand, (object, inspector), ascending."""

    TYPE: ClassVar[str] = "close"

    rounds: int
    pairs: tuple[Pair, ...]

    def body(self) -> Body:
        return {"pairs": [list(pair) for pair in self.pairs], "rounds": self.rounds}

    @classmethod
    def read(cls, body: object) -> "CloseCampaign":
        fields = fields_of(body, "close", "pairs", "rounds")
        return cls(whole(fields["rounds"], "rounds"), _read_pairs(fields["pairs"]))


CampaignEntry = (
    OpenCampaign
    | Agree
    | Call
    | Reveal
    | Beacon
    | Sampled
    | Assigned
    | Leave
    | Inspectors
    | CloseCampaign
    | Void
)
_ALL: tuple[type[CampaignEntry], ...] = (
    OpenCampaign, Agree, Call, Reveal, Beacon, Sampled, Assigned, Leave, Inspectors, CloseCampaign, Void,
)  # fmt: skip
_TYPES: Mapping[str, type[CampaignEntry]] = {entry.TYPE: entry for entry in _ALL}


def read_campaign_entry(type_: str, body: object) -> CampaignEntry:
    """The entry that a line's type and body say; RecordBroken unless they are written in the one permitted way."""
    if type_ not in _TYPES:
        raise RecordBroken("record.unknown_type", type=type_[:64])
    return _TYPES[type_].read(body)


def _read_tiers(value: object) -> tuple[tuple[str, int], ...]:
    def read(item: object) -> tuple[str, int]:
        tier, number = row_of(item, 2, "target")
        return string(tier, WORD, "target"), whole(number, "target", 0)

    return ascending(some(many(value, read, "target"), "target"), "target", lambda row: row[0])


def _read_pairs(value: object) -> tuple[Pair, ...]:
    return ascending(pairs(value, CODE, CODE, "pairs"), "pairs")
