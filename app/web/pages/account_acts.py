"""What waits for a second person before it is done to an account: for who may be that person."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from app.accounts import staff_acts, welcome_links
from app.accounts.access import Actor, Requires, require_fresh
from app.accounts.permissions import Permission
from app.core.errors import Conflict, InvalidInput, YuanpingError
from app.web.pages.forms import TypedDep, one
from app.web.pages.own import account_of
from app.web.pages.visit import Visit, VisitDep

router = APIRouter()
SecondDep = Annotated[Actor, Requires(Permission.account_confirm)]
PAGE = "/account-acts"


@router.get(PAGE)
def acts_page(visit: VisitDep, actor: SecondDep) -> HTMLResponse:
    return _page(visit, actor)


@router.post(f"{PAGE}/{{act_id}}/confirm")
def confirm(act_id: str, visit: VisitDep, actor: SecondDep) -> Response:
    """It is done; the link that it may make is shown to who confirmed, this one time."""
    require_fresh(visit.request, actor, visit.now)
    account_of(actor)
    try:
        with visit.database.transaction() as session:
            done = staff_acts.confirm(session, visit.sealer, visit.now, act_id, actor=actor)
    except (Conflict, InvalidInput) as refusal:
        return _page(visit, actor, refusal=refusal)
    if done.invitation is None:
        return RedirectResponse(PAGE, HTTPStatus.SEE_OTHER)
    return _page(visit, actor, secret=done.invitation.secret)


@router.post(f"{PAGE}/{{act_id}}/refuse")
def refuse(act_id: str, visit: VisitDep, actor: SecondDep, typed: TypedDep) -> Response:
    try:
        with visit.database.transaction() as session:
            staff_acts.refuse(
                session, visit.now, act_id, reason=one(typed, "reason"), actor_id=account_of(actor)
            )
    except (Conflict, InvalidInput) as refusal:
        return _page(visit, actor, refusal=refusal)
    return RedirectResponse(PAGE, HTTPStatus.SEE_OTHER)


def asked(visit: Visit, actor: Actor, code: str) -> Response:
    """To who has just asked for an act; the code that they have to hand over is shown this one time."""
    return _page(visit, actor, code=code) if code else RedirectResponse(PAGE, HTTPStatus.SEE_OTHER)


def _page(
    visit: Visit,
    actor: Actor,
    *,
    secret: str = "",
    code: str = "",
    refusal: YuanpingError | None = None,
) -> HTMLResponse:
    with visit.database.reading() as session:
        waiting = staff_acts.waiting(session, visit.now, account_of(actor))
    return visit.page(
        "account_acts.html",
        actor=actor,
        status=refusal.status if refusal else HTTPStatus.OK,
        waiting=waiting,
        link=f"{visit.settings.public_url.rstrip('/')}/welcome/{secret}" if secret else "",
        hours=int(welcome_links.LASTS.total_seconds() // 3600),
        code=code,
        refusal=visit.explain(refusal) if refusal else None,
    )
