"""Looks acts up: by case, kind, person, thing, time and words; and gives the very same ones for an export."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy import select as columns
from sqlmodel import Session, col

from app.audit.log_rows import ACT, entry_of
from app.audit.models import AuditEvent, AuditLeaf

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which acts are meant; empty texts ask for nothing. since, until: from the one, up to and without the other.

    cases: the only ones that whoever asks may see, None for all.
    """

    case: str = ""
    tag: str = ""
    actor: str = ""
    subject: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    cases: tuple[str, ...] | None = None

    @property
    def everything(self) -> bool:
        return self == Chosen()

    def told(self) -> Mapping[str, str]:
        """What was asked for, as it stands in an export."""
        asked = {name: value for name, value in asdict(self).items() if value and name != "cases"}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in asked.items()
        }


@dataclass(frozen=True, slots=True)
class Act:
    """One act as it is shown. position: its place in the log, None as long as nothing was signed for it."""

    id: int
    case: str
    n: int
    at: datetime
    tag: str
    actor: str
    subject: str
    data: str
    position: int | None


def newest(session: Session, chosen: Chosen, below: int | None, most: int) -> tuple[Act, ...]:
    """The newest acts that are meant, from the row with number `below` (itself not) downwards."""
    asked = (
        columns(*ACT, col(AuditLeaf.position))
        .outerjoin(AuditLeaf, col(AuditLeaf.event_id) == col(AuditEvent.id))
        .where(*_meant(chosen))
        .order_by(col(AuditEvent.id).desc())
        .limit(most)
    )
    if below is not None:
        asked = asked.where(col(AuditEvent.id) < below)
    return tuple(
        Act(row.id, row.case, row.n, row.at, row.tag, row.actor, row.subject, row.data, row.position)
        for row in session.execute(asked)
    )


def count(session: Session, chosen: Chosen) -> int:
    return int(session.execute(columns(func.count(col(AuditEvent.id))).where(*_meant(chosen))).scalar_one())


def in_log(session: Session, chosen: Chosen, size: int) -> Iterator[tuple[int, bytes]]:
    """The acts that are meant among the first `size` of the log, in its order: position and canonical bytes."""
    start = 0
    while True:
        rows = session.execute(
            columns(*ACT, col(AuditLeaf.position))
            .join(AuditLeaf, col(AuditLeaf.event_id) == col(AuditEvent.id))
            .where(*_meant(chosen), col(AuditLeaf.position) >= start, col(AuditLeaf.position) < size)
            .order_by(col(AuditLeaf.position))
            .limit(_AT_ONCE)
        ).all()
        for row in rows:
            yield row.position, entry_of(row)
        if len(rows) < _AT_ONCE:
            return
        start = rows[-1].position + 1


def _meant(chosen: Chosen) -> list[ColumnElement[bool]]:
    asked: list[Any] = [
        col(getattr(AuditEvent, name)) == value
        for name in ("case", "tag", "actor", "subject")
        if (value := getattr(chosen, name))
    ]
    if chosen.text:
        # Not every kind of database knows the same rules for capitals; `lower` of what is written here is ASCII's.
        asked.append(func.lower(col(AuditEvent.data)).contains(chosen.text.lower(), autoescape=True))
    if chosen.since is not None:
        asked.append(col(AuditEvent.at) >= chosen.since)
    if chosen.until is not None:
        asked.append(col(AuditEvent.at) < chosen.until)
    if chosen.cases is not None:
        asked.append(col(AuditEvent.case).in_(chosen.cases))
    return asked
