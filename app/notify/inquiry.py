"""Asks the provider about messages of unknown fate and about long silence, and draws the conclusions."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

import anyio.to_thread
from sqlmodel import Session

from app.core.clock import Clock
from app.core.database import Database
from app.core.grouping import GroupWriter, one_by_one
from app.core.sealing import Sealer
from app.notify import ledger, repository, wording
from app.notify.delivery import Event, MessageState
from app.notify.dispatch import readable
from app.notify.messenger import Found, LookUpFailed, Messenger, Outgoing
from app.notify.outbox import SMS
from app.notify.progress import QUIET_S, Progress

_BATCH = 64
_AT_ONCE = 8
_CLOCKS_APART = timedelta(seconds=5)  # the provider's clock may be behind ours by so much
_UNTOLD = timedelta(minutes=20)  # so long the fate of a message may stay unknown
_LOOKUPS = 2  # so often the provider must not know a message before it is sent again

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A message to ask the provider about, as it was when the question was booked."""

    message_id: str
    state: MessageState
    outgoing: Outgoing
    sid: str | None
    since: datetime


class Inquiry:
    """Follows what is uncertain, for one process; any number of nodes may run one each on the same rows."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sealer: Sealer,
        messenger: Messenger,
        progress: Progress,
        writer: GroupWriter,
        *,
        origin: str,
        unknown_grace_s: float,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sealer = sealer
        self._messenger = messenger
        self._progress = progress
        self._writer = writer
        self._origin = origin
        self._grace = timedelta(seconds=unknown_grace_s)
        self._hands = asyncio.Semaphore(_AT_ONCE)
        self._settle_unknown = one_by_one(self._unknown)
        self._settle_silent = one_by_one(self._silent)
        self._settle_untold = one_by_one(self._untold)

    async def reconcile(self) -> int:
        """Asks about whatever is to be asked about now; returns how many messages that were."""
        asked = await anyio.to_thread.run_sync(self._book)
        async with asyncio.TaskGroup() as asking:
            for question in asked:
                asking.create_task(self._ask(question))
        return len(asked)

    async def _ask(self, question: _Asked) -> None:
        try:
            async with self._hands:
                await self._ask_about(question)
        except LookUpFailed as error:
            _log.warning("message %s cannot be looked up: %s", question.message_id, error)
            await self._writer.write(self._settle_untold, question)
        except Exception:  # noqa: BLE001 -- whatever it was, it concerns this message only, and it is asked about again
            _log.exception("asking about message %s failed", question.message_id)

    async def _ask_about(self, question: _Asked) -> None:
        channel, to, sid = question.outgoing.channel, question.outgoing.to, question.sid
        if question.state is MessageState.unknown:
            found = await self._messenger.find(channel, to)
            await self._writer.write(self._settle_unknown, (question, found))
        elif sid is not None:
            known = await self._messenger.fetch(channel, sid, to)
            await self._writer.write(self._settle_silent, (question, known))

    def _book(self) -> tuple[_Asked, ...]:
        """Books the questions that are due for this process; whatever a dead sender left behind is of unknown fate."""
        now = self._clock.now()
        with self._database.reading() as session:
            if not repository.anything_to_check(session, now):
                return ()
        asked: list[_Asked] = []
        with self._database.transaction() as session:
            for message in repository.orphaned(session, now, _BATCH):
                repository.move(
                    session,
                    message.id,
                    Event.lose_track,
                    lease_until=None,
                    check_at=max(now, (message.sending_at or now) + self._grace),
                    error_code="lease-expired",
                )
            for message in repository.to_check(session, now, _BATCH):
                state = MessageState(message.state)
                wait = self._grace if state is MessageState.unknown else timedelta(seconds=QUIET_S)
                outgoing = readable(self._sealer, now, message)
                if repository.take_check(session, message, now + wait) and outgoing is not None:
                    since = message.sending_at or message.created_at
                    asked.append(_Asked(message.id, state, outgoing, message.provider_sid, since))
        return tuple(asked)

    def _unknown(self, session: Session, now: datetime, answer: tuple[_Asked, tuple[Found, ...]]) -> None:
        """Adopts the provider's oldest message that can be ours; sends again after two certain absences."""
        question, found = answer
        message = repository.held(session, question.message_id)
        if message is None or message.state != MessageState.unknown.value:
            return  # a report came while we asked
        own = self._ours(session, question, found)
        if own is not None:
            self._progress.taken(session, now, message, own.sid)
            if own.state is not None:
                self._progress.reported(session, now, message, own.sid, own.state, own.error_code)
        elif repository.count_lookup(session, message) >= _LOOKUPS:
            repository.move(
                session, message.id, Event.find_missing, due_at=now, sending_at=None, check_at=None
            )
            key = f"{message.id}|missing|{message.tries}"
            ledger.record_event(session, now, key, message.id, "missing", {})

    def _ours(self, session: Session, question: _Asked, found: tuple[Found, ...]) -> Found | None:
        taken = repository.known_sids(session, tuple(one.sid for one in found))
        own_name = [one for one in found if one.message_id == question.message_id]
        if own_name or any(one.message_id for one in found):
            return next(iter(own_name), None)  # this provider tells exactly
        outgoing = question.outgoing
        text = wording.render(outgoing.template, outgoing.language, outgoing.variables, self._origin)
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

    def _silent(self, session: Session, now: datetime, answer: tuple[_Asked, Found | None]) -> None:
        question, known = answer
        message = repository.held(session, question.message_id)
        if message is None or question.sid is None or message.provider_sid != question.sid:
            return
        if known is None:
            self._progress.rejected(session, now, message, "gone")
        elif known.state is None or not self._progress.reported(
            session, now, message, known.sid, known.state, known.error_code
        ):
            self._untold(session, now, question)

    def _untold(self, session: Session, now: datetime, question: _Asked) -> None:
        """The provider has nothing to tell: after long enough the ladder goes on. It is never sent again, and an answer counts.

        Not every network tells that a text has arrived, so for texts the first look is long enough.
        """
        message = repository.held(session, question.message_id)
        if message is None or message.state != question.state.value:
            return
        text_taken = message.channel == SMS and question.sid is not None
        if not text_taken and now - question.since < _UNTOLD:
            return
        if message.state == MessageState.unknown.value:
            self._progress.rejected(session, now, message, "untold")
        else:
            self._progress.reported(session, now, message, str(question.sid), MessageState.untold)
