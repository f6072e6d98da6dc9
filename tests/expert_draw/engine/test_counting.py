"""Counting: every committee has its number, and no number is left over."""

from collections import Counter
from math import prod

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from expert_draw.engine.ballot import Ballot, Bounded, Cap, Role, ballots
from expert_draw.engine.counting import counting
from expert_draw.engine.pool import Bound, Candidate, DrawKind, Law, Level, Member, Pool, first_standing
from tests.expert_draw.engine.instances import committees, listed, pools

MOST_NUMBERS = 3000
OfRoles = tuple[tuple[int, ...], ...]


def by_roles(pool: Pool, ballot: Ballot) -> Counter[OfRoles]:
    """Every feasible committee as who sits for which list; without conflicts, which counting does not look at."""
    whose = {slot: at for at, role in enumerate(ballot.roles) for slot, _ in role.needs}
    found: Counter[OfRoles] = Counter()
    for committee in committees(pool, level=Level(pool.levels[0].caps, apart=False)):
        members: list[list[int]] = [[] for _ in ballot.roles]
        for slot, id_ in committee:
            place = pool.place_of(id_)
            assert place is not None
            members[whose[slot]].append(place)
        found[tuple(tuple(sorted(own)) for own in members)] = 1
    return found


@settings(max_examples=150, deadline=None)
@given(pools(), st.sampled_from(["uniform-labelled", "weighted"]))
def test_the_numbers_give_every_committee_as_often_as_its_weight(pool: Pool, law: Law) -> None:
    ballot = ballots(pool, first_standing(pool), law)[0]
    exact = counting(ballot)
    assert exact is not None
    expected = by_roles(pool, ballot)
    if law == "weighted":
        for one in expected:
            expected[one] = prod(pool.candidates[index].weight for own in one for index in own)
    if ballot.hopeless:
        assert exact.total == 0
        return
    assert exact.total == expected.total()
    assume(exact.total <= MOST_NUMBERS)
    assert Counter(exact.committee(number) for number in range(exact.total)) == expected


def test_a_number_that_no_committee_has_is_refused() -> None:
    pool = listed({"1": (2, "abcde")})
    exact = counting(ballots(pool, first_standing(pool), "uniform-labelled")[0])
    assert exact is not None
    assert exact.total == 10
    for number in (-1, 10):
        with pytest.raises(ValueError, match="numbered from 0 to 9"):
            exact.committee(number)


def test_numbers_go_from_later_codes_to_earlier_ones() -> None:
    pool = listed({"1": (2, "abcd")})
    exact = counting(ballots(pool, first_standing(pool), "uniform-labelled")[0])
    assert exact is not None
    # Nobody of a block comes before somebody, so that the first number takes the last people.
    assert [exact.committee(number) for number in range(6)] == [
        ((2, 3),), ((1, 3),), ((1, 2),), ((0, 3),), ((0, 2),), ((0, 1),),
    ]  # fmt: skip


def test_blocks_stand_in_order_of_their_first_member() -> None:
    pool = listed({"1": (1, "abcde")}, {"employer": "y.xyx"}, caps={"employer": 1})
    exact = counting(ballots(pool, first_standing(pool), "uniform-labelled")[0])
    assert exact is not None
    # blocks: a d | b | c e; the last block's last member has the first number
    assert [exact.committee(number)[0][0] for number in range(5)] == [4, 2, 1, 3, 0]


def test_somebody_with_two_values_of_capped_groups_cannot_be_counted() -> None:
    several = (("employer", "x"), ("employer", "y"))
    one = listed({"1": (1, "ab")}, caps={"employer": 1})
    twice = Pool(one.kind, one.slots, (Candidate("a", several, ("1",)), *one.candidates[1:]), one.levels)
    assert counting(ballots(twice, first_standing(twice), "uniform-labelled")[0]) is None
    names = {"employer": "xy", "unit": "u."}
    two = listed({"1": (1, "ab")}, names, caps={"employer": 1, "unit": 1})
    assert counting(ballots(two, first_standing(two), "uniform-labelled")[0]) is None


def test_two_capped_groups_are_counted_when_nobody_has_both() -> None:
    pool = listed(
        {"1": (3, "abcdefg")}, {"employer": "xx..xy.", "unit": "..uu..u"}, caps={"employer": 1, "unit": 2}
    )
    ballot = ballots(pool, first_standing(pool), "uniform-labelled")[0]
    exact = counting(ballot)
    assert exact is not None
    assert exact.total == len(committees(pool))
    assert {exact.committee(number) for number in range(exact.total)} == set(by_roles(pool, ballot))


def test_counting_stops_at_the_stated_number_of_states() -> None:
    pool = listed({"1": (2, "abcdefg"), "2": (1, "abc")}, bounds=(Bound("region", "x", 0, 2),))
    ballot = ballots(pool, first_standing(pool), "uniform-labelled")[0]
    states = 7 * 3 * 2 * 3  # blocks, places for 1, places for 2, members from x
    assert counting(ballot, states) is not None
    assert counting(ballot, states - 1) is None


def test_an_upper_bound_already_passed_leaves_nothing_however_long_the_list() -> None:
    members = np.arange(1000)
    bound = Bounded(np.zeros(1000, np.bool_), 0, -1)
    exact = counting(Ballot(1000, (Role(members, (("1", 1),)),), bounds=(bound,)), bound=1)
    assert exact is not None
    assert exact.total == 0


def test_a_group_whose_room_is_overdrawn_leaves_nothing() -> None:
    cap = Cap(1, np.array([0, -1, -1]), used={0: 2})
    exact = counting(Ballot(3, (Role(np.arange(3), (("1", 1),)),), (cap,)))
    assert exact is not None
    assert exact.total == 0


def test_a_large_employer_with_much_room_is_counted_in_closed_form() -> None:
    people = tuple(Candidate(f"{number:04}", (("employer", "x"),), ("1",)) for number in range(1000))
    pool = Pool(
        DrawKind.expert,
        (("1", 5),),
        people,
        (Level((("employer", 7),)),),
        held=(Member("h", (("employer", "x"),)),),
    )
    exact = counting(ballots(pool, first_standing(pool), "uniform-labelled")[0])
    assert exact is not None
    assert exact.total == prod(range(996, 1001)) // 120
    assert exact.committee(0) == ((995, 996, 997, 998, 999),)
    assert exact.committee(exact.total - 1) == ((0, 1, 2, 3, 4),)
