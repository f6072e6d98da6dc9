"""The rows of the log: acts that have no place in it yet, leaves in order, checkpoints and what others signed under them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from app.audit.chain import Link
from app.audit.log_tree import Frontier
from app.audit.models import (
    AuditAlarm,
    AuditCheckpoint,
    AuditCosignature,
    AuditEvent,
    AuditLeaf,
    AuditStamp,
)

_AT_ONCE = 5000
ACT: tuple[Any, ...] = (
    col(AuditEvent.id),
    col(AuditEvent.case),
    col(AuditEvent.n),
    col(AuditEvent.at),
    col(AuditEvent.tag),
    col(AuditEvent.actor),
    col(AuditEvent.subject),
    col(AuditEvent.data),
    col(AuditEvent.prev),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An act as the log holds it: its row's number, its tag, and its canonical bytes."""

    event_id: int
    tag: str
    data: bytes


@dataclass(frozen=True, slots=True)
class NumberedLeaf:
    """A leaf in order, with the act that belongs to it; None where that is gone."""

    position: int
    leaf: bytes
    entry: bytes | None


def pending(session: Session, floor: int, most: int) -> tuple[Entry, ...]:
    """Acts with a number above `floor` that have no leaf, by number."""
    rows = session.execute(
        columns(*ACT)
        .outerjoin(AuditLeaf, col(AuditLeaf.event_id) == col(AuditEvent.id))
        .where(col(AuditEvent.id) > floor, col(AuditLeaf.event_id).is_(None))
        .order_by(col(AuditEvent.id))
        .limit(most)
    ).all()
    return tuple(Entry(row.id, row.tag, entry_of(row)) for row in rows)


def entry_of(row: Row[Any]) -> bytes:
    """The canonical bytes of an act out of its row."""
    return Link(
        row.case, row.n, row.at.isoformat(), row.tag, row.actor, row.subject, row.data, row.prev
    ).to_bytes()


def settled(session: Session, before: datetime) -> int:
    """Up to which number acts were given out before that moment: below, nothing new appears unless somebody writes for very long.

    Numbers are given out in order, so each up to that of a leaf signed for by then is at least as old.
    """
    size = session.exec(
        select(AuditCheckpoint.size)
        .where(AuditCheckpoint.at <= before)
        .order_by(col(AuditCheckpoint.at).desc())
        .limit(1)
    ).first()
    if size is None:
        return 0
    return session.exec(select(AuditLeaf.event_id).where(AuditLeaf.position == size - 1)).first() or 0


def append(session: Session, start: int, leaves: list[tuple[int, bytes]]) -> None:
    """leaves: number of the act and hash, in the order in which they take their places."""
    session.execute(
        insert(AuditLeaf),
        [
            {"position": start + index, "event_id": event_id, "hash": leaf.hex()}
            for index, (event_id, leaf) in enumerate(leaves)
        ],
    )


def leaves(session: Session, start: int = 0) -> Iterator[NumberedLeaf]:
    """Every leaf from `start` on in order, however many there are. A leaf that is no hash counts as another one."""
    while True:
        rows = session.execute(
            columns(col(AuditLeaf.position), col(AuditLeaf.hash), *ACT)
            .outerjoin(AuditEvent, col(AuditLeaf.event_id) == col(AuditEvent.id))
            .where(col(AuditLeaf.position) >= start)
            .order_by(col(AuditLeaf.position))
            .limit(_AT_ONCE)
        ).all()
        for row in rows:
            yield NumberedLeaf(row.position, hash_of(row.hash), None if row.id is None else entry_of(row))
        if len(rows) < _AT_ONCE:
            return
        start = rows[-1].position + 1


def leaves_between(session: Session, start: int, end: int) -> tuple[bytes, ...]:
    """The leaves start..end (to excluded); fewer where some are gone."""
    found = session.exec(
        select(AuditLeaf.hash)
        .where(AuditLeaf.position >= start, AuditLeaf.position < end)
        .order_by(col(AuditLeaf.position))
    ).all()
    return tuple(hash_of(text) for text in found)


def position_of(session: Session, leaf: bytes) -> int | None:
    return session.exec(select(AuditLeaf.position).where(AuditLeaf.hash == leaf.hex())).first()


def last_checkpoint(session: Session, at_most: int | None = None) -> AuditCheckpoint | None:
    """The newest, or the newest that is not larger."""
    asked = select(AuditCheckpoint).order_by(col(AuditCheckpoint.size).desc()).limit(1)
    if at_most is not None:
        asked = asked.where(AuditCheckpoint.size <= at_most)
    return session.exec(asked).first()


def signed_size(session: Session) -> int:
    """How many acts the newest checkpoint has."""
    return session.exec(select(func.max(AuditCheckpoint.size))).one() or 0


def checkpoint(session: Session, size: int) -> AuditCheckpoint | None:
    return session.get(AuditCheckpoint, size)


def cosignatures(session: Session, size: int) -> tuple[AuditCosignature, ...]:
    return tuple(
        session.exec(
            select(AuditCosignature)
            .where(AuditCosignature.size == size)
            .order_by(AuditCosignature.witness, AuditCosignature.key_id)
        ).all()
    )


def witnessed(session: Session) -> tuple[AuditCosignature, ...]:
    """The newest signature of each witness."""
    newest = (
        select(AuditCosignature.key_id, func.max(AuditCosignature.size).label("size"))
        .group_by(AuditCosignature.key_id)
        .subquery()
    )
    return tuple(
        session.exec(
            select(AuditCosignature)
            .join(
                newest,
                (newest.c.key_id == col(AuditCosignature.key_id))
                & (newest.c.size == col(AuditCosignature.size)),
            )
            .order_by(AuditCosignature.witness)
        ).all()
    )


def note_of(session: Session, row: AuditCheckpoint) -> bytes:
    """The note with every signature line that is kept for it."""
    return (row.note + "".join(one.line for one in cosignatures(session, row.size))).encode()


def stamps(session: Session) -> tuple[AuditStamp, ...]:
    return tuple(session.exec(select(AuditStamp).order_by(col(AuditStamp.size))).all())


def stamped(session: Session, size: int) -> bool:
    return session.get(AuditStamp, size) is not None


def last_milestone(session: Session) -> AuditCheckpoint | None:
    """The newest checkpoint that was signed at once."""
    return session.exec(
        select(AuditCheckpoint)
        .where(col(AuditCheckpoint.milestone))
        .order_by(col(AuditCheckpoint.size).desc())
        .limit(1)
    ).first()


def alarm(session: Session) -> AuditAlarm | None:
    """What is amiss now; None when rows and signatures agree."""
    last = session.exec(select(AuditAlarm).order_by(col(AuditAlarm.id).desc()).limit(1)).first()
    return last if last is not None and last.reason else None


def tell(session: Session, now: datetime, size: int, reason: str) -> bool:
    """Notes what is amiss, or with an empty reason that nothing is any more; False when that is known already."""
    known = alarm(session)
    if (known.reason if known else "") == reason:
        return False
    session.add(AuditAlarm(size=size, reason=reason, at=now))
    session.flush()
    return True


def frontier_of(row: AuditCheckpoint | None) -> Frontier:
    """Raises ValueError when the row's frontier is none, or not that of its root."""
    if row is None:
        return Frontier()
    found = Frontier.parse(row.size, row.frontier)
    if found.root.hex() != row.root:
        raise ValueError("the frontier has another root")
    return found


def hash_of(text: str) -> bytes:
    """The bytes of a hash in hex digits; what is none counts as another one."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return text.encode()
