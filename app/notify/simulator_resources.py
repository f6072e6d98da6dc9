"""How the provider's interface shows a call, a text and a page of either: its fields, names and dates."""

import operator
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from app.core.sealed_columns import CALL_PHONE, TEXT_BODY, TEXT_PHONE
from app.notify.models import SimulatedCall, SimulatedText
from app.notify.simulator import Exchange
from app.notify.simulator_texts import EXPIRED

_ERRORS = {EXPIRED: "Validity Period Expired"}
_OLD_ALPHABET = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The characters of GSM 03.38."""


def call_body(exchange: Exchange, call: SimulatedCall) -> dict[str, Any]:
    phone = exchange.sealer.unseal(call.phone_sealed, CALL_PHONE.at(call.sid))
    inbound = call.direction == "inbound"
    start, end = call.answered_at, call.ended_at
    account = exchange.reports.account_sid
    return {
        "sid": call.sid,
        "account_sid": account,
        "to": exchange.reports.own_number if inbound else phone,
        "from": phone if inbound else exchange.reports.own_number,
        "status": call.state,
        "direction": call.direction,
        "date_created": _date(call.created_at),
        "date_updated": _date(end or start or call.created_at),
        "start_time": _date(start),
        "end_time": _date(end),
        "duration": str(int((end - start).total_seconds())) if start and end else None,
        "price": None,
        "price_unit": "USD",
        "answered_by": None,
        "caller_name": None,
        "forwarded_from": None,
        "group_sid": None,
        "parent_call_sid": call.parent_sid,
        "phone_number_sid": None,
        "queue_time": "0",
        "trunk_sid": None,
        "api_version": "2010-04-01",
        "uri": f"/2010-04-01/Accounts/{account}/Calls/{call.sid}.json",
        "subresource_uris": {},
    }


def message_body(exchange: Exchange, text: SimulatedText) -> dict[str, Any]:
    phone = exchange.sealer.unseal(text.phone_sealed, TEXT_PHONE.at(text.sid))
    body = exchange.sealer.unseal(text.body_sealed, TEXT_BODY.at(text.sid))
    inbound = text.direction == "inbound"
    account = exchange.reports.account_sid
    return {
        "sid": text.sid,
        "account_sid": account,
        "messaging_service_sid": None,
        "to": exchange.reports.own_number if inbound else phone,
        "from": phone if inbound else exchange.reports.own_number,
        "body": body,
        "status": text.state,
        "direction": text.direction,
        "date_created": _date(text.created_at),
        "date_updated": _date(text.created_at),
        "date_sent": None if text.state == "queued" else _date(text.created_at),
        "error_code": text.error_code,
        "error_message": _ERRORS.get(text.error_code or 0),
        "num_media": "0",
        "num_segments": str(segments(body)),
        "price": None,
        "price_unit": None,
        "api_version": "2010-04-01",
        "uri": f"/2010-04-01/Accounts/{account}/Messages/{text.sid}.json",
        "subresource_uris": {},
    }


def segments(body: str) -> int:
    """In how many pieces it travels: with any character beyond the old alphabet of phones, 70 are one piece, else 67 each."""
    alone, each = (160, 153) if all(character in _OLD_ALPHABET for character in body) else (70, 67)
    return 1 if len(body) <= alone else -(-len(body) // each)


def page_body(request: Request, name: str, rows: list[dict[str, Any]], page: int, size: int) -> Response:
    first = page * size
    sender = request.query_params.get("From")
    kept = [row for row in rows if sender is None or row["from"] == sender]
    shown = kept[first : first + size]
    path = request.url.path.removeprefix("/sim")

    def address(number: int) -> str:
        asked = request.url.include_query_params(Page=number, PageSize=size)
        return f"{path}?{asked.query}"

    return JSONResponse(
        {
            name: shown,
            "page": page,
            "page_size": size,
            "start": first,
            "end": first + max(len(shown) - 1, 0),
            "uri": address(page),
            "first_page_uri": address(0),
            "previous_page_uri": address(page - 1) if page else None,
            "next_page_uri": address(page + 1) if first + size < len(kept) else None,
        }
    )


def in_time(asked: Mapping[str, str], name: str, at: datetime) -> bool:
    """The provider's filters by day or instant: `Name`, `Name<` and `Name>`, ends included."""
    for key, fits in ((name, operator.eq), (f"{name}<", operator.le), (f"{name}>", operator.ge)):
        if key in asked:
            bound = asked[key].rstrip("Z")
            if not fits(at.strftime("%Y-%m-%dT%H:%M:%S")[: len(bound)], bound):
                return False
    return True


def _date(at: datetime | None) -> str | None:
    return None if at is None else format_datetime(at)
