"""Signs people in and out: staff by password or link, experts by their seat code."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.accounts import sessions, tickets
from app.accounts.models import Account
from app.accounts.passwords import hash_password, require_fit
from app.accounts.permissions import Role
from app.accounts.tickets import TicketKind
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.errors import Conflict
from app.core.i18n import N_
from app.core.ids import new_id
from app.core.sealing import Sealer
from app.core.settings import AccountSettings

_CASE = "house"
_ACCOUNT = "account:"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: `token` goes into the cookie and is stored nowhere."""

    token: str
    role: Role
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class Persona:
    """An account of the sample center that a newcomer may step into."""

    id: str
    login: str
    name: str
    role: Role
    center_id: str | None


def password_hash(session: Session, login: str) -> str | None:
    """What to compare a password with; None for an unknown or inactive account."""
    account = session.exec(_active(login)).first()
    return account.password_hash if account is not None else None


def sign_in(
    session: Session, sealer: Sealer, now: datetime, settings: AccountSettings, *, login: str, right: bool
) -> SignedIn | None:
    """A session when the password was `right` and the account is not paused; None otherwise, for whatever reason.

    The comparison happens outside, before the transaction: it is slow on purpose and must not hold up writers.
    Wrong tries are counted here, one after the other, so that many at once gain nothing.
    """
    account = session.exec(_active(login).with_for_update()).first()
    if account is None:
        _refused(session, now, "account:unknown", "unknown")
        return None
    if account.paused_until is not None and account.paused_until > now:
        _refused(session, now, f"{_ACCOUNT}{account.id}", "paused")
        return None
    if not right:
        account.failures += 1
        if account.failures >= settings.sign_in_tries:
            account.failures = 0
            account.paused_until = now + timedelta(seconds=settings.sign_in_pause_s)
        _refused(session, now, f"{_ACCOUNT}{account.id}", "wrong")
        return None
    account.failures = 0
    account.paused_until = None
    return open_session(session, sealer, now, settings, account_id=account.id, how="password")


def open_session(
    session: Session, sealer: Sealer, now: datetime, settings: AccountSettings, *, account_id: str, how: str
) -> SignedIn | None:
    """A session for an active account whose holder has already proved themselves; `how` goes into the trail."""
    account = session.get(Account, account_id)
    if account is None or not account.active:
        return None
    lifetime = timedelta(hours=settings.session_hours)
    token = sessions.open_for_account(session, sealer, now, account, lifetime)
    audit.record(
        session,
        now,
        case=_CASE,
        tag=Tag.account_signed_in,
        actor=f"{_ACCOUNT}{account.id}",
        subject=f"{_ACCOUNT}{account.id}",
        data={"how": how},
    )
    return SignedIn(token, Role(account.role), lifetime)


def open_seat(
    session: Session,
    sealer: Sealer,
    now: datetime,
    settings: AccountSettings,
    *,
    member_id: str,
    evaluation_id: str,
) -> SignedIn:
    """A session for a committee member who has shown their seat code; the evaluation keeps the trail of it."""
    lifetime = timedelta(hours=settings.session_hours)
    token = sessions.open_for_member(
        session, sealer, now, member_id=member_id, evaluation_id=evaluation_id, lifetime=lifetime
    )
    return SignedIn(token, Role.expert, lifetime)


def redeem_link(session: Session, sealer: Sealer, now: datetime, secret: str) -> str | None:
    """Whom a sign-in link is for: `account:<id>` or `member:<id>`; None when it opens nothing any more."""
    subject = tickets.redeem(session, sealer, now, kind=TicketKind.sign_in, secret=secret)
    if subject is None:
        _refused(session, now, "link:unknown", "link")
    return subject


def note_guessing(session: Session, now: datetime, *, door: str, address: str) -> None:
    """One line in the trail for each pause that guessing has brought an address; `door` is sign-in or seat."""
    audit.record(
        session,
        now,
        case=_CASE,
        tag=Tag.guessing_paused,
        actor="anonymous",
        subject=f"door:{door}",
        data={"address": address},
    )


def sign_out(session: Session, sealer: Sealer, now: datetime, token: str) -> None:
    """Ends the session at once; an unknown token changes nothing."""
    known = sessions.find(session, sealer, now, token)
    if known is None:
        return
    sessions.close(session, sealer, now, token)
    audit.record(
        session, now, case=_CASE, tag=Tag.account_signed_out, actor=known.id, subject=known.id, data={}
    )


def create_account(
    session: Session,
    now: datetime,
    *,
    login: str,
    name: str,
    role: Role,
    password: str,
    center_id: str | None,
) -> Account:
    """A new member of staff. Conflict for a login in use, InvalidInput for a password that anybody would guess."""
    require_fit(password, login, name)
    if session.exec(select(Account.id).where(Account.login == login)).first() is not None:
        raise Conflict("login-taken", N_("登录名 {login} 已被使用"), N_("换一个登录名"), login=login)
    account = Account(
        id=new_id(now),
        login=login,
        name=name,
        role=role,
        center_id=center_id,
        password_hash=hash_password(password),
        created_at=now,
    )
    session.add(account)
    session.flush()
    return account


def personas(session: Session, limit: int = 12) -> tuple[Persona, ...]:
    """The first accounts of the sample center, for the sign-in page of a demonstration."""
    rows = session.exec(
        select(Account)
        .where(col(Account.active))
        .order_by(col(Account.created_at), col(Account.id))
        .limit(limit)
    ).all()
    return tuple(Persona(row.id, row.login, row.name, Role(row.role), row.center_id) for row in rows)


def _active(login: str) -> SelectOfScalar[Account]:
    return select(Account).where(Account.login == login.strip(), col(Account.active))


def _refused(session: Session, now: datetime, subject: str, why: str) -> None:
    # What was typed is not kept: people type passwords into the wrong field.
    audit.record(
        session,
        now,
        case=_CASE,
        tag=Tag.account_sign_in_refused,
        actor="anonymous",
        subject=subject,
        data={"why": why},
    )
