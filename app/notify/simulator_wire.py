"""The pretend exchange in the provider's own interface: the part of Twilio's REST that this service uses.

Calls and messages can be created, read, listed and cancelled; the numbers, names of fields and error codes are
Twilio's, so that its own client library cannot tell the difference.
"""

import base64
import hmac
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar
from starlette.datastructures import FormData
from starlette.types import Receive, Scope, Send

from app.accounts.access import Public
from app.notify.enclosed import PRETEND
from app.notify.models import SimulatedCall, SimulatedText
from app.notify.phone_room import LineDep, PhoneRoomDep
from app.notify.simulator import CallState, Exchange
from app.notify.simulator_reports import Fault, use_up
from app.notify.simulator_resources import call_body, in_time, message_body, page_body
from app.notify.simulator_texts import is_mobile, is_number

_LONGEST_TEXT, _LONGEST_RING_S, _RING_S = 1600, 600, 60
_LONGEST_VALID_S = 36_000
_MOST_PER_PAGE = 1000
_Row = TypeVar("_Row", SimulatedCall, SimulatedText)


class WireRefused(Exception):
    """A refusal in the provider's own form: HTTP status, the provider's error code, a sentence."""

    def __init__(self, status: int, code: int, message: str) -> None:
        self.status = status
        self.code = code
        self.message = message
        super().__init__(f"{status} {code} {message}")

    def response(self) -> Response:
        body = {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }
        headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if self.code == _NO_ACCOUNT else {}
        return JSONResponse(body, self.status, headers)


_NO_ACCOUNT = 20003


class _WireRoute(APIRoute):
    """Answers refusals in the provider's form instead of the house's problem documents."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except WireRefused as refused:
                return refused.response()

        return handle


def _account(request: Request, room: PhoneRoomDep, account_sid: str) -> None:
    """The account's name and token, as the provider asks for them."""
    expected = base64.b64encode(f"{room.account_sid}:{room.auth_token}".encode()).decode()
    given = request.headers.get("authorization", "").removeprefix("Basic ")
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise WireRefused(401, _NO_ACCOUNT, "Authenticate")
    if account_sid != room.account_sid:
        raise WireRefused(404, 20404, "The requested resource was not found")


router = APIRouter(
    prefix="/sim/2010-04-01/Accounts/{account_sid}",
    tags=["simulator"],
    dependencies=[Public(), Depends(_account)],
    route_class=_WireRoute,
)


class _DroppedReply(Response):
    """Begins to answer and breaks the connection."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})


@router.post("/Calls.json")
async def create_call(request: Request, line: LineDep) -> Response:
    """Queues a call."""
    form = await request.form()
    to, url = _text(form, "To"), _text(form, "Url")
    _check_numbers(to, _text(form, "From"), 21212)
    if not url.startswith(("http://", "https://")):
        raise WireRefused(400, 21205, "Url is not a valid URL")
    ring_s = _whole(form, "Timeout", _RING_S)
    if not 1 <= ring_s <= _LONGEST_RING_S:
        raise WireRefused(400, 20001, "Timeout must be between 1 and 600")
    events = tuple(str(value) for value in form.getlist("StatusCallbackEvent"))
    exchange = line.exchange

    def work(session: Session, now: datetime) -> dict[str, Any]:
        call = exchange.dial(
            session,
            now,
            to=to,
            document_url=url,
            status_url=_text(form, "StatusCallback") or None,
            status_events=events,
            ring_s=ring_s,
        )
        return call_body(exchange, call)

    return await _created(line, work)


@router.post("/Messages.json")
async def create_message(request: Request, line: LineDep) -> Response:
    """Queues a text."""
    form = await request.form()
    to, body = _text(form, "To"), _text(form, "Body")
    _check_numbers(to, _text(form, "From"), 21606)
    if not body:
        raise WireRefused(400, 21602, "Message body is required.")
    if len(body) > _LONGEST_TEXT:
        raise WireRefused(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
    if not is_mobile(to):
        raise WireRefused(400, 21614, "'To' number is not a valid mobile number")
    valid_s = _whole(form, "ValidityPeriod", _LONGEST_VALID_S)
    if not 1 <= valid_s <= _LONGEST_VALID_S:
        raise WireRefused(400, 90007, "ValidityPeriod must be between 1 and 36000")
    exchange = line.exchange

    def work(session: Session, now: datetime) -> dict[str, Any]:
        if exchange.blocks(session, to):
            raise WireRefused(400, 21610, "Attempt to send to unsubscribed recipient")
        status_url = _text(form, "StatusCallback") or None
        text = exchange.text(session, now, to=to, body=body, status_url=status_url, valid_s=valid_s)
        return message_body(exchange, text)

    return await _created(line, work)


@router.get("/Calls.json")
async def list_calls(
    request: Request,
    line: LineDep,
    page: Annotated[int, Query(alias="Page", ge=0)] = 0,
    size: Annotated[int, Query(alias="PageSize", ge=1, le=_MOST_PER_PAGE)] = 50,
) -> Response:
    """Calls, newest first; filters To, From, Status and StartTime as the provider has them."""
    exchange, asked = line.exchange, request.query_params

    def work(session: Session, _now: datetime) -> list[dict[str, Any]]:
        wanted = _newest(SimulatedCall, exchange, asked.get("To"))
        if "Status" in asked:
            wanted = wanted.where(col(SimulatedCall.state) == asked["Status"])
        return [
            call_body(exchange, row)
            for row in session.exec(wanted).all()
            if in_time(asked, "StartTime", row.created_at)
        ]

    return page_body(request, "calls", await line.look(work), page, size)


@router.get("/Messages.json")
async def list_messages(
    request: Request,
    line: LineDep,
    page: Annotated[int, Query(alias="Page", ge=0)] = 0,
    size: Annotated[int, Query(alias="PageSize", ge=1, le=_MOST_PER_PAGE)] = 50,
) -> Response:
    """Texts, newest first; filters To, From and DateSent as the provider has them."""
    exchange, asked = line.exchange, request.query_params

    def work(session: Session, _now: datetime) -> list[dict[str, Any]]:
        wanted = _newest(SimulatedText, exchange, asked.get("To"))
        return [
            message_body(exchange, row)
            for row in session.exec(wanted).all()
            if in_time(asked, "DateSent", row.created_at)
        ]

    return page_body(request, "messages", await line.look(work), page, size)


@router.get("/Calls/{sid}.json")
async def fetch_call(sid: str, line: LineDep) -> dict[str, Any]:
    """One call."""
    return await line.look(
        lambda session, _now: call_body(line.exchange, _known(session, SimulatedCall, sid))
    )


@router.get("/Messages/{sid}.json")
async def fetch_message(sid: str, line: LineDep) -> dict[str, Any]:
    """One text."""
    return await line.look(
        lambda session, _now: message_body(line.exchange, _known(session, SimulatedText, sid))
    )


@router.post("/Calls/{sid}.json")
async def update_call(sid: str, request: Request, line: LineDep) -> dict[str, Any]:
    """Takes a call back (Status=canceled) or ends it (Status=completed)."""
    form = await request.form()
    if _text(form, "Status") not in {CallState.canceled.value, CallState.completed.value}:
        raise WireRefused(400, 20001, "Status must be canceled or completed")
    exchange = line.exchange

    def work(session: Session, now: datetime) -> dict[str, Any]:
        call = _known(session, SimulatedCall, sid)
        if not exchange.cancel_call(session, now, call):
            raise WireRefused(400, 21220, "Call is not in-progress. Cannot redirect.")
        return call_body(exchange, call)

    return await line.act(work)


@router.post("/Messages/{sid}.json")
async def update_message(sid: str, request: Request, line: LineDep) -> dict[str, Any]:
    """Takes a text back that has not left (Status=canceled)."""
    form = await request.form()
    if _text(form, "Status") != CallState.canceled.value:
        raise WireRefused(400, 20001, "Status must be canceled")
    exchange = line.exchange

    def work(session: Session, _now: datetime) -> dict[str, Any]:
        text = _known(session, SimulatedText, sid)
        if not exchange.cancel_text(session, text):
            raise WireRefused(400, 30409, "This message cannot be canceled")
        return message_body(exchange, text)

    return await line.act(work)


async def _created(line: LineDep, create: Callable[[Session, datetime], dict[str, Any]]) -> Response:
    """Creates, unless a fault is set: refused, failed before or after, or taken and never answered."""

    def work(session: Session, now: datetime) -> tuple[dict[str, Any] | None, Fault | None]:
        for fault in (Fault.refuse, Fault.server_error):
            if use_up(session, fault):
                return None, fault
        body = create(session, now)
        for fault in (Fault.server_error_taken, Fault.drop_reply):
            if use_up(session, fault):
                return body, fault
        return body, None

    body, fault = await line.act(work)
    if fault is Fault.refuse:
        raise WireRefused(429, 20429, "Too Many Requests")
    if fault in {Fault.server_error, Fault.server_error_taken}:
        raise WireRefused(503 if fault is Fault.server_error else 500, 20500, "Internal Server Error")
    if fault is Fault.drop_reply:
        return _DroppedReply()
    return JSONResponse(body, 201)


def _newest(table: type[_Row], exchange: Exchange, to: str | None) -> SelectOfScalar[_Row]:
    """Rows, newest first; with a number only those that went to it."""
    wanted = select(table).order_by(col(table.created_at).desc(), col(table.sid).desc())
    if to is None:
        return wanted
    return wanted.where(
        col(table.phone_fingerprint) == exchange.sealer.fingerprint(to, PRETEND),
        col(table.direction) != "inbound",
    )


def _known(session: Session, table: type[_Row], sid: str) -> _Row:
    row = session.get(table, sid)
    if row is None:
        raise WireRefused(404, 20404, "The requested resource was not found")
    return row


def _check_numbers(to: str, sender: str, sender_code: int) -> None:
    if not is_number(to):
        raise WireRefused(400, 21211, "Invalid 'To' Phone Number")
    if not is_number(sender):
        raise WireRefused(400, sender_code, "The 'From' phone number is not valid for your account.")


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _whole(form: FormData, name: str, default: int) -> int:
    try:
        return int(_text(form, name) or default)
    except ValueError as error:
        raise WireRefused(400, 20001, f"{name} is not a number") from error
