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
