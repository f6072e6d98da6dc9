"""How long whoever was wrong has to wait."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.accounts.slowing import Slowing, Wrong, at_one_place, elsewhere

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
PAUSE = timedelta(minutes=5)


def wrong_tries(slowing: Slowing, count: int) -> Wrong:
    wrong = None
    for _ in range(count):
        wrong = slowing.another(wrong, NOW)
    assert wrong is not None
    return wrong


def test_at_one_place_the_free_tries_are_followed_by_a_pause_and_then_all_begins_anew() -> None:
    slowing = at_one_place(5, PAUSE)
    assert slowing.may_try(None, NOW)
    assert slowing.may_try(wrong_tries(slowing, 4), NOW)
    paused = wrong_tries(slowing, 5)
    assert not slowing.may_try(paused, NOW)
    assert not slowing.may_try(paused, NOW + PAUSE - timedelta(seconds=1))
    assert slowing.may_try(paused, NOW + PAUSE)
    assert slowing.another(paused, NOW + PAUSE) == Wrong(1, NOW + PAUSE)


def test_elsewhere_it_gets_slower_and_slower_but_never_shut() -> None:
    slowing = elsewhere(5, PAUSE)
    waits = []
    for count in (19, 20, 21, 24, 28, 29, 1000):
        wrong = Wrong(count, NOW)
        waits.append(next(s for s in range(301) if slowing.may_try(wrong, NOW + timedelta(seconds=s))))
    assert waits == [0, 1, 2, 16, 256, 300, 300]
    assert slowing.another(Wrong(1000, NOW), NOW + 12 * PAUSE).count == 1


@given(st.integers(0, 10**9), st.integers(1, 50), st.integers(0, 10**5))
def test_one_more_wrong_try_never_shortens_the_wait(count: int, free: int, seconds: int) -> None:
    slowing, then = elsewhere(free, PAUSE), NOW + timedelta(seconds=seconds)
    if not slowing.may_try(Wrong(count, NOW), then):
        assert not slowing.may_try(Wrong(count + 1, NOW), then)
