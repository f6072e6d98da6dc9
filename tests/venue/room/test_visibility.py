import pytest
from hypothesis import given
from hypothesis import strategies as st

from venue.room.visibility import HOUSE, TABLE, Act, Party, Refusal, Standing, may, refusal

rooms = st.sampled_from(["room-1", "room-2"])
experts = st.builds(Standing, st.just(Party.expert), rooms, st.integers(1, 9))
others = st.builds(
    Standing, st.sampled_from([p for p in Party if p not in {Party.expert, Party.house}]), rooms
)
anybody = st.one_of(experts, others, st.just(HOUSE))


@given(experts, experts, st.sampled_from(Act))
def test_no_member_meets_another(one: Standing, other: Standing, act: Act) -> None:
    assert may(one, act, other) == (one == other)


@given(experts, others, st.sampled_from(Act))
def test_a_member_learns_nothing_of_anybody_but_the_house(
    expert: Standing, other: Standing, act: Act
) -> None:
    assert not may(expert, act, other)


@given(anybody, anybody, st.sampled_from(Act))
def test_nothing_passes_between_rooms(one: Standing, other: Standing, act: Act) -> None:
    if HOUSE not in (one, other) and one.room_id != other.room_id:
        assert refusal(one, act, other) is Refusal.other_room


@given(others, experts, st.sampled_from([Act.see, Act.hear]))
def test_only_supervisors_and_witnesses_watch(other: Standing, expert: Standing, act: Act) -> None:
    watches = other.party in {Party.supervisor, Party.witness} and other.room_id == expert.room_id
    assert may(other, act, expert) == watches


@given(others, experts)
def test_nobody_writes_to_a_member_but_the_house(other: Standing, expert: Standing) -> None:
    assert not may(other, Act.write, expert)
    assert may(HOUSE, Act.write, expert)


@given(others, others, st.sampled_from(Act))
def test_bidders_agencies_and_staff_do_not_meet_in_a_room(one: Standing, other: Standing, act: Act) -> None:
    assert not may(one, act, other)


@given(experts)
def test_even_the_house_does_not_see_or_hear_for_its_own_sake(expert: Standing) -> None:
    assert not may(HOUSE, Act.see, expert)
    assert may(HOUSE, Act.know, expert)


def test_a_refusal_says_why() -> None:
    one, two = Standing(Party.expert, "room-1", 1), Standing(Party.expert, "room-1", 2)
    bidder = Standing(Party.bidder, "room-1")
    assert refusal(one, Act.know, two) is Refusal.members_do_not_meet
    assert refusal(bidder, Act.know, one) is Refusal.not_for_this_party
    assert refusal(one, Act.know, Standing(Party.expert, "room-2", 1)) is Refusal.other_room
    assert refusal(one, Act.see, one) is None


def test_the_table_never_puts_two_members_together() -> None:
    assert (Party.expert, Party.expert) not in TABLE
    assert all(TABLE.get((Party.expert, party)) is None for party in Party if party is not Party.house)
    assert all(acts <= set(Act) for acts in TABLE.values())


@pytest.mark.parametrize(("room_id", "seat_no"), [(None, 1), ("room-1", None)])
def test_a_member_without_a_place_cannot_be_thought_of(room_id: str | None, seat_no: int | None) -> None:
    with pytest.raises(ValueError, match="stands at a seat"):
        Standing(Party.expert, room_id, seat_no)
