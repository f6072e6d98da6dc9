"""What the value of a rule may look like: a number, a share, a span of time, a word."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Literal

from app.core.canonical import Canonical

EVIDENCE = ("V", "S", "R", "L")
"""V statute read, S public secondary source read, R recalled and to be confirmed, L local choice."""


class Shape(StrEnum):
    """The forms in which a rule says what it asks for."""

    integer = "integer"  # a whole number, 0 or more
    fraction = "fraction"  # a share as text: "2/3", above 0 and at most 1
    duration = "duration"  # "15min", "24h", "10d", "15y", "5 working_days", "3 working_hours"; or a number with a unit
    flag = "flag"  # yes or no
    word = "word"  # one word of the register
    words = "words"  # a list of such words
    grounds = "grounds"  # a list of grounds of avoidance, each with its own source
    cases = "cases"  # a list of other values for stated conditions, each with its own source
    tiers = "tiers"  # a list of plain rows, as for the tiers of an inspection


CalendarUnit = Literal["years", "working_days", "working_hours"]


@dataclass(frozen=True, slots=True)
class CalendarSpan:
    """A span of time that only a calendar can measure."""

    count: int
    unit: CalendarUnit


Duration = timedelta | CalendarSpan

_DURATION = re.compile(r"(0|[1-9][0-9]{0,4})(min|h|d|y| working_days| working_hours)")
_FRACTION = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})")
_FIXED = {
    "min": timedelta(minutes=1),
    "minutes": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "hours": timedelta(hours=1),
    "d": timedelta(days=1),
    "days": timedelta(days=1),
}
_BY_CALENDAR: dict[str, CalendarUnit] = {
    "y": "years",
    "years": "years",
    "working_days": "working_days",
    "working_hours": "working_hours",
}
UNITS = ("minutes", "hours", "days", "years", "working_days", "working_hours")
"""Units that may stand beside a number."""


def fraction_of(value: Canonical) -> tuple[int, int] | None:
    """Numerator and denominator of a share above 0 and at most 1; None for anything else."""
    found = _FRACTION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    numerator, denominator = int(found[1]), int(found[2])
    return (numerator, denominator) if numerator <= denominator else None


def duration_of(value: Canonical, unit: Canonical = None) -> Duration | None:
    """The span that a text, or a number with its unit, stands for; None for anything else."""
    if isinstance(value, str) and unit is None:
        found = _DURATION.fullmatch(value)
        return None if found is None else _span(int(found[1]), found[2].strip())
    if is_count(value) and isinstance(value, int) and unit in UNITS:
        return _span(value, str(unit))
    return None


def is_count(value: Canonical) -> bool:
    """A whole number, 0 or more; `true` is none, though Python counts with it."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _span(count: int, unit: str) -> Duration:
    if unit in _FIXED:
        return count * _FIXED[unit]
    return CalendarSpan(count, _BY_CALENDAR[unit])
