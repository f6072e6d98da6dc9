"""Who is signed in: opaque tokens in a cookie, their keyed hash in a row that can be revoked at once.

News of topic `session:<id>`, kind `revoked`, leaves when a session is ended; whatever is open under it closes.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select, update

from app.accounts.models import Account, SignIn
from app.accounts.permissions import Role
from app.accounts.uses import Uses
from app.core import bus
from app.core.ids import new_id
from app.core.sealing import Sealer

TOPIC, REVOKED = "session:", "revoked"
TOUCH_EVERY = timedelta(minutes=1)
"""How often, at most, a row is told that its session is used."""


class SessionKind(StrEnum):
    seat = "seat"
    staff = "staff"


@dataclass(frozen=True, slots=True)
class Whence:
    """Where a session was opened: the network address, and what the browser calls itself, in a few words."""

    address: str = ""
    agent: str = ""


NOWHERE = Whence()


@dataclass(frozen=True, slots=True)
class Known:
    """What a valid session says about its holder. proved_at: when the second factor was last shown in it."""

    id: str
    role: Role
    name: str
    center_id: str | None
    member_id: str | None
    evaluation_id: str | None
    session_id: str
    proved_at: datetime | None
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Open:
    """An open session, as its holder sees it in a list. how: by what means they signed in."""

    id: str
    account_id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    agent: str
    how: str


@dataclass(frozen=True, slots=True)
class AtSeat:
    """A committee member's session. terminal_id: as in `open_for_member`."""

    id: str
    terminal_id: str | None
    expires_at: datetime


def cookie_name(*, secure: bool) -> str:
    """`__Host-` binds the cookie to this very host, which browsers grant over HTTPS only."""
    return "__Host-yuanping" if secure else "yuanping"


def topic(session_id: str) -> str:
    """Where news of one session are told."""
    return f"{TOPIC}{session_id}"


def open_for_account(
    session: Session,
    sealer: Sealer,
    now: datetime,
    account: Account,
    lifetime: timedelta,
    *,
    how: str = "",
    proved_at: datetime | None = None,
    whence: Whence = NOWHERE,
    idle: timedelta | None = None,
) -> str:
    """A new session of a member of staff; the token is returned once and never stored.

    idle: how long it lasts without being used; None: as long as it lives.
    """
    token = secrets.token_urlsafe(32)
    session.add(
        SignIn(
            token_hash=_hash(sealer, token),
            id=new_id(now),
            kind=SessionKind.staff,
            account_id=account.id,
            created_at=now,
            expires_at=now + lifetime,
            idle_s=None if idle is None else int(idle / timedelta(seconds=1)),
            last_seen_at=now,
            proved_at=proved_at,
            how=how,
            address=whence.address,
            agent=whence.agent,
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
    whence: Whence = NOWHERE,
    terminal_id: str | None = None,
) -> str:
    """A new session of one committee member; earlier sessions of the same member end.

    terminal_id: the seat terminal without whose proof it opens no room.
    """
    end_for_member(session, now, member_id)
    token = secrets.token_urlsafe(32)
    session.add(
        SignIn(
            token_hash=_hash(sealer, token),
            id=new_id(now),
            kind=SessionKind.seat,
            member_id=member_id,
            evaluation_id=evaluation_id,
            created_at=now,
            expires_at=now + lifetime,
            last_seen_at=now,
            address=whence.address,
            agent=whence.agent,
            terminal_id=terminal_id,
        )
    )
    session.flush()
    return token


def find(
    session: Session, sealer: Sealer, now: datetime, token: str, uses: Uses | None = None
) -> Known | None:
    """Whose session this is, if it lives. uses: what its row does not tell yet."""
    row = session.get(SignIn, _hash(sealer, token))
    if row is None:
        return None
    seen_at = row.last_seen_at if uses is None else uses.latest(row.id, row.last_seen_at)
    if not _lives(row, now, seen_at):
        return None
    account = None if row.account_id is None else session.get(Account, row.account_id)
    if row.member_id is None and (account is None or not account.active):
        return None
    return Known(
        id=f"account:{account.id}" if account else f"member:{row.member_id}",
        role=Role(account.role) if account else Role.expert,
        name=account.name if account else "",
        center_id=account.center_id if account else None,
        member_id=row.member_id,
        evaluation_id=row.evaluation_id,
        session_id=row.id,
        proved_at=row.proved_at,
        last_seen_at=seen_at,
    )


def at_seat(session: Session, member_id: str) -> AtSeat | None:
    """The session of this committee member that nobody has ended, whether or not its time is over."""
    row = session.exec(
        select(SignIn)
        .where(SignIn.member_id == member_id, col(SignIn.revoked_at).is_(None))
        .order_by(col(SignIn.created_at).desc(), col(SignIn.id).desc())
    ).first()
    return None if row is None else AtSeat(row.id, row.terminal_id, row.expires_at)


def touch(session: Session, now: datetime, session_id: str) -> None:
    """The session was used then."""
    session.exec(
        update(SignIn)
        .where(col(SignIn.id) == session_id, col(SignIn.last_seen_at) < now)
        .values(last_seen_at=now)
    )


def prove(session: Session, sealer: Sealer, now: datetime, session_id: str) -> tuple[str, timedelta]:
    """The second factor was shown just now. Gives the session's new token, the earlier one opens nothing any more, and how
    long it still lives."""
    token = secrets.token_urlsafe(32)
    row = session.exec(select(SignIn).where(SignIn.id == session_id)).one()
    row.proved_at, row.token_hash = now, _hash(sealer, token)
    session.flush()
    return token, row.expires_at - now


def alive(
    session: Session, now: datetime, session_ids: Collection[str], uses: Uses | None = None
) -> frozenset[str]:
    """Which of these sessions are neither ended nor over nor left alone for too long, of active holders. uses: as in `find`."""
    if not session_ids:
        return frozenset()
    rows = session.exec(
        select(SignIn, Account)
        .outerjoin(Account, col(Account.id) == col(SignIn.account_id))
        .where(col(SignIn.id).in_(sorted(session_ids)))
    ).all()
    return frozenset(
        row.id
        for row, account in rows
        if _lives(row, now, uses.latest(row.id, row.last_seen_at) if uses else row.last_seen_at)
        and (row.member_id is not None or (account is not None and account.active))
    )


def ended(session: Session, session_id: str) -> bool:
    """Whether somebody has ended this session."""
    going_on = select(SignIn.id).where(SignIn.id == session_id, col(SignIn.revoked_at).is_(None))
    return session.exec(going_on).first() is None


def seats_ended(session: Session, since: datetime) -> frozenset[tuple[str, str]]:
    """The sessions of committee members that were ended since then, each with its evaluation."""
    rows = session.exec(
        select(SignIn.id, SignIn.evaluation_id).where(
            col(SignIn.evaluation_id).is_not(None), col(SignIn.revoked_at) > since
        )
    ).all()
    return frozenset((id_, str(evaluation_id)) for id_, evaluation_id in rows)


def open_of(session: Session, now: datetime, account_id: str) -> tuple[Open, ...]:
    """The open sessions of an account, the latest used first."""
    rows = session.exec(
        select(SignIn)
        .where(
            SignIn.account_id == account_id, col(SignIn.revoked_at).is_(None), col(SignIn.expires_at) > now
        )
        .order_by(col(SignIn.last_seen_at).desc(), col(SignIn.id).desc())
    ).all()
    return tuple(
        Open(
            row.id,
            account_id,
            row.created_at,
            row.last_seen_at,
            row.expires_at,
            row.address,
            row.agent,
            row.how,
        )
        for row in rows
        if _lives(row, now, row.last_seen_at)
    )


def close(session: Session, sealer: Sealer, now: datetime, token: str) -> None:
    _end(session, now, col(SignIn.token_hash) == _hash(sealer, token))


def end_one(session: Session, now: datetime, session_id: str, account_id: str) -> bool:
    """Ends this session if it is one of the account; whether it was open."""
    return bool(_end(session, now, col(SignIn.id) == session_id, col(SignIn.account_id) == account_id))


def end_for_account(session: Session, now: datetime, account_id: str, *, but: str = "") -> int:
    """Signs a member of staff out wherever they are signed in, except in the session `but`; how many have ended."""
    return _end(session, now, col(SignIn.account_id) == account_id, col(SignIn.id) != but)


def end_for_member(session: Session, now: datetime, member_id: str) -> None:
    """Signs a committee member out wherever they are signed in."""
    _end(session, now, col(SignIn.member_id) == member_id)


def end_for_terminal(session: Session, now: datetime, terminal_id: str) -> tuple[str, ...]:
    """Signs out whoever sits at this terminal; returns the evaluations they belong to."""
    at_it = select(SignIn.evaluation_id).where(
        SignIn.terminal_id == terminal_id, col(SignIn.revoked_at).is_(None)
    )
    found = tuple(sorted({str(one) for one in session.exec(at_it)}))
    _end(session, now, col(SignIn.terminal_id) == terminal_id)
    return found


def end_for_evaluation(session: Session, now: datetime, evaluation_id: str) -> None:
    """Signs a whole committee out: its room has closed."""
    _end(session, now, col(SignIn.evaluation_id) == evaluation_id)


def _end(session: Session, now: datetime, *which: ColumnElement[bool]) -> int:
    ids = session.exec(select(SignIn.id).where(*which, col(SignIn.revoked_at).is_(None))).all()
    if not ids:
        return 0
    ended = session.exec(
        update(SignIn).where(col(SignIn.id).in_(ids), col(SignIn.revoked_at).is_(None)).values(revoked_at=now)
    )
    for one in ids:
        bus.publish(session, topic(one), REVOKED)
    return int(ended.rowcount)


def _lives(row: SignIn, now: datetime, seen_at: datetime) -> bool:
    idle_over = row.idle_s is not None and seen_at + timedelta(seconds=row.idle_s) <= now
    return row.revoked_at is None and row.expires_at > now and not idle_over


def _hash(sealer: Sealer, token: str) -> str:
    return sealer.fingerprint(f"session:{token}")
