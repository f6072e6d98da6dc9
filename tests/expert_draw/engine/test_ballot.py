"""A list made ready: whole numbers that say the same as the list."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expert_draw.engine.ballot import Ballot, ballots, lists_of
from expert_draw.engine.pool import (
    Bound,
    Candidate,
    DrawKind,
    Level,
    Member,
    Pool,
    Standing,
    first_standing,
)
from tests.expert_draw.engine.instances import listed, lists_by_hand, pools


def ready(pool: Pool, standing: Standing | None = None) -> Ballot:
    return ballots(pool, standing or first_standing(pool), "uniform-labelled")[0]


def codes(pool: Pool, indices: Iterable[int]) -> str:
    return "".join(pool.candidates[int(index)].id for index in indices)


@settings(max_examples=150)
@given(
    pools(),
    st.sets(st.sampled_from("abcdefgh"), max_size=2),
    st.sets(st.sampled_from("abcdefgh"), max_size=2),
)
def test_the_lists_are_those_of_the_specification(pool: Pool, out: set[str], present: set[str]) -> None:
    standing = Standing(pool.slots, tuple(Member(id_) for id_ in sorted(present)), frozenset(out))
    by_hand = lists_by_hand(pool, standing)
    lists = lists_of(pool, standing)
    assert {slot: [*codes(pool, own)] for slot, own in lists.items()} == by_hand
    ballot = ready(pool, standing)
    assert {slot: [*codes(pool, role.members)] for role in ballot.roles for slot, _ in role.needs} == by_hand
    assert sorted((slot, need) for role in ballot.roles for slot, need in role.needs) == list(standing.needed)
    assert len({role.members.tobytes() for role in ballot.roles}) == len(ballot.roles)
    assert [role.needs[0][0] for role in ballot.roles] == sorted(role.needs[0][0] for role in ballot.roles)


def test_slots_with_one_list_are_one_role_wherever_they_stand() -> None:
    pool = listed({"1": (1, "abc"), "2": (1, "bcd"), "3": (2, "abc")})
    ballot = ready(pool)
    assert [(codes(pool, role.members), role.needs, role.need) for role in ballot.roles] == [
        ("abc", (("1", 1), ("3", 2)), 3),
        ("bcd", (("2", 1),), 1),
    ]
    assert (ballot.size, ballot.places, ballot.totals) == (4, 4, ())


def test_caps_count_everybody_who_sits_and_further_values() -> None:
    pool = Pool(
        DrawKind.expert,
        (("1", 1),),
        tuple(
            Candidate(id_, tuple(("employer", value) for value in values), ("1",))
            for id_, values in zip("abcd", ("x", "xy", "", "z"), strict=True)
        ),
        (Level((("employer", 2),)),),
        held=(Member("h", (("employer", "y"), ("employer", "u"))),),
    )
    (cap,) = ready(pool, Standing((("1", 1),), (Member("d", (("employer", "y"),)),))).caps
    x, x_too, nothing, z = cap.token.tolist()
    assert (x, nothing, cap.most) == (x_too, -1, 2)
    assert cap.more.keys() == {1}
    (y,) = cap.more[1]
    assert len({x, y, z}) == 3
    assert cap.used == {y: 2}


def test_bounds_have_those_who_sit_taken_off() -> None:
    bounds = (Bound("region", "n", 2, 3), Bound("region", "s", 1, 9))
    held = (Member("h", (("region", "s"),)), Member("i", (("region", "s"),)))
    pool = listed({"1": (3, "abcd")}, {"region": "nns."}, bounds=bounds, held=held)
    here = tuple(Member(id_, (("region", "n"),)) for id_ in "wxyz")
    north, south = ready(pool, Standing((("1", 1),), here)).bounds
    assert north.has.tolist() == [True, True, False, False]
    assert (north.least, north.most) == (0, -1)
    assert (south.least, south.most) == (0, 1)  # at most as many as there are places
    north, _ = ready(pool).bounds
    assert (north.least, north.most) == (2, 3)


def test_conflicts_are_between_candidates_or_with_somebody_who_sits() -> None:
    pool = listed(
        {"1": (1, "abcde")},
        conflicts=("ab", "bc", "hd", "he", "ce"),
        held=(Member("h"),),
        levels=(Level(), Level(apart=False)),
    )
    strict, lax = ballots(pool, Standing((("1", 1),), (Member("c"),), frozenset("e")), "uniform-labelled")
    assert strict.conflicts == ((0, 1),)
    assert strict.rivals == {0: frozenset((1,)), 1: frozenset((0,))}
    assert strict.barred == {1, 3, 4}
    assert (lax.conflicts, lax.barred, lax.rivals) == ((), frozenset(), {})
    assert strict.roles is lax.roles
    assert not strict.hopeless


def test_who_is_on_a_later_list_no_more_bars_nobody() -> None:
    pool = listed({"1": (1, "abc")}, conflicts=("ah",), held=(Member("h"), Member("i")))
    gone = replace(pool, conflicts=(("h", "i"),))
    assert ready(gone).hopeless
    assert ready(gone).barred == frozenset()
    assert ready(pool).barred == {0}


@pytest.mark.parametrize(
    ("level", "present", "hopeless"),
    [
        (Level((("room", 1),)), "xy", False),
        (Level((("room", 1),)), "xx", True),
        (Level((("room", 2),)), "xx", False),
        (Level((("room", 1),)), "uu", True),  # though no candidate has that room
    ],
)
def test_a_level_that_those_present_break_is_hopeless(level: Level, present: str, hopeless: bool) -> None:
    pool = listed({"1": (3, "abc")}, {"room": "xyz"}, levels=(level,))
    here = tuple(Member(f"h{at}", (("room", room),)) for at, room in enumerate(present))
    assert ready(pool, Standing((("1", 1),), here)).hopeless == hopeless


def test_a_list_that_follows_is_cut_to_what_was_drawn_before() -> None:
    pool = listed(
        {"1": (1, "abcd"), "2": (1, "abcd"), "3": (1, "abcd")},
        {"city": "nsn."},
        kind=DrawKind.seat,
        follows=(DrawKind.venue, "city"),
    )
    there = {"1": frozenset("n"), "2": frozenset(("s", "w"))}
    lists = lists_of(pool, replace(first_standing(pool), at_place=there))
    assert {slot: codes(pool, own) for slot, own in lists.items()} == {"1": "ac", "2": "b", "3": ""}
    assert {codes(pool, own) for own in lists_of(pool, first_standing(pool)).values()} == {"abcd"}


def test_weights_are_summed_along_each_list() -> None:
    pool = listed({"1": (1, "abc"), "2": (1, "bd")}, weights=dict(zip("abcd", (3, 1, 4, 2), strict=True)))
    ballot = ballots(pool, first_standing(pool), "weighted")[0]
    assert ballot.weights is not None
    assert ballot.weights.tolist() == [3, 1, 4, 2]
    assert [total.tolist() for total in ballot.totals] == [[3, 4, 8], [1, 3]]
    assert all(total.dtype == np.int64 for total in ballot.totals)
