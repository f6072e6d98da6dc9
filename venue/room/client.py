"""A member's side of the room without a browser: rehearsals and tests sit at seats with it."""

import asyncio
import secrets
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self, TypeVar
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from venue.media.pretend import PretendSeat
from venue.room.protocol import (
    LONGEST_FRAME,
    VERSION,
    Answer,
    ClientMessage,
    Closed,
    Error,
    Hello,
    Offer,
    Replaced,
    ServerMessage,
    Welcome,
    encode,
    parse_server,
)

M = TypeVar("M", bound=ServerMessage)

_KEPT = 200


class RoomRefused(Exception):
    """The service refused, or ended the connection. `code` is the error's code, the reason or `connection-lost`."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        super().__init__(f"{code}: {message}" if message else code)


class SeatClient:
    """One connection of one member, as `docs/room-protocol.md` describes it.

    url: address of the service, `http://…`. address: the room's, from the ticket's answer; default: the service's own.
    `async with` connects, says hello and waits for the welcome; raises RoomRefused when the room does not let the member in,
    OSError when there is no service.
    """

    def __init__(
        self,
        url: str,
        ticket: str,
        *,
        address: str | None = None,
        page: str | None = None,
        lang: Literal["zh", "en"] = "zh",
        origin: str | None = None,
        timeout_s: float = 15.0,
    ) -> None:
        parts = urlsplit(url)
        self._address = address or f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}/ws/room"
        self._origin = origin if origin is not None else f"{parts.scheme}://{parts.netloc}"
        self._ticket = ticket
        self.page = page or secrets.token_urlsafe(16)
        self._lang: Literal["zh", "en"] = lang
        self._timeout_s = timeout_s
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()
        self._ended = False
        self._offers = 0
        self._dropped = 0
        self.close_code: int | None = None
        self.received: list[ServerMessage] = []
        """The latest messages, oldest first."""
        self.seat: PretendSeat | None = None
        self.welcome: Welcome

    async def __aenter__(self) -> Self:
        self._socket = await connect(
            self._address,
            origin=Origin(self._origin),
            max_size=LONGEST_FRAME,
            open_timeout=self._timeout_s,
            proxy=None,
        )
        self._reader = asyncio.create_task(self._read(self._socket))
        try:
            await self.send(Hello(v=VERSION, ticket=self._ticket, page=self.page, lang=self._lang))
            self.welcome = await self.wait_for(Welcome)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def send(self, message: ClientMessage) -> None:
        await self.send_text(encode(message))

    async def send_text(self, text: str) -> None:
        """Sends a frame as it is; raises RoomRefused when the connection has ended."""
        if self._socket is None:
            raise RoomRefused("connection-lost")
        try:
            await self._socket.send(text)
        except ConnectionClosed as error:
            raise RoomRefused("connection-lost") from error

    async def join_media(self, seat: PretendSeat) -> None:
        """Sends this seat's picture and sound; the client closes `seat` when it closes. Raises RoomRefused."""
        self.seat = seat
        self._offers += 1
        n = self._offers
        await self.send(Offer(n=n, sdp=await seat.offer(), screen_mid=None))
        answer = await self.wait_for(Answer, lambda message: message.n == n)
        await seat.accept(answer.sdp)

    async def wait_for(
        self, kind: type[M], where: Callable[[M], bool] = lambda _: True, *, timeout_s: float | None = None
    ) -> M:
        """The first such message, received already or to come.

        Raises RoomRefused when the service refuses something or the connection ends first (unless that is what is
        waited for), TimeoutError when it does not come in time.
        """
        async with asyncio.timeout(timeout_s or self._timeout_s), self._news:
            seen = 0  # counted over all messages, also those no longer kept
            while True:
                for message in self.received[max(seen - self._dropped, 0) :]:
                    if isinstance(message, kind) and where(message):
                        return message
                    if isinstance(message, Error):
                        raise RoomRefused(message.code, message.message)
                seen = self._dropped + len(self.received)
                if self._ended:
                    raise self._reason()
                await self._news.wait()

    async def wait_closed(self, *, timeout_s: float | None = None) -> int | None:
        """The code with which the connection ended."""
        async with asyncio.timeout(timeout_s or self._timeout_s), self._news:
            await self._news.wait_for(lambda: self._ended)
        return self.close_code

    def forget(self) -> None:
        """Drops what was received so far, so that `wait_for` looks only at what is to come."""
        self._drop(len(self.received))

    async def close(self) -> None:
        """Ends the connection and the media. A second call changes nothing."""
        if self.seat is not None:
            await self.seat.close()
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                async with self._news:
                    self.received.append(parse_server(str(text)))
                    self._drop(max(len(self.received) - _KEPT, 0))
                    self._news.notify_all()
        except ConnectionClosed:
            pass  # the closing code tells
        finally:
            async with self._news:
                self._ended, self.close_code = True, socket.close_code
                self._news.notify_all()

    def _drop(self, count: int) -> None:
        del self.received[:count]
        self._dropped += count

    def _reason(self) -> RoomRefused:
        for message in reversed(self.received):
            if isinstance(message, Closed):
                return RoomRefused(message.reason)
            if isinstance(message, Replaced):
                return RoomRefused("replaced")
        return RoomRefused("connection-lost", f"closing code {self.close_code}")
