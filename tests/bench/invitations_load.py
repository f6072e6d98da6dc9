"""So many clients at once that post one prepared request after the other, with as little work of their own as possible."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast
from urllib.parse import urlencode, urlsplit

from tests.faults.network import signature

_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"
_GOOD = (b"200", b"204")
_PATIENCE_S = 120


def request(base: str, path: str, fields: Mapping[str, str], *, public: str, token: str) -> bytes:
    """A report as Twilio posts it, ready to be written to a connection."""
    body = urlencode(fields)
    head = (
        f"POST {path} HTTP/1.1",
        f"Host: {urlsplit(base).netloc}",
        "Content-Type: application/x-www-form-urlencoded; charset=utf-8",
        f"X-Twilio-Signature: {signature(token, f'{public}{path}', fields)}",
        "I-Twilio-Idempotency-Token: 8d2f6f2e-6a57-4c0e-8f38-1d7c7d1f6d2a",
        "Accept: */*",
        "User-Agent: TwilioProxy/1.1",
        f"Content-Length: {len(body)}",
    )
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


class _Client(asyncio.Protocol):
    """One connection: the next request goes out when the reply to the last is in."""

    def __init__(self, waiting: "deque[bytes]", ended: "asyncio.Future[None]") -> None:
        self._waiting = waiting
        self._ended = ended
        self._heard = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._go_on()

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, found, body = self._heard.partition(_END)
        if not found:
            return
        if head[9:12] not in _GOOD:
            self._fail(head[:200].decode("latin-1"))
            return
        if len(body) >= _length(head.lower()):
            self._heard = b""
            self._go_on()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._ended.done():
            self._fail(f"the connection was lost: {error}")

    def _go_on(self) -> None:
        if self._waiting:
            self._transport.write(self._waiting.popleft())
        elif not self._ended.done():
            self._ended.set_result(None)
            self._transport.close()

    def _fail(self, why: str) -> None:
        if not self._ended.done():
            self._ended.set_exception(RuntimeError(why))
        self._transport.close()


def _length(head: bytes) -> int:
    _, found, rest = head.partition(_LENGTH)
    return int(rest.partition(b"\r\n")[0]) if found else 0


async def rate(base: str, requests: Sequence[bytes], clients: int) -> float:
    """Requests a second, all of them answered well; RuntimeError with the first that was not."""
    loop, parts = asyncio.get_running_loop(), urlsplit(base)
    host, port = parts.hostname or "", parts.port or 0
    waiting = deque(requests)
    ends = [loop.create_future() for _ in range(clients)]
    started = time.perf_counter()
    for end in ends:
        await loop.create_connection(partial(_Client, waiting, end), host, port)
    async with asyncio.timeout(_PATIENCE_S):
        await asyncio.gather(*ends)
    return len(requests) / (time.perf_counter() - started)
