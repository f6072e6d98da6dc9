"""Writes down what became of a message and tells the listener, once for each step, in one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from app.notify import repository
from app.notify.delivery import TAKEN, Event, MessageState, is_final
from app.notify.listener import Listener
from app.notify.models import OutgoingMessage

INVITATION = "invitation"  # the purpose whose answers and ends the listener hears
QUIET_S = 60  # a taken message without news for so long is asked about


@dataclass(frozen=True, slots=True)
class Progress:
    """The one way a message moves after it was claimed."""

    listener: Listener

    def taken(self, session: Session, now: datetime, message: OutgoingMessage, sid: str) -> None:
        """The provider has the message: by its reply, or because we found it there."""
        self._bind(session, now, message, sid)
        if repository.move(
            session,
            message.id,
            Event.accept,
            lease_until=None,
            error_code=None,
            check_at=_check(now, message),
        ):
            repository.record_event(
                session, now, f"{message.id}|{sid}|taken", message.id, "taken", {"sid": sid}
            )
            self._tell_taken(session, now, message)

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
        if rank_before < TAKEN:
            self._tell_taken(session, now, message)
        if is_final(report):
            self.ended(session, now, message, report)
        return True

    def rejected(self, session: Session, now: datetime, message: OutgoingMessage, code: str) -> None:
        """The provider will never take it: the next step of the ladder is decided by the listener."""
        if repository.move(
            session, message.id, Event.reject, lease_until=None, check_at=None, error_code=code
        ):
            repository.record_event(
                session, now, f"{message.id}|rejected|{message.tries}", message.id, "rejected", {"code": code}
            )
            self.ended(session, now, message, MessageState.failed)

    def ended(self, session: Session, now: datetime, message: OutgoingMessage, outcome: MessageState) -> None:
        if message.purpose == INVITATION:
            self.listener.step_ended(session, now, message.subject, message.channel, outcome)

    def _tell_taken(self, session: Session, now: datetime, message: OutgoingMessage) -> None:
        if message.purpose == INVITATION:
            self.listener.taken(session, now, message.subject)

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
