"""What the provider reports to us: a call was picked up, a key pressed, a text came, a message went through.

Every report must carry the provider's signature. A report may come twice, late, out of order, or before our
own note that the message was sent: each is written once, and late news moves nothing back.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from app.accounts.access import Public
from app.core.errors import Conflict, Forbidden, InvalidInput
from app.core.grouping import one_by_one
from app.core.i18n import N_
from app.notify import ledger, twilio, wording
from app.notify.conversation import Step
from app.notify.delivery import MessageState, state_of
from app.notify.phone_room import PhoneRoom, phone_room
from app.notify.progress import Report
from app.notify.wording import TemplateId

router = APIRouter(prefix="/hooks/twilio", tags=["twilio"], dependencies=[Public()])

_UNAVAILABLE = (
    "480"  # SIP: the phone is off or out of reach; Twilio calls it failed, people call it unanswered
)
_FORM = "application/x-www-form-urlencoded"
_MOST_BYTES = 64 * 1024
_MOST_FIELDS = 200
_MOST_ASKED = 3  # so often in a row a caller is asked for a moment's patience

_log = logging.getLogger(__name__)


class Posted(dict[str, list[str]]):
    """The fields of a form, each with all its values, as the provider's library asks for them."""

    def getall(self, name: str) -> list[str]:
        return self[name]


@dataclass(frozen=True, slots=True)
class Callback:
    """A genuine report: its fields, the address it was posted to, and the room that it concerns."""

    room: PhoneRoom
    fields: Mapping[str, str]
    path: str
    query: str

    def get(self, name: str) -> str:
        return self.fields.get(name, "")

    @property
    def asked(self) -> int:
        """How often this call was asked for a moment's patience in a row."""
        return int(asked) if (asked := dict(parse_qsl(self.query)).get("asked", "")).isdecimal() else 0

    def again(self, key: str) -> str:
        """The path to ask once more, with the key that was pressed."""
        query = {**dict(parse_qsl(self.query)), "asked": str(self.asked + 1), **({"key": key} if key else {})}
        return f"{self.path}?{urlencode(query)}"


async def genuine(request: Request) -> Callback:
    """Reads the report; InvalidInput for what is no report, Forbidden unless the provider signed exactly this one.

    Every endpoint here begins with it. As a dependency of theirs it would cost the service twice as much.
    """
    form = await _form(request)
    room = phone_room(request)
    path = (request.scope.get("raw_path") or request.url.path.encode()).decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    signed = room.signatures.genuine(path, query, form, request.headers.get(twilio.SIGNATURE_HEADER))
    if not signed:
        raise Forbidden(
            "signature",
            N_("回执签名不符"),
            N_("核对 YUANPING_SERVER__PUBLIC_URL 与服务商处登记的地址是否一致，以及令牌是否正确"),
        )
    fields = {name: values[-1] for name, values in form.items()}
    return Callback(room, fields, path, query)


async def _form(request: Request) -> Posted:
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
    form = Posted()
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


def _not_a_report() -> InvalidInput:
    return InvalidInput(
        "report-form",
        N_("回执的格式不符或过大"),
        N_("回执应为 application/x-www-form-urlencoded，不超过 64 KiB"),
    )


@router.post("/voice/{message_id}")
async def voice(message_id: str, request: Request) -> Response:
    """The call was picked up: what it says."""
    report = await genuine(request)

    def work(session: Session, now: datetime) -> str:
        return report.room.answering.picked_up(session, now, message_id, report.get("CallSid"))

    return await _spoken(report, message_id, work)


@router.post("/voice/{message_id}/keys")
async def keys(
    message_id: str,
    request: Request,
    step: Step = Step.invite,
    silent: Annotated[int, Query(ge=0, le=9)] = 0,
    via: Annotated[str, Query(pattern="^(voice|hotline)$")] = "voice",
    key: Annotated[str, Query(pattern=r"^[0-9*#]?$")] = "",
) -> Response:
    """A key was pressed, or none for a while. `key` stands in the address where the call was asked for a moment's patience."""
    report = await genuine(request)
    pressed = report.get("Digits") or key

    def work(session: Session, now: datetime) -> str:
        return report.room.answering.key(session, now, message_id, step, pressed, silent, via)

    return await _spoken(report, message_id, work, key=pressed)


@router.post("/inbound/voice")
async def inbound_voice(request: Request) -> Response:
    """Somebody calls the hotline back."""
    report = await genuine(request)

    def work(session: Session, now: datetime) -> str:
        return report.room.answering.called_back(session, now, report.get("From"), report.get("CallSid"))

    return await _spoken(report, report.get("CallSid"), work)


@router.post("/inbound/sms")
async def inbound_sms(request: Request) -> Response:
    """Somebody answers by text."""
    report = await genuine(request)
    sid = report.get("MessageSid")

    def work(session: Session, now: datetime) -> str:
        return report.room.answering.texted(session, now, report.get("From"), sid, report.get("Body"))

    document = await report.room.writer.write(_KEPT, _Document(report.room, sid, "reply", work))
    return _xml(document)


@router.post("/status/{message_id}", status_code=204)
async def status(message_id: str, request: Request) -> Response:
    """How far a call or a text has come."""
    report = await genuine(request)
    if (read := read_status(message_id, report)) is not None:
        await report.room.writer.write(report.room.progress.all_reported, read)
    return Response(status_code=204)


def read_status(message_id: str, report: Callback) -> Report | None:
    """What a status report says; None for one that says nothing we know."""
    word = report.get("CallStatus") or report.get("MessageStatus") or report.get("SmsStatus")
    sid = report.get("CallSid") or report.get("MessageSid") or report.get("SmsSid")
    state = state_of(word)
    if state is None or not sid:
        return None
    if state is MessageState.failed and report.get("SipResponseCode") == _UNAVAILABLE:
        state = MessageState.no_answer
    key = f"{message_id}|{sid}|{word}|{report.get('SequenceNumber')}"
    return Report(key, message_id, sid, state, word, report.get("ErrorCode") or None)


@dataclass(frozen=True, slots=True, eq=False)
class _Document:
    """A document to be made for the provider, and whose message it belongs to."""

    room: PhoneRoom
    message_id: str
    kind: str
    make: Callable[[Session, datetime], str]


def _make(session: Session, now: datetime, wanted: _Document) -> str:
    """Makes a document and keeps it, in one transaction."""
    document = wanted.make(session, now)
    ledger.keep_sent(session, now, wanted.room.sealer, [(wanted.message_id, wanted.kind, document.encode())])
    return document


_KEPT = one_by_one(_make)


async def _spoken(
    report: Callback,
    message_id: str,
    make: Callable[[Session, datetime], str],
    key: str = "",
) -> Response:
    """What a call says next. While the database takes its time the caller hears `one moment` and the call asks again; the
    answer that was given counts meanwhile."""
    room = report.room
    writing = asyncio.ensure_future(room.writer.write(_KEPT, _Document(room, message_id, "spoken", make)))
    try:
        async with asyncio.timeout(room.patience_s):
            return _xml(await asyncio.shield(writing))
    except (TimeoutError, OperationalError, Conflict) as error:
        _log.warning("a caller is asked for a moment's patience: %s", type(error).__name__)
        writing.add_done_callback(_said_later)
    language, hotline = room.answering.language, room.answering.hotline
    if report.asked >= _MOST_ASKED:
        text = wording.render(TemplateId.too_slow, language, {"hotline": hotline})
        return _xml(twilio.closing_document(text, language))
    text = wording.render(TemplateId.one_moment, language, {})
    return _xml(twilio.patience_document(text, language, f"{room.answering.public_url}{report.again(key)}"))


def _said_later(writing: "asyncio.Future[str]") -> None:
    """Nobody waits for this document any more: if it could not be made, the log says so."""
    if not writing.cancelled() and (error := writing.exception()) is not None:
        _log.error("what a caller had said could not be written down: %s", type(error).__name__)


def _xml(document: str) -> Response:
    return Response(document, media_type="application/xml")
