"""Sheets fit their criteria, totals add up, equal totals share a rank."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidInput
from app.evaluation.scoring import Allowed, check, points, standings

ALLOWED = Allowed(bidders=("a", "b", "c"), criteria=(("tech", 6000), ("price", 4000)))
sheets = st.lists(
    st.fixed_dictionaries(
        {
            bidder: st.fixed_dictionaries({"tech": st.integers(0, 6000), "price": st.integers(0, 4000)})
            for bidder in "abc"
        }
    ),
    min_size=1,
    max_size=7,
)


@given(sheets)
def test_a_full_sheet_is_complete_and_ranks_follow_totals(given: list[dict[str, dict[str, int]]]) -> None:
    for sheet in given:
        check(sheet, ALLOWED, complete=True)
    found = standings(given, ALLOWED)
    assert sum(one.sum_hundredths for one in found) == sum(
        value for sheet in given for scores in sheet.values() for value in scores.values()
    )
    for better, worse in itertools.pairwise(found):
        assert better.sum_hundredths >= worse.sum_hundredths
        assert (better.rank == worse.rank) == (better.sum_hundredths == worse.sum_hundredths)
    assert found[0].rank == 1


@given(sheets)
def test_the_order_of_sheets_changes_nothing(given: list[dict[str, dict[str, int]]]) -> None:
    assert standings(given, ALLOWED) == standings(given[::-1], ALLOWED)


@pytest.mark.parametrize(
    ("scores", "code"),
    [
        ({"z": {"tech": 1}}, "score-bidder"),
        ({"a": {"charm": 1}}, "score-criterion"),
        ({"a": {"tech": 6001}}, "score-range"),
        ({"a": {"tech": -1}}, "score-range"),
    ],
)
def test_what_does_not_belong_is_refused(scores: dict[str, dict[str, int]], code: str) -> None:
    with pytest.raises(InvalidInput, match=code):
        check(scores, ALLOWED, complete=False)


def test_an_unfinished_sheet_may_be_saved_but_not_submitted() -> None:
    check({"a": {"tech": 1}}, ALLOWED, complete=False)
    with pytest.raises(InvalidInput, match="score-missing") as refusal:
        check({"a": {"tech": 1}}, ALLOWED, complete=True)
    assert refusal.value.params["missing"] == 5


def test_means_round_half_up_and_points_are_written_short() -> None:
    one = standings([{"a": {"tech": 1}}, {"a": {"tech": 2}}], Allowed(("a",), (("tech", 10),)))[0]
    assert one.mean_hundredths == 2
    assert [points(value) for value in (8750, 9000, 5, 0)] == ["87.5", "90", "0.05", "0"]
