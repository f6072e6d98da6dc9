"""The cookies of the house: the session, which scripts cannot read, and what a reader likes."""

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from app.accounts import sessions
from app.accounts.service import SignedIn

_YEAR_S = 365 * 86_400


def session_token(request: Request) -> str:
    """The token of the browser's session; empty when there is none."""
    return request.cookies.get(sessions.cookie_name(secure=_secure(request)), "")


def keep_session(request: Request, response: Response, signed: SignedIn) -> None:
    response.set_cookie(
        sessions.cookie_name(secure=_secure(request)),
        signed.token,
        max_age=int(signed.lifetime / timedelta(seconds=1)),
        path="/",
        secure=_secure(request),
        httponly=True,
        samesite="lax",
    )


def forget_session(request: Request, response: Response) -> None:
    response.delete_cookie(
        sessions.cookie_name(secure=_secure(request)),
        path="/",
        secure=_secure(request),
        httponly=True,
        samesite="lax",
    )


def keep_choice(request: Request, response: Response, name: str, value: str) -> None:
    """A language or a theme, for a year."""
    response.set_cookie(name, value, max_age=_YEAR_S, samesite="lax", secure=_secure(request))


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"
