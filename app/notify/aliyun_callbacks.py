"""Where Aliyun pushes its receipts to: what became of texts and calls, keys that were pressed, texts that came back.

Aliyun signs no receipt. What proves one is its address, which holds a token derived from the master key and is known to
the operator and to Aliyun only. Receipts come as a JSON array; each of them is applied in a transaction of its own.
"""

import hmac
import json
import logging
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Request
from sqlmodel import Session

from app.accounts.access import Public
from app.core.clock import Clock
from app.core.database import Database
from app.core.dependencies import ClockDep, DatabaseDep, SealerDep, SettingsDep
from app.core.errors import InvalidInput, NotFound
from app.core.i18n import N_
from app.core.sealing import Sealer
from app.core.settings_calls import Provider
from app.notify.aliyun_receipts import Item, Receipts
from app.notify.phone_room import PhoneRoomDep

router = APIRouter(prefix="/hooks/aliyun/{token}", tags=["aliyun"], dependencies=[Public()])

_MOST_BYTES = 1024 * 1024
_HIDDEN = "…"

_log = logging.getLogger(__name__)


class Kind(StrEnum):
    """The kinds of receipts, each registered at Aliyun with an address of its own."""

    sms_report = "sms-report"  # SmsReport
    sms_up = "sms-up"  # SmsUp
    voice_call_report = "voice-call-report"  # VoiceCallReport
    voice_report = "voice-report"  # VoiceReport


def addresses(public_url: str, sealer: Sealer) -> dict[Kind, str]:
    """What to register at Aliyun. They are secrets: whoever knows them can answer for an expert."""
    return {kind: f"{public_url}/hooks/aliyun/{_token(sealer)}/{kind.value}" for kind in Kind}


def _token(sealer: Sealer) -> str:
    return sealer.derive("aliyun-receipts").hex()


async def _receipts(
    token: str, request: Request, settings: SettingsDep, sealer: SealerDep, room: PhoneRoomDep
) -> Receipts:
    """Refuses whoever does not know the address; from then on the address appears in no log."""
    known = hmac.compare_digest(token.encode(), _token(sealer).encode())
    request.scope["path"] = request.scope["path"].replace(token, _HIDDEN)
    if settings.notify.provider is not Provider.aliyun or not known:
        raise NotFound("no-such-hook", N_("没有这个回执地址"), N_("核对在阿里云控制台登记的回执地址"))
    return Receipts(room.progress, sealer, settings.notify.aliyun.templates, settings.notify.hotline)


async def _items(request: Request) -> list[Any]:
    """What was pushed; InvalidInput for what is no JSON or larger than Aliyun would send."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BYTES:
            raise _not_receipts()
    try:
        pushed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _not_receipts() from error
    return pushed if isinstance(pushed, list) else [pushed]


def _not_receipts() -> InvalidInput:
    return InvalidInput(
        "receipt-form", N_("推送的回执不是 JSON 或过大"), N_("回执应为 JSON 数组，不超过 1 MiB")
    )


ReceiptsDep = Annotated[Receipts, Depends(_receipts)]


@router.post("/{kind}")
async def receive(
    kind: Kind, receipts: ReceiptsDep, request: Request, database: DatabaseDep, clock: ClockDep
) -> dict[str, int | str]:
    """Takes a push. Aliyun repeats it after 1, 5 and 10 minutes unless it is answered with 200 and a number."""
    items = await _items(request)
    await anyio.to_thread.run_sync(_apply, receipts, kind, items, database, clock)
    return {"code": 0, "msg": "OK"}


_WAYS: dict[Kind, Callable[[Receipts, Session, datetime, Item], bool]] = {
    Kind.sms_report: Receipts.text_report,
    Kind.sms_up: Receipts.texted,
    Kind.voice_call_report: Receipts.call_report,
    Kind.voice_report: Receipts.call_record,
}


def _apply(receipts: Receipts, kind: Kind, items: list[Any], database: Database, clock: Clock) -> None:
    for item in items:
        if not isinstance(item, dict):
            _log.warning("a receipt is a %s, not an object", type(item).__name__)
            continue
        with database.transaction() as session:
            _WAYS[kind](receipts, session, clock.now(), item)
