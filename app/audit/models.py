"""The rows of the audit trail; nothing ever changes or removes one."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.database import UtcDateTime


class AuditEvent(SQLModel, table=True):
    """One recorded act (留痕): the n-th of its case, chained to the one before."""

    __tablename__ = "audit_event"
    __table_args__ = (UniqueConstraint("case", "n"),)

    id: int | None = Field(default=None, primary_key=True)
    case: str = Field(index=True, max_length=64)
    n: int
    at: datetime = Field(sa_type=UtcDateTime)
    tag: str = Field(max_length=80, index=True)
    actor: str = Field(max_length=80)
    subject: str = Field(max_length=80)
    data: str
    prev: str = Field(max_length=64)
    hash: str = Field(max_length=64)


class AuditLeaf(SQLModel, table=True):
    """The place of an act in the log over all cases (日志叶): position from 0, and the leaf's hash in hex digits.

    No foreign key: the leaf must outlive an act that somebody takes away.
    """

    __tablename__ = "audit_leaf"

    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    event_id: int = Field(unique=True)
    hash: str = Field(max_length=64, index=True)


class AuditCheckpoint(SQLModel, table=True):
    """The log as the house signed for it (检查点). note: with the house's own signature line. frontier: as in `Frontier`."""

    __tablename__ = "audit_checkpoint"

    size: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    root: str = Field(max_length=64)
    frontier: str
    note: str
    milestone: bool
    """Whether it was signed at once, for an act that others wait for; such ones are stamped."""
    at: datetime = Field(sa_type=UtcDateTime, index=True)


class AuditCosignature(SQLModel, table=True):
    """A signature line that somebody else put under a checkpoint (见证签名)."""

    __tablename__ = "audit_cosignature"

    size: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    key_id: str = Field(primary_key=True, max_length=8)
    witness: str = Field(max_length=200)
    line: str
    at: datetime = Field(sa_type=UtcDateTime)


class AuditStamp(SQLModel, table=True):
    """An RFC 3161 time stamp over the text of a checkpoint (时间戳). token: the response in base64."""

    __tablename__ = "audit_stamp"

    size: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    token: str
    stamped_at: datetime = Field(sa_type=UtcDateTime)
    at: datetime = Field(sa_type=UtcDateTime)


class AuditAlarm(SQLModel, table=True):
    """That the rows and what was signed no longer agree, and what does not (留痕警报); an empty reason: they agree again."""

    __tablename__ = "audit_alarm"

    id: int | None = Field(default=None, primary_key=True)
    size: int
    """How many acts the last checkpoint had then."""
    reason: str = Field(max_length=400)
    at: datetime = Field(sa_type=UtcDateTime)
