"""The page on which a recording's keepers hold it, let it go, export it and, when its time is over, dispose of it."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import Session
from starlette.responses import Response

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.errors import YuanpingError
from app.evaluation import cases, custody, custody_views, disclosing, views
from app.evaluation.joint_acts import RULES, JointKind
from app.web.pages.forms import TypedDep, one
from app.web.pages.visit import Visit, VisitDep

router = APIRouter(prefix="/evaluations/{evaluation_id}/custody")
Keeper = Annotated[Actor, Requires(Permission.recording_hold)]


@router.get("")
def overview(evaluation_id: str, visit: VisitDep, actor: Keeper) -> HTMLResponse:
    return _page(visit, actor, evaluation_id)


@router.post("/hold")
def hold(evaluation_id: str, visit: VisitDep, actor: Keeper, typed: TypedDep) -> Response:
    """One person is enough to keep it."""

    def work(session: Session) -> None:
        custody.hold(session, visit.now, actor, evaluation_id, one(typed, "reason"))

    return _done_or_why_not(visit, actor, evaluation_id, work)


def _add_routes(kind: JointKind) -> None:
    """Asking and settling have their kind's own permissions, which may ask for a second factor."""
    rule = RULES[kind]

    def ask(
        evaluation_id: str,
        visit: VisitDep,
        actor: Annotated[Actor, Requires(rule.asks)],
        typed: TypedDep,
    ) -> Response:
        def work(session: Session) -> None:
            reason = one(typed, "reason")
            custody.ask(session, visit.now, visit.settings.recording, actor, evaluation_id, kind, reason)

        return _done_or_why_not(visit, actor, evaluation_id, work)

    def settle(
        evaluation_id: str,
        act_id: str,
        decision: Literal["confirm", "refuse"],
        visit: VisitDep,
        actor: Annotated[Actor, Requires(rule.settles)],
        typed: TypedDep,
    ) -> Response:
        def work(session: Session) -> None:
            custody.settle(
                session,
                visit.now,
                visit.settings.recording,
                actor,
                evaluation_id,
                kind,
                act_id,
                one(typed, "reason"),
                confirm=decision == "confirm",
            )

        return _done_or_why_not(visit, actor, evaluation_id, work)

    router.add_api_route(f"/{kind}", ask, methods=["POST"], name=f"ask_{kind}")
    router.add_api_route(f"/{kind}/{{act_id}}/{{decision}}", settle, methods=["POST"], name=f"settle_{kind}")


for _kind in custody.KINDS:
    _add_routes(_kind)


def _done_or_why_not(
    visit: Visit, actor: Actor, evaluation_id: str, work: Callable[[Session], None]
) -> Response:
    return visit.done_or_why_not(
        work,
        f"/evaluations/{evaluation_id}/custody",
        lambda refusal: _page(visit, actor, evaluation_id, refusal),
    )


def _page(
    visit: Visit, actor: Actor, evaluation_id: str, refusal: YuanpingError | None = None
) -> HTMLResponse:
    with visit.database.reading() as session:
        evaluation = cases.load_for(session, actor, evaluation_id, Permission.evaluation_read)
        view = custody_views.view(session, visit.now, visit.settings.recording, actor, evaluation)
        card = views.card(session, evaluation, disclosing.sight(session, actor, evaluation))
    return visit.page(
        "custody.html",
        actor=actor,
        status=refusal.status if refusal else HTTPStatus.OK,
        card=card,
        view=view,
        refusal=visit.explain(refusal) if refusal else None,
    )
