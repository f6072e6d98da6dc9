"""What the house remembers of itself."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.database import UtcDateTime


class KeyCheck(SQLModel, table=True):
    """By what the master key is recognized (密钥校验值); a single row, and nothing leads from it back to the key."""

    __tablename__ = "key_check"

    id: int = Field(default=1, primary_key=True)
    fingerprint: str = Field(max_length=64)


class FieldKey(SQLModel, table=True):
    """A key that fields are sealed under, beside the first one (字段密钥): by what it is recognized, never itself."""

    __tablename__ = "field_key"

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    check_value: str = Field(max_length=64)
    made_at: datetime = Field(sa_type=UtcDateTime)
    retired_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class RateWindow(SQLModel, table=True):
    """How often one key has knocked at a door within one window of time (限流窗口)."""

    __tablename__ = "rate_window"

    key: str = Field(primary_key=True, max_length=80)
    began_at: datetime = Field(primary_key=True, index=True, sa_type=UtcDateTime)
    count: int


class Job(SQLModel, table=True):
    """Work to be done outside of the transaction that ordered it (待办作业): an export, a webhook to another platform.

    unique_key: the same work is ordered once. epoch: counts the claims, so that whoever lost the lease cannot report.
    payload, result: canonical JSON of what is needed to do it, and of what came of it.
    """

    __table_args__ = (UniqueConstraint("kind", "unique_key"), Index("job_due", "state", "due_at"))

    id: str = Field(primary_key=True, max_length=36)
    kind: str = Field(max_length=32)
    unique_key: str = Field(max_length=120)
    payload: str = "{}"
    result: str = "{}"
    state: str = Field(max_length=8)
    """`queued`, `running`, `done` or `dead`."""
    due_at: datetime = Field(sa_type=UtcDateTime)
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    epoch: int = 0
    tries: int = 0
    last_error: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
