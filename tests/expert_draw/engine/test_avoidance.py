"""Every rule of avoidance at its edges, and all of them together against reading one person after another."""

import unicodedata
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expert_draw.engine.avoidance import RULES, AvoidanceContext, Ground, Served, avoid
from expert_draw.engine.columns import (
    NO_END,
    NONE,
    UNKNOWN_DAY,
    Columns,
    Links,
    Spans,
    Tokens,
    Unit,
    instant,
    one_spelling,
    years_before,
)

DAY = date(2026, 11, 24)
BEGINS = instant(datetime(2026, 11, 24, 1, tzinfo=UTC))
ENDS = BEGINS + 3 * 3_600_000_000
Span = tuple[int, int]


@dataclass(frozen=True)
class Person:
    """One expert, the way a person would write it down."""

    employer: Unit = field(default_factory=Unit)
    former: tuple[tuple[Unit, int], ...] = ()
    declared: tuple[Unit, ...] = ()
    specialties: tuple[str, ...] = ("A01",)
    title: str = "高级工程师"
    years: int = 10
    born: int = 1980
    suspended: bool = False
    valid_until: int = NO_END
    entered: int = DAY.toordinal() - 1000
    busy: tuple[Span, ...] = ()
    leaves: tuple[Span, ...] = ()
    credit: tuple[Span, ...] = ()
    served: tuple[int, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What the evaluation keeps away, the way a person would write it down; people by their place in the roster."""

    day: date = DAY
    units: tuple[Unit, ...] = ()
    controlled: tuple[Unit, ...] = ()
    purchaser: tuple[Unit, ...] = ()
    supervisors: tuple[Unit, ...] = ()
    holders: frozenset[int] = frozenset()
    named: frozenset[int] = frozenset()
    kin: frozenset[int] = frozenset()
    used: frozenset[int] = frozenset()
    look_back: int = 3
    age_limit: int | None = None
    least_years: int = 0
    specialties: frozenset[str] | None = None
    titles: frozenset[str] | None = None
    interval: int = 0
    yearly_cap: int = 0
    cooling_off: int = 0


class Roster:
    """The same people in columns."""

    def __init__(self, people: list[Person]) -> None:
        self.people = people
        self.units, self.titles, self.specialties = Tokens(), Tokens(), Tokens()

    def columns(self) -> Columns:
        people = self.people
        former = [
            (row, mark, left)
            for row, p in enumerate(people)
            for unit, left in p.former
            for mark in unit.marks
        ]
        return Columns(
            size=len(people),
            suspended=np.array([p.suspended for p in people], dtype=np.bool_),
            employer_code=self._units([p.employer.code and f"={p.employer.code}" for p in people]),
            employer_name=self._units([p.employer.name and f"~{p.employer.name}" for p in people]),
            birth_year=np.array([p.born for p in people], dtype=np.int32),
            title=np.array([self.titles.enter(p.title) for p in people], dtype=np.int32),
            years_in_field=np.array([p.years for p in people], dtype=np.int32),
            valid_until=np.array([p.valid_until for p in people], dtype=np.int64),
            entered=np.array([p.entered for p in people], dtype=np.int64),
            former=Links.of(
                [(row, self.units.enter(mark)) for row, mark, _ in former], [at for _, _, at in former]
            ),
            declared=Links.of(
                [
                    (row, self.units.enter(m))
                    for row, p in enumerate(people)
                    for u in p.declared
                    for m in u.marks
                ]
            ),
            specialties=Links.of(
                [
                    (row, self.specialties.enter(code))
                    for row, p in enumerate(people)
                    for code in p.specialties
                ]
            ),
        )

    def context(self, asked: Asked) -> AvoidanceContext:
        titles = None if asked.titles is None else frozenset(self.titles.enter(one) for one in asked.titles)
        specialties = None
        if asked.specialties is not None:
            specialties = frozenset(self.specialties.enter(one) for one in asked.specialties)
        return AvoidanceContext(
            day=asked.day,
            begins=BEGINS,
            ends=ENDS,
            units=self.units.units(asked.units),
            controlled=self.units.units(asked.controlled),
            purchaser_units=self.units.units(asked.purchaser),
            supervisor_units=self.units.units(asked.supervisors),
            holders=asked.holders,
            named=asked.named,
            kin=asked.kin,
            used=asked.used,
            look_back=asked.look_back,
            age_limit=asked.age_limit,
            least_years_in_field=asked.least_years,
            specialties=specialties,
            titles=titles,
            busy=self._spans("busy"),
            leaves=self._spans("leaves"),
            credit=self._spans("credit"),
            served=Served(tuple((row, at) for row, p in enumerate(self.people) for at in p.served)),
            interval=asked.interval,
            yearly_cap=asked.yearly_cap,
            cooling_off=asked.cooling_off,
        )

    def _units(self, marks: list[str]) -> np.ndarray:
        return np.array([self.units.enter(mark) if mark else NONE for mark in marks], dtype=np.int32)

    def _spans(self, name: str) -> Spans:
        return Spans.of([(row, *span) for row, p in enumerate(self.people) for span in getattr(p, name)])


def grounds(people: list[Person], asked: Asked) -> list[tuple[str, ...]]:
    roster = Roster(people)
    columns = roster.columns()
    return avoid(columns, roster.context(asked)).rows(np.arange(len(people)))


def alike(unit: Unit, units: tuple[Unit, ...]) -> bool:
    return any(
        (unit.code and unit.code == one.code) or (unit.name and unit.name == one.name) for one in units
    )


def overlapping(spans: tuple[Span, ...]) -> bool:
    return any(begins < ENDS and ends > BEGINS for begins, ends in spans)


def one_by_one(row: int, p: Person, asked: Asked) -> tuple[str, ...]:
    """The rules as the law tells them, of one person."""
    day = asked.day.toordinal()
    since = years_before(asked.day, asked.look_back).toordinal()
    in_year = [at for at in p.served if date.fromordinal(at).year == asked.day.year]
    found = {
        Ground.already_used: row in asked.used,
        Ground.busy: overlapping(p.busy),
        Ground.controlling_interest: row in asked.holders or alike(p.employer, asked.controlled),
        Ground.cooling_off: bool(asked.cooling_off) and day - p.entered < asked.cooling_off,
        Ground.credit_list: overlapping(p.credit),
        Ground.declared_unit: any(alike(unit, asked.units) for unit in p.declared),
        Ground.employer: alike(p.employer, asked.units),
        Ground.entry_expired: p.valid_until < day,
        Ground.former_employer: any(alike(unit, asked.units) and left >= since for unit, left in p.former),
        Ground.kin: row in asked.kin,
        Ground.named_person: row in asked.named,
        Ground.on_leave: overlapping(p.leaves),
        Ground.over_age: asked.age_limit is not None
        and bool(p.born)
        and asked.day.year - p.born >= asked.age_limit,
        Ground.purchaser_staff: alike(p.employer, asked.purchaser),
        Ground.qualification_missing: p.years < asked.least_years
        or (asked.titles is not None and p.title not in asked.titles),
        Ground.specialty_missing: asked.specialties is not None
        and asked.specialties.isdisjoint(p.specialties),
        Ground.supervisor_staff: alike(p.employer, asked.supervisors),
        Ground.suspended: p.suspended,
        Ground.too_soon: any(abs(day - at) < asked.interval for at in p.served),
        Ground.yearly_cap: bool(asked.yearly_cap) and len(in_year) >= asked.yearly_cap,
    }
    return tuple(sorted(ground.value for ground, applies in found.items() if applies))


unit = st.builds(
    Unit, st.sampled_from(["", "91A", "91B", "91C"]), st.sampled_from(["", "甲公司", "乙（集团）", "丙"])
)
some_units = st.lists(unit, max_size=3).map(tuple)
days = st.integers(-1200, 1200).map(lambda shift: DAY.toordinal() + shift)
span = st.tuples(st.integers(-2, 4), st.integers(1, 3)).map(
    lambda pair: (BEGINS + pair[0] * 3_600_000_000, BEGINS + (pair[0] + pair[1]) * 3_600_000_000)
)
spans = st.lists(span, max_size=2).map(tuple)
code = st.sampled_from(["A01", "A02", "B01", "C"])
title = st.sampled_from(["教授", "高级工程师", "工程师"])
person = st.builds(
    Person,
    employer=unit,
    former=st.lists(st.tuples(unit, st.one_of(days, st.just(UNKNOWN_DAY))), max_size=2).map(tuple),
    declared=some_units,
    specialties=st.frozensets(code, max_size=3).map(lambda codes: tuple(sorted(codes))),
    title=title,
    years=st.integers(0, 12),
    born=st.sampled_from([0, 1950, 1956, 1957, 1990]),
    suspended=st.booleans(),
    valid_until=st.one_of(days, st.just(NO_END)),
    entered=days,
    busy=spans,
    leaves=spans,
    credit=spans,
    served=st.lists(days, max_size=3).map(tuple),
)
rows = st.frozensets(st.integers(0, 3), max_size=3)
asked_for = st.builds(
    Asked,
    day=st.sampled_from([DAY, date(2028, 2, 29), date(2026, 1, 1)]),
    units=some_units,
    controlled=some_units,
    purchaser=some_units,
    supervisors=some_units,
    holders=rows,
    named=rows,
    kin=rows,
    used=rows,
    look_back=st.integers(0, 3),
    age_limit=st.sampled_from([None, 70]),
    least_years=st.integers(0, 10),
    specialties=st.one_of(st.none(), st.frozensets(code, max_size=2)),
    titles=st.one_of(st.none(), st.frozensets(title, max_size=2)),
    interval=st.sampled_from([0, 1, 30]),
    yearly_cap=st.integers(0, 2),
    cooling_off=st.sampled_from([0, 30]),
)


@settings(max_examples=120, derandomize=True)
@given(st.lists(person, min_size=4, max_size=9), asked_for)
def test_columns_say_what_reading_one_person_after_another_says(people: list[Person], asked: Asked) -> None:
    assert grounds(people, asked) == [one_by_one(row, p, asked) for row, p in enumerate(people)]


@settings(max_examples=40, derandomize=True)
@given(st.lists(person, min_size=4, max_size=7), asked_for, person)
def test_one_more_person_changes_nothing_for_the_others(
    people: list[Person], asked: Asked, more: Person
) -> None:
    assert grounds([*people, more], asked)[: len(people)] == grounds(people, asked)


BIDDER = Unit("91A", "甲公司")
HOUR = 3_600_000_000


@pytest.mark.parametrize(
    ("ground", "kept_away", "stays", "asked"),
    [
        (Ground.busy, Person(busy=((ENDS - 1, ENDS + HOUR),)), Person(busy=((ENDS, ENDS + HOUR),)), Asked()),
        (Ground.on_leave, Person(leaves=((0, BEGINS + 1),)), Person(leaves=((0, BEGINS),)), Asked()),
        (Ground.credit_list, Person(credit=((0, NO_END),)), Person(credit=((ENDS, NO_END),)), Asked()),
        (
            Ground.controlling_interest,
            Person(employer=Unit("91B")),
            Person(employer=Unit("91C")),
            Asked(controlled=(Unit("91B"),)),
        ),
        (
            Ground.cooling_off,
            Person(entered=DAY.toordinal() - 29),
            Person(entered=DAY.toordinal() - 30),
            Asked(cooling_off=30),
        ),
        (
            Ground.declared_unit,
            Person(declared=(Unit(name="甲 公司"),)),
            Person(declared=(Unit(name="乙"),)),
            Asked(units=(BIDDER,)),
        ),
        (
            Ground.employer,
            Person(employer=Unit("", "甲公司")),
            Person(employer=Unit("", "乙")),
            Asked(units=(BIDDER,)),
        ),
        (
            Ground.entry_expired,
            Person(valid_until=DAY.toordinal() - 1),
            Person(valid_until=DAY.toordinal()),
            Asked(),
        ),
        (
            Ground.former_employer,
            Person(former=((BIDDER, date(2023, 11, 24).toordinal()),)),
            Person(former=((BIDDER, date(2023, 11, 23).toordinal()),)),
            Asked(units=(BIDDER,)),
        ),
        (Ground.over_age, Person(born=1956), Person(born=1957), Asked(age_limit=70)),
        (Ground.purchaser_staff, Person(employer=Unit("91A")), Person(), Asked(purchaser=(BIDDER,))),
        (Ground.qualification_missing, Person(years=7), Person(years=8), Asked(least_years=8)),
        (
            Ground.qualification_missing,
            Person(title="工程师"),
            Person(),
            Asked(titles=frozenset({"高级工程师"})),
        ),
        (
            Ground.specialty_missing,
            Person(specialties=("B01",)),
            Person(specialties=("A01", "B01")),
            Asked(specialties=frozenset({"A01"})),
        ),
        (Ground.supervisor_staff, Person(employer=Unit("91A")), Person(), Asked(supervisors=(BIDDER,))),
        (Ground.suspended, Person(suspended=True), Person(), Asked()),
        (
            Ground.too_soon,
            Person(served=(DAY.toordinal() - 6,)),
            Person(served=(DAY.toordinal() - 7,)),
            Asked(interval=7),
        ),
        (
            Ground.yearly_cap,
            Person(served=(date(2026, 1, 1).toordinal(), date(2026, 12, 31).toordinal())),
            Person(served=(date(2025, 12, 31).toordinal(), date(2026, 1, 1).toordinal())),
            Asked(yearly_cap=2),
        ),
    ],
)
def test_a_rule_holds_exactly_up_to_its_edge(
    ground: Ground, kept_away: Person, stays: Person, asked: Asked
) -> None:
    assert grounds([kept_away, stays], asked) == [(ground.value,), ()]


@pytest.mark.parametrize(
    ("ground", "asked"),
    [
        (Ground.already_used, Asked(used=frozenset({0}))),
        (Ground.controlling_interest, Asked(holders=frozenset({0}))),
        (Ground.kin, Asked(kin=frozenset({0}))),
        (Ground.named_person, Asked(named=frozenset({0}))),
    ],
)
def test_who_is_named_is_kept_away_alone(ground: Ground, asked: Asked) -> None:
    assert grounds([Person(), Person()], asked) == [(ground.value,), ()]


def test_switched_off_rules_keep_nobody_away() -> None:
    served = tuple(DAY.toordinal() for _ in range(9))
    eager = Person(served=served, entered=DAY.toordinal(), born=0)
    assert grounds([eager], Asked(age_limit=1)) == [()]


def test_a_former_employer_without_a_known_end_always_counts() -> None:
    assert grounds([Person(former=((BIDDER, UNKNOWN_DAY),))], Asked(units=(BIDDER,))) == [
        ("former_employer",)
    ]


def test_units_are_the_same_however_they_are_written() -> None:
    assert Unit("９１ab", "甲（集团） 公司") == Unit("91AB", "甲(集团)公司")
    assert Unit().marks == ()
    assert Unit("91a", "甲").marks == ("=91A", "~甲")
    assert one_spelling("Ａ·b") == one_spelling(unicodedata.normalize("NFD", "AB")) == "AB"


def test_a_code_is_never_taken_for_a_name() -> None:
    people = [Person(employer=Unit(code="甲")), Person(employer=Unit(name="甲"))]
    assert grounds(people, Asked(units=(Unit(name="甲"),))) == [(), ("employer",)]


def test_a_leap_day_looks_back_to_the_day_before_it() -> None:
    assert years_before(date(2028, 2, 29), 3) == date(2025, 2, 28)
    assert years_before(date(2028, 2, 29), 4) == date(2024, 2, 29)


def test_the_grounds_are_counted_and_told_apart() -> None:
    roster = Roster([Person(suspended=True, born=1950), Person(), Person(suspended=True)])
    columns = roster.columns()
    found = avoid(columns, roster.context(Asked(age_limit=70)))
    assert found.counts() == {Ground.over_age: 1, Ground.suspended: 2}
    assert found.free.tolist() == [False, True, False]
    assert found.of(0) == ("over_age", "suspended")


def test_an_empty_roster_has_no_grounds() -> None:
    roster = Roster([])
    assert avoid(roster.columns(), roster.context(Asked(units=(BIDDER,), cooling_off=1))).bits.size == 0


def test_every_ground_has_one_rule_and_they_stand_in_order() -> None:
    assert [ground for ground, _ in RULES] == sorted(Ground)
    assert len(RULES) <= 32


def test_an_instant_counts_microseconds() -> None:
    moment = datetime(1970, 1, 2, 0, 0, 1, 5, tzinfo=UTC)
    assert instant(moment) == 86_401_000_005
    assert instant(moment - timedelta(days=2)) < 0


def test_texts_keep_their_numbers() -> None:
    tokens = Tokens()
    assert [tokens.enter(text) for text in ("A01", "A0102", "B", "A01")] == [0, 1, 2, 0]
    assert (len(tokens), tokens.text(1), tokens.find("Z")) == (3, "A0102", NONE)
    assert tokens.starting("A01") == {0, 1}
    assert tokens.units([Unit("91")]) == frozenset()


def test_who_changes_employer_changes_grounds() -> None:
    p = Person(employer=BIDDER)
    assert grounds([p, replace(p, employer=Unit("91Z"))], Asked(units=(BIDDER,))) == [("employer",), ()]
