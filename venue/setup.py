"""Enters a center with its rooms and seats, once."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from app.core.ids import new_id
from venue import repository
from venue.models import Center, Room, Seat
from venue.service import READY


class CenterKind(StrEnum):
    """What a center is to us."""

    host = "host"
    """Our own; its evaluations are booked here."""
    sister = "sister"
    """Another city of the province."""
    partner = "partner"
    """Outside the province, by agreement."""


class RoomFunction(StrEnum):
    """What a room is for (功能分区)."""

    opening = "opening"
    witness = "witness"
    evaluation = "evaluation"


@dataclass(frozen=True, slots=True)
class RoomIn:
    """A room, with the labels of its evaluation seats and of those among them that are out of order."""

    zone: str
    function: RoomFunction
    name: str
    seats: tuple[str, ...] = ()
    faulty: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CenterIn:
    """A center as it is entered; the agreement runs from `agreement_from` to before `agreement_to`."""

    code: str
    name: str
    region_code: str
    kind: CenterKind
    latitude_e6: int
    longitude_e6: int
    rooms: tuple[RoomIn, ...]
    address: str = ""
    overnight: bool = False
    seat_quota: int | None = None
    agreement_from: datetime | None = None
    agreement_to: datetime | None = None


def enter_center(session: Session, now: datetime, center: CenterIn) -> str:
    """The id of the center with that code, entered with all its rooms and seats unless it is there already."""
    known = repository.center_of_code(session, center.code)
    if known is not None:
        return known.id
    row = Center(
        id=new_id(now),
        code=center.code,
        name=center.name,
        address=center.address,
        region_code=center.region_code,
        kind=center.kind,
        latitude_e6=center.latitude_e6,
        longitude_e6=center.longitude_e6,
        overnight=center.overnight,
        seat_quota=center.seat_quota,
        agreement_from=center.agreement_from,
        agreement_to=center.agreement_to,
    )
    session.add(row)
    session.flush()
    rooms = [(Room(id=new_id(now), center_id=row.id, **_room_fields(room)), room) for room in center.rooms]
    session.add_all(entered for entered, _ in rooms)
    session.flush()
    session.add_all(
        Seat(
            id=new_id(now),
            room_id=entered.id,
            center_id=row.id,
            label=label,
            state="fault" if label in room.faulty else READY,
        )
        for entered, room in rooms
        for label in room.seats
    )
    session.flush()
    return row.id


def _room_fields(room: RoomIn) -> dict[str, str]:
    return {"zone": room.zone, "function": room.function, "name": room.name}
