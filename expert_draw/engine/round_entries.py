"""What the lines say of chance and what follows from it: calls, shares, rounds, answers and the end."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.canonical import Canonical
from expert_draw.engine.pool import DrawKind
from expert_draw.engine.shapes import (
    CODE,
    HASH,
    KEY,
    SIGNATURE,
    TIME,
    WORD,
    Counts,
    Pairs,
    ascending,
    counts,
    fields_of,
    kind_of,
    many,
    maybe,
    one_of,
    pairs,
    refused,
    row_of,
    string,
    whole,
)

SHARE_WITHHELD = "share_withheld"
METHODS = ("rejection", "counting", "reserve", "none")
Body = dict[str, Canonical]


@dataclass(frozen=True, slots=True)
class Call:
    """The parties are called to reveal (通知公布份额). until: as a line writes its time.

    beacon: (source, its round) of the public randomness that will be mixed in, named before anyone reveals.
    """

    TYPE: ClassVar[str] = "call"

    round_no: int
    until: str
    beacon: tuple[str, int] | None = None

    def body(self) -> Body:
        return {"beacon": self.beacon and list(self.beacon), "round": self.round_no, "until": self.until}

    @classmethod
    def read(cls, body: object) -> "Call":
        fields = fields_of(body, "call", "beacon", "round", "until")
        beacon = None
        if fields["beacon"] is not None:
            source, number = row_of(fields["beacon"], 2, "beacon")
            beacon = string(source, WORD, "beacon"), whole(number, "beacon")
        return cls(whole(fields["round"], "round"), string(fields["until"], TIME, "until"), beacon)


@dataclass(frozen=True, slots=True)
class Reveal:
    """A party reveals its share of this round (公布份额), in hex."""

    TYPE: ClassVar[str] = "reveal"

    party: str
    round_no: int
    share: str
    sig: str

    def body(self) -> Body:
        return {"party": self.party, "round": self.round_no, "share": self.share, "sig": self.sig}

    @classmethod
    def read(cls, body: object) -> "Reveal":
        fields = fields_of(body, "reveal", "party", "round", "share", "sig")
        return cls(
            string(fields["party"], WORD, "party"),
            whole(fields["round"], "round"),
            string(fields["share"], HASH, "share"),
            string(fields["sig"], SIGNATURE, "sig"),
        )


@dataclass(frozen=True, slots=True)
class Beacon:
    """The public randomness that the call has named (公共随机数), in hex."""

    TYPE: ClassVar[str] = "beacon"

    source: str
    number: int
    value: str

    def body(self) -> Body:
        return {"round": self.number, "source": self.source, "value": self.value}

    @classmethod
    def read(cls, body: object) -> "Beacon":
        fields = fields_of(body, "beacon", "round", "source", "value")
        return cls(
            string(fields["source"], WORD, "beacon"),
            whole(fields["round"], "beacon"),
            string(fields["value"], HASH, "beacon"),
        )


@dataclass(frozen=True, slots=True)
class Round:
    """One kind drawn in one round (轮次): what was needed, who or what came out, and how.

    needed: (slot, how many). drawn: (slot, code), () when nothing fits. seed: hex, derived from shares and call.
    """

    TYPE: ClassVar[str] = "round"

    round_no: int
    kind: DrawKind
    seed: str
    needed: Counts
    drawn: Pairs
    level: int
    method: str
    tries: int

    def body(self) -> Body:
        return {
            "drawn": [list(pair) for pair in self.drawn],
            "kind": self.kind.value,
            "level": self.level,
            "method": self.method,
            "needed": [[key, count] for key, count in self.needed],
            "round": self.round_no,
            "seed": self.seed,
            "tries": self.tries,
        }

    @classmethod
    def read(cls, body: object) -> "Round":
        fields = fields_of(
            body, "round", "drawn", "kind", "level", "method", "needed", "round", "seed", "tries"
        )
        return cls(
            round_no=whole(fields["round"], "round"),
            kind=kind_of(fields["kind"]),
            seed=string(fields["seed"], HASH, "seed"),
            needed=counts(fields["needed"], KEY, "needed"),
            drawn=ascending(pairs(fields["drawn"], KEY, CODE, "drawn"), "drawn"),
            level=whole(fields["level"], "level"),
            method=one_of(fields["method"], METHODS, "method"),
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
            evidence=maybe(fields["evidence"], HASH, "evidence"),
        )


@dataclass(frozen=True, slots=True)
class Redraw:
    """Nobody fits beside those who accepted: all places are drawn anew (整体重抽)."""

    TYPE: ClassVar[str] = "redraw"

    reason: str

    def body(self) -> Body:
        return {"reason": self.reason}

    @classmethod
    def read(cls, body: object) -> "Redraw":
        return cls(string(fields_of(body, "redraw", "reason")["reason"], WORD, "reason"))


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
        holders = ascending(many(fields["holders"], _read_holder, "holders"), "holders")
        return cls(whole(fields["rounds"], "rounds"), holders)


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
        void = cls(string(fields["reason"], WORD, "reason"), maybe(fields["party"], WORD, "party"))
        if (void.reason == SHARE_WITHHELD) is (void.party is None):
            raise refused("party")
        return void


def _read_holder(row: object) -> tuple[str, str, str]:
    kind, slot, code = row_of(row, 3, "holders")
    return kind_of(kind).value, string(slot, KEY, "holders"), string(code, CODE, "holders")
