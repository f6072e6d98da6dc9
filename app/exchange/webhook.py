"""Posts a signed document to another platform and brings back what it answered."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import httpx2

from app.core.work import Failed

_LONGEST_RECEIPT = 16_384
_REFUSED_TRIES = 3
"""Whoever refuses a document for good is asked so often, in case they mend it meanwhile."""
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer of a platform that has taken a document: any 2xx."""

    status: int
    body: bytes


async def post(url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Receipt:
    """One attempt. Failed for everything but a 2xx: nobody answers, too slow, refused, or sent elsewhere (never followed)."""
    try:
        async with (
            asyncio.timeout(timeout_s),
            # The document goes to this address and no other: no redirects, no proxy from the environment. One clock for all.
            httpx2.AsyncClient(follow_redirects=False, trust_env=False, timeout=None) as client,
            client.stream(
                "POST",
                url,
                content=body,
                headers={**headers, "content-type": "application/json", "user-agent": "yuanping"},
            ) as answer,
        ):
            _require_taken(answer.status_code)
            return Receipt(answer.status_code, await _read(answer))
    except TimeoutError as error:
        raise Failed("timeout") from error
    except httpx2.HTTPError as error:
        raise Failed(type(error).__name__) from error


def _require_taken(status: int) -> None:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    refused = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    raise Failed(f"HTTP {status}", _REFUSED_TRIES if refused and status not in _PASSING else None)


async def _read(answer: httpx2.Response) -> bytes:
    """The body as far as a receipt may be long; more is no receipt."""
    read = bytearray()
    async for piece in answer.aiter_raw():
        read += piece
        if len(read) > _LONGEST_RECEIPT:
            raise Failed("receipt-too-long")
    return bytes(read)
