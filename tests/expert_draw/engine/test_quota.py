"""Whether a request can be met, compared with trying everything, and what a refusal says."""

import pytest
from hypothesis import given

from expert_draw.engine import quota
from expert_draw.engine.pool import Candidate, DrawRequest
from expert_draw.engine.quota import (
    Depth,
    blocked_because,
    can_be_filled,
    committee_problems,
    depths,
    obstacles,
    shallow_slots,
)
from tests.expert_draw.engine.samples import brute_force, request, requests

TWO_CAPS = request(
    {"1": (2, "abcd")},
    {
        "a": (("employer", "x"), ("region", "p")),
        "b": (("employer", "x"), ("region", "q")),
        "c": (("employer", "y"), ("region", "p")),
        "d": (("employer", "x"), ("region", "p")),
    },
    {"employer": 1, "region": 1},
)


@given(requests(group_names=("employer",)))
def test_with_one_cap_flow_agrees_with_trying_everything(asked: DrawRequest) -> None:
    assert can_be_filled(asked) is bool(brute_force(asked))


@given(requests())
def test_with_two_caps_the_search_agrees_with_trying_everything(asked: DrawRequest) -> None:
    assert can_be_filled(asked) is bool(brute_force(asked))


@given(requests(group_names=("employer",)))
def test_flow_and_search_agree(asked: DrawRequest) -> None:
    puzzle = quota._Puzzle.of(asked)
    assert puzzle.by_flow()[0] is puzzle.by_search()


@given(requests())
def test_obstacles_are_named_exactly_when_nothing_is_possible(asked: DrawRequest) -> None:
    assert bool(obstacles(asked)) is not bool(brute_force(asked))


def test_flow_moves_people_to_make_room() -> None:
    """Place 3 can only have "c", so "b" of the same employer leaves place 1, which takes "e"."""
    groups = dict.fromkeys("bc", (("employer", "x"),)) | {"e": (("employer", "y"),)}
    asked = request({"1": (1, "abe"), "2": (1, "a"), "3": (1, "c")}, groups, {"employer": 1})
    assert can_be_filled(asked) is True
    assert (
        can_be_filled(request({"1": (1, "ab"), "2": (1, "a"), "3": (1, "c")}, groups, {"employer": 1}))
        is False
    )


def test_every_short_slot_is_named_with_what_is_there() -> None:
    found = obstacles(request({"1": (3, "ab"), "2": (1, "c"), "3": (1, "")}, excluded=(("c", "busy"),)))
    assert [(one.code, one.params["slot"], one.params["available"]) for one in found] == [
        ("draw.slot_short", "1", 2),
        ("draw.slot_short", "2", 0),
        ("draw.slot_short", "3", 0),
    ]


def test_slots_that_want_the_same_few_people_are_named_together() -> None:
    (found,) = obstacles(request({"1": (1, "ab"), "2": (1, "ab"), "3": (1, "ab"), "4": (1, "cde")}))
    assert found.code == "draw.slots_compete"
    assert found.params == {"slots": "1、2、3", "quota": 3, "available": 2}
    assert "合计需要 3" in str(found)


def test_the_cap_that_blocks_is_named_with_the_value_that_is_enough() -> None:
    groups = dict.fromkeys("abcdef", (("employer", "x"),))
    (found,) = obstacles(request({"1": (4, "abcdef")}, groups, {"employer": 1}))
    assert (found.code, found.params) == ("draw.cap_blocks", {"group": "employer", "cap": 1, "enough": 4})


def test_each_cap_that_could_give_is_named() -> None:
    found = obstacles(
        request(
            {"1": (2, "ad")},
            dict.fromkeys("ad", (("employer", "x"), ("region", "p"))),
            {"employer": 2, "region": 1},
        )
    )
    assert [one.params for one in found] == [{"group": "region", "cap": 1, "enough": 2}]


def test_caps_that_block_only_together_are_named_together() -> None:
    groups = dict.fromkeys("ab", (("employer", "x"), ("region", "p")))
    (found,) = obstacles(request({"1": (2, "ab")}, groups, {"employer": 1, "region": 1}))
    assert (found.code, found.params) == ("draw.caps_block", {"groups": "employer、region"})


def test_two_caps_are_met_by_the_one_pair_that_fits() -> None:
    assert can_be_filled(TWO_CAPS) is True
    assert obstacles(TWO_CAPS) == ()


def test_a_search_that_grows_too_long_says_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "SEARCH_STEPS", 1)
    assert can_be_filled(TWO_CAPS) is None
    assert obstacles(TWO_CAPS) == ()
    assert blocked_because(TWO_CAPS).code == "draw.caps_block"


def test_sitting_members_take_up_room_in_their_group() -> None:
    held = (Candidate("h", (("employer", "x"),)),)
    groups = {"a": (("employer", "x"),), "b": (("employer", "y"),)}
    assert can_be_filled(request({"1": (1, "ab")}, groups, {"employer": 1}, held=held)) is True
    assert can_be_filled(request({"1": (2, "ab")}, groups, {"employer": 1}, held=held)) is False


def test_depth_counts_who_is_left() -> None:
    asked = request({"1": (1, "abc"), "2": (2, "cd")}, excluded=(("c", "busy"),))
    assert depths(asked) == (Depth("1", 1, 2, 1), Depth("2", 2, 1, 1))


def test_a_shallow_pool_is_named() -> None:
    found = shallow_slots(request({"1": (1, "abc"), "2": (2, "abcd")}), ratio=3)
    assert [(one.code, one.params["slot"]) for one in found] == [("committee.pool_shallow", "2")]


@pytest.mark.parametrize(
    ("experts", "others", "codes"),
    [
        (5, 0, []),
        (4, 1, []),
        (5, 2, []),
        (4, 3, ["committee.expert_share"]),
        (3, 0, ["committee.too_small"]),
        (4, 2, ["committee.even"]),
        (2, 2, ["committee.too_small", "committee.even", "committee.expert_share"]),
        (6, 3, []),
    ],
)
def test_a_committee_is_odd_large_enough_and_mostly_experts(
    experts: int, others: int, codes: list[str]
) -> None:
    assert [problem.code for problem in committee_problems(experts, others)] == codes


def test_a_rule_pack_may_ask_for_more() -> None:
    assert [one.code for one in committee_problems(5, 0, least=7)] == ["committee.too_small"]
    assert [one.code for one in committee_problems(4, 1, share=(9, 10))] == ["committee.expert_share"]
