"""What the API says about centers and seats."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from venue.service import SeatState


class _FromValue(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class CenterView(_FromValue):
    """A trading center (公共资源交易中心); degrees in whole millionths."""

    center_id: str
    code: str
    name: str
    kind: str
    region_code: str
    latitude_e6: int
    longitude_e6: int
    opening_halls: int
    witness_rooms: int
    evaluation_rooms: int
    seats: int
    seat_quota: int | None
    overnight: bool
    agreement_from: datetime | None
    agreement_to: datetime | None
    in_force: bool


class SeatView(_FromValue):
    """One seat on the board (工位状态)."""

    seat_id: str
    label: str
    state: SeatState
    until: datetime | None
    next_at: datetime | None


class RoomView(_FromValue):
    room_id: str
    zone: str
    name: str
    seats: tuple[SeatView, ...]


class CenterBoardView(_FromValue):
    """One center on the board; `counts` and `rooms` are empty where the reader may not know them."""

    center_id: str
    name: str
    kind: str
    region_code: str
    seats: int
    counts: dict[SeatState, int]
    rooms: tuple[RoomView, ...]


class BoardView(BaseModel):
    """The seat board at one moment; it never says which evaluation holds a seat. `counts` adds up what is told."""

    at: datetime
    counts: dict[SeatState, int]
    centers: tuple[CenterBoardView, ...]
