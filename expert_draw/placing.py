"""Where experts may sit: which centers can be drawn for whom, and the lists from which venues and seats are drawn."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from itertools import pairwise
from types import MappingProxyType

from app.core.errors import Conflict
from app.core.i18n import N_
from app.rules.pack import RulePack
from expert_draw.engine.codes import candidate_code, group_code
from expert_draw.engine.pool import MOST_PLACES, Bound, Candidate, DrawKind, Group, Level, Pool
from expert_draw.engine.randomness import Suite
from expert_draw.roster_rows import CHINA

EXPERT_FIRST, VENUE_FIRST = "expert_first", "venue_first"
ORDERS: Mapping[str, tuple[DrawKind, ...]] = MappingProxyType(
    {
        EXPERT_FIRST: (DrawKind.expert, DrawKind.venue, DrawKind.seat),
        VENUE_FIRST: (DrawKind.venue, DrawKind.expert, DrawKind.seat),
    }
)
"""In which order the three kinds are drawn: a center near each drawn expert, or experts near each drawn center."""

NEAR, CENTER, CITY, ROOM = "near", "center", "city", "room"
SEAT_LEVELS = (Level(((ROOM, 1),)), Level(), Level((), apart=False))
"""Strictest first: nobody shares a room; no two sit side by side; anywhere."""

_CITY_DIGITS = 4
_AGAIN = "#"
_EVENING = time(18)
_LONG = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class FreeSeat:
    """A seat that can be drawn. place: where it stands in the row of its room; seats one apart are neighbours."""

    seat_id: str
    room_id: str
    place: int = 0


@dataclass(frozen=True, slots=True)
class VenueOffer:
    """A center and what it can give at that time (场地): at most `capacity` of its `seats`. Degrees in whole millionths.

    overnight: experts can stay the night. own_city: it lies in the city of the project. agreement_valid: its agreement
    covers the whole time.
    """

    center_id: str
    region_code: str
    latitude_e6: int
    longitude_e6: int
    seats: tuple[FreeSeat, ...]
    capacity: int
    overnight: bool = True
    own_city: bool = False
    agreement_valid: bool = True

    @property
    def city(self) -> str:
        """The prefecture: the first four digits of the region code."""
        return self.region_code[:_CITY_DIGITS]

    @property
    def most(self) -> int:
        """How many experts can be sent there."""
        return min(self.capacity, len(self.seats))

    @property
    def open(self) -> bool:
        """Whether anybody can be sent there."""
        return self.most > 0


@dataclass(frozen=True, slots=True)
class VenueRules:
    """What a center must fulfil for one session. cities_least: how many different cities there have to be."""

    overnight: bool = False
    own_city_allowed: bool = True
    cities_least: int = 1

    @classmethod
    def of(cls, rules: RulePack, starts_at: datetime, minutes: int) -> "VenueRules":
        """As the rule pack says, for a session of that time."""
        return cls(
            overnight=needs_overnight(starts_at, minutes),
            own_city_allowed=rules.flag("venue.own_city_allowed"),
            cities_least=rules.integer("venue.cities_min"),
        )

    def admits(self, offer: VenueOffer) -> bool:
        """Whether the center may be drawn, free seats aside."""
        return (
            offer.agreement_valid
            and (offer.overnight or not self.overnight)
            and (self.own_city_allowed or not offer.own_city)
        )


@dataclass(frozen=True, slots=True)
class Placing:
    """The lists of venues and seats in codes (场地与工位名单), by kind."""

    venues: Pool
    seats: Pool

    @property
    def pools(self) -> Mapping[DrawKind, Pool]:
        return {DrawKind.venue: self.venues, DrawKind.seat: self.seats}


def needs_overnight(starts_at: datetime, minutes: int) -> bool:
    """Whether experts have to be able to stay the night: it ends after 18:00 local time, or lasts more than eight hours."""
    begins = starts_at.astimezone(CHINA)
    ends = begins + timedelta(minutes=minutes)
    return ends > datetime.combine(begins.date(), _EVENING, CHINA) or ends - begins > _LONG


def admitted(offers: Iterable[VenueOffer], rules: VenueRules) -> tuple[VenueOffer, ...]:
    """All offers; a center that may not be drawn gives no seats any more, but still says where its city lies."""
    return tuple(offer if rules.admits(offer) else replace(offer, seats=(), capacity=0) for offer in offers)


@dataclass(frozen=True, slots=True)
class Spread:
    """How experts are spread over cities (场地分布): so many in one at most; whether every open city gets somebody."""

    per_city: int
    every_city: bool = False

    @classmethod
    def over(cls, offers: Sequence[VenueOffer], places: int, cities_least: int = 1) -> "Spread":
        """As evenly as the open centers allow: one to a city while there are cities enough.

        There will be `cities_least` different cities, or one for each place if that is less. Mostly that follows from the
        limit for one city; where it does not, because there are hardly more places than cities, every city gets somebody.
        Raises Conflict `cities-short` or `seats-short` when the open centers do not allow it.
        """
        cities, wanted = len({offer.city for offer in offers if offer.open}), min(cities_least, places)
        if cities < wanted:
            raise Conflict(
                "cities-short",
                N_("该时段可用的场地只分布在 {cities} 个城市，规则要求至少 {wanted} 个"),
                N_("换一个时间，或增加合作场地"),
                cities=cities,
                wanted=wanted,
            )
        room = _room(offers, places)
        if room < places:
            raise Conflict(
                "seats-short",
                N_("该时段各中心合计只能安排 {room} 人，需要 {places} 人"),
                N_("换一个时间，或增加合作场地"),
                room=room,
                places=places,
            )
        per_city = next(most for most in range(1, places + 1) if _room(offers, most) >= places)
        return cls(per_city, every_city=-(-places // per_city) < wanted)


def pools(
    offers: Sequence[VenueOffer],
    places: int,
    *,
    salt: bytes,
    suite: Suite = "sha256",
    order: str,
    rules: VenueRules,
    experts: Pool | None = None,
    like: Mapping[DrawKind, Pool] | None = None,
    held: Collection[str] = (),
) -> Placing:
    """The lists of venues and of seats for so many places, one of each for every place ("1", "2", …).

    An expert may sit in any of the `places` nearest open centers. By Hall's theorem that is always possible while every
    city gives enough: `places` experts with `places` centers each. With fewer cities each center can be drawn more than
    once, as so many candidates.

    experts: the list of experts, looked at when venues are drawn first: a center with none of them near is not drawn for
    that place. like: the lists as they stand in the record, whose levels are kept; `experts` is taken from there, too.
    held: codes that hold a place now; what is on offer comes on top of them. Raises Conflict `cities-short` or `seats-short`.
    """
    allowed = admitted(offers, rules)
    if like is None:
        spread = Spread.over(allowed, places, rules.cities_least)
    else:
        former = like[DrawKind.venue]
        spread = Spread(dict(former.levels[0].caps)[CITY], bool(former.bounds))
        experts = like[DrawKind.expert]
    open_ = [offer for offer in allowed if offer.open]
    keys = tuple((str(place), 1) for place in range(1, places + 1))
    codes = _Codes(salt, suite)
    homes = _homes(experts) if order == VENUE_FIRST and experts is not None else None
    return Placing(
        Pool(
            DrawKind.venue,
            keys,
            _venues(open_, near(allowed, places), spread.per_city, held, keys, homes, codes),
            levels=(Level(((CITY, spread.per_city),)),),
            follows=(DrawKind.expert, NEAR) if order == EXPERT_FIRST else None,
            bounds=_somebody_everywhere(open_, spread, codes),
        ),
        _seats(open_, keys, codes),
    )


def meanings(offers: Sequence[VenueOffer], *, salt: bytes, suite: Suite = "sha256") -> dict[str, str]:
    """What the codes of these centers and of their free seats stand for; a seat that has been taken is not among them."""
    ids = [seat.seat_id for offer in offers for seat in offer.seats]
    ids += [_time(offer, number) for offer in offers for number in range(1, MOST_PLACES + 1)]
    return {candidate_code(salt, id_, suite): id_ for id_ in ids}


def center_of(candidate_id: str) -> str:
    """The center behind a candidate of the venue draw."""
    return candidate_id.partition(_AGAIN)[0]


def home(region_code: str, offers: Sequence[VenueOffer]) -> str:
    """The city an expert counts as living in: their own if it has a center on offer, else a neighbouring one."""
    city = region_code[:_CITY_DIGITS]
    if any(offer.city == city for offer in offers) or not offers:
        return city
    return min(offers, key=lambda offer: (abs(int(offer.city) - int(city)), offer.center_id)).city


def by_distance(region_code: str, offers: Sequence[VenueOffer]) -> tuple[VenueOffer, ...]:
    """The open centers, the nearest to where somebody lives first."""
    city = home(region_code, offers)
    here = next((offer for offer in offers if offer.city == city), None)
    if here is None:
        return ()
    open_ = (offer for offer in offers if offer.open)
    return tuple(sorted(open_, key=lambda there: (_distance(here, there), there.center_id)))


def near(offers: Sequence[VenueOffer], reach: int) -> dict[str, tuple[str, ...]]:
    """For every open center, the home cities it is near to: it is among the `reach` nearest open ones of theirs."""
    open_ = [offer for offer in offers if offer.open]
    found: dict[str, list[str]] = {offer.center_id: [] for offer in open_}
    for here in offers:
        ordered = sorted(open_, key=lambda there: (_distance(here, there), there.center_id))
        for there in ordered[:reach]:
            found[there.center_id].append(here.city)
    return {center: tuple(sorted(set(homes))) for center, homes in found.items()}


def room_near(offers: Sequence[VenueOffer], places: int, per_city: int) -> dict[str, int]:
    """How many experts of each home city can be seated near home, where that is fewer than there are places."""
    by_home: defaultdict[str, list[VenueOffer]] = defaultdict(list)
    homes = near(offers, places)
    for offer in offers:
        for city in homes.get(offer.center_id, ()):
            by_home[city].append(offer)
    room = {city: _room(centers, per_city) for city, centers in by_home.items()}
    return {city: count for city, count in sorted(room.items()) if count < places}


def _room(offers: Iterable[VenueOffer], per_city: int) -> int:
    """How many experts these centers can take, at most so many in one city."""
    seats: Counter[str] = Counter()
    for offer in offers:
        seats[offer.city] += offer.most
    return sum(min(per_city, count) for count in seats.values())


@dataclass(frozen=True, slots=True)
class _Codes:
    salt: bytes
    suite: Suite

    def of(self, id_: str) -> str:
        return candidate_code(self.salt, id_, self.suite)

    def group(self, name: str, value: str) -> Group:
        return name, group_code(self.salt, name, value, self.suite)


def _venues(
    offers: Sequence[VenueOffer],
    near_to: Mapping[str, Sequence[str]],
    per_city: int,
    held: Collection[str],
    keys: tuple[tuple[str, int], ...],
    homes: Mapping[str, set[Group]] | None,
    codes: _Codes,
) -> tuple[Candidate, ...]:
    candidates = []
    for offer in offers:
        cities = near_to[offer.center_id]
        near_here = [codes.group(NEAR, city) for city in cities]
        slots = tuple(key for key, _ in keys if homes is None or not homes[key].isdisjoint(near_here))
        groups = (codes.group(CENTER, offer.center_id), codes.group(CITY, offer.city), *near_here)
        times = (codes.of(_time(offer, number)) for number in range(1, per_city + 1))
        free = [code for code in times if code not in held][: offer.most]
        if slots:
            candidates += [Candidate(code, groups, slots) for code in free]
    return tuple(candidates)


def _somebody_everywhere(offers: Sequence[VenueOffer], spread: Spread, codes: _Codes) -> tuple[Bound, ...]:
    cities = sorted({offer.city for offer in offers}) if spread.every_city else ()
    return tuple(Bound(*codes.group(CITY, city), 1, spread.per_city) for city in cities)


def _homes(experts: Pool) -> dict[str, set[Group]]:
    """For every place, the homes of those who could take it."""
    found: dict[str, set[Group]] = {key: set() for key, _ in experts.slots}
    for kind in {(one.slots, one.groups) for one in experts.candidates if not one.grounds}:
        for key in kind[0]:
            found[key].update(group for group in kind[1] if group[0] == NEAR)
    return found


def _seats(offers: Sequence[VenueOffer], keys: tuple[tuple[str, int], ...], codes: _Codes) -> Pool:
    slots = tuple(key for key, _ in keys)
    seats = [(offer, seat) for offer in offers for seat in offer.seats]
    return Pool(
        DrawKind.seat,
        keys,
        tuple(
            Candidate(
                codes.of(seat.seat_id),
                (codes.group(CENTER, offer.center_id), codes.group(ROOM, seat.room_id)),
                slots,
            )
            for offer, seat in seats
        ),
        levels=SEAT_LEVELS,
        follows=(DrawKind.venue, CENTER),
        conflicts=tuple(
            (codes.of(one), codes.of(other)) for one, other in _neighbours(seat for _, seat in seats)
        ),
    )


def _neighbours(seats: Iterable[FreeSeat]) -> list[tuple[str, str]]:
    """Pairs of seats of one room that stand side by side."""
    ordered = sorted(seats, key=lambda seat: (seat.room_id, seat.place, seat.seat_id))
    return [
        (one.seat_id, other.seat_id)
        for one, other in pairwise(ordered)
        if one.room_id == other.room_id and other.place - one.place == 1
    ]


def _time(offer: VenueOffer, number: int) -> str:
    return f"{offer.center_id}{_AGAIN}{number}"


def _distance(one: VenueOffer, other: VenueOffer) -> int:
    """Roughly proportional to the way between them, in whole millionths of a degree; only compared."""
    narrowing = math.cos(math.radians(one.latitude_e6 / 1_000_000))
    east = (one.longitude_e6 - other.longitude_e6) * narrowing
    return round(math.hypot(one.latitude_e6 - other.latitude_e6, east))
