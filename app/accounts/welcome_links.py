"""The one-use link by which somebody comes into an account for the first time, or anew.

Where it takes two persons to let somebody in, each hands over a part: the link opens nothing without the code that belongs
to it, nor the code without the link.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete

from app.accounts import tickets, tries
from app.accounts.models import Account, WrongTries
from app.accounts.tickets import TicketKind
from app.accounts.trail import ACCOUNT, refused
from app.core.sealing import Sealer

LASTS = timedelta(hours=72)
WRONG_CODES = 5
"""So many wrong codes, and the link is void."""
_DIGITS = 8
_SOURCE = "welcome"


@dataclass(frozen=True, slots=True)
class Invited:
    """For whom a link is. coded: whether a code belongs to it."""

    account: Account
    coded: bool


def new_code() -> str:
    return f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"


def mark(sealer: Sealer, login: str, code: str) -> str:
    """What is kept of a code while its account is asked for. Anything but its digits does not count."""
    digits = "".join(sign for sign in code if sign in "0123456789")
    return sealer.fingerprint(f"welcome-code:{login}:{digits}")


def issue(session: Session, sealer: Sealer, now: datetime, account_id: str, code_mark: str = "") -> str:
    """A new link; earlier ones open nothing any more. code_mark: of the code that belongs to it; empty where none does."""
    void(session, now, account_id)
    subject = f"{ACCOUNT}{account_id}"
    if not code_mark:
        return tickets.issue(session, sealer, now, kind=TicketKind.welcome, subject=subject, lifetime=LASTS)
    link = tickets.issue(session, sealer, now, kind=TicketKind.welcome_half, subject=subject, lifetime=LASTS)
    whole = _whole(link, code_mark)
    tickets.keep(session, sealer, now, kind=TicketKind.welcome, subject=subject, lifetime=LASTS, secret=whole)
    return link


def void(session: Session, now: datetime, account_id: str) -> None:
    """No link to this account opens anything any more."""
    for kind in (TicketKind.welcome, TicketKind.welcome_half):
        tickets.withdraw(session, now, kind=kind, subject=f"{ACCOUNT}{account_id}")
    session.exec(
        delete(WrongTries).where(col(WrongTries.account_id) == account_id, col(WrongTries.source) == _SOURCE)
    )


def invited(session: Session, sealer: Sealer, now: datetime, link: str) -> Invited | None:
    """For whom the link is, without using it up; None when it opens nothing any more."""
    for kind in (TicketKind.welcome, TicketKind.welcome_half):
        subject = tickets.peek(session, sealer, now, kind=kind, secret=link)
        account = session.get(Account, subject.removeprefix(ACCOUNT)) if subject else None
        if account is not None and account.active:
            return Invited(account, kind is TicketKind.welcome_half)
    return None


def fits(session: Session, sealer: Sealer, now: datetime, link: str, code: str) -> bool:
    """Whether the link opens its account with this code. Wrong ones are counted, and void the link."""
    found = invited(session, sealer, now, link)
    if found is None or not found.coded:
        return found is not None
    account_id = found.account.id
    tries.hold_account(session, account_id)
    whole = _whole(link, mark(sealer, found.account.login, code))
    if tickets.peek(session, sealer, now, kind=TicketKind.welcome, secret=whole) is not None:
        return True
    row = session.get(WrongTries, (account_id, _SOURCE), populate_existing=True)
    wrong = 1 if row is None else row.wrong + 1
    session.merge(WrongTries(account_id=account_id, source=_SOURCE, wrong=wrong, last_at=now))
    session.flush()
    refused(session, now, f"{ACCOUNT}{account_id}", "code")
    if wrong >= WRONG_CODES:
        void(session, now, account_id)
    return False


def redeem(session: Session, sealer: Sealer, now: datetime, link: str, code: str) -> Account | None:
    """Whose link it was, which is thereby used up; None when another was faster, or link and code do not open it."""
    found = invited(session, sealer, now, link)
    if found is None:
        return None
    account = found.account
    tries.hold_account(session, account.id)
    secret = _whole(link, mark(sealer, account.login, code)) if found.coded else link
    if tickets.redeem(session, sealer, now, kind=TicketKind.welcome, secret=secret) is None:
        return None
    void(session, now, account.id)
    return account


def _whole(link: str, code_mark: str) -> str:
    return f"{link}:{code_mark}"
