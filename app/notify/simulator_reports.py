"""What the pretend exchange reports back, and the ways in which it can be told to misbehave."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from app.core.ids import new_id
from app.core.sealed_columns import CALL_PHONE, REPORT_FIELDS, TEXT_PHONE
from app.core.sealing import Sealer
from app.notify.models import SimulatedCall, SimulatedFault, SimulatedReport, SimulatedText

LATE_S, REORDER_S = 30, 3
_MOST_TRIES = 5


class Fault(StrEnum):
    """One way for the provider to misbehave."""

    drop_reply = "drop-reply"  # takes the message, then breaks the connection
    duplicate = "duplicate"  # reports twice
    late = "late"  # reports half a minute late
    lose = "lose"  # never reports
    refuse = "429"  # too many requests, nothing taken
    reorder = "reorder"  # reports after what comes next
    server_error = "5xx"  # fails, nothing taken
    server_error_taken = "5xx-taken"  # fails although it took the message


@dataclass(frozen=True, slots=True)
class DueReport:
    """A report to post now: `fields` as the provider would send them."""

    id: str
    url: str
    fields: Mapping[str, str]
    tries: int


@dataclass(frozen=True, slots=True)
class Reports:
    """Queues reports, bent by whatever fault is set."""

    sealer: Sealer
    account_sid: str
    own_number: str

    def on_call(self, session: Session, now: datetime, call: SimulatedCall, event: str) -> None:
        """A call came as far as `event`: initiated, ringing, answered or completed (over, for any reason)."""
        number = call.sequence
        call.sequence += 1
        session.add(call)
        if call.status_url is None or event not in json.loads(call.status_events):
            return
        fields = {
            "CallSid": call.sid,
            "AccountSid": self.account_sid,
            "From": self.own_number,
            "To": self.sealer.unseal(call.phone_sealed, CALL_PHONE.at(call.sid)),
            "CallStatus": "initiated" if event == "initiated" else call.state,
            "Direction": call.direction,
            "SequenceNumber": str(number),
            "CallbackSource": "call-progress-events",
            "ApiVersion": "2010-04-01",
        }
        self._queue(session, now, call.status_url, fields)

    def on_text(self, session: Session, now: datetime, text: SimulatedText, state: str) -> None:
        """A text came as far as `state`."""
        if text.status_url is None:
            return
        fields = {
            "MessageSid": text.sid,
            "SmsSid": text.sid,
            "AccountSid": self.account_sid,
            "From": self.own_number,
            "To": self.sealer.unseal(text.phone_sealed, TEXT_PHONE.at(text.sid)),
            "MessageStatus": state,
            "SmsStatus": state,
            "ApiVersion": "2010-04-01",
        }
        if text.error_code is not None:
            fields["ErrorCode"] = str(text.error_code)
        self._queue(session, now, text.status_url, fields)

    def _queue(self, session: Session, now: datetime, url: str, fields: Mapping[str, str]) -> None:
        if use_up(session, Fault.lose):
            return
        due = now
        if use_up(session, Fault.late):
            due += timedelta(seconds=LATE_S)
        elif use_up(session, Fault.reorder):
            due += timedelta(seconds=REORDER_S)
        for _ in range(2 if use_up(session, Fault.duplicate) else 1):
            report_id = new_id(now)
            last = session.exec(select(func.max(col(SimulatedReport.order_no)))).one()
            session.add(
                SimulatedReport(
                    id=report_id,
                    order_no=(last or 0) + 1,
                    url=url,
                    fields_sealed=self.sealer.seal(json.dumps(fields), REPORT_FIELDS.at(report_id)),
                    due_at=due,
                )
            )
            session.flush()

    def due(self, session: Session, now: datetime) -> tuple[DueReport, ...]:
        """The reports whose time has come, in the order they must leave."""
        rows = session.exec(
            select(SimulatedReport)
            .where(col(SimulatedReport.due_at) <= now)
            .order_by(col(SimulatedReport.due_at), col(SimulatedReport.order_no))
        ).all()
        return tuple(
            DueReport(
                row.id,
                row.url,
                json.loads(self.sealer.unseal(row.fields_sealed, REPORT_FIELDS.at(row.id))),
                row.tries,
            )
            for row in rows
        )

    def posted(self, session: Session, now: datetime, report: DueReport, arrived: bool) -> None:  # noqa: FBT001 -- it arrived or not
        """Drops a report that arrived; one that did not is tried again, five times in all, then lost."""
        row = session.get(SimulatedReport, report.id)
        if row is None:
            return
        row.tries += 1
        if arrived or row.tries >= _MOST_TRIES:
            session.delete(row)
        else:
            row.due_at = now + timedelta(seconds=2**row.tries)
            session.add(row)
        session.flush()


def use_up(session: Session, fault: Fault) -> bool:
    """Whether the fault is to happen once more now."""
    result = session.exec(
        update(SimulatedFault)
        .where(col(SimulatedFault.kind) == fault.value, col(SimulatedFault.remaining) > 0)
        .values(remaining=SimulatedFault.remaining - 1)
    )
    return result.rowcount == 1


def set_fault(session: Session, fault: Fault, count: int) -> None:
    """The fault happens the next `count` times it can."""
    row = session.get(SimulatedFault, fault.value) or SimulatedFault(kind=fault.value, remaining=0)
    row.remaining = count
    session.add(row)
    session.flush()


def faults(session: Session) -> Mapping[str, int]:
    """How many times each fault is still to happen, zero left out."""
    rows = session.exec(select(SimulatedFault).where(col(SimulatedFault.remaining) > 0)).all()
    return {row.kind: row.remaining for row in rows}
