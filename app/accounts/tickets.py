"""Short-lived rights: sign-in links, experts' seat codes and ways into a WebSocket."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session, col, select, update

from app.accounts.models import Ticket
from app.accounts.permissions import Permission
from app.core.sealing import Sealer


class TicketKind(StrEnum):
    live = "live"
    seat_code = "seat_code"
    sign_in = "sign_in"
    websocket = "websocket"


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
) -> str:
    """A new secret for `subject`; only its keyed hash is stored. A seat code is eight digits, the rest 43 letters."""
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
            created_at=now,
            expires_at=now + lifetime,
        )
    )
    session.flush()
    return secret


def redeem(session: Session, sealer: Sealer, now: datetime, *, kind: TicketKind, secret: str) -> str | None:
    """The subject of a valid ticket, which is thereby used up; None when it is unknown, used or too old."""
    ticket = session.get(Ticket, _hash(sealer, kind, secret))
    if ticket is None or ticket.kind != kind or ticket.expires_at <= now:
        return None
    if not ticket.reusable:
        claimed = session.exec(
            update(Ticket)
            .where(col(Ticket.token_hash) == ticket.token_hash, col(Ticket.used_at).is_(None))
            .values(used_at=now)
        )
        if claimed.rowcount != 1:
            return None
    return ticket.subject


def withdraw(session: Session, now: datetime, *, kind: TicketKind, subject: str) -> None:
    """Ends every open ticket of this kind for the subject."""
    for ticket in session.exec(
        select(Ticket).where(Ticket.kind == kind, Ticket.subject == subject, col(Ticket.expires_at) > now)
    ):
        ticket.expires_at = now
    session.flush()


def _digits() -> str:
    return f"{secrets.randbelow(10**_SEAT_CODE_DIGITS):0{_SEAT_CODE_DIGITS}d}"


def _hash(sealer: Sealer, kind: TicketKind, secret: str) -> str:
    return sealer.fingerprint(f"{kind}:{secret}")
