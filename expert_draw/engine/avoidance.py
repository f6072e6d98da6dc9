"""Who must not be drawn, and on which ground: one small rule for each ground, all of them published."""

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Ground(StrEnum):
    """The published reason codes of avoidance (回避事由)."""

    already_used = "already_used"
    busy = "busy"
    declared_unit = "declared_unit"
    employer = "employer"
    entry_expired = "entry_expired"
    former_employer = "former_employer"
    named_person = "named_person"
    on_leave = "on_leave"
    over_age = "over_age"
    purchaser_staff = "purchaser_staff"
    qualification_missing = "qualification_missing"
    specialty_missing = "specialty_missing"
    supervisor_staff = "supervisor_staff"
    suspended = "suspended"


def _one_spelling(text: str) -> str:
    """NFKC makes full-width half-width; only letters and digits count."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).upper() if sign.isalnum())


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit, by its unified social credit code (统一社会信用代码) and its name; either may be empty.

    Both are brought to one spelling: full-width or half-width, blanks, brackets and capitals make no difference.
    """

    code: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "code", _one_spelling(self.code))
        object.__setattr__(self, "name", _one_spelling(self.name))


@dataclass(frozen=True, slots=True)
class Units:
    """Units to be looked up by code or by name."""

    codes: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, units: Iterable[Unit]) -> "Units":
        listed = tuple(units)
        return cls(frozenset(u.code for u in listed if u.code), frozenset(u.name for u in listed if u.name))

    def __contains__(self, unit: Unit) -> bool:
        return unit.code in self.codes or unit.name in self.names


@dataclass(frozen=True, slots=True)
class FormerEmployer:
    """Where an expert worked before. left: last day there, None if not known (then it always counts)."""

    unit: Unit
    left: date | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A time from `begins` up to, not including, `ends`."""

    begins: datetime
    ends: datetime

    def overlaps(self, other: "Span") -> bool:
        return self.begins < other.ends and other.begins < self.ends


@dataclass(frozen=True, slots=True)
class ExpertFacts:
    """What the rules may look at in an expert, without a name or a phone number.

    person: any key that also stands in `AvoidanceContext.persons`, such as a fingerprint of the identity number.
    specialties: codes of the national classification. valid_until: last day of the entry, None without end.
    busy: times already taken by other evaluations.
    """

    id: str
    person: str = ""
    employer: Unit = Unit()
    former_employers: tuple[FormerEmployer, ...] = ()
    declared_units: tuple[Unit, ...] = ()
    specialties: tuple[str, ...] = ()
    title: str = ""
    years_in_field: int = 0
    birth_year: int | None = None
    suspended: bool = False
    valid_until: date | None = None
    leaves: tuple[Span, ...] = ()
    busy: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class AvoidanceContext:
    """The evaluation as the rules see it.

    day: of the evaluation, local. time: from assembly to the expected end. units: bidders and all named units. look_back:
    years during which a former employer still counts. persons: keys of people named for avoidance. used: ids already
    drawn in this evaluation. age_limit: who reaches it in the year of `day` is not drawn. specialties: code prefixes,
    of which one must fit. titles: acceptable ones, empty for any.
    """

    day: date
    time: Span
    units: Units = Units()
    purchaser_units: Units = Units()
    supervisor_units: Units = Units()
    look_back: int = 3
    persons: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()
    age_limit: int | None = None
    specialties: tuple[str, ...] = ()
    titles: frozenset[str] = frozenset()
    least_years_in_field: int = 0


Rule = Callable[[ExpertFacts, AvoidanceContext], bool]


def avoid(experts: Iterable[ExpertFacts], context: AvoidanceContext) -> tuple[tuple[str, Ground], ...]:
    """(id, ground) for everyone who must not be drawn, with every ground that applies; sorted."""
    return tuple(
        sorted((expert.id, ground) for expert in experts for ground, rule in RULES if rule(expert, context))
    )


def already_used(expert: ExpertFacts, context: AvoidanceContext) -> bool:
    """Was drawn for this evaluation before."""
    return expert.id in context.used


def busy(expert: ExpertFacts, context: AvoidanceContext) -> bool:
    """Takes part in another evaluation at that time."""
    return any(span.overlaps(context.time) for span in expert.busy)


def declared_unit(expert: ExpertFacts, context: AvoidanceContext) -> bool:
    """Has declared one of the units as one to avoid."""
    return any(unit in context.units for unit in expert.declared_units)


def employer(expert: ExpertFacts, context: AvoidanceContext) -> bool:
    """Works for one of the units to avoid."""
    return expert.employer in context.units


def entry_expired(expert: ExpertFacts, context: AvoidanceContext) -> bool:
    """The entry in the roster ends before the evaluation."""
    return expert.valid_until is not None and expert.valid_until < context.day


def former_employer(expert: ExpertFacts, context: AvoidanceContext) -> bool:
    """Worked for one of the units to avoid within the look-back years."""
    since = _years_before(context.day, context.look_back)
    return any(
        (job.left is None or job.left >= since) and job.unit in context.units
        for job in expert.former_employers
    )


def named_person(expert: ExpertFacts, context: AvoidanceContext) -> bool:
    """Is named as a person to avoid."""
    return expert.person in context.persons


def on_leave(expert: ExpertFacts, context: AvoidanceContext) -> bool:
    """Is away at that time."""
    return any(span.overlaps(context.time) for span in expert.leaves)


def over_age(expert: ExpertFacts, context: AvoidanceContext) -> bool:
    """Reaches the age limit in that year; who has no known birth year is not removed by this rule."""
    if context.age_limit is None or expert.birth_year is None:
        return False
    return context.day.year - expert.birth_year >= context.age_limit


def purchaser_staff(expert: ExpertFacts, context: AvoidanceContext) -> bool:
    """Works for the purchaser."""
    return expert.employer in context.purchaser_units


def qualification_missing(expert: ExpertFacts, context: AvoidanceContext) -> bool:
    """Has not the title or the years in the field that are asked for."""
    wrong_title = bool(context.titles) and expert.title not in context.titles
    return wrong_title or expert.years_in_field < context.least_years_in_field


def specialty_missing(expert: ExpertFacts, context: AvoidanceContext) -> bool:
    """Has none of the specialties asked for."""
    return bool(context.specialties) and not any(
        code.startswith(context.specialties) for code in expert.specialties
    )


def supervisor_staff(expert: ExpertFacts, context: AvoidanceContext) -> bool:
    """Works for a body that supervises this project."""
    return expert.employer in context.supervisor_units


def suspended(expert: ExpertFacts, _context: AvoidanceContext) -> bool:
    """Is suspended from the roster."""
    return expert.suspended


RULES: tuple[tuple[Ground, Rule], ...] = (
    (Ground.already_used, already_used),
    (Ground.busy, busy),
    (Ground.declared_unit, declared_unit),
    (Ground.employer, employer),
    (Ground.entry_expired, entry_expired),
    (Ground.former_employer, former_employer),
    (Ground.named_person, named_person),
    (Ground.on_leave, on_leave),
    (Ground.over_age, over_age),
    (Ground.purchaser_staff, purchaser_staff),
    (Ground.qualification_missing, qualification_missing),
    (Ground.specialty_missing, specialty_missing),
    (Ground.supervisor_staff, supervisor_staff),
    (Ground.suspended, suspended),
)


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)
