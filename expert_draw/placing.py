"""Which centers are near an expert's home, and the lists from which venues and seats are drawn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from expert_draw.engine.pool import Candidate, DrawKind, DrawRequest, Slot

CHINA = ZoneInfo("Asia/Shanghai")
NEAR, CENTER, CITY, ROOM = "near", "center", "city", "room"
_CITY_DIGITS = 4
_AGAIN = "#"


@dataclass(frozen=True, slots=True)
class FreeSeat:
    """A seat that can be drawn."""

    seat_id: str
    room_id: str


@dataclass(frozen=True, slots=True)
class VenueOffer:
    """A center that can take experts at that time (场地), at most `capacity` of them. Degrees in whole millionths."""

    center_id: str
    region_code: str
    latitude_e6: int
    longitude_e6: int
    seats: tuple[FreeSeat, ...]
    capacity: int

    @property
    def city(self) -> str:
        """The prefecture: the first four digits of the region code."""
        return self.region_code[:_CITY_DIGITS]


@dataclass(frozen=True, slots=True)
class Spread:
    """How experts are spread, settled once for a draw: most in one city, and whether each has a room alone."""

    per_city: int
    alone: bool

    @classmethod
    def over(cls, offers: Sequence[VenueOffer], places: int) -> "Spread":
        """One to a city while there are cities enough; alone in a room where every center has rooms enough."""
        open_ = [offer for offer in offers if offer.seats]
        per_city = -(-places // len({offer.city for offer in open_})) if open_ else 1
        rooms = min((len({seat.room_id for seat in offer.seats}) for offer in open_), default=1)
        return cls(per_city, rooms >= per_city)

    @classmethod
    def of(cls, venues: DrawRequest, seats: DrawRequest) -> "Spread":
        """The spread that a record's lists were made with."""
        return cls(dict(venues.group_caps)[CITY], ROOM in dict(seats.group_caps))


def requests(offers: Sequence[VenueOffer], places: int, spread: Spread) -> tuple[DrawRequest, DrawRequest]:
    """The draws of venues and of seats for so many places, one of each for every place.

    An expert may sit in any of the `places` nearest centers, at most `spread.per_city` experts in a city. By Hall's
    theorem that is always possible: `places` experts with `places` centers each. With fewer cities each center can be
    drawn more than once, as so many candidates. A center without free seats is not drawn, but still says where its
    city lies.
    """
    homes, offers = offers, [offer for offer in offers if offer.seats]
    near = _near(homes, offers, places)
    keys = tuple(str(seat_no) for seat_no in range(1, places + 1))
    times = [
        (offer, f"{offer.center_id}{_AGAIN}{time}")
        for offer in offers
        for time in range(1, min(spread.per_city, offer.capacity) + 1)
    ]
    venues = DrawRequest(
        kind=DrawKind.venue,
        slots=tuple(Slot(key, 1, tuple(id_ for _, id_ in times)) for key in keys),
        candidates=tuple(
            Candidate(
                id_,
                (
                    (CENTER, offer.center_id),
                    (CITY, offer.city),
                    *((NEAR, home) for home in near[offer.center_id]),
                ),
            )
            for offer, id_ in times
        ),
        group_caps=((CITY, spread.per_city),),
    )
    return venues, DrawRequest(
        kind=DrawKind.seat,
        slots=tuple(
            Slot(key, 1, tuple(seat.seat_id for offer in offers for seat in offer.seats)) for key in keys
        ),
        candidates=tuple(
            Candidate(seat.seat_id, ((CENTER, offer.center_id), (ROOM, seat.room_id)))
            for offer in offers
            for seat in offer.seats
        ),
        group_caps=((ROOM, 1),) if spread.alone else (),
    )


def center_of(candidate_id: str) -> str:
    """The center behind a candidate of the venue draw."""
    return candidate_id.partition(_AGAIN)[0]


def home(region_code: str, offers: Sequence[VenueOffer]) -> str:
    """The city an expert counts as living in: their own if it has a center on offer, else a neighbouring one."""
    city = region_code[:_CITY_DIGITS]
    if any(offer.city == city for offer in offers) or not offers:
        return city
    return min(offers, key=lambda offer: (abs(int(offer.city) - int(city)), offer.center_id)).city


def _near(
    homes: Sequence[VenueOffer], offers: Sequence[VenueOffer], reach: int
) -> dict[str, tuple[str, ...]]:
    """For every center, the home cities it is near to: it is among the `reach` nearest of theirs."""
    found: dict[str, list[str]] = {offer.center_id: [] for offer in offers}
    for here in homes:
        ordered = sorted(offers, key=lambda there: (_distance(here, there), there.center_id))
        for there in ordered[:reach]:
            found[there.center_id].append(here.city)
    return {center: tuple(sorted(set(homes))) for center, homes in found.items()}


def _distance(one: VenueOffer, other: VenueOffer) -> int:
    """Roughly proportional to the way between them, in whole millionths of a degree; only compared."""
    narrowing = math.cos(math.radians(one.latitude_e6 / 1_000_000))
    east = (one.longitude_e6 - other.longitude_e6) * narrowing
    return round(math.hypot(one.latitude_e6 - other.latitude_e6, east))
