"""The draw as a ceremony: the commitment, the rounds with their shares, and how anyone can check them."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.evaluation import cases, draw_views, views
from app.web.pages.acts import allowed
from app.web.pages.visit import VisitDep

router = APIRouter(prefix="/evaluations/{evaluation_id}")


@router.get("/draw")
def draw(
    evaluation_id: str, visit: VisitDep, actor: Annotated[Actor, Requires(Permission.draw_read)]
) -> HTMLResponse:
    with visit.database.reading() as session:
        cases.load_for(session, actor, evaluation_id)
        view = draw_views.draw_page(session, evaluation_id)
    return visit.page(
        "draw.html",
        actor=actor,
        view=view,
        acts=allowed(actor, view.acts),
        downloads=views.hands_out_record(actor, view.card.state),
    )
