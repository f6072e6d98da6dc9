"""Puts calls and texts into the table of what goes out, in the caller's transaction, and delivers them.

Nothing is sent twice on a guess: what the provider may have is asked for before it is sent again.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import anyio.to_thread
from sqlmodel import Session

from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import YuanpingError
from app.core.ids import new_id
from app.core.sealing import Sealer
from app.core.settings import NotifySettings
from app.notify import repository, wording
from app.notify.delivery import RANK, Event, MessageState, backoff_s
from app.notify.messenger import (
    FateUnknown,
    Found,
    LookUpFailed,
    Messenger,
    Outgoing,
    PutBack,
    Rejected,
    SendResult,
    Taken,
)
from app.notify.models import OutgoingMessage
from app.notify.progress import INVITATION, QUIET_S, Progress
from app.notify.rate import TokenBucket
from app.notify.wording import TemplateId, WordingRefused

__all__ = ["INVITATION", "SEAT_CODE", "SMS", "VOICE", "Outbox", "cancel_for", "enqueue"]

VOICE, SMS = "voice", "sms"
SEAT_CODE = "seat_code"
"""The purpose of a text that nobody can opt out of: the way to a seat its reader has already accepted."""
_BATCH = 64
_LEASE_SPARE_S = 5
_CLOCKS_APART = timedelta(seconds=5)  # the provider's clock may be behind ours by so much
_LOOKUPS = 2  # so often the provider must not know a message before it is sent again

_log = logging.getLogger(__name__)


def enqueue(
    session: Session,
    now: datetime,
    sealer: Sealer,
    *,
    subject: str,
    purpose: str,
    channel: str,
    to: str,
    template: TemplateId,
    variables: Mapping[str, str],
    due_at: datetime,
    expires_at: datetime | None = None,
    ring_s: int = 25,
    language: str = "zh",
) -> str:
    """Queues one message and returns its id; it leaves after `due_at`, and not after `expires_at`.

    `to` is a number as `+8613812345678`; `channel` voice or sms. Raises WordingRefused for variables that are
    not on the white list, so that nothing else can reach a provider.
    """
    wording.check(template, variables)
    message = OutgoingMessage(
        id=new_id(now),
        subject=subject,
        purpose=purpose,
        channel=channel,
        to_sealed=sealer.seal(to),
        to_fingerprint=sealer.fingerprint(to),
        template=template.value,
        variables_sealed=sealer.seal(json.dumps(dict(variables), ensure_ascii=False, sort_keys=True)),
        language=language,
        state=MessageState.queued.value,
        rank=RANK[MessageState.queued],
        due_at=due_at,
        expires_at=expires_at,
        ring_s=ring_s,
        created_at=now,
    )
    session.add(message)
    session.flush()
    return message.id


def cancel_for(session: Session, now: datetime, subject: str) -> int:
    """Cancels what has not left yet for this subject; returns how many. What already rings is not recalled."""
    cancelled = 0
    for message_id in repository.queued_for(session, subject):
        if repository.move(session, message_id, Event.cancel, check_at=None):
            repository.record_event(session, now, f"{message_id}|cancelled", message_id, "cancelled", {})
            cancelled += 1
    return cancelled


@dataclass(frozen=True, slots=True)
class _Asked:
    """A message to ask the provider about, as it was when the question was booked."""

    message_id: str
    state: MessageState
    outgoing: Outgoing
    sid: str | None
    since: datetime


class Outbox:
    """Delivers what is due and follows what is uncertain. Any number of nodes may run one each."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sealer: Sealer,
        messenger: Messenger,
        progress: Progress,
        settings: NotifySettings,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sealer = sealer
        self._messenger = messenger
        self._progress = progress
        self._settings = settings
        self._bucket = TokenBucket(clock, settings.calls_per_second)

    async def deliver_due(self) -> int:
        """Sends what is due, as far as the provider's rate allows; returns how many were handed over."""
        most = min(self._bucket.available(), _BATCH)
        if most == 0:
            return 0
        claimed = await anyio.to_thread.run_sync(self._claim, most)
        self._bucket.spend(len(claimed))
        async with asyncio.TaskGroup() as sending:
            for outgoing in claimed:
                sending.create_task(self._send(outgoing))
        return len(claimed)

    async def reconcile(self) -> int:
        """Asks the provider about messages of unknown fate and about long silence; returns how many."""
        asked = await anyio.to_thread.run_sync(self._book_checks)
        for question in asked:
            try:
                if question.state is MessageState.unknown:
                    found = await self._messenger.find(question.outgoing.channel, question.outgoing.to)
                    await anyio.to_thread.run_sync(self._settle_unknown, question, found)
                elif question.sid is not None:
                    known = await self._messenger.fetch(question.outgoing.channel, question.sid)
                    await anyio.to_thread.run_sync(self._settle_silent, question, known)
            except LookUpFailed as error:
                _log.warning("message %s cannot be looked up: %s", question.message_id, error)
        return len(asked)

    def _claim(self, most: int) -> tuple[Outgoing, ...]:
        now = self._clock.now()
        with self._database.reading() as session:
            if not repository.anything_due(session, now):
                return ()  # an idle service takes no writer's turn
        lease = now + timedelta(seconds=self._settings.send_timeout_s + _LEASE_SPARE_S)
        claimed: list[Outgoing] = []
        with self._database.transaction() as session:
            for message in repository.due(session, now, most):
                if self._withdrawn(session, now, message):
                    continue
                outgoing = self._readable(now, message)
                if outgoing is None:
                    self._progress.rejected(session, now, message, "unreadable")
                    continue
                if repository.move(
                    session,
                    message.id,
                    Event.claim,
                    sending_at=now,
                    lease_until=lease,
                    tries=message.tries + 1,
                    looked_up=0,
                ):
                    claimed.append(outgoing)
        return tuple(claimed)

    def _withdrawn(self, session: Session, now: datetime, message: OutgoingMessage) -> bool:
        """Takes a message out that must not leave any more: expired, answered meanwhile, or opted out."""
        expired = message.expires_at is not None and message.expires_at <= now
        closed = message.purpose == INVITATION and not self._progress.listener.is_open(
            session, now, message.subject
        )
        if expired or closed:
            if repository.move(session, message.id, Event.cancel, check_at=None):
                kind = "closed" if closed else "expired"
                repository.record_event(session, now, f"{message.id}|{kind}", message.id, kind, {})
                if not closed:
                    self._progress.ended(session, now, message, MessageState.cancelled)
            return True
        unwanted = message.channel == SMS and message.purpose != SEAT_CODE
        if unwanted and repository.has_opted_out(session, message.to_fingerprint):
            self._progress.rejected(session, now, message, "21610")
            return True
        return False

    def _readable(self, now: datetime, message: OutgoingMessage) -> Outgoing | None:
        """The message in clear; None when it cannot be read, which must not hold up everyone behind it."""
        try:
            return self._outgoing(now, message)
        except (YuanpingError, WordingRefused, ValueError) as error:
            # Only the kind of error: its text could hold what was sealed.
            _log.error("message %s cannot be read: %s", message.id, type(error).__name__)
            return None

    def _outgoing(self, now: datetime, message: OutgoingMessage) -> Outgoing:
        variables = json.loads(self._sealer.unseal(message.variables_sealed))
        template = TemplateId(message.template)
        wording.check(template, variables)
        return Outgoing(
            message_id=message.id,
            channel=message.channel,
            to=self._sealer.unseal(message.to_sealed),
            template=template,
            variables=variables,
            language=message.language,
            ring_s=message.ring_s,
            valid_s=None if message.expires_at is None else int((message.expires_at - now).total_seconds()),
        )

    async def _send(self, outgoing: Outgoing) -> None:
        result = await self._messenger.send(outgoing)
        await anyio.to_thread.run_sync(self._record, outgoing, result)

    def _record(self, outgoing: Outgoing, result: SendResult) -> None:
        now = self._clock.now()
        with self._database.transaction() as session:
            message = repository.held(session, outgoing.message_id)
            if message is None:
                return
            match result:
                case Taken(sid):
                    self._progress.taken(session, now, message, sid)
                    self._keep_wording(session, now, outgoing, sid)
                case PutBack(code):
                    again = now + timedelta(seconds=backoff_s(message.tries))
                    repository.move(
                        session, message.id, Event.put_back, lease_until=None, due_at=again, error_code=code
                    )
                case Rejected(code):
                    self._progress.rejected(session, now, message, code)
                case FateUnknown(code):
                    look = now + timedelta(seconds=self._settings.unknown_grace_s)
                    repository.move(
                        session,
                        message.id,
                        Event.lose_track,
                        lease_until=None,
                        check_at=look,
                        error_code=code,
                    )

    def _keep_wording(self, session: Session, now: datetime, outgoing: Outgoing, sid: str) -> None:
        """Keeps what was said as a keyed hash: comparable by us, no help in guessing a seat code."""
        text = wording.render(outgoing.template, outgoing.language, outgoing.variables)
        repository.record_event(
            session,
            now,
            f"{outgoing.message_id}|{sid}|wording",
            outgoing.message_id,
            "wording",
            {"template": outgoing.template.value, "text_hash": self._sealer.fingerprint(text)},
        )

    def _book_checks(self) -> tuple[_Asked, ...]:
        now = self._clock.now()
        with self._database.reading() as session:
            if not repository.anything_to_check(session, now):
                return ()
        grace = timedelta(seconds=self._settings.unknown_grace_s)
        asked: list[_Asked] = []
        with self._database.transaction() as session:
            for message in repository.orphaned(session, now, _BATCH):
                repository.move(
                    session,
                    message.id,
                    Event.lose_track,
                    lease_until=None,
                    check_at=max(now, (message.sending_at or now) + grace),
                    error_code="lease-expired",
                )
            for message in repository.to_check(session, now, _BATCH):
                state = MessageState(message.state)
                wait = grace if state is MessageState.unknown else timedelta(seconds=QUIET_S)
                outgoing = self._readable(now, message)
                if repository.take_check(session, message, now + wait) and outgoing is not None:
                    asked.append(
                        _Asked(
                            message_id=message.id,
                            state=state,
                            outgoing=outgoing,
                            sid=message.provider_sid,
                            since=message.sending_at or message.created_at,
                        )
                    )
        return tuple(asked)

    def _settle_unknown(self, question: _Asked, found: tuple[Found, ...]) -> None:
        """Adopts the provider's oldest message that can be ours; sends again after two certain absences."""
        now = self._clock.now()
        with self._database.transaction() as session:
            message = repository.held(session, question.message_id)
            if message is None or message.state != MessageState.unknown.value:
                return  # a report came while we asked
            own = self._ours(session, question, found)
            if own is not None:
                self._progress.taken(session, now, message, own.sid)
                if own.state is not None:
                    self._progress.reported(session, now, message, own.sid, own.state, own.error_code)
                return
            if repository.count_lookup(session, message) >= _LOOKUPS:
                repository.move(session, message.id, Event.find_missing, due_at=now, check_at=None)
                repository.record_event(
                    session, now, f"{message.id}|missing|{message.tries}", message.id, "missing", {}
                )

    def _ours(self, session: Session, question: _Asked, found: tuple[Found, ...]) -> Found | None:
        taken = repository.known_sids(session, tuple(one.sid for one in found))
        text = wording.render(
            question.outgoing.template, question.outgoing.language, question.outgoing.variables
        )
        # Providers keep whole seconds, and bodies only where the account does not discard them.
        candidates = [
            one
            for one in found
            if one.sid not in taken
            and one.created_at is not None
            and one.created_at >= question.since - _CLOCKS_APART
            and (not one.body or one.body == text)
        ]
        return min(candidates, key=lambda one: (one.created_at, one.sid), default=None)

    def _settle_silent(self, question: _Asked, known: Found | None) -> None:
        now = self._clock.now()
        with self._database.transaction() as session:
            message = repository.held(session, question.message_id)
            if message is None or question.sid is None or message.provider_sid != question.sid:
                return
            if known is None:
                self._progress.rejected(session, now, message, "gone")
            elif known.state is not None:
                self._progress.reported(session, now, message, known.sid, known.state, known.error_code)
