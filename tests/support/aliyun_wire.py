"""A stand-in for Aliyun on the wire: the part of its RPC that the house uses, with its signature and its error codes.

Written from the published interface alone. It checks the signature over what has arrived by its own reckoning, so that
the official client signs for real; and it keeps everything it has seen, so that a test can look for leaks.
"""

import hashlib
import hmac
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from app.core.clock import ManualClock
from app.rules.calendar import CHINA

KEY_ID, SECRET = "LTAI-of-the-tests", "secret-of-the-tests"
SIGN_NAME, SHOW_NUMBER = "云岭交易中心", "087012345678"
IVR = "11000000300005"
_ALGORITHM = "ACS3-HMAC-SHA256"
_LONGEST_BLANK = 35


class Fault(StrEnum):
    """How one hand-over may go wrong."""

    server_error = "503, not taken"
    server_error_taken = "500, taken"
    drop_reply = "taken, and the connection breaks"
    no_reply = "taken, and no reply comes"
    not_json = "taken, and the reply cannot be read"
    no_id = "taken, and the reply names no id"


@dataclass(eq=False)
class Refusal(Exception):
    """A reply with an error code; the services use 200 and 400, the gateway in front of them others."""

    status: int
    code: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived."""

    action: str
    query: bytes
    headers: Mapping[str, str]
    body: bytes

    @property
    def parameters(self) -> dict[str, str]:
        return dict(parse_qsl(self.query.decode("ascii"), keep_blank_values=True, strict_parsing=True))


@dataclass(slots=True)
class Text:
    biz_id: str
    number: str
    out_id: str
    template: str
    at: datetime
    status: int = 1
    error: str = ""


@dataclass(slots=True)
class Call:
    call_id: str
    number: str
    out_id: str
    template: str
    at: datetime
    record: dict[str, str] = field(default_factory=dict)


class AliyunWire:
    """The service behind one account. templates: the approved codes with the names of their blanks."""

    def __init__(self, clock: ManualClock, templates: Mapping[str, frozenset[str]]) -> None:
        self.clock = clock
        self.templates = templates
        self.seen: list[Seen] = []
        self.texts: list[Text] = []
        self.calls: list[Call] = []
        self.next: deque[Fault | Refusal] = deque()
        self.limited = True

    def fails(self, *faults: Fault | Refusal) -> None:
        """The next requests go wrong like this."""
        self.next.extend(faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._answer(request, await request.body())
        await response(scope, receive, send)

    async def _answer(self, request: Request, body: bytes) -> Response:
        seen = Seen(
            request.headers.get("x-acs-action", ""),
            request.scope["query_string"],
            dict(request.headers),
            body,
        )
        self.seen.append(seen)
        fault = self.next.popleft() if self.next else None
        try:
            self._admit(request, seen)
            _refuse(fault)
            reply = _ACTIONS[seen.action](self, seen.parameters)
        except Refusal as refusal:
            return JSONResponse(
                {"Code": refusal.code, "Message": "refused", "RequestId": "R"}, refusal.status
            )
        match fault:
            case Fault.server_error_taken:
                return JSONResponse({"Code": "InternalError", "RequestId": "R"}, 500)
            case Fault.drop_reply:
                return _Broken()
            case Fault.no_reply:
                return _Silent()
            case Fault.not_json:
                return Response("<html>", media_type="text/html")
            case Fault.no_id:
                reply = {}
        return JSONResponse({"Code": "OK", "Message": "OK", "RequestId": "R", **reply})

    def _admit(self, request: Request, seen: Seen) -> None:
        """What the gateway checks: whose key it is, and that it signed exactly this."""
        form = rf"{_ALGORITHM} Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{{64}})"
        signed = re.fullmatch(form, request.headers.get("authorization", ""))
        if signed is None:
            raise Refusal(400, "IncompleteSignature")
        if signed[1] != KEY_ID:
            raise Refusal(404, "InvalidAccessKeyId.NotFound")
        payload = hashlib.sha256(seen.body).hexdigest()
        names = signed[2].split(";")
        lines = [
            request.method,
            "/",
            "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(seen.parameters.items())),
            "".join(f"{name}:{seen.headers.get(name, '').strip()}\n" for name in names),
            ";".join(names),
            payload,
        ]
        text = f"{_ALGORITHM}\n{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}"
        wanted = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
        needed = {"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce"}
        fits = hmac.compare_digest(wanted, signed[3]) and needed <= set(names)
        if not fits or seen.headers.get("x-acs-content-sha256") != payload:
            raise Refusal(400, "SignatureDoesNotMatch")
        if seen.action not in _ACTIONS or seen.headers.get("x-acs-version") != "2017-05-25":
            raise Refusal(404, "InvalidAction.NotFound")

    # --- what the services do ---------------------------------------------------------------------------

    def _send_text(self, given: dict[str, str]) -> dict[str, Any]:
        number = given["PhoneNumbers"]
        if not re.fullmatch(r"1[3-9]\d{9}", number):
            raise Refusal(200, "isv.MOBILE_NUMBER_ILLEGAL")
        if given.get("SignName") != SIGN_NAME:
            raise Refusal(200, "isv.SMS_SIGNATURE_ILLEGAL")
        self._template(given["TemplateCode"], given.get("TemplateParam"), "isv.SMS_TEMPLATE_ILLEGAL")
        today = [one for one in self.texts if one.number == number and _day(one.at) == _day(self.clock.now())]
        if self.limited and len(today) >= 50:
            raise Refusal(200, "isv.BUSINESS_LIMIT_CONTROL")
        biz_id = f"90061988{len(self.texts):04}^0"
        self.texts.append(
            Text(biz_id, number, given.get("OutId", ""), given["TemplateCode"], self.clock.now())
        )
        return {"BizId": biz_id}

    def _call(self, given: dict[str, str]) -> dict[str, Any]:
        number, out_id = given["CalledNumber"], given.get("OutId", "")
        if not re.fullmatch(r"1[3-9]\d{9}|0\d{9,11}", number):
            raise Refusal(200, "isv.MOBILE_NUMBER_ILLEGAL")
        if given.get("CalledShowNumber") != SHOW_NUMBER:
            raise Refusal(200, "isv.DISPLAY_NUMBER_ILLEGAL")
        if not 1 <= len(out_id.encode()) <= 15:
            raise Refusal(200, "isv.INVALID_PARAMETERS")
        self._template(given["StartCode"], given.get("StartTtsParams"), "isv.TTS_TEMPLATE_ILLEGAL")
        self._template(given["ByeCode"], given.get("ByeTtsParams"), "isv.TTS_TEMPLATE_ILLEGAL")
        keys = set()
        for place in range(1, 4):
            menu = f"MenuKeyMap.{place}"
            keys.add(given[f"{menu}.Key"])
            self._template(given[f"{menu}.Code"], given.get(f"{menu}.TtsParams"), "isv.TTS_TEMPLATE_ILLEGAL")
        if keys != {"1", "2", "*"}:
            raise Refusal(200, "isv.INVALID_PARAMETERS")
        for most, seconds in ((1, 60), (5, 3600), (20, 86_400)):
            since = self.clock.now() - timedelta(seconds=seconds)
            former = [one for one in self.calls if one.number == number and one.at > since]
            if self.limited and len(former) >= most:
                raise Refusal(200, "isv.BUSINESS_LIMIT_CONTROL")
        call_id = f"1160128542{len(self.calls):02}^1028142705{len(self.calls):02}"
        self.calls.append(Call(call_id, number, out_id, given["StartCode"], self.clock.now()))
        return {"CallId": call_id}

    def _template(self, code: str, blanks: str | None, unknown: str) -> None:
        if code not in self.templates:
            raise Refusal(200, unknown)
        filled: dict[str, str] = json.loads(blanks or "{}")
        if not self.templates[code] <= set(filled):
            raise Refusal(200, "isv.TEMPLATE_MISSING_PARAMETERS")
        if any(len(value) > _LONGEST_BLANK for value in filled.values()):
            raise Refusal(200, "isv.PARAM_LENGTH_LIMIT")
        if any("://" in value for value in filled.values()):
            raise Refusal(200, "isv.PARAM_NOT_SUPPORT_URL")

    def _texts_of(self, given: dict[str, str]) -> dict[str, Any]:
        size, page = int(given["PageSize"]), int(given["CurrentPage"])
        if not 1 <= size <= 50:
            raise Refusal(200, "isv.INVALID_PARAMETERS")
        found = [
            one
            for one in reversed(self.texts)
            if one.number == given["PhoneNumber"]
            and _day(one.at) == given["SendDate"]
            and given.get("BizId") in {None, one.biz_id}
        ]
        listed = [
            {
                "PhoneNum": one.number,
                "OutId": one.out_id,
                "TemplateCode": one.template,
                "SendDate": in_china(one.at),
                "SendStatus": one.status,
                "ErrCode": one.error,
                "Content": "……",
            }
            for one in found[(page - 1) * size : page * size]
        ]
        return {"TotalCount": str(len(found)), "SmsSendDetailDTOs": {"SmsSendDetailDTO": listed}}

    def _call_of(self, given: dict[str, str]) -> dict[str, Any]:
        asked = datetime.fromtimestamp(int(given["QueryDate"]) / 1000, CHINA)
        known = [
            one
            for one in self.calls
            if one.call_id == given["CallId"] and given["ProdId"] == IVR and _day(one.at) == _day(asked)
        ]
        if not known or not known[0].record:
            return {}  # a record takes minutes to appear
        return {"Data": json.dumps({"gmtCreate": in_china(known[0].at), **known[0].record})}


_ACTIONS: dict[str, Callable[[AliyunWire, dict[str, str]], dict[str, Any]]] = {
    "SendSms": AliyunWire._send_text,
    "IvrCall": AliyunWire._call,
    "QuerySendDetails": AliyunWire._texts_of,
    "QueryCallDetailByCallId": AliyunWire._call_of,
}


class _Silent(Response):
    """Says nothing until the other side has gone."""

    async def __call__(self, _scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


class _Broken(Response):
    """Begins to answer and breaks the connection."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


def _refuse(fault: Fault | Refusal | None) -> None:
    """What goes wrong before anything was taken."""
    if isinstance(fault, Refusal):
        raise fault
    if fault is Fault.server_error:
        raise Refusal(503, "ServiceUnavailable")


def in_china(at: datetime) -> str:
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"


def _day(at: datetime) -> str:
    return f"{at.astimezone(CHINA):%Y%m%d}"


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")


# --- receipts as they are pushed ----------------------------------------------------------------------------------------


def sms_report(text: Text, now: datetime, error: str = "") -> dict[str, Any]:
    return {
        "phone_number": text.number,
        "send_time": in_china(text.at),
        "report_time": in_china(now),
        "success": not error,
        "err_code": error or "DELIVERED",
        "err_msg": "用户接收成功",
        "sms_size": "1",
        "biz_id": text.biz_id,
        "out_id": text.out_id,
    }


def sms_up(number: str, content: str, sequence_id: str, now: datetime) -> dict[str, Any]:
    return {
        "phone_number": number,
        "content": content,
        "send_time": in_china(now),
        "dest_code": "1234",
        "sequence_id": sequence_id,
    }


def call_report(call: Call, status: str, now: datetime, **more: str) -> dict[str, Any]:
    return {
        "call_id": call.call_id,
        "status_code": status,
        "status_time": in_china(now),
        "out_id": call.out_id,
        **more,
    }


def call_record(call: Call, status: str, now: datetime, seconds: int = 0, **more: str) -> dict[str, Any]:
    return {
        "call_id": call.call_id,
        "status_code": status,
        "originate_time": in_china(call.at),
        "end_time": in_china(now),
        "duration": str(seconds),
        "callee": call.number,
        "caller": SHOW_NUMBER,
        "out_id": call.out_id,
        "voice_type": "voice",
        "hangup_direction": "用户",
        **more,
    }
