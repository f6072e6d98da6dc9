"""Who must not be drawn, and on which ground: one small rule for each ground, all of them published."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from expert_draw.engine.columns import NO_END, Columns, Mask, Ranks, Spans, Whole, years_before

Bits = NDArray[np.uint32]
Rows = Whole
"""Whom a rule keeps away, by row, in any order; some perhaps twice."""


class Ground(StrEnum):
    """The published reason codes of avoidance (回避事由)."""

    already_used = "already_used"
    busy = "busy"
    controlling_interest = "controlling_interest"
    cooling_off = "cooling_off"
    credit_list = "credit_list"
    declared_unit = "declared_unit"
    employer = "employer"
    entry_expired = "entry_expired"
    former_employer = "former_employer"
    kin = "kin"
    named_person = "named_person"
    on_leave = "on_leave"
    over_age = "over_age"
    purchaser_staff = "purchaser_staff"
    qualification_missing = "qualification_missing"
    specialty_missing = "specialty_missing"
    supervisor_staff = "supervisor_staff"
    suspended = "suspended"
    too_soon = "too_soon"
    yearly_cap = "yearly_cap"


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """When experts sat on committees (履职记录): (row, day as an ordinal), as columns ascending by row, then by day.

    by_day: the same in the order of days.
    """

    entries: InitVar[Sequence[tuple[int, int]]] = ()
    row: Whole = field(init=False)
    day: Whole = field(init=False)
    by_day: Ranks = field(init=False)

    def __post_init__(self, entries: Sequence[tuple[int, int]]) -> None:
        table = np.array(entries, dtype=np.int64).reshape(-1, 2)
        row, day = table[np.lexsort((table[:, 1], table[:, 0]))].T.copy()
        dated = np.argsort(day)
        object.__setattr__(self, "row", row)
        object.__setattr__(self, "day", day)
        object.__setattr__(self, "by_day", Ranks(day[dated], row[dated]))


@dataclass(frozen=True, slots=True)
class AvoidanceContext:
    """The evaluation as the rules see it. Units and titles by their tokens, experts by their rows; unknown ones are left out.

    day: of the evaluation, local. begins, ends: from assembly to the expected end, instants in microseconds. units:
    bidders and all named units; controlled: units that hold one of those or are held by one; holders: experts who hold
    a share in one. look_back: years during which a former employer still counts. named: experts named for avoidance; kin:
    experts related to somebody named. used: drawn for this evaluation before. age_limit: who reaches it in the year of
    `day` is not drawn. specialties: of which one must be had, None for any. titles: acceptable ones, None for any.
    busy, leaves: times already taken. credit: times on a credit list. served: earlier committees. interval, cooling_off:
    days; yearly_cap: committees in one calendar year; 0 switches each of the three off.
    """

    day: date
    begins: int
    ends: int
    units: frozenset[int] = frozenset()
    controlled: frozenset[int] = frozenset()
    holders: frozenset[int] = frozenset()
    purchaser_units: frozenset[int] = frozenset()
    supervisor_units: frozenset[int] = frozenset()
    look_back: int = 3
    named: frozenset[int] = frozenset()
    kin: frozenset[int] = frozenset()
    used: frozenset[int] = frozenset()
    age_limit: int | None = None
    least_years_in_field: int = 0
    specialties: frozenset[int] | None = None
    titles: frozenset[int] | None = None
    busy: Spans = field(default_factory=Spans.of)
    leaves: Spans = field(default_factory=Spans.of)
    credit: Spans = field(default_factory=Spans.of)
    served: Served = field(default_factory=Served)
    interval: int = 0
    yearly_cap: int = 0
    cooling_off: int = 0


Rule = Callable[[Columns, AvoidanceContext], Rows]


@dataclass(frozen=True, slots=True, eq=False)
class Grounds:
    """All grounds of all experts (回避结果): `bits[row]` has one bit for each ground, in the order of RULES."""

    bits: Bits

    @property
    def free(self) -> Mask:
        """Who can be drawn."""
        return np.equal(self.bits, 0)

    def of(self, row: int) -> tuple[str, ...]:
        """The grounds of one expert, ascending."""
        return _decoded(int(self.bits[row]))

    def rows(self, rows: NDArray[np.int64]) -> list[tuple[str, ...]]:
        """The grounds of many experts, in the order of `rows`."""
        bits = self.bits[rows].tolist()
        words = {pattern: _decoded(pattern) for pattern in set(bits)}
        return [words[pattern] for pattern in bits]

    def counts(self) -> dict[Ground, int]:
        """How many experts each ground keeps away; grounds that keep nobody away are left out."""
        ways = ((ground, int(np.count_nonzero(self.bits & _bit(n)))) for n, (ground, _) in enumerate(RULES))
        return {ground: count for ground, count in ways if count}


def avoid(columns: Columns, context: AvoidanceContext) -> Grounds:
    """Every ground that applies to every expert."""
    bits = np.zeros(columns.size, dtype=np.uint32)
    for n, (_, rule) in enumerate(RULES):
        bits[rule(columns, context)] |= _bit(n)
    return Grounds(bits)


def already_used(_columns: Columns, context: AvoidanceContext) -> Rows:
    """Was drawn for this evaluation before."""
    return _these(context.used)


def busy(_columns: Columns, context: AvoidanceContext) -> Rows:
    """Takes part in another evaluation at that time."""
    return _overlapping(context.busy, context)


def controlling_interest(columns: Columns, context: AvoidanceContext) -> Rows:
    """Holds a share in one of the units to avoid, or works for a unit that holds one or is held by one."""
    return np.concatenate((_these(context.holders), columns.employers.rows(context.controlled)))


def cooling_off(columns: Columns, context: AvoidanceContext) -> Rows:
    """Entered the roster fewer days ago than are asked for."""
    if not context.cooling_off:
        return _these(())
    return columns.by_entered.rows(context.day.toordinal() - context.cooling_off + 1, NO_END)


def credit_list(_columns: Columns, context: AvoidanceContext) -> Rows:
    """Is on a credit list or under a penalty at that time."""
    return _overlapping(context.credit, context)


def declared_unit(columns: Columns, context: AvoidanceContext) -> Rows:
    """Has declared one of the units as one to avoid."""
    return columns.declared.rows(context.units)


def employer(columns: Columns, context: AvoidanceContext) -> Rows:
    """Works for one of the units to avoid."""
    return columns.employers.rows(context.units)


def entry_expired(columns: Columns, context: AvoidanceContext) -> Rows:
    """The entry in the roster ends before the evaluation."""
    return columns.by_valid_until.rows(0, context.day.toordinal() - 1)


def former_employer(columns: Columns, context: AvoidanceContext) -> Rows:
    """Worked for one of the units to avoid within the look-back years."""
    since = years_before(context.day, context.look_back).toordinal()
    return columns.former.rows(context.units, since)


def kin(_columns: Columns, context: AvoidanceContext) -> Rows:
    """Is related to a person named for avoidance."""
    return _these(context.kin)


def named_person(_columns: Columns, context: AvoidanceContext) -> Rows:
    """Is named as a person to avoid."""
    return _these(context.named)


def on_leave(_columns: Columns, context: AvoidanceContext) -> Rows:
    """Is away at that time."""
    return _overlapping(context.leaves, context)


def over_age(columns: Columns, context: AvoidanceContext) -> Rows:
    """Reaches the age limit in that year; who has no known birth year is not removed by this rule."""
    if context.age_limit is None:
        return _these(())
    return columns.by_birth_year.rows(1, context.day.year - context.age_limit)


def purchaser_staff(columns: Columns, context: AvoidanceContext) -> Rows:
    """Works for the purchaser."""
    return columns.employers.rows(context.purchaser_units)


def qualification_missing(columns: Columns, context: AvoidanceContext) -> Rows:
    """Has not the title or the years in the field that are asked for."""
    short = columns.by_years_in_field.rows(0, context.least_years_in_field - 1)
    if context.titles is None:
        return short
    return np.concatenate((short, columns.titles.rows(set(columns.titles.tokens) - context.titles)))


def specialty_missing(columns: Columns, context: AvoidanceContext) -> Rows:
    """Has none of the specialties asked for."""
    if context.specialties is None:
        return _these(())
    missing = np.ones(columns.size, dtype=np.bool_)
    missing[columns.specialties.rows(context.specialties)] = False
    return np.flatnonzero(missing)


def supervisor_staff(columns: Columns, context: AvoidanceContext) -> Rows:
    """Works for a body that supervises this project."""
    return columns.employers.rows(context.supervisor_units)


def suspended(columns: Columns, _context: AvoidanceContext) -> Rows:
    """Is suspended from the roster, or no longer in it."""
    return columns.away


def too_soon(_columns: Columns, context: AvoidanceContext) -> Rows:
    """Sat on a committee fewer days before that day, or after it, than must lie between two."""
    day, apart = context.day.toordinal(), context.interval - 1
    return context.served.by_day.rows(day - apart, day + apart)


def yearly_cap(_columns: Columns, context: AvoidanceContext) -> Rows:
    """Has sat on as many committees in that calendar year as one may."""
    if not context.yearly_cap:
        return _these(())
    first, last = (date(context.day.year, *day).toordinal() for day in ((1, 1), (12, 31)))
    row, day, more = context.served.row, context.served.day, context.yearly_cap - 1
    # A row stands together, its days ascend: who sat so often has it again, and in that year, that many places further on.
    begins = np.flatnonzero(row[more:] == row[: max(row.size - more, 0)])
    in_year = (day[begins] >= first) & (day[begins + more] <= last)
    return row[begins[in_year]]


RULES: tuple[tuple[Ground, Rule], ...] = (
    (Ground.already_used, already_used),
    (Ground.busy, busy),
    (Ground.controlling_interest, controlling_interest),
    (Ground.cooling_off, cooling_off),
    (Ground.credit_list, credit_list),
    (Ground.declared_unit, declared_unit),
    (Ground.employer, employer),
    (Ground.entry_expired, entry_expired),
    (Ground.former_employer, former_employer),
    (Ground.kin, kin),
    (Ground.named_person, named_person),
    (Ground.on_leave, on_leave),
    (Ground.over_age, over_age),
    (Ground.purchaser_staff, purchaser_staff),
    (Ground.qualification_missing, qualification_missing),
    (Ground.specialty_missing, specialty_missing),
    (Ground.supervisor_staff, supervisor_staff),
    (Ground.suspended, suspended),
    (Ground.too_soon, too_soon),
    (Ground.yearly_cap, yearly_cap),
)


def _bit(n: int) -> np.uint32:
    return np.uint32(1 << n)


def _decoded(pattern: int) -> tuple[str, ...]:
    return tuple(ground.value for n, (ground, _) in enumerate(RULES) if pattern >> n & 1)


def _these(rows: Collection[int]) -> Rows:
    return np.fromiter(rows, dtype=np.int64, count=len(rows))


def _overlapping(spans: Spans, context: AvoidanceContext) -> Rows:
    return spans.row[(spans.begins < context.ends) & (spans.ends > context.begins)]
