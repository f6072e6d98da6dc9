"""The WebSocket through which a seat desk reaches its room."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from app.accounts.access import RequiresTicket
from app.accounts.permissions import Permission
from app.core.allowance import Allowance
from app.core.clock import Clock
from app.core.dependencies import SettingsDep
from app.core.errors import Conflict, InvalidInput, Unavailable, YuanpingError
from app.core.i18n import N_, translate
from app.core.settings import Settings
from venue.placement import addresses
from venue.room.hub import RoomHub
from venue.room.protocol import (
    VERSION,
    ClientMessage,
    CloseCode,
    Error,
    Hello,
    ServerMessage,
    encode,
    malformed,
    parse_client,
)
from venue.room.sitting import Sitting, refused

logger = logging.getLogger(__name__)
router = APIRouter()

HELLO_WITHIN_S = 5.0
MOST_WAITING = 256
"""Connections that have not yet said who they are, of the whole process."""
_OUTBOX = 64
_DRAIN_WITHIN_S = 2.0
_AT_ONCE, _PER_SECOND = 40, 10.0
_BAD_AT_ONCE, _BAD_PER_SECOND = 9, 9 / 60


class SocketConnection:
    """Sends to one page in order. A page that reads too slowly is let go instead of waited for."""

    def __init__(self, socket: WebSocket, language: Literal["zh", "en"]) -> None:
        self._socket = socket
        self.language = language
        self._outbox: asyncio.Queue[ServerMessage | CloseCode] = asyncio.Queue(_OUTBOX + 1)
        self._closing = False
        self._writer: asyncio.Task[None] | None = None

    def send(self, message: ServerMessage) -> None:
        if self._closing:
            return
        if self._outbox.qsize() >= _OUTBOX:
            logger.warning("a seat reads too slowly; its connection is closed")
            while not self._outbox.empty():
                self._outbox.get_nowait()
            self.close(CloseCode.try_again_later)
            return
        self._outbox.put_nowait(message)

    def close(self, code: CloseCode) -> None:
        if not self._closing:
            self._closing = True
            self._outbox.put_nowait(code)

    def refuse(self, error: YuanpingError) -> None:
        """Tells a refusal in the reader's language; closes where the protocol says so."""
        self.send(
            Error(
                code=error.code,
                message=translate(self.language, error.message, **error.params),
                remedy=translate(self.language, error.remedy, **error.params),
            )
        )
        code = refused(error)
        if code is not None:
            self.close(code)

    def start(self) -> asyncio.Task[None]:
        self._writer = asyncio.create_task(self._write())
        return self._writer

    async def finish(self) -> None:
        """Lets the last messages out, but does not wait long for a page that does not read."""
        if self._writer is None:
            return
        self.close(CloseCode.service_restart)
        done, _ = await asyncio.wait({self._writer}, timeout=_DRAIN_WITHIN_S)
        if not done:
            self._writer.cancel()
        with suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
            # RuntimeError is how Starlette says that the socket had been closed already.
            await self._writer

    async def _write(self) -> None:
        while True:
            item = await self._outbox.get()
            if isinstance(item, CloseCode):
                await self._socket.close(item)
                return
            await self._socket.send_text(encode(item))


@router.websocket("/ws/room", dependencies=[RequiresTicket(Permission.seat_sit)])
async def room(socket: WebSocket, settings: SettingsDep) -> None:
    """The one-use ticket in the first message is the key, and no cookie is. See `docs/room-protocol.md`."""
    hub: RoomHub | None = getattr(socket.app.state, "hub", None)  # none where workers hold the rooms
    if hub is None or not _from_our_pages(socket, settings):
        await socket.close()  # before accepting: answers HTTP 403
        return
    await socket.accept()
    connection = SocketConnection(socket, "en" if settings.default_language == "en" else "zh")
    writer = connection.start()
    try:
        hello = await _first_message(socket, hub)
        connection.language = hello.lang
        await _stay(socket, connection, writer, hub, hello)
    except WebSocketDisconnect:
        pass  # gone before it was let in
    except YuanpingError as error:
        connection.refuse(error)
        connection.close(CloseCode.bad_messages)  # unless the refusal has its own closing code
    finally:
        await connection.finish()


async def _first_message(socket: WebSocket, hub: RoomHub) -> Hello:
    """The `hello`; raises YuanpingError for anything else."""
    if len(hub.lobby) >= MOST_WAITING:
        raise Unavailable("service-busy", N_("进入评标室的人过多"), N_("页面会稍后自动重试"))
    hub.lobby.add(socket)
    try:
        async with asyncio.timeout(HELLO_WITHIN_S):
            message = parse_client(_text(await socket.receive()))
    except TimeoutError:
        message = None
    finally:
        hub.lobby.discard(socket)
    if not isinstance(message, Hello):
        raise Conflict("hello-first", N_("工位没有先报到"), N_("请刷新页面"))
    if message.v != VERSION:
        raise InvalidInput("protocol-version", N_("页面版本过旧"), N_("请刷新页面"))
    return message


async def _stay(
    socket: WebSocket, connection: SocketConnection, writer: asyncio.Task[None], hub: RoomHub, hello: Hello
) -> None:
    sitting = await hub.enter(hello, connection)
    try:
        await _listen(socket, connection, writer, hub, sitting)
    except WebSocketDisconnect:
        pass  # the page is gone; the seat is kept for a while
    finally:
        hub.leave(sitting, connection)


async def _listen(
    socket: WebSocket,
    connection: SocketConnection,
    writer: asyncio.Task[None],
    hub: RoomHub,
    sitting: Sitting,
) -> None:
    limits = _Limits(hub.clock)
    while True:
        receiving = asyncio.ensure_future(socket.receive())
        await asyncio.wait({receiving, writer}, return_when=asyncio.FIRST_COMPLETED)
        if not receiving.done():
            receiving.cancel()  # we have closed, or the page no longer reads
            return
        try:
            message = limits.parse(_text(receiving.result()))
            await hub.handle(sitting, connection, message)
        except YuanpingError as error:
            connection.refuse(error)
            if error.code == "message-malformed" and not limits.another_bad():
                connection.close(CloseCode.bad_messages)


class _Limits:
    """How much one connection may send, well and badly formed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._messages = Allowance(_AT_ONCE, _PER_SECOND)
        self._bad = Allowance(_BAD_AT_ONCE, _BAD_PER_SECOND)

    def parse(self, text: str) -> ClientMessage:
        if not self._messages.take(self._clock.monotonic_ns()):
            raise Conflict(
                "message-flood", N_("工位发来的消息过多"), N_("请刷新页面；若仍出现，请联系场地工作人员")
            )
        return parse_client(text)

    def another_bad(self) -> bool:
        return self._bad.take(self._clock.monotonic_ns())


def _text(received: Mapping[str, Any]) -> str:
    """The text of a received frame; a page that went away raises WebSocketDisconnect."""
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received.get("code", 1005))
    text = received.get("text")
    if text is None:
        raise malformed("binary")
    return str(text)


def _from_our_pages(socket: WebSocket, settings: Settings) -> bool:
    page, host = socket.headers.get("origin", ""), socket.headers.get("host", "")
    return addresses.from_our_pages(page, host, settings.server.port, settings.public_url)
