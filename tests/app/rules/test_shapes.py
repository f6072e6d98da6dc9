"""Shares and spans of time are read exactly as written, and nothing else passes for one."""

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.canonical import Canonical
from app.rules.shapes import CalendarSpan, duration_of, fraction_of, is_count


@given(st.integers(1, 999_999), st.integers(1, 999_999))
def test_a_share_is_read_when_it_is_at_most_one(top: int, bottom: int) -> None:
    assert fraction_of(f"{top}/{bottom}") == ((top, bottom) if Fraction(top, bottom) <= 1 else None)


@pytest.mark.parametrize(
    "value", [1, None, True, "", "1", "0/3", "2/0", "02/3", "2 / 3", "-1/2", "２/３", ["1/2"]]
)
def test_what_is_no_share_is_none(value: Canonical) -> None:
    assert fraction_of(value) is None


@pytest.mark.parametrize(
    ("value", "unit", "span"),
    [
        ("15min", None, timedelta(minutes=15)),
        ("24h", None, timedelta(hours=24)),
        ("10d", None, timedelta(days=10)),
        ("0d", None, timedelta()),
        ("15y", None, CalendarSpan(15, "years")),
        ("5 working_days", None, CalendarSpan(5, "working_days")),
        ("3 working_hours", None, CalendarSpan(3, "working_hours")),
        (24, "hours", timedelta(days=1)),
        (30, "minutes", timedelta(minutes=30)),
        (2, "days", timedelta(days=2)),
        (2, "working_days", CalendarSpan(2, "working_days")),
        (1, "years", CalendarSpan(1, "years")),
    ],
)
def test_a_span_of_time_is_read(value: Canonical, unit: str | None, span: object) -> None:
    assert duration_of(value, unit) == span


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        ("24", None),
        ("24 h", None),
        ("h", None),
        ("-1h", None),
        ("024h", None),
        ("1.5h", None),
        ("5working_days", None),
        ("24h", "hours"),
        (24, None),
        (24, "h"),
        (True, "hours"),
        (-1, "hours"),
        (None, None),
        (["24h"], None),
    ],
)
def test_what_is_no_span_of_time_is_none(value: Canonical, unit: str | None) -> None:
    assert duration_of(value, unit) is None


def test_yes_is_no_number() -> None:
    assert is_count(0)
    assert not any(map(is_count, (True, -1, "1", None)))
