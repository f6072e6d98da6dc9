"""Whether a request was started by a page of ours: what a browser says of itself, and what is made of its silence.

An act that brings our session cookie must say where it comes from: every browser of today does (`Sec-Fetch-Site`, `Origin`),
and one that does not might be made to act for another site. Programs that are no browsers bring no cookie.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from app.accounts import sessions
from app.core.settings import Settings
from venue.placement import addresses

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_COOKIES = tuple(sessions.cookie_name(secure=secure) for secure in (True, False))
FOREIGN_PAGE = 4403


def started_here(scope: Scope) -> bool:
    """Whether the request is harmless, or comes from our own pages, or from no browser at all."""
    if scope["type"] == "http" and scope["method"] in _SAFE_METHODS:
        return True
    headers = Headers(scope=scope)
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if scope["type"] == "http" and site in {"same-origin", "none"}:
        return True
    if site == "cross-site":
        return False
    if origin is not None:
        return _ours(scope, headers, origin)
    return site is None and not _brings_our_cookie(scope)


def _ours(scope: Scope, headers: Headers, origin: str) -> bool:
    settings: Settings = scope["app"].state.settings
    host = headers.get("host", "")
    if scope["type"] == "websocket":
        return addresses.from_our_pages(origin, host, settings.server.port, settings.public_url)
    return urlsplit(origin).netloc in {host, urlsplit(settings.public_url).netloc} - {""}


def _brings_our_cookie(scope: Scope) -> bool:
    if scope["type"] == "websocket":
        return False  # a ticket opens these, and no cookie does
    cookies = HTTPConnection(scope).cookies
    return any(name in cookies for name in _COOKIES)


async def turn_away(receive: Receive, send: Send) -> None:
    """Ends a WebSocket that another site has started, before it is accepted."""
    await receive()
    await send({"type": "websocket.close", "code": FOREIGN_PAGE, "reason": "started by another site"})


class OwnPagesOnly:
    """Around what speaks only WebSocket to browsers: a media worker."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and not started_here(scope):
            await turn_away(receive, send)
        else:
            await self._application(scope, receive, send)
