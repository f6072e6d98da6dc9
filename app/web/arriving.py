"""Whoever follows a link from another site brings no cookie along; one step through a page of ours, and they do."""

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import Response

from app.web.templating import Pages


def from_elsewhere(request: Request) -> bool:
    """Whether another site's page led here, so that the browser has kept back our strict cookies."""
    return request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site"


def step(request: Request, address: str) -> Response:
    """A page that leads on to `address`, a path of ours, by itself; from there the browser brings its cookies."""
    pages: Pages = request.app.state.templates
    return pages.page(request, "arriving.html", address=address)


def again(request: Request) -> Response:
    """The same address once more."""
    here: URL = request.url
    return step(request, f"/{here.path.lstrip('/')}" + (f"?{here.query}" if here.query else ""))
