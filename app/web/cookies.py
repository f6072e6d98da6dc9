"""The cookies of the house: the session and what leads to it, which scripts cannot read, and what a reader likes.

All of them stay at home: a page of another site that leads here brings none along (`SameSite=Strict`). Whoever follows a
link from there is therefore sent once round through a page of ours; see `app.web.arriving`.
"""

from datetime import timedelta
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from app.accounts import sessions
from app.accounts.entering import HALF_LASTS
from app.accounts.service import Browser, SignedIn
from app.accounts.sessions import Whence
from app.web import choices
from app.web.agents import in_words

_YEAR_S = 365 * 86_400
_DEVICE_LASTS = timedelta(days=180)
_HALF, _DEVICE = "half", "device"
_LONGEST_ADDRESS = 64


def session_token(request: Request) -> str:
    """The token of the browser's session; empty when there is none."""
    return request.cookies.get(sessions.cookie_name(secure=_secure(request)), "")


def half_token(request: Request) -> str:
    """The token of who has shown one factor in this browser; empty when nobody has."""
    return request.cookies.get(_name(request, _HALF), "")


def browser_of(request: Request) -> Browser:
    """Who knocks: from where, and by which device they may be known."""
    address = request.client.host if request.client else ""
    whence = Whence(address[:_LONGEST_ADDRESS], in_words(request.headers.get("user-agent", "")))
    return Browser(whence, request.cookies.get(_name(request, _DEVICE), ""))


def keep_session(request: Request, response: Response, signed: SignedIn) -> None:
    """The session, and the device it is of; who was halfway in is in."""
    _keep(request, response, sessions.cookie_name(secure=_secure(request)), signed.token, signed.lifetime)
    if signed.device:
        _keep(request, response, _name(request, _DEVICE), signed.device, _DEVICE_LASTS)
    if half_token(request):
        _forget(request, response, _name(request, _HALF))


def keep_half(request: Request, response: Response, token: str) -> None:
    _keep(request, response, _name(request, _HALF), token, HALF_LASTS)


def forget_session(request: Request, response: Response) -> None:
    _forget(request, response, sessions.cookie_name(secure=_secure(request)))


def keep_choice(request: Request, response: Response, name: str, value: str) -> None:
    """A language or a theme, for a year."""
    secure = _secure(request)
    response.set_cookie(
        choices.cookie_name(name, secure=secure), value, max_age=_YEAR_S, samesite="lax", secure=secure
    )


def keep_flow(request: Request, response: Response, name: str, value: str, lifetime: timedelta) -> None:
    """What has to come back with an answer from another site, which no stricter cookie does."""
    _keep(request, response, _name(request, name), value, lifetime, "lax")


def flow(request: Request, name: str) -> str:
    return request.cookies.get(_name(request, name), "")


def forget_flow(request: Request, response: Response, name: str) -> None:
    _forget(request, response, _name(request, name))


def _keep(
    request: Request,
    response: Response,
    name: str,
    value: str,
    lifetime: timedelta,
    samesite: Literal["lax", "strict"] = "strict",
) -> None:
    response.set_cookie(
        name,
        value,
        max_age=int(lifetime / timedelta(seconds=1)),
        path="/",
        secure=_secure(request),
        httponly=True,
        samesite=samesite,
    )


def _forget(request: Request, response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=_secure(request), httponly=True, samesite="strict")


def _name(request: Request, what: str) -> str:
    return f"{sessions.cookie_name(secure=_secure(request))}-{what}"


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"
