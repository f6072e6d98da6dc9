"""Guards every answer and every act: strict headers out, and no act on behalf of another site in (see `origins`)."""

from anyio.to_thread import run_sync
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import Forbidden
from app.core.i18n import N_
from app.web import refusals
from app.web.errors import answer
from app.web.headers import HTTPS_ONLY, content_security_policy, headers_for
from app.web.origins import started_here, turn_away
from venue.placement import addresses


class Security:
    """The outermost layer of the service."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._application(scope, receive, send)
        elif not started_here(scope):
            await _refuse(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._application(scope, receive, send)
        else:
            await self._application(scope, receive, _with_headers(scope, send))


def _with_headers(scope: Scope, send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if workers := _workers(scope):
                headers.setdefault("Content-Security-Policy", content_security_policy(*workers))
            for name, value in headers_for(scope["path"]).items():
                headers.setdefault(name, value)
            if scope["scheme"] == "https":
                for name, value in HTTPS_ONLY.items():
                    headers.setdefault(name, value)
        await send(message)

    return sending


def _workers(scope: Scope) -> tuple[str, ...]:
    """Where this service's media workers are reached by who sent the request; none when it holds the rooms itself."""
    state = scope["app"].state
    urls: tuple[str, ...] = getattr(state, "media_urls", ())
    if not urls:
        return ()
    asked_at = addresses.asked_at(
        scope["scheme"], Headers(scope=scope).get("host", ""), state.settings.public_url
    )
    found = (addresses.origin(url, asked_at) for url in urls)
    return tuple(dict.fromkeys(one for one in found if one is not None))


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await turn_away(receive, send)
        return
    refusal = Forbidden(
        "foreign-origin",
        N_("这个请求来自其他网站，已被拒绝"),
        N_("请在本系统的页面上重新操作；如经反向代理访问，请核对 YUANPING_SERVER__PUBLIC_URL"),
    )
    request = Request(scope, receive)
    refusals.note(request, refusal)
    response = await run_sync(answer, request, refusal)
    await response(scope, receive, _with_headers(scope, send))
