"""Members at one center sit as far apart as its seats allow."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venue.seating import Isolation, NoSuchSeating, SeatOffer, permitted, position, room_for, strictest


def seat(room: int, place: int) -> SeatOffer:
    return SeatOffer(f"r{room}s{place:02d}", f"r{room}", f"{place:02d}号工位")


places = st.tuples(st.integers(1, 3), st.integers(1, 5))
offers = st.sets(places, min_size=1, max_size=9).map(
    lambda found: tuple(seat(*place) for place in sorted(found))
)


def keeps(level: Isolation, seated: tuple[SeatOffer, ...]) -> bool:
    for one, other in combinations(seated, 2):
        if one.room_id != other.room_id:
            continue
        if level is Isolation.rooms:
            return False
        if level is Isolation.apart and abs(position(one.label) - position(other.label)) <= 1:
            return False
    return True


def most(level: Isolation, free: tuple[SeatOffer, ...]) -> int:
    """By trying every choice there is."""
    return max(
        count
        for count in range(len(free) + 1)
        if any(keeps(level, chosen) for chosen in combinations(free, count))
    )


@given(offers, st.sampled_from(Isolation))
def test_room_for_agrees_with_trying_every_choice(free: tuple[SeatOffer, ...], level: Isolation) -> None:
    assert room_for(free, level) == most(level, free)


@given(offers, st.data())
def test_chance_never_leads_into_a_dead_end_and_the_distance_is_kept(
    free: tuple[SeatOffer, ...], data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, len(free)))
    level = strictest(free, count)
    seated: tuple[SeatOffer, ...] = ()
    for left in range(count, 0, -1):
        choice = permitted(free, left, level, seated)
        assert choice
        seated = (*seated, data.draw(st.sampled_from(choice)))
    assert len({chosen.seat_id for chosen in seated}) == count
    assert keeps(level, seated)


@given(offers, st.data())
def test_the_strictest_level_is_chosen(free: tuple[SeatOffer, ...], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(free)))
    level = strictest(free, count)
    for stricter in Isolation:
        if stricter is level:
            break
        assert most(stricter, free) < count


@given(offers, st.randoms(use_true_random=False))
def test_the_order_in_which_seats_are_offered_changes_nothing(
    free: tuple[SeatOffer, ...], random: object
) -> None:
    mixed = list(free)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    level = strictest(free, 1)
    assert permitted(mixed, 1, level) == permitted(free, 1, level)


def test_three_members_in_two_rooms_leave_a_seat_between_them() -> None:
    free = (seat(1, 1), seat(1, 2), seat(1, 3), seat(2, 1))
    assert strictest(free, 2) is Isolation.rooms
    assert strictest(free, 3) is Isolation.apart
    assert strictest(free, 4) is Isolation.any
    assert seat(1, 2) not in permitted(free, 3, Isolation.apart)


def test_those_already_seated_count() -> None:
    free = (seat(1, 2), seat(1, 3), seat(2, 1))
    taken = (seat(1, 1),)
    assert strictest(free, 1, taken) is Isolation.rooms
    assert permitted(free, 1, Isolation.rooms, taken) == (seat(2, 1),)
    assert strictest(free, 2, taken) is Isolation.apart
    assert seat(1, 2) not in permitted(free, 2, Isolation.apart, taken)


def test_more_members_than_seats_are_refused() -> None:
    with pytest.raises(NoSuchSeating, match="3 members, 2 free seats"):
        strictest((seat(1, 1), seat(1, 2)), 3)


def test_a_label_without_a_number_has_no_place() -> None:
    assert position("评标3室 12号工位") == 12
    with pytest.raises(ValueError, match="label"):
        position("靠窗")
