"""The server that speaks HTTP and WebSocket for one application, and the loop it runs on."""

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.core.errors import InvalidInput
from app.core.i18n import N_
from app.core.settings import Settings

_LONGEST_HEAD = 32 * 1024
"""Bytes of request line and headers; what is longer is answered with 400 and the connection closed."""


class Server(uvicorn.Server):
    """Tells when it is open, and calls `stopping` as soon as it begins to stop."""

    def __init__(self, config: uvicorn.Config, stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self.opened = asyncio.Event()
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.opened.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # The application hears of the end only when every open answer has ended, and a stream ends only when told.
        self._stopping()
        await super().shutdown(sockets)


class PatientProtocol(H11Protocol):
    """HTTP/1.1 whose connections say what they want within `head_s` seconds, each time anew, or are closed.

    The server alone waits for the head of a first request for ever.
    """

    head_s: float

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._late = self.loop.call_later(self.head_s, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._late.cancel()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if (
            self.cycle is not before or self.transport.get_protocol() is not self
        ):  # a request, or a WebSocket now
            self._late.cancel()

    def on_response_complete(self) -> None:
        self._late.cancel()
        self._late = self.loop.call_later(self.head_s, self._head_is_late)
        super().on_response_complete()

    def _head_is_late(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


def server_for(
    application: ASGIApp,
    settings: Settings,
    longest_frame: int,
    stopping: Callable[[], None] = lambda: None,
) -> Server:
    """longest_frame: bytes of the longest message that a WebSocket may bring. InvalidInput when the certificate cannot be used."""
    protocol = type("Protocol", (PatientProtocol,), {"head_s": settings.limits.head_s})
    config = uvicorn.Config(
        application,
        loop="none",  # `run_loop` has chosen it
        http=protocol,
        h11_max_incomplete_event_size=_LONGEST_HEAD,
        ws="websockets-sansio",
        ws_max_size=longest_frame,
        ws_ping_interval=5,
        ws_ping_timeout=10,
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=list(settings.server.trusted_proxies),
        timeout_graceful_shutdown=5,
        **_tls(settings),
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(
            "tls-unusable",
            N_("HTTPS 证书或私钥无法使用：{reason}"),
            N_("检查 YUANPING_SERVER__TLS_CERT 与 YUANPING_SERVER__TLS_KEY；也可运行 yuanping tls 重新生成"),
            reason=error.strerror or type(error).__name__,
        ) from error
    return Server(config, stopping)


def _tls(settings: Settings) -> dict[str, Any]:
    if settings.server.tls_cert is None:
        return {}
    return {"ssl_certfile": settings.server.tls_cert, "ssl_keyfile": settings.server.tls_key}


def run_loop(work: Coroutine[object, object, None]) -> None:
    """Runs to the end on uvloop, except on Windows, where there is none."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(work)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 -- it does not exist on Windows

    return uvloop.new_event_loop
