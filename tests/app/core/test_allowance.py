from hypothesis import given
from hypothesis import strategies as st

from app.core.allowance import Allowance

SECOND = 1_000_000_000


def test_so_many_at_once_and_then_one_at_a_time() -> None:
    allowance = Allowance(3, per_second=2.0)
    assert [allowance.take(0) for _ in range(5)] == [True, True, True, False, False]
    assert allowance.take(SECOND // 2)
    assert not allowance.take(SECOND // 2)
    assert [allowance.take(100 * SECOND) for _ in range(5)] == [True, True, True, False, False]


@given(
    st.integers(1, 10), st.sampled_from([0.15, 0.5, 1.0, 10.0]), st.lists(st.integers(0, SECOND), max_size=60)
)
def test_never_more_than_the_burst_and_the_rate(at_once: int, rate: float, gaps: list[int]) -> None:
    allowance, now, taken = Allowance(at_once, rate), 0, 0
    for gap in gaps:
        now += gap
        taken += allowance.take(now)
    assert taken <= at_once + now / SECOND * rate + 1e-6


@given(st.integers(1, 10), st.sampled_from([0.5, 1.0, 10.0]), st.integers(1, 30))
def test_who_keeps_to_the_rate_is_never_refused(at_once: int, rate: float, count: int) -> None:
    allowance = Allowance(at_once, rate)
    step = round(SECOND / rate)
    assert all(allowance.take(number * step) for number in range(count))


def test_a_clock_that_stands_still_or_goes_back_gives_nothing() -> None:
    allowance = Allowance(1, 1.0)
    assert allowance.take(10 * SECOND)
    assert not allowance.take(5 * SECOND)
