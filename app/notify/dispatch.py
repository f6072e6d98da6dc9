"""Hands over to the provider what is due, as fast as it allows, and writes down what came of it.

Nothing is sent twice on a guess: a send whose fate is unknown is left to `inquiry`.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import anyio.to_thread
from sqlmodel import Session

from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import YuanpingError
from app.core.grouping import GroupWriter, one_by_one
from app.core.sealing import Sealer
from app.notify import budget, ledger, repository, wording
from app.notify.delivery import Event, backoff_s
from app.notify.enclosed import number_of, variables_of
from app.notify.messenger import FateUnknown, Messenger, Outgoing, PutBack, Rejected, SendResult, Taken
from app.notify.models import OutgoingMessage
from app.notify.outbox import SMS, VOICE
from app.notify.pacing import Pacing, allowance, free_at, spend
from app.notify.progress import INVITATION, Handed, Progress
from app.notify.repository import Due
from app.notify.wording import TemplateId, WordingRefused
from app.rules.calendar import CHINA

OPTED_OUT = "21610"  # as the provider itself would say that the owner of the number wants no texts
_BATCH = 64
_LEASE_SPARE_S = 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message this process may send now: as it goes out, as it lay in its row, and the bytes that were kept of it.

    send_before: later it must not be handed over any more, for somebody else may have taken it meanwhile.
    """

    outgoing: Outgoing
    row: Due
    wire: bytes
    send_before: datetime

    @property
    def tries(self) -> int:
        """The how-manieth try this is."""
        return self.row.tries + 1


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of handing one over."""

    claimed: Claimed
    result: SendResult


@dataclass(slots=True)
class _Sorting:
    """What is to become of messages that are due."""

    send: list[Claimed] = field(default_factory=list)
    cancel: dict[str, str] = field(default_factory=dict)
    postpone: dict[str, datetime] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the rows has given: what to send, (message, code) of what never will be, whether there is more."""

    claimed: tuple[Claimed, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    more: bool = False


class Dispatch:
    """Sends for one process; any number of nodes may run one each on the same rows."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sealer: Sealer,
        messenger: Messenger,
        progress: Progress,
        writer: GroupWriter,
        pacing: Pacing,
        *,
        send_timeout_s: float,
        unknown_grace_s: float,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sealer = sealer
        self._messenger = messenger
        self._progress = progress
        self._writer = writer
        self._lease = timedelta(seconds=send_timeout_s + _LEASE_SPARE_S)
        self._most_sending = timedelta(seconds=_LEASE_SPARE_S)
        self._grace = timedelta(seconds=unknown_grace_s)
        self._pacing = pacing
        self._sending: set[asyncio.Task[None]] = set()
        self._refuse = one_by_one(self._one_refused)

    async def start_due(self) -> int:
        """Begins to send what is due, as far as the provider's rate and this process's hands allow; returns how many."""
        begun = 0
        for channel in (VOICE, SMS):
            while (free := _BATCH - len(self._sending)) > 0:
                look = await anyio.to_thread.run_sync(self.look, channel, free)
                for one in look.claimed:
                    task = asyncio.create_task(self._send(one))
                    self._sending.add(task)
                    task.add_done_callback(self._ended)
                for refused in look.refused:
                    await self._writer.write(self._refuse, refused)
                begun += len(look.claimed)
                if not look.more:
                    break
        return begun

    async def deliver_due(self) -> int:
        """Like `start_due`, but returns when everything that was begun has come to its end."""
        begun = await self.start_due()
        await self.settled()
        return begun

    async def settled(self) -> None:
        """Returns when nothing is on its way to the provider any more."""
        while self._sending:
            await asyncio.wait(self._sending)

    def look(self, channel: str, most: int) -> Look:
        """Claims up to `most` messages that may leave now, keeps what will be sent, and puts the others in order.

        Nobody is told of anything here: who holds the provider's rate and these rows waits for no evaluation.
        """
        now, rate = self._clock.now(), self._pacing.rates[channel]
        account = f"{self._messenger.name}:{channel}"
        with self._database.reading() as session:
            # An idle service, or one that has to wait for its provider, takes no writer's turn.
            spent = budget.spent_until(session, account) or now
            if not allowance(spent, now, rate) or not repository.anything_due(session, now, channel):
                return Look()
        with self._database.transaction() as session:
            spent = budget.hold(session, now, account)
            rows = repository.due(session, now, channel, _BATCH)
            sorting = self._sort(session, now, rows, min(allowance(spent, now, rate), most))
            ids = repository.claim(
                session, now, now + self._lease, [one.outgoing.message_id for one in sorting.send]
            )
            claimed = tuple(one for one in sorting.send if one.outgoing.message_id in ids)
            kind = _KINDS[channel]
            ledger.keep_sent(
                session, now, self._sealer, [(one.outgoing.message_id, kind, one.wire) for one in claimed]
            )
            budget.spend(session, account, spend(spent, now, rate, len(claimed)))
            repository.cancel(session, now, sorting.cancel)
            repository.postpone(session, sorting.postpone)
        return Look(claimed, tuple(sorting.refused), more=len(rows) == _BATCH)

    def record(self, session: Session, now: datetime, sent: Sequence[Sent]) -> list[None]:
        """Writes down what came of sends."""
        self._progress.all_handed(
            session, now, [_handed(one.claimed, one.result) for one in sent if isinstance(one.result, Taken)]
        )
        for one in sent:
            if not isinstance(one.result, Taken):
                self._record(session, now, one.claimed, one.result)
        return [None] * len(sent)

    async def _send(self, claimed: Claimed) -> None:
        if self._clock.now() >= claimed.send_before:
            return  # this process has slept: its lease is running out, and the provider will be asked
        result = await self._messenger.send(claimed.outgoing)
        await self._writer.write(self.record, Sent(claimed, result))

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """A send that failed in a way nobody foresaw: its lease runs out, and then the provider is asked about it."""
        self._sending.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("what came of a send could not be written down", exc_info=error)

    def _record(self, session: Session, now: datetime, claimed: Claimed, result: SendResult) -> None:
        message = repository.held(session, claimed.outgoing.message_id)
        if message is None or message.tries != claimed.tries:
            return  # the lease ran out meanwhile, and somebody else has gone on with it
        match result:
            case PutBack(code):
                again = now + timedelta(seconds=backoff_s(message.tries))
                _log.warning("the provider takes nothing now (%s): message %s waits", code, message.id)
                repository.move(
                    session,
                    message.id,
                    Event.put_back,
                    lease_until=None,
                    sending_at=None,
                    due_at=again,
                    error_code=code,
                )
            case Rejected(code):
                self._progress.rejected(session, now, message, code)
            case FateUnknown(code):
                repository.move(
                    session,
                    message.id,
                    Event.lose_track,
                    lease_until=None,
                    check_at=now + self._grace,
                    error_code=code,
                )

    def _one_refused(self, session: Session, now: datetime, refused: tuple[str, str]) -> None:
        """A message that will never leave the house: the next step of its ladder follows."""
        message_id, code = refused
        message = repository.held(session, message_id)
        if message is not None:
            self._progress.rejected(session, now, message, code)

    def _sort(self, session: Session, now: datetime, rows: Sequence[Due], most: int) -> _Sorting:
        """Which of the rows leave now, `most` of them, which wait for the morning or for their callee's limit, and which are
        not needed any more."""
        sorting = _Sorting()
        listener = self._progress.listener
        open_ = listener.open_among(session, now, {one.subject for one in rows if one.purpose == INVITATION})
        unwanted = repository.opted_out(session, {one.to_fingerprint for one in rows if one.channel == SMS})
        former = self._former(session, now, {one.to_fingerprint for one in rows})
        quiet = self._pacing.quiet
        morning = quiet.until(now.astimezone(CHINA)) if quiet else None
        for one in rows:
            same_phone = former.setdefault((one.channel, one.to_fingerprint), [])
            if one.purpose == INVITATION and one.subject not in open_:
                sorting.cancel[one.id] = "closed"
            elif one.expires_at is not None and one.expires_at <= now:
                sorting.cancel[one.id] = "expired"
            elif one.purpose == INVITATION and one.channel == SMS and one.to_fingerprint in unwanted:
                sorting.refused.append((one.id, OPTED_OUT))
            elif one.channel == VOICE and morning and one.quiet_until is not None and now < one.quiet_until:
                sorting.postpone[one.id] = min(morning, one.quiet_until)
            elif later := free_at(self._pacing.limits, one.channel, same_phone, now):
                sorting.postpone[one.id] = later
            elif len(sorting.send) == most:
                break
            elif (claimed := self._claimed(now, one)) is None:
                sorting.refused.append((one.id, "unreadable"))
            else:
                sorting.send.append(claimed)
                same_phone.append(now)
        return sorting

    def _claimed(self, now: datetime, row: Due) -> Claimed | None:
        """The message as it would leave; None when it cannot be read or written, which must hold up nobody behind it."""
        outgoing = readable(self._sealer, now, row)
        if outgoing is None:
            return None
        try:
            wire = self._messenger.wire(outgoing)
        except ValueError as error:
            _log.error("message %s cannot be written: %s", row.id, type(error).__name__)
            return None
        return Claimed(outgoing, row, wire, now + self._most_sending)

    def _former(
        self, session: Session, now: datetime, fingerprints: Collection[str]
    ) -> dict[tuple[str, str], list[datetime]]:
        if not self._pacing.limits:
            return {}
        longest = timedelta(seconds=max(limit.within_s for limit in self._pacing.limits))
        found = repository.sent_lately(session, now - longest, fingerprints)
        return {key: list(times) for key, times in found.items()}


def _handed(claimed: Claimed, taken: Taken) -> Handed:
    row = claimed.row
    return Handed(row.id, claimed.tries, taken.sid, row.purpose, row.subject, row.ring_s)


def readable(sealer: Sealer, now: datetime, row: Due | OutgoingMessage) -> Outgoing | None:
    """The message in clear; None when it cannot be read, which must not hold up everyone behind it."""
    try:
        variables = variables_of(sealer, row)
        template = TemplateId(row.template)
        wording.check(template, variables)
        to = number_of(sealer, row)
    except (YuanpingError, WordingRefused, ValueError) as error:
        # Only the kind of error: its text could hold what was sealed.
        _log.error("message %s cannot be read: %s", row.id, type(error).__name__)
        return None
    return Outgoing(
        message_id=row.id,
        channel=row.channel,
        to=to,
        template=template,
        variables=variables,
        language=row.language,
        ring_s=row.ring_s,
        valid_s=None if row.expires_at is None else int((row.expires_at - now).total_seconds()),
    )


_KINDS = {VOICE: "call", SMS: "text"}
