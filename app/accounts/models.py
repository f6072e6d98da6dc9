"""Accounts of staff, open sessions and one-use tickets."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from app.core.database import UtcDateTime


class Account(SQLModel, table=True):
    """A member of staff (工作人员账号)."""

    id: str = Field(primary_key=True, max_length=36)
    login: str = Field(unique=True, max_length=64)
    name: str = Field(max_length=64)
    role: str = Field(max_length=32)
    center_id: str | None = Field(default=None, max_length=36)
    password_hash: str = Field(max_length=200)
    active: bool = True
    failures: int = 0
    paused_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)


class SignIn(SQLModel, table=True):
    """An open session (登录会话): staff by account, an expert by the committee member they are."""

    __tablename__ = "sign_in"

    token_hash: str = Field(primary_key=True, max_length=64)
    account_id: str | None = Field(default=None, foreign_key="account.id", max_length=36)
    member_id: str | None = Field(default=None, max_length=36)
    evaluation_id: str | None = Field(default=None, max_length=36)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Ticket(SQLModel, table=True):
    """A short-lived right (一次性凭据): a sign-in link, an expert's seat code, a way into a WebSocket."""

    token_hash: str = Field(primary_key=True, max_length=64)
    kind: str = Field(max_length=16, index=True)
    subject: str = Field(max_length=80, index=True)
    reusable: bool = False
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
