"""Short-lived rights: links, experts' seat codes and ways into a WebSocket."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select, update

from app.accounts import sessions
from app.accounts.models import Ticket
from app.accounts.permissions import Permission
from app.core.sealing import Sealer


class TicketKind(StrEnum):
    live = "live"
    provider = "provider"  # one way to the sign-in service of the center and back
    seat_code = "seat_code"
    set_up = "set_up"
    sign_in = "sign_in"
    terminal = "terminal"  # a challenge that a seat terminal has answered
    websocket = "websocket"
    welcome = "welcome"
    welcome_half = "welcome_half"  # opens nothing without its code, see `app.accounts.welcome_links`


OPENS: Mapping[Permission, TicketKind] = {
    Permission.recording_watch: TicketKind.live,
    Permission.seat_sit: TicketKind.websocket,
}
"""The kind of ticket that stands for a permission at the door of a WebSocket."""
_SEAT_CODE_DIGITS = 8


def issue(
    session: Session,
    sealer: Sealer,
    now: datetime,
    *,
    kind: TicketKind,
    subject: str,
    lifetime: timedelta,
    reusable: bool = False,
    session_id: str = "",
) -> str:
    """A new secret for `subject`; only its keyed hash is stored. A seat code is eight digits, the rest 43 letters.

    session_id: the session that the right is part of, and ends with; empty for one that stands by itself.
    """
    while True:
        secret = _digits() if kind is TicketKind.seat_code else secrets.token_urlsafe(32)
        token_hash = _hash(sealer, kind, secret)
        if session.get(Ticket, token_hash) is None:
            break
    session.add(
        Ticket(
            token_hash=token_hash,
            kind=kind,
            subject=subject,
            reusable=reusable,
            session_id=session_id,
            created_at=now,
            expires_at=now + lifetime,
        )
    )
    session.flush()
    return secret


def keep(
    session: Session,
    sealer: Sealer,
    now: datetime,
    *,
    kind: TicketKind,
    subject: str,
    lifetime: timedelta,
    secret: str,
) -> None:
    """As `issue`, for a one-use secret that its holders put together of parts."""
    token_hash = _hash(sealer, kind, secret)
    session.add(
        Ticket(token_hash=token_hash, kind=kind, subject=subject, created_at=now, expires_at=now + lifetime)
    )
    session.flush()


def spend(
    session: Session, sealer: Sealer, now: datetime, *, kind: TicketKind, secret: str, subject: str
) -> bool:
    """Uses up a secret that was given out without a row; whether this was the first time."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    spent = session.connection().execute(
        insert(Ticket)
        .values(
            token_hash=_hash(sealer, kind, secret),
            kind=kind,
            subject=subject,
            reusable=False,
            created_at=now,
            expires_at=now,
            used_at=now,
        )
        .on_conflict_do_nothing(index_elements=["token_hash"])
        .returning(col(Ticket.token_hash))  # PostgreSQL's driver does not count the rows of such a statement
    )
    return spent.scalar_one_or_none() is not None


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What a ticket was for, the session it is part of (empty for one that stood by itself), and when it was given out."""

    subject: str
    session_id: str
    issued_at: datetime


def redeem(session: Session, sealer: Sealer, now: datetime, *, kind: TicketKind, secret: str) -> str | None:
    """The subject of a valid ticket, which is thereby used up; None when it is unknown, used or too old."""
    redeemed = redeem_whole(session, sealer, now, kind=kind, secret=secret)
    return None if redeemed is None else redeemed.subject


def redeem_whole(
    session: Session, sealer: Sealer, now: datetime, *, kind: TicketKind, secret: str
) -> Redeemed | None:
    """As `redeem`, with the session that the ticket is part of; one whose session has ended opens nothing."""
    ticket = _valid(session, sealer, now, kind, secret)
    if ticket is None:
        return None
    if not ticket.reusable:
        claimed = session.exec(
            update(Ticket)
            .where(col(Ticket.token_hash) == ticket.token_hash, col(Ticket.used_at).is_(None))
            .values(used_at=now)
        )
        if claimed.rowcount != 1:
            return None
    if ticket.session_id and not sessions.alive(session, now, {ticket.session_id}):
        return None
    return Redeemed(ticket.subject, ticket.session_id, ticket.created_at)


def peek(session: Session, sealer: Sealer, now: datetime, *, kind: TicketKind, secret: str) -> str | None:
    """The subject of a ticket that could be used now, without using it."""
    ticket = _valid(session, sealer, now, kind, secret)
    return None if ticket is None or (ticket.used_at is not None and not ticket.reusable) else ticket.subject


def withdraw(session: Session, now: datetime, *, kind: TicketKind, subject: str) -> None:
    """Ends every open ticket of this kind for the subject."""
    for ticket in session.exec(
        select(Ticket).where(Ticket.kind == kind, Ticket.subject == subject, col(Ticket.expires_at) > now)
    ):
        ticket.expires_at = now
    session.flush()


def _valid(session: Session, sealer: Sealer, now: datetime, kind: TicketKind, secret: str) -> Ticket | None:
    ticket = session.get(Ticket, _hash(sealer, kind, secret), populate_existing=True)
    return None if ticket is None or ticket.kind != kind or ticket.expires_at <= now else ticket


def _digits() -> str:
    return f"{secrets.randbelow(10**_SEAT_CODE_DIGITS):0{_SEAT_CODE_DIGITS}d}"


def _hash(sealer: Sealer, kind: TicketKind, secret: str) -> str:
    return sealer.fingerprint(f"{kind}:{secret}")
