"""Whatever stands open to an account is shut at once: before it belongs to somebody else, or to nobody."""

from datetime import datetime

from sqlmodel import Session, col, delete

from app.accounts import sessions, tickets, tries
from app.accounts.models import HalfSignIn
from app.accounts.tickets import TicketKind
from app.accounts.trail import ACCOUNT


def shut(session: Session, now: datetime, account_id: str, *, but: str = "") -> None:
    """Ends the account's sessions except `but`, whoever is halfway in, and its sign-in links.

    Who was halfway in has shown a first factor that may count no more, and would be asked for a second one next.
    Whoever is just coming in is waited for: the account is held before what is open to it, as they hold it.
    """
    tries.hold_account(session, account_id)
    sessions.end_for_account(session, now, account_id, but=but)
    session.exec(delete(HalfSignIn).where(col(HalfSignIn.account_id) == account_id))
    tickets.withdraw(session, now, kind=TicketKind.sign_in, subject=f"{ACCOUNT}{account_id}")
