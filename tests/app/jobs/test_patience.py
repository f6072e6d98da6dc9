"""What fails is tried again later, and holds up nothing else."""

import logging

import pytest

from app.core.clock import ManualClock
from app.core.errors import Unavailable
from app.jobs.patience import Patience
from tests.support.world import START


def test_what_failed_waits_longer_each_time_and_is_logged_while_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = ManualClock(START)
    patience = Patience(clock)
    tried: list[str] = []

    def attempt(what: str, *, fails: bool) -> None:
        with patience.trying(what) as time_to_try:
            if time_to_try:
                tried.append(what)
                if fails:
                    raise OSError("disk full")

    with caplog.at_level(logging.ERROR):
        attempt("a", fails=True)
        attempt("a", fails=True)
        attempt("b", fails=False)
        clock.advance(1)
        attempt("a", fails=True)
        clock.advance(1)
        attempt("a", fails=True)
        clock.advance(1)
        attempt("a", fails=False)
        attempt("a", fails=False)
    assert tried == ["a", "b", "a", "a", "a"]
    assert caplog.text.count("disk full") >= 2


def test_what_passes_by_itself_is_tried_each_second_and_other_faults_wait_as_long_as_before() -> None:
    clock = ManualClock(START)
    patience = Patience(clock)
    tried: list[int] = []

    def attempt(error: Exception) -> None:
        with patience.trying("a", passing=Unavailable) as time_to_try:
            if time_to_try:
                tried.append(clock.monotonic_ns() // 1_000_000_000)
                raise error

    def until(second: int, error: Exception) -> None:
        while clock.monotonic_ns() < second * 1_000_000_000:
            attempt(error)
            clock.advance(0.5)

    until(4, Unavailable("still-running", "进行中", "稍候"))
    assert tried == [0, 1, 2, 3]
    until(12, OSError("disk full"))
    assert tried == [0, 1, 2, 3, 4, 5, 7, 11]
