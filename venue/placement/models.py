"""Media workers, which of them holds which room, and how each seat stood when its worker last wrote."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from app.core.database import UtcDateTime


class MediaWorker(SQLModel, table=True):
    """A process that can hold rooms (媒体进程). One that has not written for a while counts as gone.

    url: where browsers reach it, with `{host}` in the place of the name they call the service by; empty: as the service.
    """

    __tablename__ = "media_worker"

    id: str = Field(primary_key=True, max_length=36)
    url: str = Field(max_length=200)
    started_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    rooms: int = 0
    draining: bool = False


class RoomLease(SQLModel, table=True):
    """Who decides for a room (房间租约): one worker at a time, under an epoch that grows with each new holder."""

    __tablename__ = "room_lease"

    room_id: str = Field(primary_key=True, foreign_key="online_room.id", max_length=36)
    worker_id: str = Field(index=True, max_length=36)
    epoch: int
    until: datetime = Field(sa_type=UtcDateTime)


class SeatPresence(SQLModel, table=True):
    """How a seat stands (在席情况), as the holder of its room wrote it under that epoch.

    *_ms: room time up to which the track is safely on disk. *_at: when that was. stats: what the seat's page
    last said of its connection, as canonical JSON. All moments are of the database's clock.
    """

    __tablename__ = "seat_presence"

    room_id: str = Field(primary_key=True, foreign_key="online_room.id", max_length=36)
    seat_no: int = Field(primary_key=True)
    epoch: int
    connected: bool
    media: str | None = Field(default=None, max_length=24)
    visible: bool
    camera_ms: int | None = None
    microphone_ms: int | None = None
    screen_ms: int | None = None
    camera_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    microphone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    screen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    stats: str | None = None
    seen_at: datetime = Field(sa_type=UtcDateTime)
