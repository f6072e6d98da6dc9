"""When a seat is free and how much a center may still give."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venue.booking import Agreement, Window, capacity, is_free

ZERO = datetime(2026, 11, 23, tzinfo=UTC)


def at(hour: int) -> datetime:
    return ZERO + timedelta(hours=hour)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start = draw(st.integers(0, 20))
    return Window(at(start), at(start + draw(st.integers(1, 6))))


def hours(window: Window) -> set[datetime]:
    return {at(hour) for hour in range(30) if window.start <= at(hour) < window.end}


@given(windows(), windows())
def test_two_windows_overlap_exactly_when_they_share_an_hour(one: Window, other: Window) -> None:
    assert one.overlaps(other) == bool(hours(one) & hours(other))
    assert one.overlaps(other) == other.overlaps(one)


@given(st.lists(windows()), windows())
def test_a_seat_is_free_when_no_taken_hour_is_wanted(taken: list[Window], wanted: Window) -> None:
    used = {hour for window in taken for hour in hours(window)}
    assert is_free(taken, wanted) == (not used & hours(wanted))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (at(2), at(2)),
        (at(2), at(1)),
        (at(1).replace(tzinfo=None), at(2)),
        (at(1), at(2).replace(tzinfo=None)),
    ],
)
def test_a_window_must_be_aware_and_last(start: datetime, end: datetime) -> None:
    with pytest.raises(ValueError, match="window"):
        Window(start, end)


@given(st.integers(0, 30), st.none() | st.integers(0, 10), st.integers(0, 30))
def test_a_center_never_gives_more_than_it_has_or_has_promised(
    free: int, quota: int | None, given_: int
) -> None:
    left = capacity(free, quota, given_)
    assert 0 <= left <= free
    if quota is None:
        assert left == free
    else:
        assert left == 0 or left + given_ <= quota


def test_an_agreement_counts_when_in_force_today_and_until_the_end() -> None:
    window = Window(at(10), at(13))
    assert Agreement().covers(window, at(0))
    assert Agreement(since=at(0), until=at(13)).covers(window, at(0))
    assert not Agreement(since=at(1)).covers(window, at(0))
    assert not Agreement(until=at(12)).covers(window, at(0))
    assert not Agreement(until=at(5)).covers(window, at(5))
