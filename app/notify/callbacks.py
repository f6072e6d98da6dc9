"""What the provider reports to us: a call was picked up, a key pressed, a text came, a message went through.

Every report must carry the provider's signature. A report may come twice, late, out of order, or before our
own note that the message was sent: each is written once, and late news moves nothing back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from sqlmodel import Session
from starlette.datastructures import FormData

from app.accounts.access import Public
from app.core.dependencies import ClockDep, DatabaseDep
from app.core.errors import Forbidden, InvalidInput
from app.core.i18n import N_
from app.notify import repository, twilio
from app.notify.answering import Answering
from app.notify.conversation import Step
from app.notify.delivery import MessageState, state_of
from app.notify.phone_room import PhoneRoom, PhoneRoomDep

router = APIRouter(prefix="/hooks/twilio", tags=["twilio"], dependencies=[Public()])

_UNAVAILABLE = (
    "480"  # SIP: the phone is off or out of reach; Twilio calls it failed, people call it unanswered
)
_FORM = "application/x-www-form-urlencoded"
_MOST_BYTES = 64 * 1024
_MOST_FIELDS = 200


@dataclass(frozen=True, slots=True)
class Report:
    """The fields of a genuine report."""

    fields: Mapping[str, str]
    token: str

    def get(self, name: str) -> str:
        return self.fields.get(name, "")


async def _genuine(request: Request, room: PhoneRoomDep) -> Report:
    """Reads the report; InvalidInput for what is no report, Forbidden unless the provider signed exactly this one."""
    form = await _form(request)
    raw_path = request.scope.get("raw_path") or request.url.path.encode()
    genuine = room.signatures.genuine(
        raw_path.decode("latin-1"),
        request.scope["query_string"].decode("latin-1"),
        form,
        request.headers.get(twilio.SIGNATURE_HEADER),
    )
    if not genuine:
        raise Forbidden(
            "signature",
            N_("回执签名不符"),
            N_("核对 YUANPING_SERVER__PUBLIC_URL 与服务商处登记的地址是否一致，以及令牌是否正确"),
        )
    fields = {key: value for key, value in form.items() if isinstance(value, str)}
    return Report(fields, request.headers.get("I-Twilio-Idempotency-Token", ""))


async def _form(request: Request) -> FormData:
    """The fields as they came. Anybody can post here, so nothing is read that the provider would not send."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise _not_a_report()
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BYTES:
            raise _not_a_report()
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:  # also bytes outside ASCII: a form escapes them
        raise _not_a_report() from error
    return FormData([*pairs])


def _not_a_report() -> InvalidInput:
    return InvalidInput(
        "report-form",
        N_("回执的格式不符或过大"),
        N_("回执应为 application/x-www-form-urlencoded，不超过 64 KiB"),
    )


ReportDep = Annotated[Report, Depends(_genuine)]


def _answering(room: PhoneRoomDep) -> Answering:
    return room.answering


AnsweringDep = Annotated[Answering, Depends(_answering)]


@router.post("/voice/{message_id}")
async def voice(
    message_id: str, report: ReportDep, answering: AnsweringDep, database: DatabaseDep, clock: ClockDep
) -> Response:
    """The call was picked up: what it says."""

    def work(session: Session, now: datetime) -> str:
        return answering.picked_up(session, now, message_id, report.get("CallSid"))

    return await _document(database, clock, work)


@router.post("/voice/{message_id}/keys")
async def keys(
    message_id: str,
    report: ReportDep,
    answering: AnsweringDep,
    database: DatabaseDep,
    clock: ClockDep,
    step: Step = Step.invite,
    silent: Annotated[int, Query(ge=0, le=9)] = 0,
    via: Annotated[str, Query(pattern="^(voice|hotline)$")] = "voice",
) -> Response:
    """A key was pressed, or none for a while."""

    def work(session: Session, now: datetime) -> str:
        return answering.key(session, now, message_id, step, report.get("Digits"), silent, via)

    return await _document(database, clock, work)


@router.post("/inbound/voice")
async def inbound_voice(
    report: ReportDep, answering: AnsweringDep, database: DatabaseDep, clock: ClockDep
) -> Response:
    """Somebody calls the hotline back."""

    def work(session: Session, now: datetime) -> str:
        return answering.called_back(session, now, report.get("From"), report.get("CallSid"))

    return await _document(database, clock, work)


@router.post("/inbound/sms")
async def inbound_sms(
    report: ReportDep, answering: AnsweringDep, database: DatabaseDep, clock: ClockDep
) -> Response:
    """Somebody answers by text."""

    def work(session: Session, now: datetime) -> str:
        return answering.texted(
            session, now, report.get("From"), report.get("MessageSid"), report.get("Body")
        )

    return await _document(database, clock, work)


@router.post("/status/{message_id}", status_code=204)
async def status(
    message_id: str, report: ReportDep, room: PhoneRoomDep, database: DatabaseDep, clock: ClockDep
) -> Response:
    """How far a call or a text has come."""

    def work() -> None:
        now = clock.now()
        with database.transaction() as session:
            note_status(session, now, room, message_id, report)

    await anyio.to_thread.run_sync(work)
    return Response(status_code=204)


def note_status(session: Session, now: datetime, room: PhoneRoom, message_id: str, report: Report) -> bool:
    """Applies a status report; False when it was known before, late, or about a message we never sent."""
    message = repository.held(session, message_id)
    word = report.get("CallStatus") or report.get("MessageStatus") or report.get("SmsStatus")
    sid = report.get("CallSid") or report.get("MessageSid") or report.get("SmsSid")
    state = state_of(word)
    if message is None or state is None or not sid:
        return False
    if state is MessageState.failed and report.get("SipResponseCode") == _UNAVAILABLE:
        state = MessageState.no_answer
    key = f"{message_id}|{sid}|{word}|{report.get('SequenceNumber')}"
    new = repository.record_event(
        session,
        now,
        key,
        message_id,
        "status",
        {"sid": sid, "status": word, "error": report.get("ErrorCode")},
    )
    return new and room.progress.reported(session, now, message, sid, state, report.get("ErrorCode") or None)


async def _document(database: DatabaseDep, clock: ClockDep, work: Any) -> Response:
    def run() -> str:
        now = clock.now()
        with database.transaction() as session:
            document: str = work(session, now)
        return document

    return Response(await anyio.to_thread.run_sync(run), media_type="application/xml")
