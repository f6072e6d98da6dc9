"""How much anybody may ask, send, hold open or keep us waiting, before any route sees the request (限流).

Addresses draw rations from memory, accounts too (`app.accounts.access`); tries to sign in are counted in rows that all processes share. A body is
measured as it comes, whatever was announced of it. `docs/operations.md` tells the limits and how to change them.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from anyio.to_thread import run_sync
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.accounts import sessions
from app.core import rates
from app.core.errors import HeadTooLarge, TooLarge, TooMany, TooSlow, YuanpingError, too_many
from app.core.i18n import N_
from app.core.rates import Open, Rations
from app.core.settings_doors import LimitSettings
from app.web.refusals import where

log = logging.getLogger(__name__)

Answer = Callable[[Request, YuanpingError], Response]

_BURST_S = 10
_HEAVY_AT_ONCE = 20
_HEAVY_SESSIONS = 4
"""Of so many sessions the costly requests are answered at one address: a cookie can be made up, an address cannot."""
_DOOR_WINDOW_S = 60
_MOST_HEADERS, _LONGEST_HEAD = 100, 32 * 1024
_KEPT = timedelta(days=1)
_IMPORT = "/api/roster/import"
_IMPORT_BYTES = 33 * 1024 * 1024
_IMPORT_PATIENCE = 10
_ENDLESS = "text/event-stream"
_POLICY_VIOLATION = 1008
_TRY_AGAIN_LATER = 1013


class _TurnedAwayError(ConnectionResetError):
    """What answers a request hears when nobody listens any more."""


_HEARD_AS = (ClientDisconnect, _TurnedAwayError)
"""How what answers a request tells that it has heard of a body cut off, or of a reader turned away."""


class RouteClass(StrEnum):
    """What kind of request it is, by what it costs and whom it serves."""

    door = "door"  # somebody says who they are
    heavy = "heavy"  # costs the service much
    plain = "plain"
    provider = "provider"  # reports of the provider come in bursts, from few addresses, and are signed


_DOORS = (
    "/account/password",
    "/account/second-factor/new",
    "/api/terminal/enroll",
    "/seat",
    "/set-up",
    "/sign-in",
    "/sign-in/persona",
    "/sign-in/second-factor",
    "/step-up",
)
_SECRETS = ("/sign-in/provider", "/sign-in/ticket/", "/welcome/")
"""Below these the address itself says who somebody is, or comes back with what does."""
_PROVIDER = ("/hooks/", "/sim/")
_HEAVY_READS = frozenset(
    {"/api/audit/consistency", "/api/audit/export", "/api/audit/inclusion", "/api/keys", "/audit/export"}
)
"""Proofs over the whole log, the log as a file, counts over all sealed columns."""


def route_class(method: str, path: str) -> RouteClass:
    """The class of a request; what is not known is plain."""
    if path.startswith(_PROVIDER):
        return RouteClass.provider
    if path.startswith(_SECRETS) or (method == "POST" and path in _DOORS):
        return RouteClass.door
    if method == "POST" and (path == _IMPORT or path.endswith(("/exports", "/verify"))):
        return RouteClass.heavy
    if path in _HEAVY_READS or _is_package(path):
        return RouteClass.heavy
    return RouteClass.plain


def _is_package(path: str) -> bool:
    """Whether this is a whole recording as a file."""
    return path.startswith("/api/evaluations/") and "/packages/" in path and path.endswith("/file")


@dataclass(frozen=True, slots=True)
class _Asker:
    """Who asks, as far as can be told without asking the database. session: empty without a cookie of ours."""

    address: str
    session: str


class Limits:
    """One layer around the application, within the one that adds the headers. answer: gives a refusal its form."""

    def __init__(self, application: ASGIApp, settings: LimitSettings, answer: Answer) -> None:
        self._application = application
        self._settings = settings
        self._answer = answer
        self._addresses = rations(settings.address_per_s)
        self._providers = rations(settings.provider_per_s)
        per_s = settings.heavy_per_minute / 60
        self._heavy = Rations(_HEAVY_AT_ONCE, per_s) if per_s else None
        self._heavy_there = (
            Rations(_HEAVY_AT_ONCE * _HEAVY_SESSIONS, per_s * _HEAVY_SESSIONS) if per_s else None
        )
        self._session_holds = Open(settings.streams)
        self._address_holds = Open(settings.sockets_per_address)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._application(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        asker = _asker(scope)
        path, method = str(scope["path"]), str(scope["method"])
        refusal = await self._refusal(scope, asker, route_class(method, path))
        if refusal is not None:
            await self._tell(scope, receive, send, refusal)
            return
        large = path == _IMPORT
        most = max(self._settings.body_kb * 1024, _IMPORT_BYTES) if large else self._settings.body_kb * 1024
        patience_s = self._settings.body_s * (_IMPORT_PATIENCE if large else 1)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > most:
            await self._tell(scope, receive, send, _too_large(most))
            return
        body = _Body(receive, most, patience_s)
        answering = _Answering(self, scope, body, send, asker)
        try:
            await self._application(scope, body.receive, answering.send)
        except Exception as error:
            if body.refusal is None and not answering.left:
                raise
            if not isinstance(error, _HEARD_AS):
                log.exception("unexpected error at %s, behind a refusal", where(Request(scope)))
        finally:
            answering.close()
        if not answering.begun and body.refusal is not None:
            await answering.refuse(body.refusal)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        asker = _asker(scope)
        now_ns = scope["app"].state.clock.monotonic_ns()
        if self._addresses is not None and not self._addresses.take(asker.address, now_ns):
            await _close(receive, send, _POLICY_VIOLATION, "asked too often")
            return
        with self._holding(asker) as held:
            if not held:
                await _close(receive, send, _TRY_AGAIN_LATER, "too many open connections")
                return
            await self._application(scope, receive, send)

    async def _refusal(self, scope: Scope, asker: _Asker, kind: RouteClass) -> YuanpingError | None:
        """Why this request is not let in; None when it is."""
        head = scope["headers"]
        if len(head) > _MOST_HEADERS or sum(len(name) + len(value) for name, value in head) > _LONGEST_HEAD:
            return HeadTooLarge("head-too-large", N_("请求头过大"), N_("清除本站的 Cookie 后重试"))
        state = scope["app"].state
        now_ns = state.clock.monotonic_ns()
        given = self._providers if kind is RouteClass.provider else self._addresses
        if given is not None and not given.take(asker.address, now_ns):
            return too_many(1)
        if kind is RouteClass.heavy and not self._bears(asker, now_ns):
            return too_many(max(round(60 / self._settings.heavy_per_minute), 1))
        if kind is RouteClass.door and self._settings.doors_per_minute:
            return await run_sync(self._door, state, asker)
        return None

    def _bears(self, asker: _Asker, now_ns: int) -> bool:
        """Whether one more costly request is within the ration of its session, and of the address it comes from."""
        if self._heavy is None or self._heavy_there is None:
            return True
        of_session = self._heavy.take(asker.session or asker.address, now_ns)
        return of_session and self._heavy_there.take(asker.address, now_ns)

    def _door(self, state: Any, asker: _Asker) -> YuanpingError | None:
        now = state.clock.now()
        began = rates.window(now, _DOOR_WINDOW_S)
        with state.database.transaction() as session:
            tries = rates.count(session, now, f"door:{asker.address}", _DOOR_WINDOW_S)
            if tries == 1:
                rates.forget(session, began - _KEPT)
        if tries <= self._settings.doors_per_minute:
            return None
        return too_many(max(int((began - now).total_seconds()) + _DOOR_WINDOW_S, 1))

    @contextmanager
    def _holding(self, asker: _Asker) -> Iterator[bool]:
        """Counts what stays open for long; gives whether it may."""
        held = self.hold(asker)
        try:
            yield held
        finally:
            if held:
                self.let_go(asker)

    def hold(self, asker: _Asker) -> bool:
        """Whether the asker may hold one more stream or WebSocket; if so `let_go` has to follow."""
        if not self._address_holds.take(asker.address):
            return False
        if asker.session and not self._session_holds.take(asker.session):
            self._address_holds.give_back(asker.address)
            return False
        return True

    def let_go(self, asker: _Asker) -> None:
        self._address_holds.give_back(asker.address)
        if asker.session:
            self._session_holds.give_back(asker.session)

    async def _tell(self, scope: Scope, receive: Receive, send: Send, refusal: YuanpingError) -> None:
        response = await run_sync(self._answer, Request(scope, receive), refusal)
        if isinstance(refusal, TooMany):
            response.headers["Retry-After"] = str(refusal.again_s)
        if isinstance(refusal, TooLarge | TooSlow):
            response.headers["Connection"] = "close"  # what is still to come of the body is not waited for
        await response(scope, receive, send)

    @property
    def send_s(self) -> float:
        return self._settings.send_s

    async def tell(self, scope: Scope, send: Send, refusal: YuanpingError) -> None:
        """The refusal, to somebody whose body is no longer read."""

        async def nothing() -> Message:
            return {"type": "http.disconnect"}

        await self._tell(scope, nothing, send, refusal)


class _Body:
    """Hands on the body as it comes, until it is larger than allowed or takes too long. refusal: why no more was handed on."""

    def __init__(self, receive: Receive, most: int, patience_s: float) -> None:
        self._receive = receive
        self._most = most
        self._left = most
        self._patience_s = patience_s
        self._until: float | None = None
        self._whole = False
        self.refusal: YuanpingError | None = None

    async def receive(self) -> Message:
        if self.refusal is not None:
            return {"type": "http.disconnect"}
        if self._whole:
            return await self._receive()  # nothing is left to come but the news that the asker has gone
        loop = asyncio.get_running_loop()
        self._until = self._until or loop.time() + self._patience_s
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            self.refusal = TooSlow("request-slow", N_("请求没有在规定时间内传完"), N_("检查网络后重新提交"))
            return {"type": "http.disconnect"}
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._left < 0:
                self.refusal = _too_large(self._most)
                return {"type": "http.disconnect"}
        return message


class _Answering:
    """Passes the answer on: in place of one that rests on a cut-off body the refusal, and of streams only so many."""

    def __init__(self, limits: Limits, scope: Scope, body: _Body, send: Send, asker: _Asker) -> None:
        self._limits = limits
        self._scope = scope
        self._body = body
        self._send = send
        self._asker = asker
        self._holds = False
        self._refused = False
        self.begun = False
        self.left = False
        """Whether we have turned from the reader, which what answers hears as an error."""

    async def send(self, message: Message) -> None:
        if self._refused:
            return
        if message["type"] == "http.response.start" and not self.begun:
            if self._body.refusal is not None:
                await self.refuse(self._body.refusal)
                return
            if MutableHeaders(scope=message).get("content-type", "").startswith(_ENDLESS):
                self._holds = self._limits.hold(self._asker)
                if not self._holds:
                    self.left = True
                    await self.refuse(
                        TooMany(
                            "streams-many", N_("同时打开的页面过多"), N_("关闭不用的页面后刷新"), again_s=10
                        )
                    )
                    raise _TurnedAwayError("more streams than one may hold open")
            self.begun = True
        try:
            async with asyncio.timeout(self._limits.send_s):
                await self._send(message)
        except TimeoutError:
            self.left = True
            raise _TurnedAwayError("the reader does not read") from None

    async def refuse(self, refusal: YuanpingError) -> None:
        self._refused = self.begun = True
        await self._limits.tell(self._scope, self._send, refusal)

    def close(self) -> None:
        if self._holds:
            self._limits.let_go(self._asker)


def rations(per_second: int) -> Rations | None:
    """Ten seconds' worth at once; None where there is no limit."""
    return Rations(per_second * _BURST_S, per_second) if per_second else None


def _asker(scope: Scope) -> _Asker:
    client = scope.get("client")
    cookies = HTTPConnection(scope if scope["type"] == "http" else {**scope, "type": "http"}).cookies
    token = cookies.get(sessions.cookie_name(secure=scope["scheme"] in {"https", "wss"}), "")
    session = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest() if token else ""
    return _Asker(rates.neighborhood(client[0]) if client else "", session)


def _too_large(most: int) -> YuanpingError:
    return TooLarge(
        "request-too-large", N_("提交的内容超过 {kib} KiB"), N_("缩短内容或分几次提交"), kib=most // 1024
    )


async def _close(receive: Receive, send: Send, code: int, reason: str) -> None:
    await receive()
    await send({"type": "websocket.close", "code": code, "reason": reason})
