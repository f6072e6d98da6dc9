"""What is asked: nonsense is refused and says what to mend."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidInput
from expert_draw.engine.pool import (
    Bound,
    Candidate,
    DrawKind,
    Level,
    Member,
    Pool,
    Standing,
    count_groups,
    first_standing,
)
from expert_draw.engine.wording import REQUEST
from tests.expert_draw.engine.instances import listed, pools

PLAIN = listed({"1": (1, "abc"), "2": (2, "bcd")})


def refused(code: str, **changes: Any) -> dict[str, Any]:
    """What a plain pool with these changes is refused for; its parameters."""
    with pytest.raises(InvalidInput) as caught:
        replace(PLAIN, **changes)
    assert caught.value.code == code
    return dict(caught.value.params)


@given(pools(), st.randoms(use_true_random=False))
def test_equal_pools_are_equal_in_whatever_order_they_were_written(pool: Pool, shuffler: Any) -> None:
    people, slots, bounds = list(pool.candidates), list(pool.slots), list(pool.bounds)
    for rows in (people, slots, bounds):
        shuffler.shuffle(rows)
    turned = tuple((second, first) for first, second in pool.conflicts[::-1])
    other = replace(
        pool, candidates=tuple(people), slots=tuple(slots), bounds=tuple(bounds), conflicts=turned * 2
    )
    assert other == pool
    assert [one.id for one in other.candidates] == sorted(one.id for one in people)


def test_what_a_candidate_has_is_sorted_and_said_once() -> None:
    groups = (("unit", "y"), ("employer", "x"), ("unit", "y"))
    one = Candidate("a", groups, ("2", "1", "2"), ("kin", "busy", "kin"))
    assert one == Candidate("a", groups[:2][::-1], ("1", "2"), ("busy", "kin"))
    assert one.groups == (("employer", "x"), ("unit", "y"))
    assert Member("h", groups).groups == one.groups
    assert Level((("unit", 2), ("employer", 1))) == Level((("employer", 1), ("unit", 2)))


def test_a_candidate_is_found_by_its_id() -> None:
    assert PLAIN.by_id("c") is PLAIN.candidates[2]
    assert (PLAIN.place_of("c"), PLAIN.place_of("z")) == (2, None)
    with pytest.raises(KeyError):
        PLAIN.by_id("z")


def test_at_first_every_place_is_vacant() -> None:
    assert first_standing(PLAIN) == Standing((("1", 1), ("2", 2)))
    assert PLAIN.places == 3


def test_the_groups_of_members_are_counted() -> None:
    members = (Member("a", (("room", "x"),)), Candidate("b", (("room", "x"), ("room", "y"))))
    assert count_groups(members) == {("room", "x"): 2, ("room", "y"): 1}


@pytest.mark.parametrize("quota", [0, -1, 100, True, "3", 2.0, None])
def test_a_quota_is_a_whole_number_from_1_to_99(quota: Any) -> None:
    params = refused("draw.quota_out_of_range", slots=(("1", quota), ("2", 1)))
    assert params == {"slot": "1", "quota": quota, "most": 99}


def test_a_list_without_slots_is_refused() -> None:
    refused("draw.no_slots", slots=())


def test_a_slot_is_named_once() -> None:
    assert refused("draw.duplicate_slot", slots=(("1", 1), ("2", 1), ("1", 2))) == {"slot": "1"}


def test_ninety_nine_places_can_be_asked_for_and_no_more() -> None:
    assert replace(PLAIN, slots=(("1", 16), ("2", 83))).places == 99
    assert refused("draw.too_many_places", slots=(("1", 50), ("2", 50))) == {"places": 100, "most": 99}


def test_one_level_is_needed_and_eight_are_the_most() -> None:
    assert refused("draw.levels_out_of_range", levels=()) == {"levels": 0, "most": 8}
    assert refused("draw.levels_out_of_range", levels=(Level(),) * 9) == {"levels": 9, "most": 8}
    assert len(replace(PLAIN, levels=(Level(),) * 8).levels) == 8


def test_a_candidate_is_listed_once() -> None:
    twice = (*PLAIN.candidates, Candidate("b", (), ("1",)))
    assert refused("draw.duplicate_candidate", candidates=twice) == {"id": "b"}
    assert refused("draw.duplicate_candidate", held=(Member("h"), Member("h"))) == {"id": "h"}


@pytest.mark.parametrize("id_", ["", 7, None, b"a"])
def test_an_id_is_a_text(id_: Any) -> None:
    for make in (
        lambda: Candidate(id_),
        lambda: Member(id_),
        lambda: Level(((id_, 1),)),
        lambda: Bound(id_, "n", 0, 1),
        lambda: Bound("region", id_, 0, 1),
    ):
        with pytest.raises(InvalidInput) as caught:
            make()
        assert caught.value.code == "draw.id_not_text"
        assert caught.value.params == {"value": repr(id_)}
    refused("draw.id_not_text", slots=((id_, 1),))
    refused("draw.id_not_text", candidates=(Candidate("a", (("employer", id_),), ("1",)),))
    refused("draw.id_not_text", candidates=(Candidate("a", ((id_, "x"),), ("1",)),))
    refused("draw.id_not_text", candidates=(Candidate("a", (), ("1",), (id_,)),))
    refused("draw.id_not_text", held=(Member("h", (("employer", id_),)),))


def test_a_candidate_names_slots_that_are_drawn_and_at_least_one() -> None:
    strange = (*PLAIN.candidates, Candidate("e", (), ("1", "9")))
    assert refused("draw.unknown_slot", candidates=strange) == {"id": "e", "slot": "9"}
    nowhere = (*PLAIN.candidates, Candidate("e"))
    assert refused("draw.candidate_without_slot", candidates=nowhere) == {"id": "e"}


@pytest.mark.parametrize("weight", [0, -1, 2**24 + 1, True, 1.5, "2"])
def test_a_weight_is_a_whole_number_from_1_to_2_to_the_24(weight: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        Candidate("a", (), ("1",), (), weight)
    assert caught.value.code == "draw.weight_out_of_range"
    assert caught.value.params == {"id": "a", "weight": weight, "most": 2**24}
    assert Candidate("a", weight=2**24).weight == 2**24


@pytest.mark.parametrize("cap", [0, -3, True, "1"])
def test_a_cap_is_a_whole_number_from_1(cap: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        Level((("employer", cap),))
    assert caught.value.code == "draw.cap_out_of_range"
    assert caught.value.params == {"group": "employer", "cap": cap}


def test_a_cap_is_given_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        Level((("employer", 1), ("employer", 2)))
    assert caught.value.code == "draw.duplicate_cap"


@pytest.mark.parametrize(("least", "most"), [(3, 2), (-1, 2), (0, -1), (True, 2), (0, "2"), (1.0, 2)])
def test_bounds_do_not_contradict_themselves(least: Any, most: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        Bound("region", "n", least, most)
    assert caught.value.code == "draw.bound_contradicts"
    assert caught.value.params == {"group": "region", "value": "n", "least": least, "most": most}


def test_bounds_are_given_once_and_may_be_for_a_value_nobody_has() -> None:
    bounds = (Bound("region", "n", 1, 2), Bound("region", "n", 0, 1))
    assert refused("draw.duplicate_bound", bounds=bounds) == {"group": "region", "value": "n"}
    assert replace(PLAIN, bounds=bounds[:1]).bounds == bounds[:1]


def test_a_conflict_is_between_two_who_are_known() -> None:
    assert refused("draw.conflict_unknown", conflicts=(("a", "z"),)) == {"id": "z"}
    assert refused("draw.conflict_with_oneself", conflicts=(("a", "a"),)) == {"id": "a"}
    held = replace(PLAIN, held=(Member("h"),), conflicts=(("h", "a"), ("a", "h")))
    assert held.conflicts == (("a", "h"),)


def test_a_settled_member_is_no_candidate() -> None:
    assert refused("draw.held_is_candidate", held=(Member("a"),)) == {"id": "a"}


def test_settled_members_who_break_every_level_are_refused() -> None:
    held = (Member("h", (("employer", "x"),)), Member("i", (("employer", "x"),)))
    strict, lax = Level((("employer", 1),)), Level((("employer", 2),))
    params = refused("draw.held_over_cap", held=held, levels=(strict,))
    assert params == {"group": "employer", "count": 2, "cap": 1}
    assert replace(PLAIN, held=held, levels=(strict, lax)).held == held
    assert replace(PLAIN, held=held, levels=(strict, Level())).held == held


def test_a_list_follows_another_kind_with_one_place_in_each_slot() -> None:
    assert refused("draw.follows_itself", follows=(DrawKind.expert, "city")) == {"kind": "expert"}
    params = refused("draw.follows_needs_one", follows=(DrawKind.venue, "city"))
    assert params == {"slot": "2", "quota": 2}
    assert replace(PLAIN, slots=(("1", 1), ("2", 1)), follows=(DrawKind.venue, "city")).follows


def test_every_refusal_is_a_sentence_that_names_what_it_found() -> None:
    with pytest.raises(InvalidInput) as caught:
        Bound("region", "n", 3, 2)
    assert (
        REQUEST[caught.value.code]
        .format(**caught.value.params)
        .startswith("分组 region 的值 n 要求 3 至 2 人")
    )
