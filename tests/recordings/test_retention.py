"""A recording is kept to the day, a hold is stronger than time, and what is gone stays gone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.retention import Standing, ends_at, standing

CLOSED = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("from_", "years", "ends"),
    [
        (CLOSED, 15, datetime(2041, 11, 20, 9, 30, tzinfo=UTC)),
        (datetime(2028, 2, 29, 1, tzinfo=UTC), 15, datetime(2043, 3, 1, 1, tzinfo=UTC)),
        (datetime(2028, 2, 29, 1, tzinfo=UTC), 4, datetime(2032, 2, 29, 1, tzinfo=UTC)),
    ],
)
def test_it_ends_on_the_same_day_years_later_and_never_before(
    from_: datetime, years: int, ends: datetime
) -> None:
    assert ends_at(from_, years) == ends


@given(st.timedeltas(timedelta(days=-9000), timedelta(days=27000)), st.integers(1, 100))
def test_more_years_never_end_sooner(since: timedelta, years: int) -> None:
    from_ = CLOSED + since
    assert from_ < ends_at(from_, years) < ends_at(from_, years + 1)


@pytest.mark.parametrize(
    ("after", "held", "disposed", "expected"),
    [
        (timedelta(0), False, False, Standing.due),
        (-timedelta(microseconds=1), False, False, Standing.kept),
        (timedelta(days=400), True, False, Standing.held),
        (-timedelta(days=400), True, False, Standing.held),
        (timedelta(days=400), True, True, Standing.disposed),
        (timedelta(days=400), False, True, Standing.disposed),
    ],
)
def test_a_hold_is_stronger_than_time_and_disposal_than_both(
    after: timedelta, *, held: bool, disposed: bool, expected: Standing
) -> None:
    assert standing(CLOSED + after, CLOSED, held=held, disposed=disposed) is expected
