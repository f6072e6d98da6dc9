"""Working days in China: weekends, days off and the weekend days worked instead (调休), year by year.

A year is known from its table in `calendars/`, else from the library `holidays` once that lists the year's make-up days.
For any other year the days off are an estimate without make-up days: every answer names such years as not confirmed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import cache
from pathlib import Path

import holidays
import yaml

from app.rules.pack import Rule
from app.rules.shapes import EVIDENCE, CalendarSpan

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
TABLES = Path(__file__).parent / "calendars"
REMOTE = "remote_offsite"
"""The circumstance of every evaluation held here, as rules name it under `except`."""
HOURS = (9, 17)
"""Working hours of a working day by the clock in China, from and until: a local choice, no law read says it."""

_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Year:
    """What is known of one year. `source` is empty when the library alone knows it."""

    off: frozenset[date]
    worked: frozenset[date]
    confirmed: bool
    source: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class WorkingDay:
    """A day found by counting; `unconfirmed`: the years on the way whose calendar is not confirmed."""

    day: date
    unconfirmed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """How many working days; `unconfirmed` as above."""

    count: int
    unconfirmed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DrawTime:
    """The earliest or latest moment of a draw, with the rule that says so.

    at: in China's time, None when the rule sets no bound; not_applied: the circumstance for which the rule makes an
    exception, if that is why; unconfirmed: years whose calendar is not confirmed.
    """

    at: datetime | None
    rule: Rule
    not_applied: str | None = None
    unconfirmed: tuple[int, ...] = ()


def is_working_day(day: date) -> bool:
    """Whether people work on that day; ask `is_confirmed` whether its year is known."""
    known = year_of(day.year)
    return day in known.worked or (day.weekday() < _SATURDAY and day not in known.off)


def is_confirmed(year: int) -> bool:
    """Whether the make-up days of that year are known."""
    return year_of(year).confirmed


def add_working_days(day: date, count: int) -> WorkingDay:
    """The day that lies so many working days after `day`, or before it when negative; `day` itself never counts."""
    step = _DAY if count >= 0 else -_DAY
    now, left, years = day, abs(count), {day.year}
    while left:
        now += step
        years.add(now.year)
        left -= is_working_day(now)
    return WorkingDay(now, _unconfirmed(years))


def working_days_between(after: date, until: date) -> WorkingDays:
    """How many working days follow `after` up to and with `until`; ValueError when `until` lies before it."""
    if until < after:
        raise ValueError("the days between are counted forwards: the first day comes first")
    days = [after + number * _DAY for number in range(1, (until - after).days + 1)]
    return WorkingDays(sum(map(is_working_day, days)), _unconfirmed(set(range(after.year, until.year + 1))))


def earliest_draw(rule: Rule, start: datetime, circumstances: Sequence[str] = (REMOTE,)) -> DrawTime:
    """When a draw may begin at the earliest, by the rule `draw.earliest`, for an evaluation that begins at `start`.

    Working days are counted back whole and keep the clock time of the start. Raises ValueError for a naive `start`.
    """
    excepted = rule.more.get("except")
    left_out = [one for one in circumstances if isinstance(excepted, Sequence) and one in excepted]
    if left_out:
        return DrawTime(None, rule, left_out[0])
    found = _before(rule, start)
    if found.at is None or rule.more.get("holiday") != "shift_earlier" or is_working_day(found.at.date()):
        return found
    day = add_working_days(found.at.date(), -1)
    years = {*found.unconfirmed, *day.unconfirmed}
    return DrawTime(datetime.combine(day.day, found.at.timetz()), rule, None, tuple(sorted(years)))


def latest_draw(rule: Rule, start: datetime) -> DrawTime:
    """When a draw must have begun at the latest, by the rule `draw.latest_before_start`; as `earliest_draw`."""
    return _before(rule, start)


@cache
def year_of(year: int, folder: Path = TABLES) -> Year:
    """What is known of a year; ValueError for a table that is wrongly written."""
    table = folder / f"{year}.yaml"
    if table.is_file():
        return _table(year, yaml.safe_load(table.read_text(encoding="utf-8")))
    library = holidays.country_holidays("CN", years=year)
    worked = frozenset(day for day in library.weekend_workdays if day.year == year)
    return Year(frozenset(library), worked, confirmed=bool(worked))


def _before(rule: Rule, start: datetime) -> DrawTime:
    """The moment that lies before `start` by the span the rule names."""
    if start.tzinfo is None:
        raise ValueError("a start needs its time zone")
    at, span = start.astimezone(CHINA), rule.span
    if span is None:
        return DrawTime(None, rule)
    if isinstance(span, timedelta):
        return DrawTime(at - span, rule)
    if span.unit == "working_days":
        back = add_working_days(at.date(), -span.count)
        return DrawTime(datetime.combine(back.day, at.timetz()), rule, None, back.unconfirmed)
    if span.unit == "working_hours":
        return _hours_before(rule, at, span)
    raise ValueError(f"{rule.path} counts in {span.unit}, which no draw is timed by")


def _hours_before(rule: Rule, at: datetime, span: CalendarSpan) -> DrawTime:
    left, day, until, years = timedelta(hours=span.count), at.date(), at, {at.year}
    while True:
        opens, closes = (datetime.combine(day, time(hour), CHINA) for hour in HOURS)
        until = min(until, closes)
        if is_working_day(day) and until > opens:
            if until - opens >= left:
                return DrawTime(until - left, rule, None, _unconfirmed(years))
            left -= until - opens
        day -= _DAY
        years.add(day.year)


def _unconfirmed(years: set[int]) -> tuple[int, ...]:
    return tuple(year for year in sorted(years) if not is_confirmed(year))


def _table(year: int, said: object) -> Year:
    file = f"calendars/{year}.yaml"
    if not isinstance(said, Mapping) or set(said) != {"year", "src", "ev", "days_off", "days_worked"}:
        raise ValueError(f"{file} needs exactly year, src, ev, days_off and days_worked")
    if said["year"] != year:
        raise ValueError(f"{file} is about the year {said['year']}")
    if not str(said["src"] or "").strip() or said["ev"] not in EVIDENCE:
        raise ValueError(f"{file} needs its source and an evidence mark V, S, R or L")
    off, worked = (frozenset(_days(file, year, said[name])) for name in ("days_off", "days_worked"))
    if off & worked:
        raise ValueError(f"{file} has days that are both off and worked")
    return Year(off, worked, confirmed=True, source=str(said["src"]), evidence=str(said["ev"]))


def _days(file: str, year: int, said: object) -> list[date]:
    """Days written one by one or from/to, as 2026-10-01/2026-10-07."""
    days: list[date] = []
    for entry in said if isinstance(said, list) else [None]:
        try:
            first, _, last = str(entry).partition("/")
            start, end = date.fromisoformat(first), date.fromisoformat(last or first)
        except ValueError as broken:
            raise ValueError(f"{file}: {entry} is no day and no first/last day") from broken
        if start > end or {start.year, end.year} != {year}:
            raise ValueError(f"{file}: {entry} runs backwards or leaves the year")
        days.extend(start + number * _DAY for number in range((end - start).days + 1))
    return days
