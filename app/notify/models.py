"""What goes out to people's phones, what came back, and the pretend phones of the training room."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from app.core.database import UtcDateTime


class OutgoingMessage(SQLModel, table=True):
    """One call or text to one person (外呼/短信). Number and variables are sealed; every timer is a column."""

    __tablename__ = "outgoing_message"
    __table_args__ = (
        Index("outgoing_message_due", "state", "channel", "due_at"),
        Index("outgoing_message_check", "state", "check_at"),
        Index("outgoing_message_callee", "to_fingerprint", "sending_at"),
    )

    id: str = Field(primary_key=True, max_length=36)
    subject: str = Field(index=True, max_length=64)
    purpose: str = Field(max_length=24)
    channel: str = Field(max_length=8)
    to_sealed: str
    to_fingerprint: str = Field(max_length=64)
    template: str = Field(max_length=32)
    variables_sealed: str
    language: str = Field(max_length=8)
    state: str = Field(max_length=16)
    rank: int = 0
    due_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    quiet_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Until then a call waits for the end of the quiet hours."""
    ring_s: int
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    sending_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    check_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    looked_up: int = 0
    tries: int = 0
    provider_sid: str | None = Field(default=None, unique=True, max_length=64)
    error_code: str | None = Field(default=None, max_length=32)
    created_at: datetime = Field(sa_type=UtcDateTime)


class MessageEvent(SQLModel, table=True):
    """One thing that happened to a message (投递事件): written once, never changed, known by its key."""

    __tablename__ = "message_event"

    key: str = Field(primary_key=True, max_length=200)
    message_id: str = Field(index=True, max_length=36)
    kind: str = Field(max_length=24)
    payload: str = "{}"
    at: datetime = Field(sa_type=UtcDateTime)


class SentDocument(SQLModel, table=True):
    """What was handed to a provider (发出内容留存), byte by byte: sealed, known by its hash, never changed.

    kind: `call` or `text` (the request that was posted), `spoken` (the document of a call), `reply` (the answer to a text).
    """

    __tablename__ = "sent_document"

    id: str = Field(primary_key=True, max_length=36)
    message_id: str = Field(index=True, max_length=36)
    kind: str = Field(max_length=8)
    at: datetime = Field(sa_type=UtcDateTime)
    sha256: str = Field(max_length=64)
    body_sealed: str


class ProviderBudget(SQLModel, table=True):
    """How fast a provider may be used (发送速率), one row for all processes.

    key: provider and channel, such as `twilio:voice`. spent_until: the moment up to which its rate is used up; each send
    moves it on by one interval.
    """

    __tablename__ = "provider_budget"

    key: str = Field(primary_key=True, max_length=32)
    spent_until: datetime = Field(sa_type=UtcDateTime)


class SmsOptOut(SQLModel, table=True):
    """A number whose owner asked for no more texts (退订)."""

    __tablename__ = "sms_opt_out"

    phone_fingerprint: str = Field(primary_key=True, max_length=64)
    at: datetime = Field(sa_type=UtcDateTime)


class HotlineCall(SQLModel, table=True):
    """Somebody who called back and wants to talk to our staff (热线来电); nothing here says who.

    message_id: the notice they were read. reference: four digits the caller hears and the staff sees. state: `waiting`,
    `taken` or `done`. until: how long the call counts as being on the line if nothing more is heard of it.
    """

    __tablename__ = "hotline_call"
    __table_args__ = (Index("hotline_call_line", "state", "until"),)

    id: str = Field(primary_key=True, max_length=36)
    message_id: str = Field(index=True, max_length=36)
    subject: str = Field(max_length=36)
    reference: str = Field(max_length=4)
    state: str = Field(max_length=8)
    at: datetime = Field(sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)
    taken_by: str | None = Field(default=None, max_length=64)
    taken_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: str | None = Field(default=None, max_length=16)
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SimulatedCall(SQLModel, table=True):
    """A call on a pretend phone (模拟通话), as the provider would keep it.

    `due_at` is when the next thing happens by itself: it starts to ring, rings out, the silence after the
    spoken text ends, or the line closes. `pending_url` is the document the exchange must fetch next, `action_url`
    where a key leads, `silence_url` where silence leads. A call that was put through has the other line as a call
    of its own with `parent_sid`; when that ends, it goes on at `dial_url` with `dial_status`.
    """

    __tablename__ = "simulated_call"

    sid: str = Field(primary_key=True, max_length=34)
    phone_sealed: str
    phone_fingerprint: str = Field(index=True, max_length=64)
    direction: str = Field(max_length=16)
    state: str = Field(index=True, max_length=16)
    document_url: str
    status_url: str | None = None
    status_events: str = "[]"
    ring_s: int
    sequence: int = 0
    turn: int = 0
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    pending_url: str | None = None
    pending_digits: str | None = Field(default=None, max_length=8)
    action_url: str | None = None
    silence_url: str | None = None
    parent_sid: str | None = Field(default=None, index=True, max_length=34)
    dial_url: str | None = None
    dial_status: str | None = Field(default=None, max_length=16)
    spoken_sealed: str | None = None
    spoken_language: str = Field(default="", max_length=16)
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SimulatedText(SQLModel, table=True):
    """A text on a pretend phone (模拟短信), as the provider would keep it."""

    __tablename__ = "simulated_text"

    sid: str = Field(primary_key=True, max_length=34)
    phone_sealed: str
    phone_fingerprint: str = Field(index=True, max_length=64)
    direction: str = Field(max_length=16)
    state: str = Field(max_length=16)
    body_sealed: str
    status_url: str | None = None
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    valid_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    error_code: int | None = None
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)


class SimulatedOptOut(SQLModel, table=True):
    """A number that texted STOP to the pretend provider (模拟退订): it takes no more texts to it, as the real one does."""

    __tablename__ = "simulated_opt_out"

    phone_fingerprint: str = Field(primary_key=True, max_length=64)
    at: datetime = Field(sa_type=UtcDateTime)


class SimulatedReport(SQLModel, table=True):
    """A status report the pretend provider still has to post (模拟回执)."""

    __tablename__ = "simulated_report"

    id: str = Field(primary_key=True, max_length=36)
    order_no: int
    url: str
    fields_sealed: str
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)
    tries: int = 0


class SimulatedFault(SQLModel, table=True):
    """How many more times the pretend provider misbehaves in one way (模拟故障)."""

    __tablename__ = "simulated_fault"

    kind: str = Field(primary_key=True, max_length=24)
    remaining: int
