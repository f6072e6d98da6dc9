"""Whoever is drawn can be seated near home, with one city for each as long as there are cities enough."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import Conflict
from app.rules import library
from expert_draw.engine.codes import candidate_code, group_code
from expert_draw.engine.draw import draw
from expert_draw.engine.pool import Candidate, DrawKind, Member, Pool, Standing
from expert_draw.placing import (
    CENTER,
    CITY,
    EXPERT_FIRST,
    NEAR,
    ORDERS,
    ROOM,
    SEAT_LEVELS,
    VENUE_FIRST,
    FreeSeat,
    Placing,
    Spread,
    VenueOffer,
    VenueRules,
    center_of,
    home,
    meanings,
    needs_overnight,
    pools,
    room_near,
)

SALT = bytes(range(32))
ANY = VenueRules()


def center(number: int, latitude: int, longitude: int, seats: int, *, to_a_room: int = 2) -> VenueOffer:
    return VenueOffer(
        f"c{number:02d}",
        f"53{number:02d}00",
        latitude,
        longitude,
        tuple(
            FreeSeat(f"s{number}-{seat}", f"r{number}-{seat // to_a_room}", seat % to_a_room)
            for seat in range(seats)
        ),
        capacity=seats,
    )


def made(
    offers: list[VenueOffer], places: int, rules: VenueRules = ANY, order: str = EXPERT_FIRST
) -> Placing:
    return pools(offers, places, salt=SALT, order=order, rules=rules)


def group(name: str, value: str) -> tuple[str, str]:
    return name, group_code(SALT, name, value)


def per_city(placing: Placing) -> int:
    return dict(placing.venues.levels[0].caps)[CITY]


def seated(
    placing: Placing, offers: list[VenueOffer], centers: dict[str, str], seed: int = 1
) -> tuple[int, dict[str, str]]:
    """The level at which seats are drawn when the places' venues are these centers, and the seats."""
    at = {place: frozenset({group_code(SALT, CENTER, id_)}) for place, id_ in centers.items()}
    standing = Standing(needed=tuple((place, 1) for place in sorted(centers)), at_place=at)
    drawn = draw(placing.seats, standing, "uniform-labelled", seed.to_bytes(32, "big"), "sha256")
    stands_for = meanings(offers, salt=SALT)
    return drawn.level, {slot: stands_for[code] for slot, code in drawn.assignment}


spots = st.lists(
    st.tuples(
        st.integers(21_000_000, 29_000_000), st.integers(97_000_000, 106_000_000), st.sampled_from([0, 8])
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=30, deadline=None)
@given(spots, st.integers(1, 7), st.integers(0, 2**32), st.data())
def test_any_committee_can_be_seated(
    places: list[tuple[int, int, int]], wanted: int, seed: int, data: st.DataObject
) -> None:
    offers = [center(number, *spot) for number, spot in enumerate(places, 1)]
    if not any(offer.open for offer in offers):
        offers = [center(1, 27_000_000, 103_000_000, 9)]
    placing = made(offers, wanted)
    homes = data.draw(
        st.lists(st.sampled_from([offer.city for offer in offers]), min_size=wanted, max_size=wanted)
    )
    at = {str(place): frozenset({group_code(SALT, NEAR, city)}) for place, city in enumerate(homes, 1)}
    standing = Standing(needed=tuple((key, 1) for key in sorted(at)), at_place=at)
    drawn = draw(placing.venues, standing, "uniform-labelled", seed.to_bytes(32, "big"), "sha256")
    stands_for = meanings(offers, salt=SALT)
    chosen = {slot: center_of(stands_for[code]) for slot, code in drawn.assignment}
    assert len(chosen) == wanted
    assert max(Counter(chosen.values()).values()) <= per_city(placing)
    assert per_city(placing) == -(-wanted // sum(offer.open for offer in offers))
    _, seats = seated(placing, offers, chosen, seed)
    assert len(set(seats.values())) == wanted
    assert all(seat.startswith(f"s{int(chosen[slot][1:])}-") for slot, seat in seats.items())


def test_the_nearest_centers_are_the_near_ones() -> None:
    offers = [center(number, 25_000_000 + number * 100_000, 100_000_000, 2) for number in range(1, 6)]
    stands_for = meanings(offers, salt=SALT)
    near_first = {
        center_of(stands_for[one.id])
        for one in made(offers, 2).venues.candidates
        if group(NEAR, offers[0].city) in one.groups
    }
    assert near_first == {"c01", "c02"}


def test_who_lives_where_no_center_is_counts_as_a_neighbour() -> None:
    offers = [center(1, 0, 0, 1), center(9, 1, 1, 1)]
    assert home("530900", offers) == "5309"
    assert home("530800", offers) == "5309"
    assert home("530200", []) == "5302"


def test_the_lists_hold_codes_and_nothing_else() -> None:
    offers = [center(1, 0, 0, 2), center(2, 1, 1, 2)]
    placing = made(offers, 2)
    codes = {one.id for pool in placing.pools.values() for one in pool.candidates}
    stands_for = meanings(offers, salt=SALT)
    assert {stands_for[code] for code in codes} == {"c01#1", "c02#1", "s1-0", "s1-1", "s2-0", "s2-1"}
    assert candidate_code(SALT, "s1-0") in codes
    assert placing.seats.candidates[0].slots == ("1", "2")


@pytest.mark.parametrize(
    ("order", "venues_follow"), [(EXPERT_FIRST, (DrawKind.expert, NEAR)), (VENUE_FIRST, None)]
)
def test_in_either_order_the_seat_follows_the_venue(
    order: str, venues_follow: tuple[DrawKind, str] | None
) -> None:
    placing = made([center(1, 0, 0, 2)], 1, order=order)
    assert placing.venues.follows == venues_follow
    assert placing.seats.follows == (DrawKind.venue, CENTER)
    assert sorted(ORDERS[order]) == sorted(DrawKind)


@pytest.mark.parametrize(
    ("offer", "centers", "level"),
    [
        (center(1, 0, 0, 6), {"1": "c01", "2": "c01", "3": "c01"}, 1),  # three rooms of two: everybody alone
        (
            center(1, 0, 0, 6, to_a_room=3),
            {"1": "c01", "2": "c01", "3": "c01"},
            2,
        ),  # two rooms: one is shared, apart
        (
            center(1, 0, 0, 4, to_a_room=4),
            {"1": "c01", "2": "c01", "3": "c01"},
            3,
        ),  # side by side, there is no other way
    ],
)
def test_seats_are_drawn_at_the_strictest_level_there_is(
    offer: VenueOffer, centers: dict[str, str], level: int
) -> None:
    placing = made([offer], 3)
    assert placing.seats.levels == SEAT_LEVELS
    for seed in range(8):
        found, seats = seated(placing, [offer], centers, seed)
        assert found == level
        place = {seat.seat_id: (seat.room_id, seat.place) for seat in offer.seats}
        rooms = [place[seat] for seat in seats.values()]
        if level == 1:
            assert len({room for room, _ in rooms}) == 3
        if level == 2:
            assert all(
                abs(at - other) > 1
                for room, at in rooms
                for beside, other in rooms
                if room == beside and at != other
            )


def test_only_seats_that_touch_are_neighbours() -> None:
    seats = (
        FreeSeat("a", "r", 0),
        FreeSeat("b", "r", 1),
        FreeSeat("d", "r", 3),
        FreeSeat("e", "q", 4),
        FreeSeat("f", "r", 4),
    )
    placing = made([replace(center(1, 0, 0, 1), seats=seats, capacity=5)], 1)
    stands_for = meanings([replace(center(1, 0, 0, 1), seats=seats)], salt=SALT)
    pairs = {frozenset((stands_for[one], stands_for[other])) for one, other in placing.seats.conflicts}
    assert pairs == {frozenset("ab"), frozenset("df")}
    assert {dict(one.groups)[ROOM] for one in placing.seats.candidates} == {
        group(ROOM, "r")[1],
        group(ROOM, "q")[1],
    }


def test_no_center_gives_more_than_its_quota() -> None:
    offers = [replace(center(1, 0, 0, 9), capacity=2), center(2, 1, 1, 9)]
    stands_for = meanings(offers, salt=SALT)
    counted = Counter(center_of(stands_for[one.id]) for one in made(offers, 5).venues.candidates)
    assert counted == {"c01": 2, "c02": 3}


def test_what_a_center_still_gives_comes_on_top_of_what_it_holds() -> None:
    offers = [replace(center(1, 0, 0, 9), capacity=3), center(2, 1, 1, 9)]
    first = made(offers, 6)
    held = candidate_code(SALT, "c01#1")
    later = pools(
        [replace(offers[0], capacity=1), offers[1]],
        6,
        salt=SALT,
        order=EXPERT_FIRST,
        rules=ANY,
        like={DrawKind.expert: first.venues, **first.pools},
        held={held},
    )
    stands_for = meanings(offers, salt=SALT)
    assert sorted(stands_for[one.id] for one in later.venues.candidates) == [
        "c01#2",
        "c02#1",
        "c02#2",
        "c02#3",
    ]
    assert (later.venues.slots, later.venues.levels) == (first.venues.slots, first.venues.levels)


@pytest.mark.parametrize(
    ("offer", "rules"),
    [
        (replace(center(1, 0, 0, 9), agreement_valid=False), ANY),
        (replace(center(1, 0, 0, 9), overnight=False), VenueRules(overnight=True)),
        (replace(center(1, 0, 0, 9), own_city=True), VenueRules(own_city_allowed=False)),
        (replace(center(1, 0, 0, 9), capacity=0), ANY),
    ],
)
def test_a_center_that_may_not_be_drawn_only_says_where_its_city_lies(
    offer: VenueOffer, rules: VenueRules
) -> None:
    other = center(2, 1, 1, 9)
    placing = made([offer, other], 2, rules)
    assert {dict(one.groups)[CENTER] for one in placing.venues.candidates} == {group(CENTER, "c02")[1]}
    assert group(NEAR, "5301") in placing.venues.candidates[0].groups
    assert {dict(one.groups)[CENTER] for one in placing.seats.candidates} == {group(CENTER, "c02")[1]}


def test_the_same_center_is_drawn_where_the_rules_allow_it() -> None:
    offer = replace(center(1, 0, 0, 9), overnight=False, own_city=True)
    assert len(made([offer], 1).venues.candidates) == 1


@settings(max_examples=200)
@given(st.integers(1, 12), st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(1, 6))
def test_there_are_always_as_many_cities_as_the_rules_want(places: int, seats: list[int], least: int) -> None:
    offers = [center(number, number, number, count) for number, count in enumerate(seats, 1)]
    wanted = min(least, places)
    if len(seats) < wanted or sum(seats) < places:
        with pytest.raises(Conflict, match="cities-short" if len(seats) < wanted else "seats-short"):
            Spread.over(offers, places, least)
        return
    spread = Spread.over(offers, places, least)
    room = [sum(min(most, count) for count in seats) for most in (spread.per_city - 1, spread.per_city)]
    assert room[0] < places <= room[1]
    assert spread.every_city or -(-places // spread.per_city) >= wanted


def test_every_city_gets_somebody_where_a_limit_alone_does_not_give_enough_cities() -> None:
    offers = [center(number, number, number, 9) for number in range(1, 5)]
    rules = VenueRules(cities_least=4)
    placing = made(offers, 5, rules)
    assert per_city(placing) == 2
    assert {(bound.value, bound.least, bound.most) for bound in placing.venues.bounds} == {
        (group(CITY, offer.city)[1], 1, 2) for offer in offers
    }
    later = pools(
        offers[1:],
        5,
        salt=SALT,
        order=EXPERT_FIRST,
        rules=rules,
        like={DrawKind.expert: placing.venues, **placing.pools},
    )
    assert len(later.venues.bounds) == 3
    assert made(offers, 4, rules).venues.bounds == ()


def test_too_few_seats_are_told_before_anything_is_promised() -> None:
    offers = [replace(center(1, 0, 0, 9), capacity=1), replace(center(2, 1, 1, 9), capacity=1)]
    with pytest.raises(Conflict, match="seats-short"):
        made(offers, 3)
    with pytest.raises(Conflict, match="cities-short"):
        made([replace(offers[0], capacity=0)], 1)


def test_homes_near_which_there_is_too_little_room_are_named() -> None:
    offers = [replace(center(number, number * 1_000_000, 0, 9), capacity=1) for number in range(1, 4)]
    assert room_near(offers, 3, 1) == {}
    assert room_near(offers[:2], 3, 2) == {"5301": 2, "5302": 2}


def test_venues_drawn_first_are_near_somebody_who_could_sit_there() -> None:
    offers = [center(1, 0, 0, 9), center(2, 40_000_000, 0, 9)]
    experts = Pool(
        DrawKind.expert,
        (("1", 1),),
        (
            Candidate("a" * 32, (group(NEAR, "5301"),), ("1",)),
            Candidate("b" * 32, (group(NEAR, "5302"),), ("1",), ("busy",)),
        ),
        held=(Member("c" * 32),),
    )
    placing = pools(offers, 1, salt=SALT, order=VENUE_FIRST, rules=ANY, experts=experts)
    assert [dict(one.groups)[CENTER] for one in placing.venues.candidates] == [group(CENTER, "c01")[1]]
    later = pools(
        offers,
        1,
        salt=SALT,
        order=VENUE_FIRST,
        rules=ANY,
        like={DrawKind.expert: experts, **placing.pools},
    )
    assert later == placing


@pytest.mark.parametrize(
    ("local_hour", "minutes", "overnight"),
    [
        (9, 480, False),
        (10, 480, False),
        (10, 481, True),
        (9, 481, True),
        (17, 60, False),
        (17, 61, True),
        (19, 10, True),
    ],
)
def test_long_and_late_sessions_need_beds(local_hour: int, minutes: int, overnight: bool) -> None:
    begins = datetime(2026, 11, 24, tzinfo=UTC) + timedelta(hours=local_hour - 8)
    assert needs_overnight(begins, minutes) == overnight
    rules = VenueRules.of(library.load("cn_tender"), begins, minutes)
    assert rules == VenueRules(overnight=overnight, own_city_allowed=True, cities_least=1)
