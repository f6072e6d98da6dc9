"""An expert's way to the seat: one code, then the desk."""

import unicodedata
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from app.accounts import service
from app.accounts.access import Actor, Public, Requires
from app.accounts.permissions import Permission
from app.core.i18n import N_
from app.evaluation import desk
from app.web import cookies
from app.web.pages import guessing
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
    throttle, address = guessing.throttle(visit, guessing.SEAT), guessing.address_of(visit)
    with throttle.turn:
        number = throttle.attempt(visit.now, address)
        signed = _sign_in(visit, one(typed, "code")) if number is not None else None
        if signed is not None:
            throttle.right(address)
    if number is None:
        return visit.page(
            "seat.html", status=HTTPStatus.TOO_MANY_REQUESTS, failed=_PAUSED, remedy=_PAUSED_REMEDY
        )
    if signed is None:
        guessing.note_wrong(visit, guessing.SEAT, number)
        return visit.page("seat.html", status=HTTPStatus.UNAUTHORIZED, failed=_WRONG, remedy=_WRONG_REMEDY)
    response = RedirectResponse("/seat/desk", HTTPStatus.SEE_OTHER)
    cookies.keep_session(visit.request, response, signed)
    return response


def _sign_in(visit: Visit, typed: str) -> service.SignedIn | None:
    written = unicodedata.normalize("NFKC", typed)
    code = "".join(sign for sign in written if sign.isdecimal())
    with visit.database.transaction() as session:
        member = desk.sign_in(session, visit.sealer, visit.now, code)
        if member is None:
            return None
        return service.open_seat(
            session,
            visit.sealer,
            visit.now,
            visit.settings.accounts,
            member_id=member.id,
            evaluation_id=member.evaluation_id,
            whence=visit.browser.whence,
        )


@router.get("/seat/desk")
def seat_desk(visit: VisitDep, actor: Annotated[Actor, Requires(Permission.seat_sit)]) -> HTMLResponse:
    with visit.database.reading() as session:
        shown = desk.desk(session, str(actor.member_id))
    required = visit.settings.media.screen_required
    return visit.page("seat_desk.html", actor=actor, desk=shown, screen_required=required)
