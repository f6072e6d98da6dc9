"""What may be asked of a draw, and what is refused with the reason."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidInput
from expert_draw.engine.pool import Candidate, DrawKind, DrawRequest, Slot, count_groups
from tests.expert_draw.engine.samples import request, requests


def refused(code: str, **fields: Any) -> InvalidInput:
    asked: dict[str, Any] = {
        "kind": DrawKind.expert,
        "slots": (Slot("1", 1, ("a",)),),
        "candidates": (Candidate("a"), Candidate("b")),
    }
    with pytest.raises(InvalidInput) as caught:
        DrawRequest(**{**asked, **fields})
    assert caught.value.code == code
    return caught.value


@given(requests(), st.randoms(use_true_random=False))
def test_the_order_in_which_a_request_is_written_does_not_matter(asked: DrawRequest, shuffler: Any) -> None:
    def mixed(items: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(shuffler.sample(items, len(items)))

    slots = tuple(Slot(slot.key, slot.quota, mixed(slot.eligible)) for slot in mixed(asked.slots))
    people = tuple(Candidate(one.id, mixed(one.groups)) for one in mixed(asked.candidates))
    again = DrawRequest(asked.kind, slots, people, mixed(asked.group_caps), asked.held, mixed(asked.excluded))
    assert again == asked


def test_a_candidate_whom_no_slot_wants_is_left_out() -> None:
    asked = DrawRequest(DrawKind.seat, (Slot("1", 1, ("a",)),), (Candidate("b"), Candidate("a")))
    assert asked.candidates == (Candidate("a"),)


def test_excluded_and_sitting_members_cannot_be_drawn() -> None:
    asked = request({"1": (1, "abc")}, held=(Candidate("a"),), excluded=(("b", "busy"), ("b", "employer")))
    assert asked.removed() == {"a", "b"}


def test_groups_are_counted_by_name_and_value() -> None:
    counted = count_groups(
        [Candidate("a", (("employer", "x"), ("room", "x"))), Candidate("b", (("employer", "x"),))]
    )
    assert counted == {("employer", "x"): 2, ("room", "x"): 1}


def test_a_draw_without_slots_is_refused() -> None:
    refused("draw.no_slots", slots=())


def test_two_slots_of_one_name_are_refused() -> None:
    slots = (Slot("1", 1, ()), Slot("1", 2, ()))
    assert refused("draw.duplicate_slot", slots=slots).params == {"slot": "1"}


def test_a_person_listed_twice_is_refused() -> None:
    assert refused("draw.duplicate_candidate", candidates=(Candidate("a"), Candidate("a"))).params == {
        "id": "a"
    }
    refused("draw.duplicate_candidate", held=(Candidate("h"), Candidate("h")))


def test_a_slot_may_not_name_a_stranger() -> None:
    refusal = refused("draw.unknown_candidate", slots=(Slot("1", 1, ("a", "zz")),))
    assert refusal.params == {"slot": "1", "id": "zz"}
    assert str(refusal) == "draw.unknown_candidate: 名额 1 的候选 zz 不在名单中。"


def test_more_than_ninety_nine_places_are_refused() -> None:
    refused("draw.too_many_places", slots=(Slot("1", 50, ()), Slot("2", 50, ())))


@pytest.mark.parametrize("quota", [0, -1, 100, True, "3", 2.0, None])
def test_a_quota_is_a_whole_number_from_1_to_99(quota: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        Slot("1", quota, ())
    assert caught.value.code == "draw.quota_out_of_range"


@pytest.mark.parametrize("id_", ["", 7, None, b"a"])
def test_an_id_is_a_text(id_: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        Candidate(id_)
    assert caught.value.code == "draw.id_not_text"
    with pytest.raises(InvalidInput):
        Slot(id_, 1, ())


def test_a_cap_is_given_once() -> None:
    assert refused("draw.duplicate_cap", group_caps=(("employer", 1), ("employer", 2))).params == {
        "group": "employer"
    }


@pytest.mark.parametrize("cap", [0, -3, True, "1"])
def test_a_cap_is_a_whole_number_from_1(cap: Any) -> None:
    refused("draw.cap_out_of_range", group_caps=(("employer", cap),))


def test_sitting_members_who_break_a_cap_are_refused() -> None:
    held = (Candidate("h", (("employer", "x"),)), Candidate("i", (("employer", "x"),)))
    refusal = refused("draw.held_over_cap", held=held, group_caps=(("employer", 1),))
    assert refusal.params == {"group": "employer", "count": 2, "cap": 1}
    assert DrawRequest(DrawKind.expert, (Slot("1", 1, ("a",)),), (Candidate("a"),), (("employer", 2),), held)
