"""What the database knows of recordings; the files and their indexes hold the rest and are the proof."""

from datetime import datetime

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
