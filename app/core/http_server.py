"""The server that speaks HTTP and WebSocket for one application, and the loop it runs on."""

import asyncio
import socket
import sys
from collections.abc import Callable, Coroutine

import uvicorn
from starlette.types import ASGIApp


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


def server_for(
    application: ASGIApp, longest_frame: int, stopping: Callable[[], None] = lambda: None
) -> Server:
    """longest_frame: bytes of the longest message that a WebSocket may bring."""
    return Server(
        uvicorn.Config(
            application,
            loop="none",  # `run_loop` has chosen it
            ws="websockets-sansio",
            ws_max_size=longest_frame,
            ws_ping_interval=5,
            ws_ping_timeout=10,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
        ),
        stopping,
    )


def run_loop(work: Coroutine[object, object, None]) -> None:
    """Runs to the end on uvloop, except on Windows, where there is none."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(work)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 -- it does not exist on Windows

    return uvloop.new_event_loop
