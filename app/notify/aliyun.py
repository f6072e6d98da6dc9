"""The one door to Aliyun (阿里云): hands texts and keypad calls over by its official client, and asks what became of them.

Written from the published interface and the client's source; it has not met the real service. Traps this door keeps
shut: a hand-over is not idempotent, so the client repeats nothing; the client's own time-out starts anew with every
piece it reads, so asyncio's is used; it makes itself a talkative logger, which is silenced; and it wraps every fault twice.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from yarl import URL

from app.core.clock import Clock
from app.core.errors import InvalidInput, Unavailable
from app.core.i18n import N_
from app.core.settings import Settings
from app.core.settings_calls import AliyunSettings
from app.core.settings_refusals import require_account
from app.notify import aliyun_codes
from app.notify.aliyun_requests import Approved, Unsendable, obligatory
from app.notify.delivery import MessageState
from app.notify.messenger import (
    FateUnknown,
    Found,
    LookUpFailed,
    Outgoing,
    PutBack,
    Rejected,
    SendResult,
    Taken,
)
from app.notify.pacing import CalleeLimit
from app.rules.calendar import CHINA

_DAY_S = 86_400
LIMITS: tuple[CalleeLimit, ...] = (
    CalleeLimit("voice", 1, 60),
    CalleeLimit("voice", 5, 3600),
    CalleeLimit("voice", 20, _DAY_S),
    CalleeLimit("sms", 50, _DAY_S),
)
"""What Aliyun allows to one number; more is refused, and two calls within a second stop both."""
PACE: Mapping[str, float] = {"voice": 100.0, "sms": 5000.0}

_OK = "OK"
_IVR = 11_000_000_300_005  # keypad calls among Aliyun's products
_PAGE, _MOST_PAGES = 50, 4
_YESTERDAY_TOO = timedelta(hours=2)  # so long after midnight a message may still lie under the day before
_FOUND_BY_ID = "out:"  # begins what stands for the provider's id where a look-up gives none


def open_aliyun(settings: Settings, clock: Clock) -> "AliyunMessenger":
    """The messenger of these settings; refuses to be without an account, an approved template or the client library."""
    notify = settings.notify
    require_account(notify.aliyun)
    missing = [name for name in obligatory(notify.language) if not notify.aliyun.templates.get(name)]
    if missing:
        raise InvalidInput(
            "aliyun-templates",
            N_("阿里云的短信和语音模板还缺：{names}"),
            N_("报备这些模板，把模板代码写入 YUANPING_NOTIFY__ALIYUN__TEMPLATES 后重新启动"),
            names=", ".join(missing),
        )
    return AliyunMessenger(notify.aliyun, clock, hotline=notify.hotline, timeout_s=notify.send_timeout_s)


@dataclass(frozen=True, slots=True)
class _Sdk:
    """The parts of the official client, which is loaded only where it is used."""

    texts: Any
    calls: Any
    configuration: Any
    options: Any
    refused: Any
    failed: Any
    flat: Any


def _load() -> _Sdk:
    try:
        from alibabacloud_dysmsapi20170525 import client as texts  # noqa: PLC0415 -- an optional extra
        from alibabacloud_dyvmsapi20170525 import client as calls  # noqa: PLC0415 -- as above
        from alibabacloud_tea_openapi import client as core  # noqa: PLC0415 -- as above
        from alibabacloud_tea_openapi.exceptions import AlibabaCloudException  # noqa: PLC0415 -- as above
        from alibabacloud_tea_openapi.utils import Utils  # noqa: PLC0415 -- as above
        from alibabacloud_tea_openapi.utils_models import Config  # noqa: PLC0415 -- as above
    except ModuleNotFoundError as error:
        raise Unavailable(
            "aliyun-not-installed",
            N_("没有安装阿里云的客户端程序包（{name}）"),
            N_("安装 yuanping[aliyun]，或改用其他服务商"),
            name=error.name,
        ) from error
    talkative = logging.getLogger("darabonba-core")
    talkative.handlers.clear()
    talkative.disabled = True
    return _Sdk(
        texts,
        calls,
        Config,
        core.RuntimeOptions,
        AlibabaCloudException,
        core.UnretryableException,
        Utils.query,
    )


class AliyunMessenger:
    """Aliyun as a carrier. Texts and calls are templates it has approved; only their blanks are ours."""

    name = "aliyun"
    pace = PACE
    limits = LIMITS

    def __init__(self, account: AliyunSettings, clock: Clock, *, hotline: str, timeout_s: float) -> None:
        self._sdk = _load()
        self._approved = Approved(
            account.sign_name or "", account.called_show_number or "", account.templates, hotline
        )
        self._clock = clock
        self._timeout_s = timeout_s
        self._texts = self._sdk.texts.Client(self._configured(account, account.sms_endpoint))
        self._calls = self._sdk.calls.Client(self._configured(account, account.voice_endpoint))

    def wire(self, message: Outgoing) -> bytes:
        """The parameters as they are posted, without what signs them; empty when nothing will be posted.

        The client writes them into the address of its POST, and its HTTP library has the last word on how.
        """
        try:
            request = self._request(message)
        except Unsendable:
            return b""
        query = urlencode(self._sdk.flat(request.to_map()))
        return URL(f"https://host/?{query}").raw_query_string.encode("ascii")

    async def send(self, message: Outgoing) -> SendResult:
        voice = message.channel == "voice"
        try:
            request = self._request(message)
        except Unsendable as unsendable:
            return Rejected(unsendable.code)
        hand_over = (
            self._calls.ivr_call_with_options_async if voice else self._texts.send_sms_with_options_async
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                reply = await hand_over(request, self._once())
        except TimeoutError:
            return FateUnknown("timeout")
        except self._sdk.refused as error:
            return aliyun_codes.refusal(error.status_code or 0, error.code or "")
        except self._sdk.failed as error:
            return _broken(error.inner_exception)
        code = (reply.body and reply.body.code) or ""
        if code != _OK:
            return aliyun_codes.refusal(reply.status_code or 0, code)
        sid = reply.body.call_id if voice else reply.body.biz_id
        return Taken(sid) if sid else FateUnknown("no-sid")

    async def find(self, channel: str, to: str) -> tuple[Found, ...]:
        """Our texts to this number of today, after midnight of yesterday too; LookUpFailed for calls, which have no list."""
        if channel == "voice":
            raise LookUpFailed("Aliyun lists no calls by number: only its receipt tells")
        number = aliyun_codes.mobile(to)
        if number is None:
            return ()
        return tuple([found for day in self._days() for found in await self._texts_of(number, day)])

    async def fetch(self, channel: str, sid: str, to: str | None = None) -> Found | None:
        """One message; never None, for a record that is not there yet may come. A text is shown by its number only."""
        if channel == "voice":
            return await self._call(sid)
        number = aliyun_codes.mobile(to or "")
        if number is None:
            raise LookUpFailed("Aliyun shows a text only to who names its number")
        ours = sid.removeprefix(_FOUND_BY_ID) if sid.startswith(_FOUND_BY_ID) else None
        for day in self._days():
            for found in await self._texts_of(number, day, None if ours else sid):
                if ours in {None, found.message_id}:
                    return Found(sid, found.state, found.created_at, None, found.error_code, found.message_id)
        raise LookUpFailed("no record of this text yet")

    async def close(self) -> None:
        """Nothing is kept open: the client connects anew for each request."""

    def _configured(self, account: AliyunSettings, endpoint: str) -> Any:
        address = urlsplit(endpoint)
        secret = account.access_key_secret
        milliseconds = int(self._timeout_s * 1000)
        return self._sdk.configuration(
            access_key_id=account.access_key_id,
            access_key_secret=secret.get_secret_value() if secret else None,
            endpoint=address.netloc,
            protocol=address.scheme.upper(),
            connect_timeout=milliseconds,
            read_timeout=milliseconds,
        )

    def _once(self) -> Any:
        return self._sdk.options(autoretry=False, max_attempts=1)

    def _request(self, message: Outgoing) -> Any:
        parameters = self._approved.parameters(message)
        if message.channel == "voice":
            return self._sdk.calls.main_models.IvrCallRequest().from_map(parameters)
        return self._sdk.texts.main_models.SendSmsRequest().from_map(parameters)

    def _days(self) -> tuple[datetime, ...]:
        """The beginning of today in China, and of yesterday where a message may still lie there."""
        local = self._clock.now().astimezone(CHINA)
        today = local.replace(hour=0, minute=0, second=0, microsecond=0)
        return (today, today - timedelta(days=1)) if local - today < _YESTERDAY_TOO else (today,)

    async def _texts_of(self, number: str, day: datetime, sid: str | None = None) -> list[Found]:
        found: list[Found] = []
        for page in range(1, _MOST_PAGES + 1):
            request = self._sdk.texts.main_models.QuerySendDetailsRequest(
                phone_number=number,
                biz_id=sid,
                send_date=f"{day:%Y%m%d}",
                page_size=_PAGE,
                current_page=page,
            )
            reply = await self._look_up(
                self._texts.query_send_details_with_options_async(request, self._once())
            )
            listed = reply.sms_send_detail_dtos.sms_send_detail_dto if reply.sms_send_detail_dtos else []
            found += [_text(one) for one in listed if one.out_id]
            if len(listed) < _PAGE:
                break
        return found

    async def _call(self, sid: str) -> Found:
        for day in self._days():
            request = self._sdk.calls.main_models.QueryCallDetailByCallIdRequest(
                call_id=sid, prod_id=_IVR, query_date=int(day.timestamp() * 1000)
            )
            reply = await self._look_up(
                self._calls.query_call_detail_by_call_id_with_options_async(request, self._once())
            )
            record = _json_object(reply.data)
            if record:
                return _call_found(sid, record)
        raise LookUpFailed("no record of this call yet")

    async def _look_up(self, question: Any) -> Any:
        try:
            async with asyncio.timeout(self._timeout_s):
                reply = await question
        except TimeoutError as error:
            raise LookUpFailed("timeout") from error
        except self._sdk.refused as error:
            raise LookUpFailed(f"{error.status_code} {error.code}") from error
        except self._sdk.failed as error:
            raise LookUpFailed(type(error.inner_exception).__name__) from error
        code = (reply.body and reply.body.code) or ""
        if code != _OK:
            raise LookUpFailed(code or "no code")
        return reply.body


def _broken(fault: Exception) -> SendResult:
    """What became of a request without a readable reply: certainly nothing if there was never a connection."""
    seen: BaseException | None = fault
    while seen is not None:
        if isinstance(seen, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
            return PutBack("connect")
        seen = seen.__context__
    return FateUnknown(type(fault).__name__[:32])


def _text(one: Any) -> Found:
    state = aliyun_codes.text_state(one.send_status)
    return Found(
        sid=f"{_FOUND_BY_ID}{one.out_id}",
        state=state,
        created_at=_moment(one.send_date),
        error_code=str(one.err_code)[:32] if state is MessageState.undelivered else None,
        message_id=one.out_id,
    )


def _call_found(sid: str, record: Mapping[str, Any]) -> Found:
    word, duration = str(record.get("state") or ""), str(record.get("duration") or "0")
    seconds = int(duration) if duration.isdecimal() else 0
    state = aliyun_codes.call_state(word, seconds, over=bool(record.get("endDate")))
    error_code = word[:32] if state is MessageState.failed else None
    return Found(sid, state, _moment(record.get("gmtCreate")), error_code=error_code)


def _json_object(text: str | None) -> Mapping[str, Any]:
    """The record inside a reply, empty when there is none yet; LookUpFailed for what is no record."""
    try:
        record = json.loads(text or "{}")
    except ValueError as error:
        raise LookUpFailed("the record of the call is no JSON") from error
    return record if isinstance(record, dict) else {}


def _moment(text: Any) -> datetime | None:
    """A time as Aliyun writes it, in China: `2026-11-21 09:00:00`; None for any other."""
    try:
        return datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
    except ValueError:
        return None
