"""Opens and ends sessions: of staff who have proved themselves, and of experts who have shown their seat code."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session

from app.accounts import sessions, tickets
from app.accounts.models import Account
from app.accounts.permissions import Role
from app.accounts.sessions import NOWHERE, Whence
from app.accounts.tickets import TicketKind
from app.accounts.trail import CASE, record, refused
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.sealing import Sealer
from app.core.settings_doors import AccountSettings


class How(StrEnum):
    """By what means somebody signed in; where a second factor was shown, the first one."""

    demonstration = "demonstration"
    link = "link"
    password = "password"  # noqa: S105 -- a name
    provider = "provider"


@dataclass(frozen=True, slots=True)
class Browser:
    """Who knocks: from where, and by which device they are known, if by any."""

    whence: Whence = NOWHERE
    device: str = ""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: `token` goes into the cookie and is stored nowhere.

    device: the token by which the browser is known from now on; empty where none is. recovered: a recovery code has been
    used of which the holder does not know yet.
    """

    token: str
    role: Role
    lifetime: timedelta
    device: str = ""
    recovered: bool = False


def open_session(
    session: Session,
    sealer: Sealer,
    now: datetime,
    settings: AccountSettings,
    *,
    account_id: str,
    how: How,
    browser: Browser,
    proved_at: datetime | None,
) -> SignedIn | None:
    """A session for an active account whose holder has already proved themselves; `how` goes into the trail.

    proved_at: when they have shown their second factor; None where nobody knows.
    """
    account = session.get(Account, account_id)
    if account is None or not account.active:
        return None
    lifetime = timedelta(hours=settings.session_hours)
    token = sessions.open_for_account(
        session,
        sealer,
        now,
        account,
        lifetime,
        how=how,
        proved_at=proved_at,
        whence=browser.whence,
        idle=timedelta(minutes=settings.idle_minutes),
    )
    record(session, now, account.id, Tag.account_signed_in, account.id, {"how": how})
    return SignedIn(token, Role(account.role), lifetime)


def open_seat(
    session: Session,
    sealer: Sealer,
    now: datetime,
    settings: AccountSettings,
    *,
    member_id: str,
    evaluation_id: str,
    whence: Whence = NOWHERE,
    terminal_id: str | None = None,
) -> SignedIn:
    """A session for a committee member who may take their seat; the evaluation keeps the trail of it."""
    lifetime = timedelta(hours=settings.session_hours)
    token = sessions.open_for_member(
        session,
        sealer,
        now,
        member_id=member_id,
        evaluation_id=evaluation_id,
        lifetime=lifetime,
        whence=whence,
        terminal_id=terminal_id,
    )
    return SignedIn(token, Role.expert, lifetime)


def redeem_link(session: Session, sealer: Sealer, now: datetime, secret: str) -> str | None:
    """Whom a sign-in link is for: `account:<id>` or `member:<id>`; None when it opens nothing any more."""
    subject = tickets.redeem(session, sealer, now, kind=TicketKind.sign_in, secret=secret)
    if subject is None:
        refused(session, now, "link:unknown", "link")
    return subject


def note_guessing(session: Session, now: datetime, *, door: str, address: str) -> None:
    """One line in the trail for each pause that guessing has brought an address; `door` is sign-in or seat."""
    audit.record(
        session,
        now,
        case=CASE,
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
        session, now, case=CASE, tag=Tag.account_signed_out, actor=known.id, subject=known.id, data={}
    )
