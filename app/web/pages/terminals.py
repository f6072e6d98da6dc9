"""Seat terminals: the staff's list of their own center, and the page at which a machine enrolls itself."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from app.accounts.access import Actor, Public, Requires
from app.accounts.permissions import Permission
from app.web.pages.visit import Visit, VisitDep
from venue import devices

router = APIRouter()

Keeper = Annotated[Actor, Requires(Permission.device_enroll)]


@dataclass(frozen=True, slots=True)
class _Made:
    """A code that was just made, shown on this one answer."""

    code: str
    place: str
    minutes: int


@router.get("/terminals")
def terminals(visit: VisitDep, actor: Keeper) -> HTMLResponse:
    return _page(visit, actor)


@router.post("/terminals/seats/{seat_id}/code")
def make_code(seat_id: str, visit: VisitDep, actor: Keeper) -> HTMLResponse:
    """Shows the code once; it stands nowhere else."""
    with visit.database.transaction() as session:
        code = devices.make_code(session, visit.sealer, visit.now, actor, seat_id)
        place = devices.place(session, seat_id)
    half = len(code) // 2
    minutes = int(devices.CODE_LIFETIME.total_seconds() // 60)
    return _page(visit, actor, _Made(f"{code[:half]} {code[half:]}", place, minutes))


@router.post("/terminals/{terminal_id}/block")
def block(terminal_id: str, visit: VisitDep, actor: Keeper) -> Response:
    with visit.database.transaction() as session:
        devices.block(session, visit.now, actor, terminal_id)
    return RedirectResponse("/terminals", HTTPStatus.SEE_OTHER)


@router.get("/terminal/enroll", dependencies=[Public()])
def enroll_page(visit: VisitDep) -> HTMLResponse:
    """At the machine itself: its browser makes the key, which never leaves it, and sends the public half with the code."""
    return visit.page("terminal_enroll.html")


def _page(visit: Visit, actor: Actor, made: _Made | None = None) -> HTMLResponse:
    with visit.database.reading() as session:
        rooms = devices.rooms(session, actor.center_id)
    return visit.page("terminals.html", actor=actor, rooms=rooms, made=made)
