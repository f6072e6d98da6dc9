"""Who is signed in: opaque tokens in a cookie, their keyed hash in a row that can be revoked at once."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, update

from app.accounts.models import Account, SignIn
from app.accounts.permissions import Role
from app.core.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Known:
    """What a valid session says about its holder."""

    id: str
    role: Role
    name: str
    center_id: str | None
    member_id: str | None
    evaluation_id: str | None


def cookie_name(*, secure: bool) -> str:
    """`__Host-` binds the cookie to this very host, which browsers grant over HTTPS only."""
    return "__Host-yuanping" if secure else "yuanping"


def open_for_account(
    session: Session, sealer: Sealer, now: datetime, account: Account, lifetime: timedelta
) -> str:
    """A new session of a member of staff; the token is returned once and never stored."""
    token = secrets.token_urlsafe(32)
    session.add(
        SignIn(
            token_hash=_hash(sealer, token), account_id=account.id, created_at=now, expires_at=now + lifetime
        )
    )
    session.flush()
    return token


def open_for_member(
    session: Session,
    sealer: Sealer,
    now: datetime,
    *,
    member_id: str,
    evaluation_id: str,
    lifetime: timedelta,
) -> str:
    """A new session of one committee member; earlier sessions of the same member end."""
    end_for_member(session, now, member_id)
    token = secrets.token_urlsafe(32)
    session.add(
        SignIn(
            token_hash=_hash(sealer, token),
            member_id=member_id,
            evaluation_id=evaluation_id,
            created_at=now,
            expires_at=now + lifetime,
        )
    )
    session.flush()
    return token


def end_for_member(session: Session, now: datetime, member_id: str) -> None:
    """Signs a committee member out wherever they are signed in."""
    session.exec(
        update(SignIn)
        .where(col(SignIn.member_id) == member_id, col(SignIn.revoked_at).is_(None))
        .values(revoked_at=now)
    )


def find(session: Session, sealer: Sealer, now: datetime, token: str) -> Known | None:
    row = session.get(SignIn, _hash(sealer, token))
    if row is None or row.revoked_at is not None or row.expires_at <= now:
        return None
    if row.member_id is not None:
        return Known(f"member:{row.member_id}", Role.expert, "", None, row.member_id, row.evaluation_id)
    account = session.get(Account, row.account_id)
    if account is None or not account.active:
        return None
    return Known(f"account:{account.id}", Role(account.role), account.name, account.center_id, None, None)


def close(session: Session, sealer: Sealer, now: datetime, token: str) -> None:
    row = session.get(SignIn, _hash(sealer, token))
    if row is not None and row.revoked_at is None:
        row.revoked_at = now
        session.flush()


def _hash(sealer: Sealer, token: str) -> str:
    return sealer.fingerprint(f"session:{token}")
