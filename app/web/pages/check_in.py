"""The check-in desk: who is expected today, and the comparison of their papers."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.errors import NotFound, YuanpingError
from app.evaluation import check_in
from app.evaluation.check_in import Checked, Papers
from app.web.pages.forms import TypedDep, one
from app.web.pages.visit import Visit, VisitDep

router = APIRouter()

Clerk = Annotated[Actor, Requires(Permission.identity_check)]


@router.get("/check-in")
def arrivals(visit: VisitDep, actor: Clerk) -> HTMLResponse:
    return _page(visit, actor)


@router.post("/check-in/{member_id}")
def check(member_id: str, visit: VisitDep, actor: Clerk, typed: TypedDep) -> Response:
    """The number comes in the body of the request and goes into no address, log or row; the answer shows it masked."""
    papers = Papers(one(typed, "identity"), bool(one(typed, "phone_deposited")), bool(one(typed, "badge")))
    try:
        with visit.database.transaction() as session:
            found = check_in.check(session, visit.time, visit.house, actor, member_id, papers)
    except NotFound:
        raise
    except YuanpingError as refusal:
        return _page(visit, actor, member_id, refusal=refusal)
    return _page(visit, actor, member_id, found=found)


def _page(
    visit: Visit,
    actor: Actor,
    about: str = "",
    *,
    found: Checked | None = None,
    refusal: YuanpingError | None = None,
) -> HTMLResponse:
    """about: the member whom `found` or `refusal` is about."""
    with visit.database.reading() as session:
        expected = check_in.arrivals(session, visit.time, visit.house, actor)
    return visit.page(
        "check_in.html",
        actor=actor,
        status=refusal.status if refusal else HTTPStatus.OK,
        arrivals=expected,
        about=next((one for one in expected if one.member_id == about), None),
        found=found,
        refusal=visit.explain(refusal) if refusal else None,
        rules=visit.settings.seat_rules,
    )
