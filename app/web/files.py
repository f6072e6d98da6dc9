"""Hands out our own static files and the two fetched ones; each route says openly that it is public."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from app.accounts.access import Public
from app.web.templating import STATIC, VENDOR

router = APIRouter(include_in_schema=False, dependencies=[Public()])
_own = StaticFiles(directory=STATIC)
_vendor = StaticFiles(directory=VENDOR, check_dir=False)


@router.api_route("/static/vendor/{path:path}", methods=["GET", "HEAD"])
async def vendor_file(path: str, request: Request) -> Response:
    """A file somebody else wrote; 404 where it was never fetched."""
    return _fresh(await _vendor.get_response(path, request.scope))


@router.api_route("/static/{path:path}", methods=["GET", "HEAD"])
async def own_file(path: str, request: Request) -> Response:
    return _fresh(await _own.get_response(path, request.scope))


@router.api_route("/favicon.ico", methods=["GET", "HEAD"])
async def favicon(request: Request) -> Response:
    return _fresh(await _own.get_response("favicon.svg", request.scope))


def _fresh(response: Response) -> Response:
    """Browsers keep the file and ask each time whether it is still the same (ETag, 304)."""
    response.headers["Cache-Control"] = "no-cache"
    return response
