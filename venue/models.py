"""Centers, their rooms and seats, who booked which seat when, and the online room of an evaluation."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.core.database import UtcDateTime

_STANDS = "state <> 'replaced'"


class Center(SQLModel, table=True):
    """A public-resource trading center (公共资源交易中心). Degrees are kept as whole millionths."""

    id: str = Field(primary_key=True, max_length=36)
    code: str = Field(unique=True, max_length=16)
    name: str = Field(max_length=80)
    address: str = Field(default="", max_length=160)
    region_code: str = Field(max_length=6, index=True)
    kind: str = Field(max_length=16)
    latitude_e6: int = 0
    longitude_e6: int = 0
    overnight: bool = False
    seat_quota: int | None = None
    agreement_from: datetime | None = Field(default=None, sa_type=UtcDateTime)
    agreement_to: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Room(SQLModel, table=True):
    """A room of a center (功能室): opening hall, witness room or evaluation room."""

    __table_args__ = (UniqueConstraint("center_id", "name"),)

    id: str = Field(primary_key=True, max_length=36)
    center_id: str = Field(foreign_key="center.id", index=True, max_length=36)
    zone: str = Field(max_length=40)
    function: str = Field(max_length=16, index=True)
    name: str = Field(max_length=80)


class Seat(SQLModel, table=True):
    """An evaluation seat (评标工位)."""

    __table_args__ = (UniqueConstraint("room_id", "label"),)

    id: str = Field(primary_key=True, max_length=36)
    room_id: str = Field(foreign_key="room.id", index=True, max_length=36)
    center_id: str = Field(foreign_key="center.id", index=True, max_length=36)
    label: str = Field(max_length=16)
    state: str = Field(default="ready", max_length=16)


class SeatTerminal(SQLModel, table=True):
    """The machine that was enrolled for a seat (工位终端), known by its public key; a seat has one at a time.

    public_key: the point of the P-256 key, uncompressed, in hex. state: `enrolled`, `blocked`, or `replaced` by a later one.
    enrolled_by: who made the code for it. last_seen_at: when it last proved itself.
    """

    __tablename__ = "seat_terminal"
    __table_args__ = (
        Index(
            "one_terminal_per_seat",
            "seat_id",
            unique=True,
            sqlite_where=text(_STANDS),
            postgresql_where=text(_STANDS),
        ),
    )

    id: str = Field(primary_key=True, max_length=36)
    seat_id: str = Field(foreign_key="seat.id", index=True, max_length=36)
    public_key: str = Field(unique=True, max_length=130)
    state: str = Field(max_length=16)
    enrolled_at: datetime = Field(sa_type=UtcDateTime)
    enrolled_by: str = Field(max_length=80)
    last_seen_at: datetime = Field(sa_type=UtcDateTime)


class TerminalEnrolment(SQLModel, table=True):
    """A one-use code that enrolls one machine for one seat (终端登记码); only its keyed hash is stored."""

    __tablename__ = "terminal_enrolment"

    code_hash: str = Field(primary_key=True, max_length=64)
    seat_id: str = Field(foreign_key="seat.id", index=True, max_length=36)
    made_by: str = Field(max_length=80)
    made_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Booking(SQLModel, table=True):
    """A seat taken for a time (工位预约); active ones of one seat never overlap."""

    __table_args__ = (Index("booking_by_seat_and_time", "seat_id", "start_at", "end_at"),)

    id: str = Field(primary_key=True, max_length=36)
    seat_id: str = Field(foreign_key="seat.id", max_length=36)
    evaluation_id: str = Field(index=True, max_length=36)
    start_at: datetime = Field(sa_type=UtcDateTime)
    end_at: datetime = Field(sa_type=UtcDateTime)
    active: bool = True
    created_at: datetime = Field(sa_type=UtcDateTime)


class OnlineRoom(SQLModel, table=True):
    """The isolated online room of one evaluation (线上评标室). Its clock starts at `zero_at`."""

    __tablename__ = "online_room"

    id: str = Field(primary_key=True, max_length=36)
    evaluation_id: str = Field(unique=True, max_length=36)
    zero_at: datetime = Field(sa_type=UtcDateTime)
    state: str = Field(max_length=16)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class RoomEvent(SQLModel, table=True):
    """Something that happened in the room (室内事件), at a moment of the room clock in milliseconds.

    lease, seq: its line in the events that are kept beside the recording. kept_under: epoch of the room's holder that wrote
    the row; another one than `lease` when a later holder caught up with what an earlier one could not write any more.
    """

    __tablename__ = "room_event"
    __table_args__ = (Index("room_event_line", "room_id", "lease", "seq", unique=True),)

    id: int | None = Field(default=None, primary_key=True)
    room_id: str = Field(foreign_key="online_room.id", index=True, max_length=36)
    at: datetime = Field(sa_type=UtcDateTime)
    room_ms: int
    seat_no: int | None = None
    kind: str = Field(max_length=32)
    detail: str = "{}"
    lease: int | None = None
    seq: int | None = None
    kept_under: int | None = None
