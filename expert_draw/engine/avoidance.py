"""Who must not be drawn, and on which ground: one small rule for each ground, all of them published."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from expert_draw.engine.columns import NONE, Columns, Links, Mask, Small, Spans, years_before

Bits = NDArray[np.uint32]


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


@dataclass(frozen=True, slots=True)
class Served:
    """When experts sat on committees (履职记录): the expert in row `row[i]` on the day `day[i]`, as ordinals."""

    entries: tuple[tuple[int, int], ...] = ()


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
    served: Served = Served()
    interval: int = 0
    yearly_cap: int = 0
    cooling_off: int = 0


Rule = Callable[[Columns, AvoidanceContext], Mask]


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
        mask = rule(columns, context)
        if mask.any():
            bits |= mask.astype(np.uint32) << np.uint32(n)
    return Grounds(bits)


def already_used(columns: Columns, context: AvoidanceContext) -> Mask:
    """Was drawn for this evaluation before."""
    return _these(columns, context.used)


def busy(columns: Columns, context: AvoidanceContext) -> Mask:
    """Takes part in another evaluation at that time."""
    return _overlapping(columns, context.busy, context)


def controlling_interest(columns: Columns, context: AvoidanceContext) -> Mask:
    """Holds a share in one of the units to avoid, or works for a unit that holds one or is held by one."""
    return _these(columns, context.holders) | _works_for(columns, context.controlled)


def cooling_off(columns: Columns, context: AvoidanceContext) -> Mask:
    """Entered the roster fewer days ago than are asked for."""
    if not context.cooling_off:
        return _nobody(columns)
    return columns.entered > context.day.toordinal() - context.cooling_off


def credit_list(columns: Columns, context: AvoidanceContext) -> Mask:
    """Is on a credit list or under a penalty at that time."""
    return _overlapping(columns, context.credit, context)


def declared_unit(columns: Columns, context: AvoidanceContext) -> Mask:
    """Has declared one of the units as one to avoid."""
    return _linked(columns, columns.declared, context.units)


def employer(columns: Columns, context: AvoidanceContext) -> Mask:
    """Works for one of the units to avoid."""
    return _works_for(columns, context.units)


def entry_expired(columns: Columns, context: AvoidanceContext) -> Mask:
    """The entry in the roster ends before the evaluation."""
    return columns.valid_until < context.day.toordinal()


def former_employer(columns: Columns, context: AvoidanceContext) -> Mask:
    """Worked for one of the units to avoid within the look-back years."""
    since = years_before(context.day, context.look_back).toordinal()
    return _linked(columns, columns.former, context.units, since)


def kin(columns: Columns, context: AvoidanceContext) -> Mask:
    """Is related to a person named for avoidance."""
    return _these(columns, context.kin)


def named_person(columns: Columns, context: AvoidanceContext) -> Mask:
    """Is named as a person to avoid."""
    return _these(columns, context.named)


def on_leave(columns: Columns, context: AvoidanceContext) -> Mask:
    """Is away at that time."""
    return _overlapping(columns, context.leaves, context)


def over_age(columns: Columns, context: AvoidanceContext) -> Mask:
    """Reaches the age limit in that year; who has no known birth year is not removed by this rule."""
    if context.age_limit is None:
        return _nobody(columns)
    old: Mask = columns.birth_year <= context.day.year - context.age_limit
    return old & (columns.birth_year != 0)


def purchaser_staff(columns: Columns, context: AvoidanceContext) -> Mask:
    """Works for the purchaser."""
    return _works_for(columns, context.purchaser_units)


def qualification_missing(columns: Columns, context: AvoidanceContext) -> Mask:
    """Has not the title or the years in the field that are asked for."""
    short = columns.years_in_field < context.least_years_in_field
    if context.titles is None:
        return short
    return short | ~np.isin(columns.title, _sorted(context.titles))


def specialty_missing(columns: Columns, context: AvoidanceContext) -> Mask:
    """Has none of the specialties asked for."""
    if context.specialties is None:
        return _nobody(columns)
    return ~_linked(columns, columns.specialties, context.specialties)


def supervisor_staff(columns: Columns, context: AvoidanceContext) -> Mask:
    """Works for a body that supervises this project."""
    return _works_for(columns, context.supervisor_units)


def suspended(columns: Columns, _context: AvoidanceContext) -> Mask:
    """Is suspended from the roster, or no longer in it."""
    return columns.suspended


def too_soon(columns: Columns, context: AvoidanceContext) -> Mask:
    """Sat on a committee fewer days before that day, or after it, than must lie between two."""
    day = context.day.toordinal()
    return _these(columns, {row for row, at in context.served.entries if abs(day - at) < context.interval})


def yearly_cap(columns: Columns, context: AvoidanceContext) -> Mask:
    """Has sat on as many committees in that calendar year as one may."""
    if not context.yearly_cap:
        return _nobody(columns)
    first, last = (date(context.day.year, *day).toordinal() for day in ((1, 1), (12, 31)))
    times = Counter(row for row, at in context.served.entries if first <= at <= last)
    return _these(columns, {row for row, count in times.items() if count >= context.yearly_cap})


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


def _nobody(columns: Columns) -> Mask:
    return np.zeros(columns.size, dtype=np.bool_)


def _sorted(tokens: Iterable[int]) -> Small:
    return np.array(sorted(tokens), dtype=np.int32)


def _these(columns: Columns, rows: Iterable[int]) -> Mask:
    mask = _nobody(columns)
    mask[np.fromiter(rows, dtype=np.int64)] = True
    return mask


def _works_for(columns: Columns, units: frozenset[int]) -> Mask:
    if not units:
        return _nobody(columns)
    wanted = _table(units, columns.employer_code, columns.employer_name)
    return wanted[columns.employer_code] | wanted[columns.employer_name]


def _linked(columns: Columns, links: Links, tokens: frozenset[int], since: int | None = None) -> Mask:
    mask = _nobody(columns)
    if tokens and links.token.size:
        hit = np.flatnonzero(_table(tokens, links.token)[links.token])
        if since is not None:
            hit = hit[links.at[hit] >= since]
        mask[links.row[hit]] = True
    return mask


def _table(tokens: frozenset[int], *columns: Small) -> Mask:
    """For each token that stands in a column whether it is wanted; the last place answers for NONE, which never is."""
    largest = max(int(column.max(initial=NONE)) for column in columns)
    table = np.zeros(max(largest, *tokens) + 2, dtype=np.bool_)
    table[_sorted(tokens)] = True
    return table


def _overlapping(columns: Columns, spans: Spans, context: AvoidanceContext) -> Mask:
    mask = _nobody(columns)
    mask[spans.row[(spans.begins < context.ends) & (spans.ends > context.begins)]] = True
    return mask
