"""A clock that is set is noticed, by how much, and until when; one that runs on is not."""

from datetime import timedelta

from app.core.clock import ManualClock
from app.core.clock_watch import MOST, STEADY, ClockFinding, ClockTrouble, ClockWatch
from tests.support.world import START

JUMPED, APART = ClockTrouble.jumped, ClockTrouble.apart


class Bench:
    def __init__(self) -> None:
        self.clock, self.watch = ManualClock(START), ClockWatch()
        assert self.look() is None

    def look(self, apart: float = 0.0) -> ClockFinding | None:
        return self.watch.look(self.clock.now(), self.clock.monotonic_ns(), timedelta(seconds=apart))


def test_a_clock_that_runs_on_or_is_moved_a_little_is_trusted() -> None:
    bench = Bench()
    for seconds in (1, 3600, 0.5):
        bench.clock.advance(seconds)
        assert bench.look(apart=-2.0) is None
    bench.clock.jump(MOST.total_seconds())
    assert bench.look() is None
    assert bench.watch.trouble is None


def test_many_small_steps_are_one_large_one() -> None:
    bench = Bench()
    bench.clock.jump(1.5)
    assert bench.look() is None
    bench.clock.jump(1.5)
    assert bench.look() == ClockFinding(JUMPED, 3000)


def test_a_jump_is_told_once_and_is_over_when_it_is_set_back() -> None:
    bench = Bench()
    bench.clock.jump(-3600)
    assert bench.look() == ClockFinding(JUMPED, -3_600_000)
    bench.clock.advance(1)
    assert bench.look() is None
    assert bench.watch.trouble is JUMPED
    bench.clock.jump(3600)
    assert bench.look() == ClockFinding(None, 0)
    assert bench.watch.trouble is None


def test_a_clock_that_was_put_right_is_believed_after_a_while_unless_it_jumps_again() -> None:
    bench, half = Bench(), STEADY.total_seconds() / 2
    bench.clock.jump(60)
    assert bench.look() == ClockFinding(JUMPED, 60_000)
    bench.clock.advance(half)
    bench.clock.jump(60)
    assert bench.look() == ClockFinding(JUMPED, 120_000)
    bench.clock.advance(half)
    assert bench.look() is None
    assert bench.watch.trouble is JUMPED
    bench.clock.advance(half)
    assert bench.look() == ClockFinding(None, 0)
    bench.clock.jump(-60)
    assert bench.look() == ClockFinding(JUMPED, -60_000)


def test_a_clock_that_is_not_the_databases_is_told_until_it_is() -> None:
    bench = Bench()
    assert bench.look(apart=2.5) == ClockFinding(APART, 2500)
    assert bench.look(apart=2.6) is None
    bench.clock.jump(60)
    assert bench.look(apart=-57.4) is None
    assert bench.look() == ClockFinding(JUMPED, 60_000)
    bench.clock.jump(-60)
    assert bench.look() == ClockFinding(None, 0)
