"""Working days as the State Council announced them for 2025 and 2026, and an honest word about years to come.

Known facts (evidence S: the notices of 2024-11-12 and 2025-11-04, read in full as Xinhua carried them). The shipped tables hold
them; the library is asked for the same days separately.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules import calendar, library
from app.rules.calendar import (
    CHINA,
    add_working_days,
    earliest_draw,
    is_confirmed,
    is_working_day,
    latest_draw,
    working_days_between,
    year_of,
)
from app.rules.pack import Rule

DAYS = st.dates(date(2024, 1, 1), date(2028, 12, 31))
TABLE = "year: 2030\nsrc: notice\nev: S\ndays_off: ['2030-01-01/2030-01-03']\ndays_worked: [2030-01-05]\n"

KNOWN = [
    (date(2025, 1, 26), True),  # Sunday, worked for the Spring Festival
    (date(2025, 1, 27), True),  # Monday before New Year's Eve
    (date(2025, 1, 28), False),  # New Year's Eve
    (date(2025, 2, 4), False),
    (date(2025, 2, 5), True),
    (date(2025, 2, 8), True),  # Saturday, worked
    (date(2025, 2, 9), False),  # Sunday
    (date(2025, 10, 8), False),  # National Day and Mid-Autumn together
    (date(2025, 10, 11), True),  # Saturday, worked
    (date(2026, 1, 2), False),
    (date(2026, 1, 4), True),  # Sunday, worked for New Year
    (date(2026, 2, 14), True),  # Saturday, worked
    (date(2026, 2, 23), False),
    (date(2026, 2, 28), True),  # Saturday, worked
    (date(2026, 4, 6), False),
    (date(2026, 4, 7), True),
    (date(2026, 9, 20), True),  # Sunday, worked for National Day
    (date(2026, 10, 10), True),  # Saturday, worked
]


@pytest.mark.parametrize(("day", "working"), KNOWN, ids=str)
def test_days_announced_by_the_state_council(day: date, working: bool) -> None:
    assert is_working_day(day) is working


@pytest.mark.parametrize("year", [2025, 2026])
def test_the_tables_and_the_library_agree_on_every_day(year: int, tmp_path: Path) -> None:
    table, known_to_the_library = year_of(year), year_of(year, tmp_path)
    assert (table.evidence, known_to_the_library.evidence) == ("S", "")
    assert "国务院办公厅" in table.source
    assert known_to_the_library.confirmed
    assert table.worked == known_to_the_library.worked
    weekdays = {
        day
        for day in (date(year, 1, 1) + timedelta(days=number) for number in range(365))
        if day.weekday() < 5
    }
    assert table.off & weekdays == known_to_the_library.off & weekdays


def test_a_year_nobody_has_announced_is_not_confirmed() -> None:
    assert is_confirmed(2026)
    assert not is_confirmed(2027)
    assert add_working_days(date(2026, 12, 30), 5).unconfirmed == (2027,)
    assert add_working_days(date(2026, 12, 1), 5).unconfirmed == ()
    assert working_days_between(date(2026, 12, 30), date(2027, 1, 4)).unconfirmed == (2027,)
    assert working_days_between(date(2026, 12, 30), date(2028, 1, 4)).unconfirmed == (2027, 2028)


def test_counting_steps_over_a_long_holiday_and_the_days_worked_instead() -> None:
    assert add_working_days(date(2026, 9, 30), 1).day == date(2026, 10, 8)
    assert add_working_days(date(2026, 9, 30), 3).day == date(2026, 10, 10)
    assert add_working_days(date(2026, 10, 8), -1).day == date(2026, 9, 30)
    assert working_days_between(date(2026, 2, 13), date(2026, 2, 28)).count == 6
    with pytest.raises(ValueError, match="forwards"):
        working_days_between(date(2026, 2, 13), date(2026, 2, 12))


@given(DAYS, st.integers(1, 30))
def test_counting_forth_is_undone_by_counting_what_lies_between(day: date, count: int) -> None:
    found = add_working_days(day, count).day
    assert is_working_day(found)
    assert working_days_between(day, found).count == count
    assert working_days_between(day, found - timedelta(days=1)).count == count - 1


@given(DAYS, st.integers(1, 30))
def test_counting_back_is_counting_forth_from_the_other_end(day: date, count: int) -> None:
    found = add_working_days(day, -count).day
    assert is_working_day(found)
    assert working_days_between(found - timedelta(days=1), day - timedelta(days=1)).count == count


def test_no_step_is_no_move() -> None:
    assert add_working_days(date(2026, 10, 3), 0).day == date(2026, 10, 3)


def rule(value: object, **more: object) -> Rule:
    return Rule("draw.earliest", value, "a law", "V", more)  # type: ignore[arg-type]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


@pytest.mark.parametrize(
    ("asked", "start", "earliest"),
    [
        (rule(24, unit="hours"), "2026-10-10 09:00", "2026-10-09 09:00"),
        (rule("48h"), "2026-10-10 09:00", "2026-10-08 09:00"),
        (rule("48h", holiday="shift_earlier"), "2026-10-09 09:00", "2026-09-30 09:00"),
        (rule("48h", holiday="shift_earlier"), "2026-10-10 09:00", "2026-10-08 09:00"),
        (rule(2, unit="working_days"), "2026-10-09 09:00", "2026-09-30 09:00"),
        (rule(2, unit="working_days"), "2026-02-28 14:30", "2026-02-26 14:30"),
        (rule(2, unit="working_hours"), "2026-10-08 10:00", "2026-09-30 16:00"),
        (rule(8, unit="working_hours"), "2026-11-24 17:30", "2026-11-24 09:00"),
        (rule(8, unit="working_hours"), "2026-11-24 08:00", "2026-11-23 09:00"),
        (rule(17, unit="working_hours"), "2026-11-24 17:00", "2026-11-20 16:00"),
    ],
)
def test_the_earliest_moment_of_a_draw(asked: Rule, start: str, earliest: str) -> None:
    found = earliest_draw(asked, at(start))
    assert found.at == at(earliest)
    assert found.rule.source == "a law"
    assert (found.not_applied, found.unconfirmed) == (None, ())


def test_the_clock_is_chinas_wherever_the_start_was_written() -> None:
    found = earliest_draw(rule(1, unit="working_days"), datetime(2026, 11, 23, 17, tzinfo=UTC))
    assert found.at == at("2026-11-23 01:00")
    with pytest.raises(ValueError, match="time zone"):
        earliest_draw(rule("24h"), datetime(2026, 11, 23))  # noqa: DTZ001 -- what is refused


def test_a_rule_without_a_bound_sets_none_and_one_with_an_exception_is_not_applied() -> None:
    assert earliest_draw(rule(None, unit="working_hours"), at("2026-11-24 09:00")).at is None
    procurement = library.load("cn_govproc").rule("draw.earliest")
    found = earliest_draw(procurement, at("2026-11-24 09:00"))
    assert (found.at, found.not_applied) == (None, "remote_offsite")
    on_site = earliest_draw(procurement, at("2026-11-24 09:00"), circumstances=())
    assert (on_site.at, on_site.not_applied) == (at("2026-11-20 09:00"), None)


def test_what_is_not_confirmed_is_named() -> None:
    assert earliest_draw(rule(2, unit="working_days"), at("2027-02-10 09:00")).unconfirmed == (2027,)
    assert earliest_draw(rule(2, unit="working_hours"), at("2027-02-12 09:00")).unconfirmed == (2027,)
    shifted = rule("48h", holiday="shift_earlier")
    assert earliest_draw(shifted, at("2027-01-05 09:00")).unconfirmed == (2027,)


def test_the_latest_moment_of_a_draw() -> None:
    asked = library.load("cn_tender").rule("draw.latest_before_start")
    assert latest_draw(asked, at("2026-11-24 09:00")).at == at("2026-11-24 07:00")
    with pytest.raises(ValueError, match="years"):
        latest_draw(rule("1y"), at("2026-11-24 09:00"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("year: 2030", "year: 2031"), "about the year 2031"),
        (("src: notice", "src: ''"), "needs its source"),
        (("ev: S", "ev: X"), "evidence mark"),
        (("ev: S\n", ""), "needs exactly"),
        (("['2030-01-01/2030-01-03']", "5"), "no day"),
        (("2030-01-01/2030-01-03", "2030-01-03/2030-01-01"), "backwards"),
        (("2030-01-01/2030-01-03", "2030-13-01"), "no day"),
        (("[2030-01-05]", "[2031-01-05]"), "leaves the year"),
        (("[2030-01-05]", "[2030-01-02]"), "both off and worked"),
    ],
)
def test_a_table_that_is_wrongly_written_is_refused(
    change: tuple[str, str], why: str, tmp_path: Path
) -> None:
    (tmp_path / "2030.yaml").write_text(TABLE.replace(*change), encoding="utf-8")
    with pytest.raises(ValueError, match=why):
        year_of(2030, tmp_path)


def test_a_table_wins_over_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "2030.yaml").write_text(TABLE, encoding="utf-8")
    told = year_of(2030, tmp_path)
    assert told.confirmed
    monkeypatch.setattr(calendar, "year_of", {2030: told}.__getitem__)
    assert is_working_day(date(2030, 1, 5))  # a Saturday
    assert not is_working_day(date(2030, 1, 3))  # a Thursday
