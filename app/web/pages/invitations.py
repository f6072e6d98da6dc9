"""The invitation terminal: how many places are filled and what is being done about the others, without names."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.evaluation import cases, disclosing, terminal
from app.web.pages.visit import VisitDep

router = APIRouter(prefix="/evaluations/{evaluation_id}")


@router.get("/invitations")
def invitations(
    evaluation_id: str, visit: VisitDep, actor: Annotated[Actor, Requires(Permission.invitation_read)]
) -> HTMLResponse:
    with visit.database.reading() as session:
        evaluation = cases.load_for(session, actor, evaluation_id, Permission.invitation_read)
        view = terminal.view(session, evaluation_id, disclosing.sight(session, actor, evaluation))
    return visit.page("invitations.html", actor=actor, view=view)
