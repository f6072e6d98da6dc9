"""An expert's way to the seat: the code at the terminal of the seat, then the desk."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from app.accounts import service
from app.accounts.access import Actor, Public, Requires
from app.accounts.permissions import Permission
from app.core.errors import Forbidden
from app.core.i18n import N_
from app.evaluation import desk, entering
from app.evaluation.entering import Shown
from app.web import cookies
from app.web.pages import guessing
from app.web.pages.forms import Typed, TypedDep, one
from app.web.pages.visit import Visit, VisitDep
from venue import devices
from venue.proofs import Proof

router = APIRouter()

# One answer to every code that does not open now: whoever only tries learns nothing from it.
_REFUSED = N_("现在不能入席")
_REFUSED_REMEDY = N_(
    "核对短信中最新的 8 位席位码，并确认：已在签到台核验身份；这是您的工位；已到入席时间。仍不行请向现场工作人员求助"
)
_PAUSED = N_("尝试次数过多，请稍候再试")
_PAUSED_REMEDY = N_("等几分钟再输入，或向现场工作人员求助")


@router.get("/seat", dependencies=[Public()])
def seat_page(visit: VisitDep) -> HTMLResponse:
    return _page(visit, HTTPStatus.OK)


@router.post("/seat", dependencies=[Public()])
def take_seat(visit: VisitDep, typed: TypedDep) -> Response:
    """By the one-use code from the text message, at the terminal of one's seat. Refusals are counted by where they come from."""
    throttle, where, shown = guessing.throttle(visit, guessing.SEAT), _where(visit, typed), _shown(typed)
    refused = (_REFUSED, _REFUSED_REMEDY)
    signed = None
    with throttle.turn:
        number = throttle.attempt(visit.now, where)
        if number is not None:
            try:
                signed = _sign_in(visit, shown)
            except Forbidden as refusal:
                refused = (refusal.message, refusal.remedy)
                with visit.database.transaction() as session:
                    entering.note_machine(session, visit.now, shown, refusal.code)
        if signed is not None:
            throttle.right(where)
    if number is None:
        return _page(visit, HTTPStatus.TOO_MANY_REQUESTS, _PAUSED, _PAUSED_REMEDY)
    if signed is None:
        guessing.note_wrong(visit, guessing.SEAT, number)
        return _page(visit, HTTPStatus.UNAUTHORIZED, *refused)
    response = RedirectResponse("/seat/desk", HTTPStatus.SEE_OTHER)
    cookies.keep_session(visit.request, response, signed)
    return response


def _where(visit: Visit, typed: Typed) -> str:
    """What a refusal is counted by: the terminal, so that nobody at the center holds up who sits elsewhere in it; else the address.

    Whoever only claims to be a terminal is refused before the code is looked at, and holds up that one alone.
    """
    address, terminal = guessing.address_of(visit), one(typed, "terminal")
    if not terminal:
        return address
    with visit.database.reading() as session:
        return f"{address} {terminal}" if devices.stands(session, terminal) else address


def _shown(typed: Typed) -> Shown:
    terminal = one(typed, "terminal")
    proof = Proof(terminal, one(typed, "challenge"), one(typed, "signature")) if terminal else None
    return Shown(one(typed, "code"), proof)


def _sign_in(visit: Visit, shown: Shown) -> service.SignedIn | None:
    with visit.database.transaction() as session:
        return entering.take(session, visit.time, visit.house, shown)


def _page(visit: Visit, status: HTTPStatus, failed: str = "", remedy: str = "") -> HTMLResponse:
    return visit.page(
        "seat.html", status=status, failed=failed, remedy=remedy, rules=visit.settings.seat_rules
    )


@router.get("/seat/desk")
def seat_desk(visit: VisitDep, actor: Annotated[Actor, Requires(Permission.seat_sit)]) -> HTMLResponse:
    with visit.database.reading() as session:
        shown = desk.desk(session, str(actor.member_id))
    required = visit.settings.media.screen_required
    return visit.page("seat_desk.html", actor=actor, desk=shown, screen_required=required)
