"""Whether a pool can give a committee, compared with trying everything, and what a refusal says would have to give."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from expert_draw.engine import feasibility, quota
from expert_draw.engine.ballot import Ballot, Bounded, Cap, Role, ballots
from expert_draw.engine.feasibility import can_be_filled, competing, witnessed
from expert_draw.engine.pool import Bound, Level, Member, Pool, Standing, first_standing
from expert_draw.engine.quota import Depth, committee_problems, depths, obstacles, shallow_slots
from expert_draw.engine.wording import DrawInfeasible
from tests.expert_draw.engine.instances import listed
from tests.support.brute import Asked, asked, committees_of

MANY = settings(max_examples=80, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
TWO_CAPS = listed(
    {"1": (2, "abcd")}, {"employer": "xxyx", "region": "pqpp"}, caps={"employer": 1, "region": 1}
)


def committees(pool: Pool, standing: Standing | None = None) -> int:
    return sum(1 for _ in committees_of(pool, standing or first_standing(pool)))


def ballot_of(pool: Pool) -> Ballot:
    return ballots(pool, first_standing(pool), "uniform-labelled")[0]


def given_way(pool: Pool, obstacle: DrawInfeasible, less: int = 0) -> Pool | None:
    """The pool with that limit relaxed as the refusal says, or `less` than that; None where it names no limit."""
    named, level = obstacle.params, pool.levels[-1]
    enough = int(str(named.get("enough", 0)))
    match obstacle.code:
        case "draw.cap_blocks":
            caps = {**dict(level.caps), str(named["group"]): enough - less}
            return replace(pool, levels=(Level(tuple(caps.items()), level.apart),))
        case "draw.least_blocks" | "draw.most_blocks":
            lower = obstacle.code == "draw.least_blocks"
            own = (named["group"], named["value"])
            return replace(
                pool,
                bounds=tuple(
                    one
                    if (one.group, one.value) != own
                    else replace(one, least=enough + less)
                    if lower
                    else replace(one, most=enough - less)
                    for one in pool.bounds
                ),
            )
        case "draw.conflicts_block":
            return replace(pool, levels=(Level(level.caps, apart=False),))
        case "draw.ground_blocks":
            return replace(pool, candidates=tuple(replace(one, grounds=()) for one in pool.candidates))
    return None


@MANY
@given(asked(second_cap=True))
def test_obstacles_are_named_exactly_when_nothing_is_possible(one: Asked) -> None:
    found = obstacles(one.pool, standing=one.standing)
    assert bool(found) is not bool(committees(one.pool, one.standing))


@MANY
@given(asked(second_cap=True))
def test_each_relaxation_gives_as_many_committees_as_it_says_and_less_would_give_none(one: Asked) -> None:
    for obstacle in obstacles(one.pool, standing=one.standing):
        pool = given_way(one.pool, obstacle)
        if pool is not None:
            assert obstacle.params["committees"] in {committees(pool, one.standing), "≥ 1"}
            assert committees(pool, one.standing)
        if "enough" in obstacle.params:
            tighter = given_way(one.pool, obstacle, less=1)
            assert tighter is not None
            assert not committees(tighter, one.standing)


@MANY
@given(asked(second_cap=True))
def test_moving_people_and_searching_agree_with_trying_everything(one: Asked) -> None:
    (ballot,) = ballots(one.pool, one.standing, "uniform-labelled")
    possible = bool(committees(one.pool, one.standing))
    assert can_be_filled(ballot) is possible
    assert possible or not witnessed(ballot)


def test_flow_moves_people_to_make_room() -> None:
    """List 3 has only "c", so "b" of the same employer leaves list 1, which takes "e"."""
    groups = {"employer": ".xxy"}
    assert can_be_filled(
        ballot_of(listed({"1": (1, "abe"), "2": (1, "a"), "3": (1, "c")}, groups, caps={"employer": 1}))
    )
    three = listed({"1": (1, "ab"), "2": (1, "a"), "3": (1, "c")}, {"employer": ".xx"}, caps={"employer": 1})
    assert can_be_filled(ballot_of(three)) is False


def test_every_short_slot_is_named_with_what_is_there() -> None:
    found = obstacles(listed({"1": (3, "ab"), "2": (1, "c"), "3": (1, "")}, grounds="c"))
    assert [(one.code, one.params["slot"], one.params["available"]) for one in found] == [
        ("draw.slot_short", "1", 2),
        ("draw.slot_short", "2", 0),
        ("draw.slot_short", "3", 0),
    ]


def test_slots_that_want_the_same_few_people_are_named_together() -> None:
    (found,) = obstacles(listed({"1": (1, "ab"), "2": (1, "ab"), "3": (1, "ab"), "4": (1, "cde")}))
    assert found.code == "draw.slots_compete"
    assert found.params == {"slots": "1、2、3", "quota": 3, "available": 2}
    assert "合计需要 3" in str(found)


def test_the_cap_that_blocks_is_named_with_the_value_that_is_enough_and_what_it_gives() -> None:
    (found,) = obstacles(listed({"1": (4, "abcdef")}, {"employer": "xxxxxx"}, caps={"employer": 1}))
    assert (found.code, found.params) == (
        "draw.cap_blocks",
        {"group": "employer", "cap": 1, "enough": 4, "committees": 15},
    )


def test_a_bound_that_blocks_is_named_with_the_value_that_is_enough() -> None:
    low = listed({"1": (2, "abc")}, {"region": "pqq"}, bounds=(Bound("region", "p", 2, 2),))
    assert [(one.code, one.params["enough"], one.params["committees"]) for one in obstacles(low)] == [
        ("draw.least_blocks", 1, 2)
    ]
    high = listed({"1": (2, "abc")}, {"region": "ppp"}, bounds=(Bound("region", "p", 0, 0),))
    assert [(one.code, one.params["enough"], one.params["committees"]) for one in obstacles(high)] == [
        ("draw.most_blocks", 2, 3)
    ]


def test_a_search_keeps_to_the_bounds() -> None:
    for most, places, possible in ((0, 1, False), (1, 1, True), (1, 2, False), (2, 2, True)):
        pool = listed({"1": (places, "abc")}, {"region": "ppp"}, bounds=(Bound("region", "p", 0, most),))
        assert can_be_filled(ballot_of(pool)) is possible


def test_a_ground_that_blocks_by_itself_is_named_with_whom_it_excludes() -> None:
    pool = listed({"1": (2, "abcd")}, grounds="bcd")
    mixed = replace(
        pool,
        candidates=tuple(
            replace(one, grounds=("kin", "busy")) if one.id == "d" else one for one in pool.candidates
        ),
    )
    short, ground = obstacles(mixed)
    assert short.code == "draw.slot_short"
    assert ground.params == {"ground": "busy", "removed": 2, "committees": 3}


def test_limits_that_block_only_together_are_named_together() -> None:
    pool = listed({"1": (2, "ab")}, {"employer": "xx", "region": "pp"}, caps={"employer": 1, "region": 1})
    assert [one.code for one in obstacles(pool)] == ["draw.limits_block"]


def test_members_who_sit_can_break_a_level_and_relaxing_it_says_so() -> None:
    """Two of employer x are appointed already, and then a third holds a place."""
    pool = listed(
        {"1": (1, "ab")},
        {"employer": "yx"},
        levels=(Level((("employer", 1),)), Level((("employer", 2),))),
        held=(Member("h", (("employer", "x"),)), Member("k", (("employer", "x"),))),
    )
    assert obstacles(pool) == ()  # the second level allows it
    present = Standing((("1", 1),), (Member("p", (("employer", "x"),)),))
    (found,) = obstacles(pool, standing=present)
    assert found.params == {"group": "employer", "cap": 2, "enough": 3, "committees": 1}


def test_two_who_sit_and_are_kin_block_until_kin_may_sit_together() -> None:
    pool = replace(
        listed({"1": (1, "ab")}, held=(Member("h"), Member("k"))), conflicts=(("h", "k"), ("a", "h"))
    )
    (found,) = obstacles(pool)
    assert (found.code, found.params) == ("draw.conflicts_block", {"pairs": 2, "committees": 2})


def test_two_caps_are_met_by_the_one_pair_that_fits() -> None:
    assert can_be_filled(ballot_of(TWO_CAPS)) is True
    assert obstacles(TWO_CAPS) == ()


def test_a_search_that_grows_too_long_says_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feasibility, "SEARCH_STEPS", 1)
    monkeypatch.setattr(quota, "witnessed", lambda _: False)
    assert can_be_filled(ballot_of(TWO_CAPS)) is None
    assert obstacles(TWO_CAPS) == ()


def test_above_the_bound_of_the_count_the_impossible_is_still_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "PATIENCE", 0)
    (found,) = obstacles(listed({"1": (4, "abcdef")}, {"employer": "xxxxxx"}, caps={"employer": 1}))
    assert (found.code, found.params["committees"]) == ("draw.cap_blocks", "≥ 1")
    three = listed(
        {"1": (2, "ab")}, {"employer": "xx"}, caps={"employer": 1}, bounds=(Bound("region", "p", 0, 1),)
    )
    assert [one.code for one in obstacles(three)] == ["draw.cap_blocks"]


def test_more_lists_than_a_machine_word_has_bits() -> None:
    lists = tuple(Role(np.array([at, at + 1]), ((f"{at:02}", 1),)) for at in range(70))
    assert can_be_filled(Ballot(71, lists))
    assert competing(Ballot(71, (*lists, Role(np.arange(71), (("z", 2),))))) == frozenset(range(71))


def test_a_person_with_several_values_takes_room_in_each() -> None:
    """ "c" is of x and y: with "a" of x or "b" of y nobody sits beside it."""
    cap = Cap(1, np.array([0, 1, 0], np.int64), {}, {2: (1,)})
    two = Ballot(3, (Role(np.arange(3), (("1", 2),)),), (cap,))
    assert can_be_filled(two) is True
    assert can_be_filled(replace(two, roles=(Role(np.array([1, 2]), (("1", 2),)),))) is False
    bounded = replace(two, bounds=(Bounded(np.array([False, False, True]), 1, 1),))
    assert can_be_filled(bounded) is False


def test_depth_counts_who_is_left() -> None:
    pool = listed({"1": (1, "abc"), "2": (2, "cd"), "3": (1, "ab")}, grounds="c")
    assert depths(pool) == (Depth("1", 1, 2, 2, 1), Depth("2", 2, 2, 1, 1), Depth("3", 1, 2, 2, 0))
    assert depths(pool, Standing((("2", 1),), out=frozenset("d"))) == (Depth("2", 1, 1, 0, 2),)


def test_a_shallow_pool_is_named() -> None:
    found = shallow_slots(
        listed({"1": (1, "abc"), "2": (2, "abcd"), "3": (1, "efgh"), "4": (1, "efgh")}), ratio=3
    )
    assert [(one.code, one.params["slot"], one.params["quota"]) for one in found] == [
        ("committee.pool_shallow", "2", 2),
        ("committee.pool_shallow", "3", 2),
        ("committee.pool_shallow", "4", 2),
    ]


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
