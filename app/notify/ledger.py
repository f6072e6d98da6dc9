"""What happened to messages and what was handed to providers: written once, never changed."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Insert, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from app.core.canonical import digest
from app.core.ids import new_id
from app.core.sealed_columns import DOCUMENT_BODY
from app.core.sealing import Sealer
from app.notify.models import MessageEvent, OutgoingMessage, SentDocument


def record_event(
    session: Session, now: datetime, key: str, message_id: str, kind: str, payload: Mapping[str, str]
) -> bool:
    """Writes the event once; False when its key is known, so that a repeated report is told from a new one."""
    # On PostgreSQL an insert does not count its rows unless it is asked to.
    result = session.connection().execute(
        _insert_event(session),
        _event_row(key, message_id, kind, payload, now),
        execution_options={"preserve_rowcount": True},
    )
    return result.rowcount == 1


def record_events(
    session: Session, events: Sequence[tuple[str, str, str, Mapping[str, str]]], now: datetime
) -> None:
    """Writes each event (key, message id, kind, payload) once."""
    if events:
        session.connection().execute(_insert_event(session), [_event_row(*event, now) for event in events])


def new_events(
    session: Session, now: datetime, events: Sequence[tuple[str, str, str, Mapping[str, str]]]
) -> frozenset[str]:
    """Writes each event once; gives the keys of those that were not known before."""
    if not events:
        return frozenset()
    rows = {row["key"]: row for row in (_event_row(*event, now) for event in events)}
    written = session.connection().execute(
        _insert_event(session).returning(col(MessageEvent.key)), list(rows.values())
    )
    return frozenset(written.scalars().all())


def _event_row(
    key: str, message_id: str, kind: str, payload: Mapping[str, str], now: datetime
) -> dict[str, object]:
    text = json.dumps(dict(payload), ensure_ascii=False, sort_keys=True)
    return {"key": key[:200], "message_id": message_id, "kind": kind, "payload": text, "at": now}


def _insert_event(session: Session) -> Insert:
    return _INSERT_EVENT[session.get_bind().dialect.name]


_INSERT_EVENT = {
    "postgresql": postgresql.insert(MessageEvent).on_conflict_do_nothing(),
    "sqlite": sqlite.insert(MessageEvent).on_conflict_do_nothing(),
}


def keep_sent(
    session: Session, now: datetime, sealer: Sealer, sent: Sequence[tuple[str, str, bytes]]
) -> None:
    """Keeps what is handed to a provider, (message id, kind, bytes) each: sealed, known by its hash, for ever."""
    rows = [
        {
            "id": document_id,
            "message_id": message_id,
            "kind": kind,
            "at": now,
            "sha256": hashlib.sha256(body).hexdigest(),
            "body_sealed": sealer.seal(body.decode(), DOCUMENT_BODY.at(document_id)),
        }
        for document_id, message_id, kind, body in ((new_id(now), *one) for one in sent)
    ]
    if rows:
        session.connection().execute(insert(SentDocument), rows)


def sent_hash(session: Session, subjects: Collection[str]) -> str:
    """One hash over everything that was handed to a provider for these subjects, in the order in which it was."""
    hashes = session.exec(
        select(SentDocument.sha256)
        .join(OutgoingMessage, col(OutgoingMessage.id) == col(SentDocument.message_id))
        .where(col(OutgoingMessage.subject).in_(subjects))
        .order_by(col(SentDocument.at), col(SentDocument.id))
    ).all()
    return digest(list(hashes))
