"""The frozen pool of a draw (候选名单): whom the roster offers for each place, in codes, and who is left out on which ground."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

import numpy as np
from numpy.typing import NDArray
from sqlmodel import Session

from app.core.errors import Unavailable
from app.core.i18n import N_
from app.core.sealing import Sealer
from app.rules.pack import RulePack
from expert_draw.avoiding import Surroundings, context, related
from expert_draw.engine.avoidance import Ground, Grounds, avoid
from expert_draw.engine.codes import candidate_code, expert_code, expert_key, group_code
from expert_draw.engine.columns import Mask, Unit
from expert_draw.engine.pool import Bound, Candidate, DrawKind, Group, Level, Member, Pool
from expert_draw.engine.randomness import Suite
from expert_draw.placing import (
    EXPERT_FIRST,
    NEAR,
    VENUE_FIRST,
    Spread,
    VenueOffer,
    VenueRules,
    admitted,
    home,
    room_near,
)
from expert_draw.roster_view import RosterView

EMPLOYER, REGION = "employer", "region"


@dataclass(frozen=True, slots=True)
class SlotAsked:
    """So many experts of a specialty (抽取条件), given by a prefix of its code.

    titles: acceptable ones, () for any. regions: prefixes of region codes where they live, () for anywhere.
    """

    specialty: str
    count: int
    titles: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RegionAsked:
    """At least `least` and at most `most` members from a region, given by a prefix of its code."""

    region: str
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Appointed:
    """A member who is not drawn (招标人代表等): counts for the limits on employers and regions."""

    id: str
    employer: Unit = field(default_factory=Unit)
    region: str = ""


@dataclass(frozen=True, slots=True)
class PoolQuestion:
    """For what the pool is asked: the places, the time, who has to be avoided, the rules in force.

    avoid: bidders and all other units to avoid. purchaser, supervisors: whose staff must not sit. persons: fingerprints
    of identity numbers of people named for avoidance. used: ids of experts drawn for this evaluation before.
    """

    slots: tuple[SlotAsked, ...]
    starts_at: datetime
    minutes: int
    avoid: tuple[Unit, ...]
    rules: RulePack
    bounds: tuple[RegionAsked, ...] = ()
    purchaser: tuple[Unit, ...] = ()
    supervisors: tuple[Unit, ...] = ()
    persons: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    held: tuple[Appointed, ...] = ()

    @property
    def places(self) -> int:
        """How many experts are drawn."""
        return sum(slot.count for slot in self.slots)

    @property
    def venue_rules(self) -> VenueRules:
        """What centers must fulfil for this session."""
        return VenueRules.of(self.rules, self.starts_at, self.minutes)

    @property
    def around(self) -> Surroundings:
        """Time, units and persons as the rules of avoidance want them."""
        return Surroundings(
            begins=self.starts_at,
            ends=self.starts_at + timedelta(minutes=self.minutes),
            units=self.avoid,
            purchaser=self.purchaser,
            supervisors=self.supervisors,
            persons=self.persons,
            used=self.used,
        )


@dataclass(frozen=True, slots=True)
class FrozenPool:
    """The list of experts as the engine takes it, and whom its codes stand for: code → id of the expert."""

    pool: Pool
    people: Mapping[str, str]


def freeze(
    session: Session,
    sealer: Sealer,
    view: RosterView,
    question: PoolQuestion,
    offers: Sequence[VenueOffer],
    *,
    salt: bytes,
    suite: Suite = "sha256",
    order: str = EXPERT_FIRST,
) -> FrozenPool:
    """The list of experts: everybody who qualifies for a place, with every ground against them; one slot for each place.

    Raises Unavailable `roster-altered` when the roster is not the one whose root was entered last, and Conflict
    `cities-short` or `seats-short` as `placing.pools`.
    """
    if not view.recorded:
        raise Unavailable(
            "roster-altered",
            N_("专家库与最近登记的根不一致，有数据绕过登记被改动"),
            N_("查明改动来源，重新导入受影响的专家后再抽取"),
        )
    grounds = avoid(view.columns, context(session, sealer, view, question.around, question.rules))
    lists = _Lists(view, question, offers, salt, suite)
    candidates, people = lists.candidates(grounds)
    pool = Pool(
        DrawKind.expert,
        lists.slots,
        candidates,
        levels=(Level(((EMPLOYER, same_employer_most(question)),)),),
        follows=(DrawKind.venue, NEAR) if order == VENUE_FIRST else None,
        bounds=(*lists.region_bounds(), *(lists.room_bounds() if order == EXPERT_FIRST else ())),
        conflicts=_kin(session, people),
        held=lists.held(),
    )
    return FrozenPool(pool, people)


def newly_excluded(
    session: Session, sealer: Sealer, view: RosterView, question: PoolQuestion, known: Collection[str]
) -> tuple[tuple[str, str], ...]:
    """(expert id, ground) for those of `known` who have become unable since the pool was frozen, one ground for each.

    Whoever has left the roster meanwhile counts as suspended.
    """
    found = grounds_now(session, sealer, view, question, known)
    return tuple((expert_id, grounds[0]) for expert_id, grounds in found.items())


def grounds_now(
    session: Session, sealer: Sealer, view: RosterView, question: PoolQuestion, known: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Expert id → every ground that speaks against them now, ascending by id, for those of `known` who have any.

    Whoever has left the roster counts as suspended.
    """
    tokens = frozenset[int]().union(
        *(view.words.specialties.starting(slot.specialty) for slot in question.slots)
    )
    grounds = avoid(view.columns, context(session, sealer, view, question.around, question.rules, tokens))
    found = {}
    for expert_id in sorted(known):
        row = view.row(expert_id)
        reasons = (Ground.suspended.value,) if row is None else grounds.of(row)
        if reasons:
            found[expert_id] = reasons
    return found


def depth(view: RosterView, specialty: str) -> int:
    """How many active experts have a specialty under this prefix."""
    return int(np.count_nonzero(view.holding(specialty) & ~view.columns.suspended))


def qualified(view: RosterView, slot: SlotAsked) -> Mask:
    """Who may sit in such a place as far as specialty, title and region go."""
    mask = view.holding(slot.specialty)
    if slot.titles:
        tokens = [view.words.titles.find(title) for title in slot.titles]
        mask &= np.isin(view.columns.title, tokens)
    if slot.regions:
        living = [view.living(region) for region in slot.regions]
        mask &= np.logical_or.reduce(living)
    return mask


class _Lists:
    """Puts the list of experts together; what many experts share is made once."""

    def __init__(
        self,
        view: RosterView,
        question: PoolQuestion,
        offers: Sequence[VenueOffer],
        salt: bytes,
        suite: Suite,
    ) -> None:
        self._view = view
        self._question = question
        self._salt = salt
        self._suite = suite
        self._offers = admitted(offers, question.venue_rules)
        asked = [number for number, slot in enumerate(question.slots) for _ in range(slot.count)]
        self._keys = [
            tuple(str(place) for place, wants in enumerate(asked, 1) if wants == number)
            for number in range(len(question.slots))
        ]
        self._value = cache(self._made_value)
        self._at = cache(self._made_at)

    @property
    def slots(self) -> tuple[tuple[str, int], ...]:
        return tuple((key, 1) for keys in self._keys for key in keys)

    def candidates(self, grounds: Grounds) -> tuple[tuple[Candidate, ...], dict[str, str]]:
        view, salt, suite = self._view, self._salt, self._suite
        pattern = np.zeros(view.columns.size, dtype=np.int64)
        for number, slot in enumerate(self._question.slots):
            pattern |= qualified(view, slot).astype(np.int64) << number
        rows = np.flatnonzero(pattern)
        leaves = np.ascontiguousarray(view.leaves[rows]).tobytes()
        width = view.leaves.shape[1]
        employers = self._employers(rows)
        slots = {bits: self._slots_of(bits) for bits in set(pattern[rows].tolist())}
        people: dict[str, str] = {}
        found = []
        for place, (row, bits, region, reasons) in enumerate(
            zip(
                rows.tolist(),
                pattern[rows].tolist(),
                view.region[rows].tolist(),
                grounds.rows(rows),
                strict=True,
            )
        ):
            leaf = leaves[place * width : (place + 1) * width]
            code = expert_code(expert_key(salt, leaf, suite), leaf, suite)
            people[code] = view.ids[row]
            found.append(Candidate(code, employers[place] + self._at(region), slots[bits], reasons))
        return tuple(found), people

    def held(self) -> tuple[Member, ...]:
        return tuple(
            Member(
                candidate_code(self._salt, one.id, self._suite),
                (*self._employer_of(one.employer), *self._bounded(one.region)),
            )
            for one in self._question.held
        )

    def region_bounds(self) -> tuple[Bound, ...]:
        return tuple(
            Bound(*self._value(REGION, asked.region), asked.least, asked.most)
            for asked in self._question.bounds
        )

    def room_bounds(self) -> tuple[Bound, ...]:
        """Where fewer can be seated near a home than there are places, no more are drawn from there."""
        places = self._question.places
        spread = Spread.over(self._offers, places, self._question.venue_rules.cities_least)
        return tuple(
            Bound(*self._value(NEAR, city), 0, room)
            for city, room in room_near(self._offers, places, spread.per_city).items()
        )

    def _employers(self, rows: NDArray[np.int64]) -> list[tuple[Group, ...]]:
        columns = self._view.columns
        marks = np.where(
            columns.employer_code[rows] >= 0, columns.employer_code[rows], columns.employer_name[rows]
        )
        _, first, place = np.unique(marks, return_index=True, return_inverse=True)
        names = [self._view.employer(int(row)) for row in rows[first]]
        groups = [(self._value(EMPLOYER, name),) if name else () for name in names]
        return [groups[number] for number in place.tolist()]

    def _employer_of(self, unit: Unit) -> tuple[Group, ...]:
        name = unit.code or (unit.marks[0] if unit.marks else "")
        return (self._value(EMPLOYER, name),) if name else ()

    def _made_value(self, name: str, value: str) -> Group:
        return name, group_code(self._salt, name, value, self._suite)

    def _made_at(self, region: int) -> tuple[Group, ...]:
        code = f"{region:06d}"
        return (self._value(NEAR, home(code, self._offers)), *self._bounded(code))

    def _bounded(self, region: str) -> tuple[Group, ...]:
        return tuple(
            self._value(REGION, asked.region)
            for asked in self._question.bounds
            if region.startswith(asked.region)
        )

    def _slots_of(self, bits: int) -> tuple[str, ...]:
        keys = (key for number, keys in enumerate(self._keys) if bits >> number & 1 for key in keys)
        return tuple(sorted(keys))


def same_employer_most(question: PoolQuestion) -> int:
    """How many members may have the same employer."""
    rules, most = question.rules, question.rules.integer("committee.same_employer_max")
    if rules.has("committee.same_employer_max_share"):
        share, of = rules.fraction("committee.same_employer_max_share")
        most = min(most, max(1, (question.places + len(question.held)) * share // of))
    return most


def _kin(session: Session, people: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Pairs of codes of candidates who are related to each other."""
    pairs = related(session)
    wanted = {expert_id for pair in pairs for expert_id in pair}
    code_of = {expert_id: code for code, expert_id in people.items() if expert_id in wanted}
    return tuple(
        (code_of[one], code_of[other]) for one, other in pairs if one in code_of and other in code_of
    )
