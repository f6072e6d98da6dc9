"""Booking an evaluation: one form, checked against the rules and the depth of the pool while it is filled in."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session
from starlette.responses import Response

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.errors import YuanpingError
from app.core.i18n import translate
from app.evaluation import booking, conductor, rule_notes, views
from app.evaluation.booking import Depth, Problem
from app.evaluation.schemas import BookingIn
from app.web.pages import booking_form
from app.web.pages.booking_form import Filled
from app.web.pages.forms import TypedDep, one
from app.web.pages.visit import Visit, VisitDep

router = APIRouter(prefix="/evaluations")
Booker = Annotated[Actor, Requires(Permission.evaluation_book)]


@router.get("/new")
def new(visit: VisitDep, actor: Booker) -> HTMLResponse:
    filled = booking_form.blank(visit.now, actor.center_id or "")
    return _page(visit, actor, filled, None)


@router.post("/new")
def book(visit: VisitDep, actor: Booker, typed: TypedDep) -> Response:
    """Books and goes on to the evaluation; or shows the form again with what is wrong, or with what was asked to be checked."""
    filled = booking_form.read(typed)
    wanted = booking_form.understand(filled)
    if isinstance(wanted, dict):
        return _page(
            visit, actor, Filled(filled.single, filled.rows, wanted), None, HTTPStatus.UNPROCESSABLE_ENTITY
        )
    if one(typed, "act") == "check":
        return _page(visit, actor, filled, wanted)
    try:
        with visit.database.transaction() as session:
            evaluation = conductor.book(session, visit.now, visit.house, actor, wanted)
    except YuanpingError as refusal:
        return _page(visit, actor, filled, wanted, refusal.status, refusal)
    return RedirectResponse(f"/evaluations/{evaluation.id}", HTTPStatus.SEE_OTHER)


@router.post("/check")
def check(visit: VisitDep, _actor: Booker, typed: TypedDep) -> HTMLResponse:
    """The piece of the page that says how the booking stands against the rules and the pool."""
    wanted = booking_form.understand(booking_form.read(typed))
    if isinstance(wanted, dict):
        return visit.fragment("_booking_check.html", open_fields=len(wanted), problems=(), depths=())
    with visit.database.reading() as session:
        return visit.fragment("_booking_check.html", open_fields=0, **_standing(visit, session, wanted))


def _page(
    visit: Visit,
    actor: Actor,
    filled: Filled,
    wanted: BookingIn | None,
    status: int = HTTPStatus.OK,
    refusal: YuanpingError | None = None,
) -> HTMLResponse:
    with visit.database.reading() as session:
        form = views.booking_form(session, actor.center_id)
        standing = _standing(visit, session, wanted) if wanted else {"problems": (), "depths": ()}
    return visit.page(
        "booking.html",
        actor=actor,
        status=status,
        form=form,
        filled=filled,
        open_fields=0 if wanted else max(len(filled.errors), 1),
        refusal=visit.explain(refusal) if refusal else None,
        **standing,
    )


def _standing(visit: Visit, session: Session, wanted: BookingIn) -> dict[str, tuple[object, ...]]:
    found: tuple[Problem, ...] = booking.check(session, visit.now, visit.house.rosters, wanted)
    depths: tuple[Depth, ...] = booking.depths(session, visit.house.rosters, wanted)
    return {
        "problems": tuple(
            {
                "message": _said(visit.language, problem.message, problem.params),
                "remedy": _said(visit.language, problem.remedy, problem.params),
                "rule": translate(visit.language, rule_notes.label_of(problem.rule)),
                "source": problem.source,
                "evidence": problem.evidence,
                "blocks": problem.blocks,
                "note": problem.note,
            }
            for problem in found
        ),
        "depths": depths,
    }


def _said(language: str, text: str, params: dict[str, object]) -> str:
    """The text in the reader's language; parameters that are catalogue texts themselves are translated, too."""
    told = {
        key: translate(language, value) if isinstance(value, str) else value for key, value in params.items()
    }
    return translate(language, text, **told)
