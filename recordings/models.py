"""What the database knows of recordings; the files and their indexes hold the rest and are the proof."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from app.core.database import UtcDateTime


class RoomRecording(SQLModel, table=True):
    """The recording of one online room (音视频记录)."""

    __tablename__ = "room_recording"

    room_id: str = Field(primary_key=True, max_length=36)
    evaluation_id: str = Field(unique=True, max_length=36)
    state: str = Field(max_length=16)
    started_at: datetime = Field(sa_type=UtcDateTime)
    sealed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    manifest_sha256: str | None = Field(default=None, max_length=64)
    disposed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class StoredObject(SQLModel, table=True):
    """A file of a recording that the store has: its size and hash were read back from there."""

    __tablename__ = "stored_object"

    name: str = Field(primary_key=True, max_length=200)
    room_id: str = Field(index=True, max_length=64)
    size: int = Field(sa_type=BigInteger)
    sha256: str = Field(max_length=64)
    stored_at: datetime = Field(sa_type=UtcDateTime)


class SpaceAlarm(SQLModel, table=True):
    """A volume for recordings is fuller than a level, in per cent, and has been since; the row goes when it is no longer."""

    __tablename__ = "space_alarm"

    volume: str = Field(primary_key=True, max_length=64)
    level: int = Field(primary_key=True)
    raised_at: datetime = Field(sa_type=UtcDateTime)
