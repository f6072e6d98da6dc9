"""The page behind the link of a text: an invited expert answers on the phone, asks leave, and says when they are away.

Reading the page changes nothing, for programs that preview texts read it too. Whoever has the code is the invited person;
the code has so much chance in it that it is looked up before a pause is kept, and a pause stops nobody who holds one.
"""

from datetime import date
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse
from sqlmodel import Session
from starlette.responses import Response

from app.accounts.access import Public
from app.core.errors import YuanpingError
from app.core.i18n import N_
from app.notify import wording
from app.notify.listener import Heard, Listener, ListenerDep
from app.notify.wording import LINK_PATH
from app.web.pages import guessing
from app.web.pages.forms import Typed, TypedDep, one
from app.web.pages.visit import Visit, VisitDep
from app.web.templating import CHINA
from expert_draw import holidays, links
from expert_draw.links import Held, Stage

router = APIRouter(prefix=f"{LINK_PATH}{{code}}", dependencies=[Public()])

CHANNEL = "link"
_POSSIBLE = {
    Stage.open: ("accept", "decline"),
    Stage.accepted: ("leave",),
    Stage.standby: ("leave",),
}
"""What somebody can do at each stage; each is asked for once more."""
_TOLD = {
    Heard.already: ("info", N_("您此前的答复已经登记，没有改变")),
    Heard.leave_late: ("warn", N_("请假的截止时间已过，您仍需按时到场")),
}
_HEADERS = {"Referrer-Policy": "strict-origin", "X-Robots-Tag": "noindex"}
"""The address is a secret: not even our own pages are told it."""


async def _code(code: str) -> str:
    """As it was given out, however it was typed."""
    return code.strip().lower()


CodeDep = Annotated[str, Depends(_code)]


def _held(code: CodeDep, visit: VisitDep) -> Held | None:
    with visit.database.reading() as session:
        return links.held(session, visit.sealer, visit.now, code)


HeldDep = Annotated[Held | None, Depends(_held)]


@router.get("")
def answer_page(code: CodeDep, visit: VisitDep, held: HeldDep) -> Response:
    """What the notice says, and how it stands; `?act=` asks once more before anything is done."""
    if held is None:
        return _gone(visit)
    asked = visit.request.query_params.get("act", "")
    sure = asked if asked in _POSSIBLE.get(held.stage, ()) else ""
    said = visit.request.query_params.get("said", "")
    told = next((words for heard, words in _TOLD.items() if heard.value == said), None)
    return _page(visit, code, held, sure=sure, told=told)


@router.post("")
def act(code: CodeDep, visit: VisitDep, held: HeldDep, listener: ListenerDep, typed: TypedDep) -> Response:
    """The second press: the answer counts, or leave is asked for."""
    if held is None:
        return _gone(visit)
    wanted = one(typed, "act")
    with visit.database.transaction() as session:
        heard = _do(session, visit, listener, held, wanted)
    said = f"?said={heard.value}" if heard in _TOLD else ""
    return _back(code, said)


@router.post("/absences")
def enter_absence(code: CodeDep, visit: VisitDep, held: HeldDep, typed: TypedDep) -> Response:
    """The days from which to which no draw shall call them."""
    if held is None:
        return _gone(visit)
    try:
        first, last = _days(typed)
        with visit.database.transaction() as session:
            holidays.enter(session, visit.now, visit.sealer, held.invitation_id, first, last)
    except YuanpingError as refusal:
        words = visit.explain(refusal)
        return _page(visit, code, held, status=refusal.status, refused=words, typed=typed)
    return _back(code, "#absences")


@router.post("/absences/{absence_id}/remove")
def remove_absence(code: CodeDep, absence_id: str, visit: VisitDep, held: HeldDep) -> Response:
    """Takes back days that have not begun."""
    if held is None:
        return _gone(visit)
    with visit.database.transaction() as session:
        holidays.remove(session, visit.now, visit.sealer, held.invitation_id, absence_id)
    return _back(code, "#absences")


def _do(session: Session, visit: Visit, listener: Listener, held: Held, wanted: str) -> Heard | None:
    """What became of it; None for what nobody can ask for."""
    subject = held.invitation_id
    if wanted in {"accept", "decline"}:
        return listener.answer(session, visit.now, subject, wanted == "accept", CHANNEL)
    if wanted == "leave":
        return listener.ask_leave(session, visit.now, subject, CHANNEL)
    return None


def _days(typed: Typed) -> tuple[date, date]:
    """The days as a browser sends them; days of long ago for what is none, which nobody can enter."""
    try:
        first = date.fromisoformat(one(typed, "first"))
        return first, date.fromisoformat(one(typed, "last") or one(typed, "first"))
    except ValueError:
        return date.min, date.min


def _page(visit: Visit, code: str, held: Held, *, status: int = HTTPStatus.OK, **values: Any) -> Response:
    with visit.database.reading() as session:
        absences = holidays.ahead(session, visit.now, visit.sealer, held.invitation_id)
    shown = {"sure": "", "told": None, "refused": None, "typed": {}, **values}
    response = visit.page(
        "answer.html",
        status=status,
        held=held,
        absences=absences,
        here=f"{LINK_PATH}{code}",
        when=wording.time_words(held.starts_at.astimezone(CHINA), visit.language),
        long=wording.duration_words(held.minutes, visit.language),
        late=held.leave_until is not None and held.leave_until <= visit.now,
        today=visit.now.astimezone(CHINA).date(),
        **shown,
    )
    response.headers.update(_HEADERS)
    return response


def _gone(visit: Visit) -> Response:
    """The same for a code that was never given out and for one whose evaluation is over; who tries many has to wait."""
    throttle, address = guessing.throttle(visit, guessing.ANSWER), guessing.address_of(visit)
    number = throttle.attempt(visit.now, address)
    if number is not None:
        guessing.note_wrong(visit, guessing.ANSWER, number)
    status = HTTPStatus.TOO_MANY_REQUESTS if number is None else HTTPStatus.NOT_FOUND
    response = visit.page("answer_gone.html", status=status, hotline=visit.settings.notify.hotline)
    response.headers.update(_HEADERS)
    return response


def _back(code: str, rest: str) -> RedirectResponse:
    return RedirectResponse(f"{LINK_PATH}{code}{rest}", HTTPStatus.SEE_OTHER, headers=_HEADERS)
