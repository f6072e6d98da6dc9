"""What of signing in is over and has no further use: tickets, sessions, half sign-ins, wrong tries. The trail keeps what was done."""

from datetime import datetime

from sqlalchemy import and_, exists, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from app.accounts.models import HalfSignIn, SignIn, Ticket, WrongTries
from app.core.forgetting import forget_some


def forget(session: Session, before: datetime) -> bool:
    """Takes away some of what ended before this moment; whether there may be more of it.

    The session in which an account was used last stays: it says since when nobody has used the account.
    """
    later = aliased(SignIn)
    used_since = exists().where(
        col(later.account_id) == col(SignIn.account_id),
        or_(
            col(later.last_seen_at) > col(SignIn.last_seen_at),
            and_(col(later.last_seen_at) == col(SignIn.last_seen_at), col(later.id) > col(SignIn.id)),
        ),
    )
    ended = and_(
        or_(col(SignIn.expires_at) < before, col(SignIn.revoked_at) < before),
        or_(col(SignIn.account_id).is_(None), used_since),
    )
    left = [
        forget_some(session, Ticket, col(Ticket.expires_at) < before),
        forget_some(session, SignIn, ended),
        forget_some(session, HalfSignIn, col(HalfSignIn.expires_at) < before),
        forget_some(session, WrongTries, col(WrongTries.last_at) < before),
    ]
    return any(left)
