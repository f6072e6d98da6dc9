"""Whoever is drawn can be seated near home, with one city for each as long as there are cities enough."""

import hashlib
from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from expert_draw.engine.draw import draw
from expert_draw.engine.pool import DrawKind, DrawRequest, Slot
from expert_draw.placing import CITY, NEAR, FreeSeat, Spread, VenueOffer, center_of, home, requests


def center(number: int, latitude: int, longitude: int, seats: int) -> VenueOffer:
    return VenueOffer(
        f"c{number:02d}",
        f"53{number:02d}00",
        latitude,
        longitude,
        tuple(FreeSeat(f"s{number}-{seat}", f"r{number}-{seat % 2}") for seat in range(seats)),
        capacity=seats,
    )


places = st.lists(
    st.tuples(
        st.integers(21_000_000, 29_000_000), st.integers(97_000_000, 106_000_000), st.sampled_from([0, 8])
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60)
@given(places, st.integers(1, 7), st.data())
def test_any_committee_can_be_seated(
    spots: list[tuple[int, int, int]], wanted: int, data: st.DataObject
) -> None:
    offers = [center(number, *spot) for number, spot in enumerate(spots, 1)]
    offering = [offer for offer in offers if offer.seats]
    if not offering:
        offering = offers = [center(1, 27_000_000, 103_000_000, 9)]
    venues, seats = requests(offers, wanted, Spread.over(offers, wanted))
    homes = data.draw(
        st.lists(st.sampled_from([offer.city for offer in offers]), min_size=wanted, max_size=wanted)
    )
    near = {
        candidate.id: {city for name, city in candidate.groups if name == NEAR}
        for candidate in venues.candidates
    }
    fitted = DrawRequest(
        kind=DrawKind.venue,
        slots=tuple(
            Slot(str(place), 1, tuple(id_ for id_, cities in near.items() if city in cities))
            for place, city in enumerate(homes, 1)
        ),
        candidates=venues.candidates,
        group_caps=venues.group_caps,
    )
    drawn = draw(fitted, hashlib.sha256(b"any").digest())
    cap = dict(venues.group_caps)[CITY]
    chosen = [center_of(id_) for _, id_ in drawn.assignment]
    assert all(chosen.count(one) <= cap for one in chosen)
    assert cap == -(-wanted // len(offering))
    assert {candidate.id for candidate in seats.candidates} == {
        seat.seat_id for offer in offering for seat in offer.seats
    }


def test_the_nearest_centers_are_the_near_ones() -> None:
    offers = [center(number, 25_000_000 + number * 100_000, 100_000_000, 2) for number in range(1, 6)]
    venues, _ = requests(offers, 2, Spread.over(offers, 2))
    near_first = {
        center_of(candidate.id)
        for candidate in venues.candidates
        if (NEAR, offers[0].city) in candidate.groups
    }
    assert near_first == {"c01", "c02"}


def test_who_lives_where_no_center_is_counts_as_a_neighbour() -> None:
    offers = [center(1, 0, 0, 1), center(9, 1, 1, 1)]
    assert home("530900", offers) == "5309"
    assert home("530800", offers) == "5309"
    assert home("530200", []) == "5302"


def test_an_expert_never_sits_two_to_a_room_where_rooms_are_enough() -> None:
    five = [center(number, number, number, 4) for number in range(1, 6)]
    venues, seats = requests(five, 5, Spread.over(five, 5))
    assert seats.group_caps == (("room", 1),)
    assert Spread.of(venues, seats) == Spread.over(five, 5) == Spread(per_city=1, alone=True)
    one = [center(1, 0, 0, 4)]
    _, crowded = requests(one, 5, Spread.over(one, 5))
    assert crowded.group_caps == ()


def test_no_center_gives_more_than_its_quota() -> None:
    offers = [replace(center(1, 0, 0, 9), capacity=2), center(2, 1, 1, 9)]
    venues, _ = requests(offers, 6, Spread.over(offers, 6))
    counted = Counter(center_of(candidate.id) for candidate in venues.candidates)
    assert counted == {"c01": 2, "c02": 3}
