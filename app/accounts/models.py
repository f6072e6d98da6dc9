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
    created_at: datetime = Field(sa_type=UtcDateTime)


class SecondFactor(SQLModel, table=True):
    """An authenticator (动态口令): offered to one visitor until a code of it confirms it.

    offered_to: id of the session it is offered to; empty once confirmed. last_step: the latest step of
    which a code was accepted. recovered_at: since then the holder has not been told that a recovery code was used.
    """

    __tablename__ = "second_factor"

    id: str = Field(primary_key=True, max_length=36)
    account_id: str = Field(foreign_key="account.id", index=True, max_length=36)
    secret_sealed: str = Field(max_length=300)
    offered_to: str = Field(default="", max_length=36)
    created_at: datetime = Field(sa_type=UtcDateTime)
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_step: int = 0
    recovered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class RecoveryCode(SQLModel, table=True):
    """A code for when the authenticator is lost (恢复码); of it only a keyed hash is kept."""

    __tablename__ = "recovery_code"

    code_hash: str = Field(primary_key=True, max_length=64)
    account_id: str = Field(foreign_key="account.id", index=True, max_length=36)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class WrongTries(SQLModel, table=True):
    """Wrong passwords and codes for one account from one place in a row.

    source: `address:<address>`, `device:<hash>`, or `elsewhere` for all unknown places together.
    """

    __tablename__ = "wrong_tries"

    account_id: str = Field(primary_key=True, foreign_key="account.id", max_length=36)
    source: str = Field(primary_key=True, max_length=80)
    wrong: int
    last_at: datetime = Field(index=True, sa_type=UtcDateTime)


class KnownDevice(SQLModel, table=True):
    """A browser that has signed in to this account with both factors (常用设备)."""

    __tablename__ = "known_device"

    account_id: str = Field(primary_key=True, foreign_key="account.id", max_length=36)
    token_hash: str = Field(primary_key=True, index=True, max_length=64)
    last_used_at: datetime = Field(sa_type=UtcDateTime)


class HalfSignIn(SQLModel, table=True):
    """Somebody has shown the first factor and not yet the second (登录中); it opens nothing. how: as in `SignIn`."""

    __tablename__ = "half_sign_in"

    token_hash: str = Field(primary_key=True, max_length=64)
    id: str = Field(unique=True, max_length=36)
    account_id: str = Field(foreign_key="account.id", index=True, max_length=36)
    how: str = Field(max_length=32)
    expires_at: datetime = Field(sa_type=UtcDateTime)


class SignIn(SQLModel, table=True):
    """An open session (登录会话): staff by account, an expert by the committee member they are.

    id: what others may know of it; it opens nothing. kind: `staff` or `seat`. idle_s: seconds it lasts without being used;
    None: as long as it lives. last_seen_at: to the minute. proved_at: when the second factor was last shown. how: by what
    means it was opened. address, agent: from where, and by which browser. terminal_id: the seat terminal that it is bound to.
    """

    __tablename__ = "sign_in"

    token_hash: str = Field(primary_key=True, max_length=64)
    id: str = Field(unique=True, max_length=36)
    kind: str = Field(max_length=16)
    account_id: str | None = Field(default=None, foreign_key="account.id", index=True, max_length=36)
    member_id: str | None = Field(default=None, index=True, max_length=36)
    evaluation_id: str | None = Field(default=None, index=True, max_length=36)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(index=True, sa_type=UtcDateTime)
    idle_s: int | None = None
    last_seen_at: datetime = Field(sa_type=UtcDateTime)
    proved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    how: str = Field(default="", max_length=32)
    address: str = Field(default="", max_length=64)
    agent: str = Field(default="", max_length=64)
    terminal_id: str | None = Field(default=None, max_length=36)
    revoked_at: datetime | None = Field(default=None, index=True, sa_type=UtcDateTime)


class ExternalIdentity(SQLModel, table=True):
    """Who of the center's own sign-in service an account belongs to (统一身份关联), by an administrator's word."""

    __tablename__ = "external_identity"

    issuer: str = Field(primary_key=True, max_length=200)
    subject: str = Field(primary_key=True, max_length=255)
    account_id: str = Field(foreign_key="account.id", index=True, max_length=36)
    linked_at: datetime = Field(sa_type=UtcDateTime)
    linked_by: str = Field(max_length=36)


class RoleChange(SQLModel, table=True):
    """That an account was given another role (岗位变更); never altered, so that no change makes the one before undone."""

    __tablename__ = "role_change"

    id: str = Field(primary_key=True, max_length=36)
    account_id: str = Field(foreign_key="account.id", index=True, max_length=36)
    before: str = Field(max_length=32)
    after: str = Field(max_length=32)
    reason: str = Field(max_length=400)
    changed_by: str = Field(max_length=80)
    changed_at: datetime = Field(sa_type=UtcDateTime)


class StaffAct(SQLModel, table=True):
    """An act on an account that takes two persons (账号事项): asked for with a reason, then confirmed or refused.

    account_id: empty for an account that is to be made. detail: canonical JSON. asked_by, settled_by: an account, or empty for
    the command line. state: `asked`, `done` or `refused`.
    """

    __tablename__ = "staff_act"

    id: str = Field(primary_key=True, max_length=36)
    kind: str = Field(max_length=16)
    account_id: str = Field(default="", max_length=36)
    login: str = Field(max_length=64)
    detail: str
    reason: str = Field(max_length=400)
    asked_by: str = Field(default="", max_length=36)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    state: str = Field(index=True, max_length=16)
    settled_by: str | None = Field(default=None, max_length=36)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    settled_reason: str = Field(default="", max_length=400)


class Ticket(SQLModel, table=True):
    """A short-lived right (一次性凭据): a sign-in link, an expert's seat code, a way into a WebSocket.

    session_id: id of the session that it is part of and ends with; empty for one that stands by itself.
    """

    token_hash: str = Field(primary_key=True, max_length=64)
    kind: str = Field(max_length=16, index=True)
    subject: str = Field(max_length=80, index=True)
    reusable: bool = False
    session_id: str = Field(default="", max_length=36)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(index=True, sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
