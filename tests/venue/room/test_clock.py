from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import ManualClock
from tests.support.rooms import ZERO_AT
from venue.room.clock import RoomClock


class WallSteps(ManualClock):
    """A clock whose wall can be set while its monotonic side goes on."""

    def set_wall(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


def test_room_time_is_milliseconds_since_the_rooms_zero() -> None:
    clock = ManualClock(ZERO_AT + timedelta(milliseconds=1500))
    room = RoomClock(clock, ZERO_AT)
    assert room() == 1500
    clock.advance(2.25)
    assert room() == 3750


def test_before_its_zero_a_room_stands_at_nought() -> None:
    assert RoomClock(ManualClock(ZERO_AT), ZERO_AT + timedelta(seconds=3))() == 0


def test_after_a_restart_with_the_wall_set_back_room_time_does_not_go_back() -> None:
    clock = ManualClock(ZERO_AT + timedelta(seconds=10))
    assert RoomClock(clock, ZERO_AT, not_before_ms=60_000)() == 60_000


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(-7200, 7200)), max_size=20))
def test_room_time_never_goes_back_whatever_the_wall_does(steps: list[tuple[float, float]]) -> None:
    clock = WallSteps(ZERO_AT)
    room = RoomClock(clock, ZERO_AT)
    times = [room()]
    for seconds, jump in steps:
        clock.advance(seconds)
        clock.set_wall(jump)
        times.append(room())
    assert times == sorted(times)
    assert abs(times[-1] - sum(seconds for seconds, _ in steps) * 1000) <= 1
