"""Today: what runs, what comes next, and the figures of the house."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.evaluation import views
from app.web.pages.visit import VisitDep

router = APIRouter()


@router.get("/today")
def today(visit: VisitDep, actor: Annotated[Actor, Requires(Permission.center_read)]) -> HTMLResponse:
    with visit.database.reading() as session:
        view = views.today(session, visit.now, actor)
    return visit.page("today.html", actor=actor, view=view)
