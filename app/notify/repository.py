"""Every query over outgoing messages; each change of state is one conditional update."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from app.notify.delivery import RANK, TAKEN, Event, MessageState, advance, is_final, sources
from app.notify.models import MessageEvent, OutgoingMessage, SmsOptOut

_CHECKED = tuple(
    state.value
    for state in MessageState
    if state is MessageState.unknown or (RANK[state] >= TAKEN and not is_final(state))
)


def held(session: Session, message_id: str) -> OutgoingMessage | None:
    """The message, kept from other writers until this transaction ends."""
    return session.get(OutgoingMessage, message_id, populate_existing=True, with_for_update=True)


def move(session: Session, message_id: str, event: Event, **values: Any) -> bool:
    """Applies our own act where it still fits; False when the message has gone on meanwhile."""
    moved = False
    for source in sources(event):
        target = advance(source, event)
        result = session.exec(
            update(OutgoingMessage)
            .where(col(OutgoingMessage.id) == message_id, col(OutgoingMessage.state) == source.value)
            .values(state=target.value, rank=RANK[target], **values)
        )
        moved = result.rowcount == 1
        if moved:
            break
    return moved


def hear(session: Session, message_id: str, report: MessageState, **values: Any) -> bool:
    """Applies a provider's report unless the message is as far already; late news changes nothing."""
    if RANK[report] < TAKEN:
        return False
    result = session.exec(
        update(OutgoingMessage)
        .where(col(OutgoingMessage.id) == message_id, col(OutgoingMessage.rank) < RANK[report])
        .values(state=report.value, rank=RANK[report], **values)
    )
    return result.rowcount == 1


def record_event(
    session: Session, now: datetime, key: str, message_id: str, kind: str, payload: Mapping[str, str]
) -> bool:
    """Writes the event once; False when its key is known, so that a repeated report is told from a new one."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    result = session.exec(
        insert(MessageEvent)
        .values(
            key=key[:200],
            message_id=message_id,
            kind=kind,
            payload=json.dumps(dict(payload), ensure_ascii=False, sort_keys=True),
            at=now,
        )
        .on_conflict_do_nothing()
    )
    return result.rowcount == 1


def due(session: Session, now: datetime, most: int) -> tuple[OutgoingMessage, ...]:
    """Queued messages whose time has come, oldest first; other nodes skip the rows this one holds."""
    return tuple(
        session.exec(
            select(OutgoingMessage)
            .where(*_due(now))
            .order_by(col(OutgoingMessage.due_at), col(OutgoingMessage.id))
            .limit(most)
            .with_for_update(skip_locked=True)
        ).all()
    )


def anything_due(session: Session, now: datetime) -> bool:
    return session.exec(select(OutgoingMessage.id).where(*_due(now)).limit(1)).first() is not None


def orphaned(session: Session, now: datetime, most: int) -> tuple[OutgoingMessage, ...]:
    """Messages whose sender let the lease run out: whether they left, nobody here knows."""
    return tuple(session.exec(select(OutgoingMessage).where(*_orphaned(now)).limit(most)).all())


def to_check(session: Session, now: datetime, most: int) -> tuple[OutgoingMessage, ...]:
    """Messages to ask the provider about: of unknown fate, or taken and silent for long."""
    return tuple(
        session.exec(
            select(OutgoingMessage).where(*_to_check(now)).order_by(col(OutgoingMessage.check_at)).limit(most)
        ).all()
    )


def anything_to_check(session: Session, now: datetime) -> bool:
    wanted = or_(and_(*_orphaned(now)), and_(*_to_check(now)))
    return session.exec(select(OutgoingMessage.id).where(wanted).limit(1)).first() is not None


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (col(OutgoingMessage.state) == MessageState.queued.value, col(OutgoingMessage.due_at) <= now)


def _orphaned(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (col(OutgoingMessage.state) == MessageState.sending.value, col(OutgoingMessage.lease_until) <= now)


def _to_check(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (col(OutgoingMessage.state).in_(_CHECKED), col(OutgoingMessage.check_at) <= now)


def take_check(session: Session, message: OutgoingMessage, next_at: datetime) -> bool:
    """Books the check for this node; False when another node was faster or news came meanwhile."""
    result = session.exec(
        update(OutgoingMessage)
        .where(
            col(OutgoingMessage.id) == message.id,
            col(OutgoingMessage.state) == message.state,
            col(OutgoingMessage.check_at) == message.check_at,
        )
        .values(check_at=next_at)
    )
    return result.rowcount == 1


def queued_for(session: Session, subject: str) -> tuple[str, ...]:
    return tuple(
        session.exec(
            select(OutgoingMessage.id).where(
                col(OutgoingMessage.subject) == subject,
                col(OutgoingMessage.state) == MessageState.queued.value,
            )
        ).all()
    )


def latest_for(session: Session, subject: str, purpose: str) -> OutgoingMessage | None:
    """The newest message of a subject: what a caller-back is read again."""
    return session.exec(
        select(OutgoingMessage)
        .where(col(OutgoingMessage.subject) == subject, col(OutgoingMessage.purpose) == purpose)
        .order_by(col(OutgoingMessage.created_at).desc(), col(OutgoingMessage.id).desc())
        .limit(1)
    ).first()


def holder_of(session: Session, sid: str) -> OutgoingMessage | None:
    """The message that holds the provider's id, if any."""
    return session.exec(select(OutgoingMessage).where(col(OutgoingMessage.provider_sid) == sid)).first()


def known_sids(session: Session, sids: tuple[str, ...]) -> frozenset[str]:
    """Which of these provider ids belong to a message of ours already."""
    found = session.exec(
        select(OutgoingMessage.provider_sid).where(col(OutgoingMessage.provider_sid).in_(sids))
    ).all()
    return frozenset(sid for sid in found if sid)


def count_lookup(session: Session, message: OutgoingMessage) -> int:
    """Notes one more time the provider did not know the held message; returns how many times now."""
    message.looked_up += 1
    session.add(message)
    session.flush()
    return message.looked_up


def opt_out(session: Session, now: datetime, phone_fingerprint: str) -> None:
    if session.get(SmsOptOut, phone_fingerprint) is None:
        session.add(SmsOptOut(phone_fingerprint=phone_fingerprint, at=now))
        session.flush()


def has_opted_out(session: Session, phone_fingerprint: str) -> bool:
    return session.get(SmsOptOut, phone_fingerprint) is not None
