"""One evaluation, its committee and their score sheets."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.database import UtcDateTime


class Evaluation(SQLModel, table=True):
    """A remote evaluation (远程异地评标)."""

    id: str = Field(primary_key=True, max_length=36)
    number: str = Field(unique=True, max_length=32)
    lot_id: str = Field(foreign_key="lot.id", index=True, max_length=36)
    host_center_id: str = Field(foreign_key="center.id", index=True, max_length=36)
    state: str = Field(max_length=16, index=True)
    starts_at: datetime = Field(sa_type=UtcDateTime, index=True)
    minutes: int
    rehearsal: bool = False
    rule_pack: str = Field(max_length=64)
    rule_pack_version: str = Field(max_length=16)
    rule_pack_hash: str = Field(max_length=64)
    slots: str
    conditions: str = "{}"
    """Canonical JSON of what else the draw has to heed: regions, and fingerprints of people to avoid."""
    appointed: int = 0
    """Members who are not drawn: the tenderee's representatives."""
    booked_by: str = Field(max_length=80)
    booked_at: datetime = Field(sa_type=UtcDateTime)
    draw_id: str | None = Field(default=None, max_length=36)
    room_id: str | None = Field(default=None, max_length=36)
    short_reason: str | None = None
    opened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    manifest_sha256: str | None = Field(default=None, max_length=64)


class CommitteeMember(SQLModel, table=True):
    """One member of the committee (评标委员会成员), known to the others by a code name."""

    __tablename__ = "committee_member"
    __table_args__ = (UniqueConstraint("evaluation_id", "seat_no"),)

    id: str = Field(primary_key=True, max_length=36)
    evaluation_id: str = Field(foreign_key="evaluation.id", index=True, max_length=36)
    seat_no: int
    code_name: str = Field(max_length=8)
    expert_id: str = Field(foreign_key="expert.id", max_length=36)
    invitation_id: str = Field(foreign_key="invitation.id", max_length=36)
    center_id: str = Field(foreign_key="center.id", max_length=36)
    seat_id: str = Field(foreign_key="seat.id", max_length=36)
    state: str = Field(max_length=16)
    signed_in_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ScoreSheet(SQLModel, table=True):
    """What one member gives every bidder (评分表); `scores` is canonical JSON bidder → criterion → hundredths."""

    __tablename__ = "score_sheet"

    member_id: str = Field(primary_key=True, foreign_key="committee_member.id", max_length=36)
    evaluation_id: str = Field(foreign_key="evaluation.id", index=True, max_length=36)
    revision: int = 0
    scores: str = "{}"
    note: str = ""
    state: str = Field(default="draft", max_length=16)
    saved_at: datetime = Field(sa_type=UtcDateTime)
