"""Who may sit where: members at one center are kept as far apart as its free seats allow.

The strictest level that can hold everybody is chosen; within it, chance decides. A seat is only offered
to chance while the members still to come can keep the same distance.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

_NUMBER = re.compile(r"\d+")


class Isolation(StrEnum):
    """How far apart members at one center sit (隔离级别), strictest first."""

    rooms = "rooms"
    """Everyone alone in a room of their own."""
    apart = "apart"
    """Rooms may be shared, but an empty seat lies between any two."""
    any = "any"
    """Any free seat."""


@dataclass(frozen=True, slots=True)
class SeatOffer:
    """A free evaluation seat (可用工位)."""

    seat_id: str
    room_id: str
    label: str


class NoSuchSeating(ValueError):
    """The free seats cannot hold everybody, however close they sit."""


def position(label: str) -> int:
    """Where in its room a seat stands: the last number in its label; ValueError when there is none."""
    numbers = _NUMBER.findall(label)
    if not numbers:
        raise ValueError(f"seat label without a number: {label!r}")
    return int(numbers[-1])


def strictest(free: Sequence[SeatOffer], count: int, taken: Sequence[SeatOffer] = ()) -> Isolation:
    """The strictest level at which `count` more members fit beside those already seated; NoSuchSeating if none."""
    for level in Isolation:
        if room_for(free, level, taken) >= count:
            return level
    raise NoSuchSeating(f"{count} members, {len(free)} free seats")


def room_for(free: Sequence[SeatOffer], level: Isolation, taken: Sequence[SeatOffer] = ()) -> int:
    """How many more members can be seated at that level."""
    open_seats = tuple(seat for seat in free if _fits(seat, taken, level))
    if level is Isolation.any:
        return len(open_seats)
    if level is Isolation.rooms:
        return len({seat.room_id for seat in open_seats})
    return sum(_apart(seats) for _, seats in groupby(sorted(open_seats, key=_room), key=_room))


def permitted(
    free: Sequence[SeatOffer], count: int, level: Isolation, taken: Sequence[SeatOffer] = ()
) -> tuple[SeatOffer, ...]:
    """Seats the next of `count` members may get so that the others still fit; sorted by seat id.

    Chance takes one of these, the seat moves to `taken`, and the question is asked again.
    """
    allowed = [
        seat
        for seat in free
        if _fits(seat, taken, level) and room_for(free, level, (*taken, seat)) >= count - 1
    ]
    return tuple(sorted(allowed, key=lambda seat: seat.seat_id))


def _room(seat: SeatOffer) -> str:
    return seat.room_id


def _fits(seat: SeatOffer, taken: Iterable[SeatOffer], level: Isolation) -> bool:
    for other in taken:
        if seat.seat_id == other.seat_id:
            return False
        if seat.room_id != other.room_id or level is Isolation.any:
            continue
        if level is Isolation.rooms or abs(position(seat.label) - position(other.label)) <= 1:
            return False
    return True


def _apart(seats: Iterable[SeatOffer]) -> int:
    """Most seats of one room with a gap between any two: taking from the left never does worse."""
    count, last = 0, None
    for place in sorted(position(seat.label) for seat in seats):
        if last is None or place > last + 1:
            count, last = count + 1, place
    return count
