"""The accounts of staff as a list: found by login or name, filtered, sorted, a page at a time."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, or_, select

from app.accounts.entering import NO_PASSWORD
from app.accounts.models import Account, SecondFactor, SignIn
from app.accounts.permissions import Role

PAGE = 25


class State(StrEnum):
    active = "active"
    disabled = "disabled"
    unfinished = "unfinished"  # invited; no password chosen yet, or no second factor set up


class Sort(StrEnum):
    created = "created"
    login = "login"
    name = "name"
    role = "role"
    seen = "seen"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of staff. seen_at: when they last used a session; None: never."""

    id: str
    login: str
    name: str
    role: Role
    center_id: str | None
    state: State
    has_password: bool
    enrolled: bool
    created_at: datetime
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of the list. total: of all pages together."""

    members: tuple[Member, ...]
    total: int
    page: int
    pages: int


def listing(
    session: Session,
    *,
    words: str = "",
    role: Role | None = None,
    state: State | None = None,
    sort: Sort = Sort.login,
    page: int = 1,
) -> Listing:
    """words: part of a login or a name. A page beyond the last is the last."""
    seen = (
        select(col(SignIn.account_id).label("account_id"), func.max(SignIn.last_seen_at).label("seen_at"))
        .group_by(col(SignIn.account_id))
        .subquery()
    )
    enrolled = (
        select(col(SecondFactor.account_id))
        .where(col(SecondFactor.confirmed_at).is_not(None), col(SecondFactor.account_id) == col(Account.id))
        .exists()
    )
    where = _where(words, role, state, enrolled)
    total = session.exec(select(func.count()).select_from(Account).where(*where)).one()
    pages = max(1, -(-total // PAGE))
    page = min(max(page, 1), pages)
    rows = session.exec(
        select(Account, seen.c.seen_at, enrolled)
        .outerjoin(seen, seen.c.account_id == col(Account.id))
        .where(*where)
        .order_by(*_order(sort, seen.c.seen_at), col(Account.id))
        .offset((page - 1) * PAGE)
        .limit(PAGE)
    ).all()
    return Listing(tuple(_member(*row) for row in rows), total, page, pages)


def member(session: Session, account: Account) -> Member:
    """One account, as it stands in the list."""
    seen_at = session.exec(
        select(func.max(SignIn.last_seen_at)).where(col(SignIn.account_id) == account.id)
    ).one()
    confirmed = session.exec(
        select(SecondFactor.id).where(
            SecondFactor.account_id == account.id, col(SecondFactor.confirmed_at).is_not(None)
        )
    ).first()
    return _member(account, seen_at, confirmed is not None)


def _where(
    words: str, role: Role | None, state: State | None, enrolled: ColumnElement[bool]
) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    finished = (col(Account.password_hash) != NO_PASSWORD) & enrolled
    if words.strip():
        part = words.strip()
        where.append(
            or_(
                col(Account.login).icontains(part, autoescape=True),
                col(Account.name).icontains(part, autoescape=True),
            )
        )
    if role is not None:
        where.append(col(Account.role) == role)
    if state is State.disabled:
        where.append(~col(Account.active))
    elif state is State.active:
        where.append(col(Account.active) & finished)
    elif state is State.unfinished:
        where.append(col(Account.active) & ~finished)
    return where


def _order(sort: Sort, seen_at: ColumnElement[datetime]) -> tuple[Any, ...]:
    by: dict[Sort, tuple[Any, ...]] = {
        Sort.created: (col(Account.created_at).desc(),),
        Sort.login: (col(Account.login),),
        Sort.name: (col(Account.name), col(Account.login)),
        Sort.role: (col(Account.role), col(Account.login)),
        Sort.seen: (seen_at.is_(None), seen_at.desc(), col(Account.login)),
    }
    return by[sort]


def _member(account: Account, seen_at: datetime | None, enrolled: bool) -> Member:  # noqa: FBT001 -- of a row
    has_password = account.password_hash != NO_PASSWORD
    state = State.active if has_password and enrolled else State.unfinished
    return Member(
        id=account.id,
        login=account.login,
        name=account.name,
        role=Role(account.role),
        center_id=account.center_id,
        state=state if account.active else State.disabled,
        has_password=has_password,
        enrolled=enrolled,
        created_at=account.created_at,
        seen_at=seen_at,
    )
