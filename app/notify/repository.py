"""Every query over outgoing messages; each change of state is one conditional update."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, delete, or_, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from app.core.sealed_columns import ERASED
from app.notify import ledger
from app.notify.delivery import RANK, TAKEN, Event, MessageState, advance, is_final, sources
from app.notify.models import (
    OutgoingMessage,
    SimulatedCall,
    SimulatedOptOut,
    SimulatedText,
    SmsOptOut,
)


@dataclass(frozen=True, slots=True)
class Due:
    """A queued message whose time has come, as it lies in its row."""

    id: str
    subject: str
    purpose: str
    channel: str
    to_sealed: str
    to_fingerprint: str
    template: str
    variables_sealed: str
    language: str
    expires_at: datetime | None
    quiet_until: datetime | None
    ring_s: int
    tries: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a message is, and whose it is."""

    id: str
    rank: int
    provider_sid: str | None
    purpose: str
    subject: str
    channel: str
    ring_s: int


_STANDING_COLUMNS = tuple(getattr(OutgoingMessage, name) for name in Standing.__slots__)
_DUE_COLUMNS = tuple(getattr(OutgoingMessage, name) for name in Due.__slots__)

_THESE = col(OutgoingMessage.id).in_(bindparam("ids", expanding=True))
# Built once: for many small batches the building would cost more than the running.
_HOLD_ALL = (
    select(*_STANDING_COLUMNS)
    .where(_THESE)
    .order_by(
        col(OutgoingMessage.id)
    )  # in one order everywhere, so that two transactions never wait for each other
    .with_for_update()
)
_HEAR_ALL = (
    update(OutgoingMessage)
    .where(_THESE, col(OutgoingMessage.rank) < bindparam("rank"))
    .values(
        state=bindparam("state"), rank=bindparam("rank"), lease_until=None, check_at=bindparam("check_at")
    )
    .returning(col(OutgoingMessage.id))
)

_CHECKED = tuple(
    state.value
    for state in MessageState
    if state is MessageState.unknown or (RANK[state] >= TAKEN and not is_final(state))
)


def held(session: Session, message_id: str) -> OutgoingMessage | None:
    """The message, kept from other writers until this transaction ends."""
    return session.get(OutgoingMessage, message_id, populate_existing=True, with_for_update=True)


def hold_all(session: Session, ids: Collection[str]) -> Mapping[str, Standing]:
    """These messages, as far as there are any, kept from other writers until this transaction ends."""
    rows = session.connection().execute(_HOLD_ALL, {"ids": list(ids)}).all()
    return {row[0]: Standing(*row) for row in rows}


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


def hear_all(
    session: Session, ids: Collection[str], report: MessageState, check_at: datetime | None
) -> frozenset[str]:
    """Applies the same report to all of these that are not as far already; gives those that moved."""
    values = {"ids": list(ids), "state": report.value, "rank": RANK[report], "check_at": check_at}
    return frozenset(session.connection().execute(_HEAR_ALL, values).scalars())


def due(session: Session, now: datetime, channel: str, most: int) -> tuple[Due, ...]:
    """Queued messages of a channel whose time has come, oldest first; other nodes skip the rows this one holds."""
    rows = session.exec(
        select(*_DUE_COLUMNS)
        .where(*_due(now), col(OutgoingMessage.channel) == channel)
        .order_by(col(OutgoingMessage.due_at), col(OutgoingMessage.id))
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()
    return tuple(Due(*row) for row in rows)


def anything_due(session: Session, now: datetime, channel: str) -> bool:
    return (
        session.exec(
            select(OutgoingMessage.id).where(*_due(now), col(OutgoingMessage.channel) == channel).limit(1)
        ).first()
        is not None
    )


def claim(session: Session, now: datetime, lease_until: datetime, ids: Sequence[str]) -> frozenset[str]:
    """Takes these messages for sending, all those that are still queued."""
    claimed = session.exec(
        update(OutgoingMessage)
        .where(col(OutgoingMessage.id).in_(ids), col(OutgoingMessage.state) == MessageState.queued.value)
        .values(
            state=advance(MessageState.queued, Event.claim).value,
            rank=RANK[MessageState.sending],
            sending_at=now,
            lease_until=lease_until,
            tries=OutgoingMessage.tries + 1,
            looked_up=0,
        )
        .returning(col(OutgoingMessage.id))
        .execution_options(synchronize_session=False)
    ).all()
    return frozenset(row[0] for row in claimed)


def cancel(session: Session, now: datetime, why: Mapping[str, str]) -> None:
    """Takes queued messages back; why: by message id, a word such as `closed`."""
    if not why:
        return
    cancelled = session.exec(
        update(OutgoingMessage)
        .where(col(OutgoingMessage.id).in_(why), col(OutgoingMessage.state) == MessageState.queued.value)
        .values(
            state=advance(MessageState.queued, Event.cancel).value,
            rank=RANK[MessageState.cancelled],
            check_at=None,
        )
        .returning(col(OutgoingMessage.id))
        .execution_options(synchronize_session=False)
    ).all()
    ledger.record_events(
        session,
        [(f"{one}|{why[one]}", one, why[one], {}) for one in sorted(row[0] for row in cancelled)],
        now,
    )


def postpone(session: Session, until: Mapping[str, datetime]) -> None:
    """Lets queued messages wait longer, each until its own moment."""
    for message_id, due_at in until.items():
        session.exec(
            update(OutgoingMessage)
            .where(
                col(OutgoingMessage.id) == message_id, col(OutgoingMessage.state) == MessageState.queued.value
            )
            .values(due_at=due_at)
            .execution_options(synchronize_session=False)
        )


def sent_lately(
    session: Session, since: datetime, fingerprints: Collection[str]
) -> Mapping[tuple[str, str], Sequence[datetime]]:
    """When messages were handed over since then, by (channel, number's fingerprint)."""
    found: defaultdict[tuple[str, str], list[datetime]] = defaultdict(list)
    rows = session.exec(
        select(OutgoingMessage.channel, OutgoingMessage.to_fingerprint, OutgoingMessage.sending_at).where(
            col(OutgoingMessage.to_fingerprint).in_(fingerprints), col(OutgoingMessage.sending_at) > since
        )
    ).all()
    for channel, fingerprint, at in rows:
        if at is not None:
            found[channel, fingerprint].append(at)
    return found


def accept(session: Session, taken: Sequence[tuple[str, int, str]], check_at: datetime) -> frozenset[str]:
    """Notes that the provider has these messages: (id, number of the try, provider's id) each.

    Gives those that were still waiting for this very answer and whose provider's id nobody else holds; what has gone on
    meanwhile is left as it is.
    """
    sids = [sid for _, _, sid in taken]
    held_elsewhere = known_sids(session, tuple(sids))
    free = [(message_id, tries, sid) for message_id, tries, sid in taken if sid not in held_elsewhere]
    if not free:
        return frozenset()
    of = {message_id: sid for message_id, _, sid in free}
    moved = session.exec(
        update(OutgoingMessage)
        .where(
            tuple_(col(OutgoingMessage.id), col(OutgoingMessage.tries)).in_(
                [(message_id, tries) for message_id, tries, _ in free]
            ),
            col(OutgoingMessage.state) == MessageState.sending.value,
        )
        .values(
            state=advance(MessageState.sending, Event.accept).value,
            rank=RANK[MessageState.sent],
            provider_sid=case(of, value=col(OutgoingMessage.id)),
            lease_until=None,
            error_code=None,
            check_at=check_at,
        )
        .returning(col(OutgoingMessage.id))
        .execution_options(synchronize_session=False)
    ).all()
    return frozenset(row[0] for row in moved)


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
    """Two who say so at once are one."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.exec(
        insert(SmsOptOut).values(phone_fingerprint=phone_fingerprint, at=now).on_conflict_do_nothing()
    )


def erase(session: Session, mark: str, *, instead: str) -> None:
    """Empties the messages to the number with this mark, and puts another mark, which leads to nobody, in its place."""
    session.exec(
        update(OutgoingMessage)
        .where(col(OutgoingMessage.to_fingerprint) == mark)
        .values(to_sealed=ERASED, variables_sealed=ERASED, to_fingerprint=instead)
    )
    opt_in(session, mark)


def hang_up(session: Session, mark: str) -> None:
    """Takes away the pretend phone with this mark."""
    for table in (SimulatedCall, SimulatedOptOut, SimulatedText):
        session.exec(delete(table).where(col(table.phone_fingerprint) == mark))


def opt_in(session: Session, phone_fingerprint: str) -> None:
    """The owner of the number wants texts again."""
    session.exec(delete(SmsOptOut).where(col(SmsOptOut.phone_fingerprint) == phone_fingerprint))


def opted_out(session: Session, fingerprints: Collection[str]) -> frozenset[str]:
    """Those of the numbers whose owners want no more texts."""
    found = session.exec(
        select(SmsOptOut.phone_fingerprint).where(col(SmsOptOut.phone_fingerprint).in_(fingerprints))
    ).all()
    return frozenset(found)
