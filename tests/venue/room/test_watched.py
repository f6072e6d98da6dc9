import pytest

from app.core.samples import ClockNote, EncodedSample
from tests.support.seats import RememberingSink
from venue.room.watched import WatchedSink


def sample(at: int, level: int | None = None) -> EncodedSample:
    return EncodedSample(at, at, at * 90, True, b"x", level)


@pytest.fixture
def inner() -> RememberingSink:
    return RememberingSink(lambda: None)


def test_a_hole_that_was_announced_is_explained(inner: RememberingSink) -> None:
    sink = WatchedSink(inner, lambda _: None)
    sink.write(sample(1000))
    sink.away("ended")
    sink.write(sample(1040))  # was still on its way
    sink.back()
    sink.write(sample(9000))
    sink.write(sample(15_000))
    assert inner.losses == [(1040, 9000, "ended")]
    assert [one.room_ms for one in inner.samples] == [1000, 1040, 9000, 15_000]


def test_nothing_is_explained_where_nothing_is_missing(inner: RememberingSink) -> None:
    sink = WatchedSink(inner, lambda _: None)
    sink.away("muted")
    for at in range(0, 5000, 40):
        sink.write(sample(at))
    sink.back()
    sink.write(sample(5000))
    sink.write(sample(9000))  # why this one is late nobody announced
    assert inner.losses == []


def test_silence_is_told_and_everything_else_is_passed_on(inner: RememberingSink) -> None:
    told: list[bool] = []
    sink = WatchedSink(inner, told.append)
    for at in range(0, 12_000, 500):
        sink.write(sample(at, 127))
    sink.write(sample(12_000, 30))
    assert told == [True, False]
    sink.lost(3, 9, "network-loss")
    sink.clock(ClockNote(1, 2, 3, None, 0))
    sink.close("left")
    assert (inner.losses, len(inner.clocks), inner.closed_for) == ([(3, 9, "network-loss")], 1, "left")
