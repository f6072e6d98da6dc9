"""The page on which two persons open the names of a draw early, and on which they are then read."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import Session
from starlette.responses import Response

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.errors import NotFound, YuanpingError
from app.evaluation import cases, disclosing, unsealing, views
from app.evaluation.unsealing import Unsealed
from app.web.pages.forms import TypedDep, one
from app.web.pages.visit import Visit, VisitDep

router = APIRouter(prefix="/evaluations/{evaluation_id}/names")


@router.get("")
def names(
    evaluation_id: str, visit: VisitDep, actor: Annotated[Actor, Requires(Permission.draw_supervise)]
) -> HTMLResponse:
    """How it stands, without a name; what can be done here asks for a fresh second factor."""
    return _page(visit, actor, evaluation_id)


@router.post("/ask")
def ask(
    evaluation_id: str,
    visit: VisitDep,
    actor: Annotated[Actor, Requires(Permission.name_unseal)],
    typed: TypedDep,
) -> Response:
    """The first person asks."""

    def work(session: Session) -> None:
        unsealing.ask(session, visit.now, actor, evaluation_id, one(typed, "reason"))

    return _done_or_why_not(visit, actor, evaluation_id, work)


@router.post("/read")
def read(
    evaluation_id: str,
    visit: VisitDep,
    actor: Annotated[Actor, Requires(Permission.name_read)],
    typed: TypedDep,
) -> Response:
    """Shows the names, on this one answer, to who says why they look."""
    try:
        with visit.database.transaction() as session:
            found = unsealing.read(
                session, visit.now, visit.sealer, actor, evaluation_id, one(typed, "reason")
            )
    except NotFound:
        raise
    except YuanpingError as refusal:
        return _page(visit, actor, evaluation_id, refusal)
    return _page(visit, actor, evaluation_id, found=found)


@router.post("/{act_id}/{decision}")
def settle(
    evaluation_id: str,
    act_id: str,
    decision: Literal["confirm", "refuse"],
    visit: VisitDep,
    actor: Annotated[Actor, Requires(Permission.name_unseal_approve)],
    typed: TypedDep,
) -> Response:
    """The second person agrees or refuses."""

    def work(session: Session) -> None:
        unsealing.settle(
            session,
            visit.now,
            actor,
            evaluation_id,
            act_id,
            one(typed, "reason"),
            confirm=decision == "confirm",
        )

    return _done_or_why_not(visit, actor, evaluation_id, work)


def _done_or_why_not(
    visit: Visit, actor: Actor, evaluation_id: str, work: Callable[[Session], None]
) -> Response:
    return visit.done_or_why_not(
        work,
        f"/evaluations/{evaluation_id}/names",
        lambda refusal: _page(visit, actor, evaluation_id, refusal),
    )


def _page(
    visit: Visit,
    actor: Actor,
    evaluation_id: str,
    refusal: YuanpingError | None = None,
    found: tuple[Unsealed, ...] = (),
) -> HTMLResponse:
    with visit.database.reading() as session:
        evaluation = cases.load_for(session, actor, evaluation_id, Permission.draw_supervise)
        view = unsealing.view(session, visit.now, actor, evaluation)
        card = views.card(session, evaluation, disclosing.sight(session, actor, evaluation))
    return visit.page(
        "names.html",
        actor=actor,
        status=refusal.status if refusal else HTTPStatus.OK,
        card=card,
        view=view,
        found=found,
        refusal=visit.explain(refusal) if refusal else None,
    )
