"""Guessing gets slow, and only for whoever guesses."""

from concurrent.futures import ThreadPoolExecutor
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
        if guesser.attempt(now, "10.0.0.1") is not None:
            made.append(now)
    for moment in made:
        # Each wrong try prolongs the watch, so that a window is only ever opened by a full pause of quiet.
        assert sum(moment <= other < moment + PAUSE for other in made) <= tries


def test_many_tries_at_once_get_no_more_than_one_after_the_other() -> None:
    guesser = Throttle(5, PAUSE)
    with ThreadPoolExecutor(8) as crowd:
        numbers = list(crowd.map(lambda _: guesser.attempt(NOON, "a"), range(400)))
    assert sorted(number for number in numbers if number is not None) == [1, 2, 3, 4, 5]


def test_one_address_does_not_slow_another() -> None:
    guesser = Throttle(1, PAUSE)
    assert guesser.attempt(NOON, "10.0.0.1") == 1
    assert guesser.attempt(NOON, "10.0.0.1") is None
    assert guesser.attempt(NOON, "10.0.0.2") == 1


def test_the_pause_ends_and_a_right_try_wipes_the_slate() -> None:
    guesser = Throttle(2, PAUSE)
    assert [guesser.attempt(NOON, "a") for _ in range(3)] == [1, 2, None]
    assert guesser.attempt(NOON + PAUSE - timedelta(seconds=1), "a") is None
    assert guesser.attempt(NOON + PAUSE, "a") == 1
    guesser.right("a")
    assert guesser.attempt(NOON + PAUSE, "a") == 1


def test_a_right_try_taken_back_leaves_the_wrong_ones_of_others() -> None:
    guesser = Throttle(2, PAUSE)
    assert guesser.attempt(NOON, "a") == 1
    for _ in range(9):
        assert guesser.attempt(NOON, "a") == 2
        guesser.take_back("a")
    assert [guesser.attempt(NOON, "a") for _ in range(2)] == [2, None]
    guesser.take_back("b")
    assert guesser.attempt(NOON, "b") == 1
    guesser.take_back("b")
    assert "b" not in guesser._wrong


def test_memory_stays_bounded() -> None:
    guesser = Throttle(1, PAUSE)
    for number in range(throttle._MOST_ADDRESSES + 5):
        guesser.attempt(NOON, str(number))
    assert len(guesser._wrong) == throttle._MOST_ADDRESSES
    assert guesser.attempt(NOON, "0") == 1
