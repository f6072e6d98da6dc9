"""Writes acts into the audit trail, inside the transaction of the act itself, and checks the trail."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, event, exists, func, insert, orm
from sqlalchemy import select as columns
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, select

from app.audit import log_rows
from app.audit.chain import GENESIS, Break, Link, first_break
from app.audit.log_check import Fault, LogCheck
from app.audit.models import AuditEvent
from app.audit.tags import Tag
from app.core.canonical import Canonical, canonical_json
from app.core.database import awaiting_turn

# Written once and not as objects: every act in the house passes here.
_HEAD = (
    columns(col(AuditEvent.n), col(AuditEvent.hash))
    .where(col(AuditEvent.case) == bindparam("of_case"))
    .order_by(col(AuditEvent.n).desc())
    .limit(1)
)
_HEAD_IN_TURN = columns(func.audit_head(bindparam("of_case")).table_valued("n", "hash"))
_ADD = insert(AuditEvent).inline()
_HEADS = "audit heads"


def record(
    session: Session,
    now: datetime,
    *,
    case: str,
    tag: Tag,
    actor: str,
    subject: str,
    data: Mapping[str, Canonical] | None = None,
) -> None:
    """Adds one act to the case (an evaluation's id, or `house`). No personal data belongs in `data`."""
    connection = session.connection()
    last, prev = _head(session, connection, case)
    session.flush()
    n = last + 1
    text = canonical_json(data or {}).decode()
    link = Link(case, n, now.isoformat(), tag, actor, subject, text, prev)
    own = link.hash()
    connection.execute(
        _ADD,
        {
            "case": case,
            "n": n,
            "at": now,
            "tag": tag.value,
            "actor": actor,
            "subject": subject,
            "data": text,
            "prev": prev,
            "hash": own,
        },
    )
    session.info.setdefault(_HEADS, {})[case] = (n, own)


def _head(session: Session, connection: Connection, case: str) -> tuple[int, str]:
    """Number and hash of the last act of the case, which nobody else can follow from here on."""
    known: dict[str, tuple[int, str]] = session.info.get(_HEADS, {})
    if case in known:
        return known[case]
    # SQLite lets one writer in; PostgreSQL gives the turn and the head in one answer (`audit_head` among its guards).
    head = _HEAD_IN_TURN if connection.dialect.name == "postgresql" else _HEAD
    with awaiting_turn():
        found = connection.execute(head, {"of_case": case}).first()
    return (found.n, found.hash) if found else (0, GENESIS)


@event.listens_for(orm.Session, "after_transaction_end")
def _forget(session: orm.Session, _transaction: orm.SessionTransaction) -> None:
    """What was recorded may be undone with a savepoint, and others may follow once the transaction is over."""
    session.info.pop(_HEADS, None)


def check_case(session: Session, case: str) -> Break | None:
    """The first place where the case's trail was altered, or None."""
    rows = session.exec(select(AuditEvent).where(AuditEvent.case == case).order_by(col(AuditEvent.n))).all()
    return first_break(
        (
            Link(row.case, row.n, row.at.isoformat(), row.tag, row.actor, row.subject, row.data, row.prev),
            row.hash,
        )
        for row in rows
    )


def check_log(session: Session) -> tuple[int, tuple[Fault, ...]] | None:
    """How many acts the log holds, and where its rows are not what was signed; None where nothing was signed yet.

    Whether it is the house that signed only a key that was published elsewhere can tell: for that an export is checked.
    """
    last = log_rows.last_checkpoint(session)
    if last is None:
        return None
    check = LogCheck({last.size: log_rows.hash_of(last.root)})
    for one in log_rows.leaves(session):
        check.see(one.entry, one.leaf)
    check.end()
    return last.size, check.faults


def happened(session: Session, tag: Tag) -> bool:
    """Whether an act of this kind is in any case's trail."""
    return session.exec(select(AuditEvent.id).where(AuditEvent.tag == tag).limit(1)).first() is not None


def took_part(case: Mapped[str], actor: str, tags: Collection[Tag]) -> ColumnElement[bool]:
    """Whether this actor did one of these acts in the case, as a condition for a query about it."""
    return exists().where(
        col(AuditEvent.case) == case, col(AuditEvent.actor) == actor, col(AuditEvent.tag).in_(tags)
    )


def cases(session: Session) -> tuple[str, ...]:
    return tuple(session.exec(select(AuditEvent.case).distinct().order_by(AuditEvent.case)).all())


def trail(session: Session, case: str) -> tuple[AuditEvent, ...]:
    """The acts of a case in order."""
    return tuple(
        session.exec(select(AuditEvent).where(AuditEvent.case == case).order_by(col(AuditEvent.n))).all()
    )
