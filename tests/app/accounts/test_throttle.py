"""Guessing gets slow, and only for whoever guesses."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.accounts import throttle
from app.accounts.throttle import Throttle

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
PAUSE = timedelta(minutes=5)


@given(st.integers(1, 9), st.lists(st.integers(0, 600), max_size=30))
def test_nobody_gets_more_wrong_tries_within_a_pause_than_allowed(tries: int, steps: list[int]) -> None:
    guesser = Throttle(tries, PAUSE)
    now, made = NOON, []
    for step in steps:
        now += timedelta(seconds=step)
        if not guesser.paused(now, "10.0.0.1"):
            guesser.wrong(now, "10.0.0.1")
            made.append(now)
    for moment in made:
        # Each wrong try prolongs the watch, so that a window is only ever opened by a full pause of quiet.
        assert sum(moment <= other < moment + PAUSE for other in made) <= tries


def test_one_address_does_not_slow_another() -> None:
    guesser = Throttle(1, PAUSE)
    guesser.wrong(NOON, "10.0.0.1")
    assert guesser.paused(NOON, "10.0.0.1")
    assert not guesser.paused(NOON, "10.0.0.2")


def test_the_pause_ends_and_a_right_try_wipes_the_slate() -> None:
    guesser = Throttle(2, PAUSE)
    guesser.wrong(NOON, "a")
    guesser.wrong(NOON, "a")
    assert guesser.paused(NOON + PAUSE - timedelta(seconds=1), "a")
    assert not guesser.paused(NOON + PAUSE, "a")
    guesser.right("a")
    guesser.wrong(NOON, "a")
    assert not guesser.paused(NOON, "a")


def test_memory_stays_bounded() -> None:
    guesser = Throttle(1, PAUSE)
    for number in range(throttle._MOST_ADDRESSES + 5):
        guesser.wrong(NOON, str(number))
    assert len(guesser._wrong) == throttle._MOST_ADDRESSES
    assert not guesser.paused(NOON, "0")
