"""Turns every refusal into one form: a problem document (RFC 9457) for programs, a friendly page for people."""

from http import HTTPStatus
from urllib.parse import quote, urlsplit

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.access import Actor, find_actor
from app.core.errors import Unauthenticated, YuanpingError
from app.web import arriving, problems
from app.web.problems import explain, language_of, problem
from app.web.templating import Pages

_FOR_PROGRAMS = ("/api/", "/hooks/", "/sim/", "/ws/", "/health")


def install(application: FastAPI) -> None:
    """From now on no error leaves the service in any other form."""
    problems.install(application, answer)


def answer(
    request: Request, error: YuanpingError, wrong: tuple[dict[str, str], ...] = (), status: int | None = None
) -> Response:
    """The refusal as whoever asked can read it: JSON, a page, or the way to the sign-in page."""
    for_people = not request.url.path.startswith(_FOR_PROGRAMS)
    if for_people and isinstance(error, Unauthenticated) and not is_fragment(request):
        if arriving.from_elsewhere(request):
            return arriving.again(request)
        return RedirectResponse(_sign_in_page(request), HTTPStatus.SEE_OTHER)
    if for_people and error.code == "step-up-needed" and not is_fragment(request):
        return RedirectResponse(_step_up_page(request), HTTPStatus.SEE_OTHER)
    if not for_people:
        return problem(request, error, wrong, status)
    message, remedy = explain(language_of(request), error)
    code = status or error.status
    pages: Pages = request.app.state.templates
    if is_fragment(request):
        return pages.fragment(request, "_refusal.html", status=code, message=message, remedy=remedy)
    return pages.page(
        request,
        "error.html",
        actor=_actor(request) if code < HTTPStatus.INTERNAL_SERVER_ERROR else None,
        status=code,
        code=code,
        message=message,
        remedy=remedy,
        back=_back(request),
    )


def is_fragment(request: Request) -> bool:
    """Whether a script asked for a piece of a page."""
    return "hx-request" in request.headers or request.headers.get("x-requested-with") == "fragment"


def _sign_in_page(request: Request) -> str:
    if request.url.path.startswith("/seat"):
        return "/seat"
    if request.method != "GET":
        return "/sign-in"
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/sign-in?next={quote(here, safe='/')}"


def _step_up_page(request: Request) -> str:
    """Asks for the second factor, and leads back: what was about to be sent has to be sent again from its page."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/step-up?next={quote(here if request.method == 'GET' else _back(request), safe='/')}"


def _actor(request: Request) -> Actor | None:
    state = request.app.state
    return find_actor(request, state.database, state.clock, state.sealer)


def _back(request: Request) -> str:
    """The page of ours the reader came from, if the browser says so."""
    referer = urlsplit(request.headers.get("referer", ""))
    if referer.netloc == request.headers.get("host") and referer.path and referer.path != request.url.path:
        return referer.path
    return "/"
