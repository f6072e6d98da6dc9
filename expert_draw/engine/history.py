"""Where a draw stands after the lines written so far."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from expert_draw.engine.ceremony import Ceremony, OpenCall
from expert_draw.engine.fixed_entries import Lock, Open
from expert_draw.engine.lists import Terms
from expert_draw.engine.pool import DrawKind
from expert_draw.engine.shapes import Counts, Pairs
from expert_draw.engine.wording import RecordBroken

Phase = Literal[
    "empty",  # no line yet
    "agreeing",  # parties have yet to agree
    "locking",  # all have agreed, the figures are due
    "approving",  # the supervisor has yet to accept the warnings
    "between",  # no call is open: answers, changes of lists, the next call, or the end
    "revealing",  # a call is open, shares or the beacon are due
    "drawing",  # everything is revealed, kinds are to be drawn
    "stuck",  # nothing fitted: all anew, or the end
    "closed",
    "void",
]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who or what sits at a place now. line: of the list it was drawn from. accepted: has said so."""

    kind: DrawKind
    slot: str
    code: str
    line: int
    accepted: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        return self.kind.value, self.slot, self.code


@dataclass(frozen=True, slots=True)
class History:
    """All that the lines so far amount to (抽取状态). `steps.after` gives the next state; nothing is changed in place.

    ceremony: what the parties have done. terms: per kind, in the order of drawing, what is drawn and the line that pins its
    list. left: experts who gave a place up. reserves: the state before the draw of experts of the last call, and its result.
    """

    opened: Open | None = None
    ceremony: Ceremony = field(default_factory=Ceremony)
    ended: Literal["closed", "void"] | None = None
    lock: tuple[Lock, str] | None = None
    approved: bool = False
    terms: Mapping[DrawKind, tuple[Terms, int]] = field(default_factory=dict)
    excluded: frozenset[tuple[DrawKind, str]] = frozenset()
    stuck: bool = False
    holders: tuple[Holder, ...] = ()
    vacated: frozenset[tuple[str, str, str]] = frozenset()
    left: frozenset[str] = frozenset()
    reserves: "tuple[History, Pairs] | None" = None

    @property
    def opening(self) -> Open:
        """What the first line says; RecordBroken before there is one."""
        if self.opened is None:
            raise RecordBroken("record.not_opened")
        return self.opened

    @property
    def last_call(self) -> OpenCall:
        """The last call, open or not; RecordBroken before there is one."""
        return self.ceremony.last_call

    @property
    def round_no(self) -> int:
        """The number of the last call; 0 before the first."""
        return self.ceremony.round_no

    @property
    def missing(self) -> tuple[str, ...]:
        """Parties that have yet to agree, or to reveal in the open call."""
        return self.ceremony.missing

    @property
    def phase(self) -> Phase:
        if self.ended or self.opened is None:
            return self.ended or "empty"
        if self.ceremony.running:
            return "revealing" if self.ceremony.revealing else "drawing"
        if self.missing:
            return "agreeing"
        if self.lock is None:
            return "locking"
        unapproved = self.lock[0].warnings and not self.approved
        return "stuck" if self.stuck else "approving" if unapproved else "between"

    def needed(self, kind: DrawKind) -> Counts:
        """(slot, how many are still to be drawn), only slots with a vacancy."""
        seated = Counter(holder.slot for holder in self.holders if holder.kind is kind)
        slots = self.terms_of(kind)[0].slots
        return tuple((slot, quota - seated[slot]) for slot, quota in slots if quota > seated[slot])

    def next_kind(self) -> DrawKind | None:
        """The first kind, in the order of drawing, that has a vacancy."""
        return next((kind for kind in self.terms if self.needed(kind)), None)

    def terms_of(self, kind: DrawKind) -> tuple[Terms, int]:
        if kind not in self.terms:
            raise RecordBroken("record.kind_unknown", kind=kind.value)
        return self.terms[kind]

    def seed(self, kind: DrawKind, purpose: str = "draw") -> bytes:
        """The seed of this kind in the last call, or after the `reserve` line that stands last."""
        return self.ceremony.seed(kind.value, purpose)

    def seats(self) -> tuple[tuple[str, str, str], ...]:
        """(kind, slot, code) of everyone and everything that holds a place now, sorted."""
        return tuple(sorted(holder.key for holder in self.holders))

    def check_followed(self, kind: DrawKind) -> None:
        """Whether every place that the vacancies of this kind follow is held."""
        follows = self.terms_of(kind)[0].follows
        if follows is None:
            return
        held = {holder.slot for holder in self.holders if holder.kind is follows[0]}
        for slot, _ in self.needed(kind):
            if slot not in held:
                raise RecordBroken(
                    "record.followed_vacant", slot=slot, followed=follows[0].value, kind=kind.value
                )

    def followers(self, holder: Holder) -> tuple[Holder, ...]:
        """Whatever was drawn to fit this holder at the same place: it leaves together with the holder."""
        kinds = [
            kind for kind, (own, _) in self.terms.items() if own.follows and own.follows[0] is holder.kind
        ]
        direct = [one for one in self.holders if one.kind in kinds and one.slot == holder.slot]
        return tuple(found for one in direct for found in (one, *self.followers(one)))
