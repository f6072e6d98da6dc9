"""How fast and when people may be called."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notify.pacing import CalleeLimit, QuietHours, allowance, free_at, read_limits, spend

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NIGHT = QuietHours(time(21), time(8))
SIESTA = QuietHours(time(12), time(14))


@pytest.mark.parametrize(
    ("quiet", "at", "until"),
    [
        (NIGHT, NOON.replace(hour=20, minute=59), None),
        (NIGHT, NOON.replace(hour=21), NOON.replace(day=24, hour=8)),
        (NIGHT, NOON.replace(hour=0, minute=30), NOON.replace(hour=8)),
        (NIGHT, NOON.replace(hour=8), None),
        (SIESTA, NOON, NOON.replace(hour=14)),
        (SIESTA, NOON.replace(hour=11), None),
        (SIESTA, NOON.replace(hour=14), None),
    ],
)
def test_quiet_hours_end_when_they_say(quiet: QuietHours, at: datetime, until: datetime | None) -> None:
    assert quiet.until(at) == until


def test_settings_of_quiet_hours_and_limits_are_read() -> None:
    assert QuietHours.read("21:00-08:00") == NIGHT
    assert QuietHours.read("") is None
    assert read_limits(" voice 1/60, sms 10/86400,") == (
        CalleeLimit("voice", 1, 60),
        CalleeLimit("sms", 10, 86_400),
    )
    assert read_limits("") == ()


@given(rate=st.floats(0.1, 200), seconds=st.lists(st.floats(0, 5), min_size=1, max_size=40))
def test_never_more_leaves_than_the_rate_allows(rate: float, seconds: list[float]) -> None:
    """Whoever takes all there is whenever they look still keeps to the rate, but for one second's worth at the start."""
    spent, now, sent = NOON, NOON, 0
    for pause in seconds:
        now += timedelta(seconds=pause)
        count = allowance(spent, now, rate)
        sent += count
        spent = spend(spent, now, rate, count)
        assert sent <= (now - NOON).total_seconds() * rate + max(rate, 1) + 0.01 * len(seconds)
        assert allowance(spent, now, rate) == 0


def test_a_rate_below_one_a_second_still_lets_one_leave() -> None:
    assert allowance(NOON, NOON, 0.5) == 1
    spent = spend(NOON, NOON, 0.5, 1)
    assert allowance(spent, NOON + timedelta(seconds=1.9), 0.5) == 0
    assert allowance(spent, NOON + timedelta(seconds=2), 0.5) == 1


LIMITS = (CalleeLimit("voice", 1, 60), CalleeLimit("voice", 2, 3600), CalleeLimit("sms", 1, 10))


@pytest.mark.parametrize(
    ("minutes_ago", "wait_minutes"),
    [([], None), ([0.5], 0.5), ([1], None), ([10, 30], 30), ([30, 10], 30), ([0.5, 59.9], 0.5)],
)
def test_a_callee_is_left_alone_until_every_limit_allows_one_more(
    minutes_ago: list[float], wait_minutes: float | None
) -> None:
    former = [NOON - timedelta(minutes=ago) for ago in minutes_ago]
    expected = None if wait_minutes is None else NOON + timedelta(minutes=wait_minutes)
    assert free_at(LIMITS, "voice", former, NOON) == expected
    assert free_at((), "voice", former, NOON) is None
