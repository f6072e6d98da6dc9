"""Writes down what became of a message and tells the listener, once for each step, in one transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from app.notify import ledger, repository
from app.notify.delivery import RANK, TAKEN, Event, MessageState, is_final
from app.notify.listener import Listener
from app.notify.models import OutgoingMessage
from app.notify.repository import Standing

INVITATION = "invitation"  # the purpose whose answers and ends the listener hears
QUIET_S = 60  # a taken message without news for so long is asked about


@dataclass(frozen=True, slots=True)
class Handed:
    """A message that the provider took at once: which try of it, and under which id."""

    message_id: str
    tries: int
    sid: str
    purpose: str
    subject: str
    ring_s: int


@dataclass(frozen=True, slots=True)
class Report:
    """The provider's word on a message; key: what tells this report from any other."""

    key: str
    message_id: str
    sid: str
    state: MessageState
    word: str
    error_code: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """The one way a message moves after it was claimed."""

    listener: Listener

    def all_handed(self, session: Session, now: datetime, handed: Sequence[Handed]) -> None:
        """The provider took all these by its reply."""
        if not handed:
            return
        check_at = now + timedelta(seconds=QUIET_S + max(one.ring_s for one in handed))
        moved = repository.accept(session, [(one.message_id, one.tries, one.sid) for one in handed], check_at)
        simple = [one for one in handed if one.message_id in moved]
        ledger.record_events(session, [_taken(one.message_id, one.sid) for one in simple], now)
        self._tell_taken(session, now, {one.subject for one in simple if one.purpose == INVITATION})
        for one in handed:
            if one.message_id in moved:
                continue
            message = repository.held(session, one.message_id)
            if message is not None and message.tries == one.tries:
                self.taken(session, now, message, one.sid)

    def taken(self, session: Session, now: datetime, message: OutgoingMessage, sid: str) -> None:
        """The provider has the message: found there by a look-up, or its reply came after something else."""
        self._bind(session, now, message, sid)
        check_at = _check(now, message)
        moved = repository.move(
            session, message.id, Event.accept, lease_until=None, error_code=None, check_at=check_at
        ) or repository.hear(session, message.id, MessageState.sent, lease_until=None, check_at=check_at)
        if moved:
            ledger.record_events(session, [_taken(message.id, sid)], now)
            if message.purpose == INVITATION:
                self._tell_taken(session, now, {message.subject})

    def all_reported(self, session: Session, now: datetime, reports: Sequence[Report]) -> list[bool]:
        """Applies reports that came together; False for one that was known before, or is about no message of ours.

        They may come before `taken`, twice, and in any order.
        """
        rows = repository.hold_all(session, {one.message_id for one in reports})
        known = [one for one in reports if one.message_id in rows]
        new = ledger.new_events(session, now, [_event(one) for one in known])
        furthest: dict[str, Report] = {}
        single: list[Report] = []
        for one in known:
            row = rows[one.message_id]
            if one.key not in new:
                continue
            if row.provider_sid != one.sid or one.error_code is not None:
                single.append(one)
            elif RANK[one.state] > max(row.rank, RANK[furthest[row.id].state] if row.id in furthest else 0):
                furthest[row.id] = one
        self._apply(session, now, rows, furthest)
        for one in single:
            message = repository.held(session, one.message_id)
            if message is not None:
                self.reported(session, now, message, one.sid, one.state, one.error_code)
        return [one.key in new for one in reports]

    def reported(
        self,
        session: Session,
        now: datetime,
        message: OutgoingMessage,
        sid: str,
        report: MessageState,
        error_code: str | None = None,
    ) -> bool:
        """A provider's word on the message; False when it was late or known. It may come before `taken`."""
        rank_before = message.rank
        self._bind(session, now, message, sid)
        values: dict[str, object] = {"lease_until": None}
        values["check_at"] = None if is_final(report) else _check(now, message)
        if error_code:
            values["error_code"] = error_code
        if not repository.hear(session, message.id, report, **values):
            return False
        if rank_before < TAKEN and message.purpose == INVITATION:
            self._tell_taken(session, now, {message.subject})
        if is_final(report):
            self.step_ended(session, now, message.purpose, message.subject, message.channel, report)
        return True

    def rejected(self, session: Session, now: datetime, message: OutgoingMessage, code: str) -> None:
        """The provider will never take it: the next step of the ladder is decided by the listener."""
        if repository.move(
            session, message.id, Event.reject, lease_until=None, check_at=None, error_code=code
        ):
            ledger.record_event(
                session, now, f"{message.id}|rejected|{message.tries}", message.id, "rejected", {"code": code}
            )
            self.step_ended(
                session, now, message.purpose, message.subject, message.channel, MessageState.failed
            )

    def step_ended(
        self, session: Session, now: datetime, purpose: str, subject: str, channel: str, outcome: MessageState
    ) -> None:
        """A call or text has come to its end, or will never leave."""
        if purpose == INVITATION:
            self.listener.step_ended(session, now, subject, channel, outcome)

    def _apply(
        self, session: Session, now: datetime, rows: Mapping[str, Standing], furthest: Mapping[str, Report]
    ) -> None:
        """Moves each message to where its furthest report says, all those of one state together."""
        for state in sorted({one.state for one in furthest.values()}, key=RANK.__getitem__):
            ids = sorted(one.message_id for one in furthest.values() if one.state is state)
            quiet = QUIET_S + max(rows[one].ring_s for one in ids)
            check_at = None if is_final(state) else now + timedelta(seconds=quiet)
            moved = repository.hear_all(session, ids, state, check_at)
            if is_final(state):
                for row in (rows[one] for one in ids if one in moved):
                    self.step_ended(session, now, row.purpose, row.subject, row.channel, state)

    def _tell_taken(self, session: Session, now: datetime, subjects: Collection[str]) -> None:
        for subject in sorted(subjects):
            self.listener.taken(session, now, subject)

    def _bind(self, session: Session, now: datetime, message: OutgoingMessage, sid: str) -> None:
        """The provider's id belongs to the message it names itself.

        Another message may hold it by adoption from a look-up, which cannot tell two calls to one number
        apart: that one goes back to be looked up again.
        """
        if message.provider_sid == sid:
            return
        holder = repository.holder_of(session, sid)
        if holder is not None:
            holder.provider_sid = None
            session.add(holder)
            session.flush()
            repository.move(session, holder.id, Event.disown, check_at=now)
        message.provider_sid = sid
        session.add(message)
        session.flush()


def _check(now: datetime, message: OutgoingMessage) -> datetime:
    return now + timedelta(seconds=QUIET_S + message.ring_s)


def _taken(message_id: str, sid: str) -> tuple[str, str, str, dict[str, str]]:
    return f"{message_id}|{sid}|taken", message_id, "taken", {"sid": sid}


def _event(one: Report) -> tuple[str, str, str, dict[str, str]]:
    payload = {"sid": one.sid, "status": one.word, "error": one.error_code or ""}
    return one.key, one.message_id, "status", payload
