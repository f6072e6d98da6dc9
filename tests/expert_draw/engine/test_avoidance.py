"""Every ground of avoidance removes whom it must and nobody else."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from expert_draw.engine.avoidance import (
    RULES,
    AvoidanceContext,
    ExpertFacts,
    FormerEmployer,
    Ground,
    Span,
    Unit,
    Units,
    avoid,
)

MORNING = Span(datetime(2026, 11, 24, 1, tzinfo=UTC), datetime(2026, 11, 24, 5, tzinfo=UTC))
BIDDER = Unit("91530600MA6K000001", "昭通市某某建设有限公司")
CONTEXT = AvoidanceContext(
    day=date(2026, 11, 24),
    time=MORNING,
    units=Units.of([BIDDER]),
    purchaser_units=Units.of([Unit("11530600015000001X", "某某市教育局")]),
    supervisor_units=Units.of([Unit("", "某某市住房和城乡建设局")]),
    persons=frozenset({"p-7"}),
    used=frozenset({"e-used"}),
    age_limit=70,
    specialties=("A0801", "B"),
    titles=frozenset({"高级工程师"}),
    least_years_in_field=8,
)
FIT = ExpertFacts(
    "e-1",
    person="p-1",
    employer=Unit("91530600MA6K000002", "云南某某设计院"),
    former_employers=(FormerEmployer(Unit("", "云南某某检测公司"), date(2026, 1, 1)),),
    specialties=("A080104", "C03"),
    title="高级工程师",
    years_in_field=8,
    birth_year=1957,
    valid_until=date(2026, 11, 24),
)


def minutes(begin: int, end: int) -> tuple[Span, ...]:
    return (Span(MORNING.begins + timedelta(minutes=begin), MORNING.begins + timedelta(minutes=end)),)


def test_who_fits_is_not_removed() -> None:
    assert avoid([FIT], CONTEXT) == ()


@pytest.mark.parametrize(
    ("change", "ground"),
    [
        ({"id": "e-used"}, Ground.already_used),
        ({"busy": minutes(-60, 1)}, Ground.busy),
        ({"busy": minutes(239, 300)}, Ground.busy),
        ({"declared_units": (Unit("", "昭通市某某建设有限公司"),)}, Ground.declared_unit),
        ({"employer": BIDDER}, Ground.employer),
        ({"employer": Unit("91530600ma6k000001", "改名后的公司")}, Ground.employer),
        ({"employer": Unit("", " 昭通市 某某建设有限公司 ")}, Ground.employer),
        ({"valid_until": date(2026, 11, 23)}, Ground.entry_expired),
        ({"former_employers": (FormerEmployer(BIDDER, date(2023, 11, 24)),)}, Ground.former_employer),
        ({"former_employers": (FormerEmployer(BIDDER),)}, Ground.former_employer),
        ({"person": "p-7"}, Ground.named_person),
        ({"leaves": minutes(0, 1)}, Ground.on_leave),
        ({"birth_year": 1956}, Ground.over_age),
        ({"employer": Unit("11530600015000001X")}, Ground.purchaser_staff),
        ({"title": "工程师"}, Ground.qualification_missing),
        ({"years_in_field": 7}, Ground.qualification_missing),
        ({"specialties": ("A0802", "C03")}, Ground.specialty_missing),
        ({"specialties": ()}, Ground.specialty_missing),
        ({"employer": Unit("", "某某市住房和城乡建设局")}, Ground.supervisor_staff),
        ({"suspended": True}, Ground.suspended),
    ],
)
def test_each_ground_removes_on_its_own(change: dict[str, Any], ground: Ground) -> None:
    expert = replace(FIT, **change)
    assert avoid([expert, replace(FIT, id="e-2")], CONTEXT) == ((expert.id, ground),)


@pytest.mark.parametrize(
    "change",
    [
        {"busy": minutes(-60, 0)},
        {"busy": minutes(240, 300)},
        {"leaves": minutes(-10, 0)},
        {"former_employers": (FormerEmployer(BIDDER, date(2023, 11, 23)),)},
        {"birth_year": None},
        {"valid_until": None},
        {"employer": Unit()},
        {"specialties": ("B010101",)},
    ],
)
def test_just_outside_a_rule_nobody_is_removed(change: dict[str, Any]) -> None:
    assert avoid([replace(FIT, **change)], CONTEXT) == ()


def test_a_context_that_asks_for_nothing_removes_nobody() -> None:
    context = AvoidanceContext(CONTEXT.day, MORNING)
    assert avoid([ExpertFacts("e-1"), replace(FIT, title="", birth_year=1900)], context) == ()


def test_all_grounds_of_a_person_are_named_in_order() -> None:
    expert = replace(FIT, id="e-9", suspended=True, employer=BIDDER, person="p-7")
    assert avoid([expert, replace(FIT, id="e-0", suspended=True)], CONTEXT) == (
        ("e-0", "suspended"),
        ("e-9", "employer"),
        ("e-9", "named_person"),
        ("e-9", "suspended"),
    )


def test_looking_back_from_the_29th_of_february_ends_on_the_28th() -> None:
    leap = replace(CONTEXT, day=date(2028, 2, 29))
    expert = replace(FIT, valid_until=None, former_employers=(FormerEmployer(BIDDER, date(2025, 2, 28)),))
    assert (expert.id, Ground.former_employer) in avoid([expert], leap)
    gone = replace(expert, former_employers=(FormerEmployer(BIDDER, date(2025, 2, 27)),))
    assert (gone.id, Ground.former_employer) not in avoid([gone], leap)


def test_full_width_brackets_and_blanks_do_not_hide_a_unit() -> None:
    assert Unit("９１５３０６００ＭＡ６Ｋ０００００１", "某某（集团） 有限公司") == Unit(
        "91530600ma6k000001", "某某(集团)有限公司"
    )


def test_every_ground_has_exactly_one_rule() -> None:
    assert [ground for ground, _ in RULES] == list(Ground)
    assert all(rule.__doc__ for _, rule in RULES)
