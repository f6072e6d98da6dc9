"""Who sets the clock of the machine moves one of the two bounds of the time, never both."""

from datetime import timedelta

import pytest

from app.core.clock import BoundedClock, BoundedTime, ManualClock
from tests.support.world import START


def test_a_clock_that_nobody_sets_is_believed() -> None:
    clock = ManualClock(START)
    bounded = BoundedClock(clock)
    clock.advance(7200)
    assert bounded.now() == BoundedTime(clock.now(), clock.now(), clock.now())


@pytest.mark.parametrize("jump_s", [3600, -3600, 86_400, -86_400])
def test_a_clock_that_is_set_makes_it_neither_later_nor_earlier(jump_s: int) -> None:
    clock = ManualClock(START)
    bounded = BoundedClock(clock)
    clock.advance(60)
    clock.jump(jump_s)
    true, told = START + timedelta(seconds=60), START + timedelta(seconds=60 + jump_s)
    assert bounded.now() == BoundedTime(told, min(true, told), max(true, told))
    clock.jump(-jump_s)
    assert bounded.now() == BoundedTime(true, true, true)
