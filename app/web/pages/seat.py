"""An expert's way to the seat: one code, then the desk."""

import unicodedata
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from app.accounts import service
from app.accounts.access import Actor, Public, Requires
from app.accounts.permissions import Permission
from app.accounts.throttle import Throttle
from app.core.i18n import N_
from app.evaluation import desk
from app.web import cookies
from app.web.pages.forms import TypedDep, one
from app.web.pages.visit import Visit, VisitDep

router = APIRouter()

_WRONG = N_("席位码不正确，或已经用过")
_WRONG_REMEDY = N_("核对短信中最新的 8 位数字；仍不行请向现场工作人员求助")
_PAUSED = N_("尝试次数过多，请稍候再试")
_PAUSED_REMEDY = N_("等几分钟再输入，或向现场工作人员求助")


@router.get("/seat", dependencies=[Public()])
def seat_page(visit: VisitDep) -> HTMLResponse:
    return visit.page("seat.html", failed="", remedy="")


@router.post("/seat", dependencies=[Public()])
def take_seat(visit: VisitDep, typed: TypedDep) -> Response:
    """By the one-use code from the text message. Wrong codes are counted by where they come from."""
    throttle = _throttle(visit)
    address = visit.request.client.host if visit.request.client else ""
    if throttle.paused(visit.now, address):
        return visit.page(
            "seat.html", status=HTTPStatus.TOO_MANY_REQUESTS, failed=_PAUSED, remedy=_PAUSED_REMEDY
        )
    written = unicodedata.normalize("NFKC", one(typed, "code"))
    code = "".join(sign for sign in written if sign.isdecimal())
    signed: service.SignedIn | None = None
    with visit.database.transaction() as session:
        member = desk.sign_in(session, visit.sealer, visit.now, code)
        if member is not None:
            signed = service.open_seat(
                session,
                visit.sealer,
                visit.now,
                visit.settings.accounts,
                member_id=member.id,
                evaluation_id=member.evaluation_id,
            )
    if signed is None:
        throttle.wrong(visit.now, address)
        return visit.page("seat.html", status=HTTPStatus.UNAUTHORIZED, failed=_WRONG, remedy=_WRONG_REMEDY)
    throttle.right(address)
    response = RedirectResponse("/seat/desk", HTTPStatus.SEE_OTHER)
    cookies.keep_session(visit.request, response, signed)
    return response


@router.get("/seat/desk")
def seat_desk(visit: VisitDep, actor: Annotated[Actor, Requires(Permission.seat_sit)]) -> HTMLResponse:
    with visit.database.reading() as session:
        shown = desk.desk(session, str(actor.member_id))
    return visit.page("seat_desk.html", actor=actor, desk=shown)


def _throttle(visit: Visit) -> Throttle:
    """One memory of wrong codes for each running service, made with the first code."""
    state = visit.request.app.state
    if not hasattr(state, "seat_throttle"):
        accounts = visit.settings.accounts
        state.seat_throttle = Throttle(accounts.sign_in_tries, timedelta(seconds=accounts.sign_in_pause_s))
    throttle: Throttle = state.seat_throttle
    return throttle
