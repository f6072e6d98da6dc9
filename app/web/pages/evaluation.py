"""One evaluation: its committee with the recording lights, and the acts that are due."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import Session
from starlette.responses import Response

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.errors import YuanpingError
from app.core.samples import Source, TrackKey
from app.evaluation import after_draw, alarms, cases, conductor, convening, views
from app.evaluation.cases import Durable, House
from app.evaluation.disclosing import ReadBy
from app.evaluation.recorded import expected, reached, recorded
from app.evaluation.shown import EvaluationView
from app.web import words
from app.web.pages.acts import ACTS, Act, allowed
from app.web.pages.forms import TypedDep, one
from app.web.pages.visit import Visit, VisitDep

router = APIRouter(prefix="/evaluations/{evaluation_id}")


@router.get("")
def overview(
    evaluation_id: str, visit: VisitDep, actor: Annotated[Actor, Requires(Permission.evaluation_read)]
) -> HTMLResponse:
    return _page(visit, actor, evaluation_id)


def _add_route(act: Act) -> None:
    """The route of one act: it happens, or the page comes again and says why not."""

    def endpoint(
        evaluation_id: str, visit: VisitDep, actor: Annotated[Actor, Requires(act.permission)]
    ) -> Response:
        def work(session: Session, house: House) -> None:
            conductor.perform(
                session,
                visit.now,
                house,
                actor,
                evaluation_id,
                act.name,
                recorded(session, house.settings.recording.stale_after_ms),
            )

        return done_or_why_not(visit, actor, evaluation_id, work, act.leads_to)

    router.add_api_route(f"/{act.name}", endpoint, methods=["POST"], name=act.name)


for _act in ACTS:
    _add_route(_act)


@router.post("/seats/{seat_no}/code")
def renew_seat_code(
    evaluation_id: str,
    seat_no: int,
    visit: VisitDep,
    actor: Annotated[Actor, Requires(Permission.evaluation_conduct)],
) -> Response:
    """Sends the member of this seat a new code."""

    def work(session: Session, house: House) -> None:
        convening.renew_seat_code(session, visit.now, house, actor, evaluation_id, seat_no)

    return done_or_why_not(visit, actor, evaluation_id, work)


@router.post("/alarms/{alarm_id}")
def acknowledge_alarm(
    evaluation_id: str,
    alarm_id: str,
    visit: VisitDep,
    actor: Annotated[Actor, Requires(Permission.evaluation_supervise)],
    typed: TypedDep,
) -> Response:
    """A supervisor has taken notice of what happened at a seat."""

    def work(session: Session, _house: House) -> None:
        alarms.acknowledge(
            session, visit.now, actor, evaluation_id, alarm_id, one(typed, f"reason-{alarm_id}")
        )

    return done_or_why_not(visit, actor, evaluation_id, work)


@router.post("/give-up")
def give_up(
    evaluation_id: str,
    visit: VisitDep,
    actor: Annotated[Actor, Requires(Permission.evaluation_conduct)],
    typed: TypedDep,
) -> Response:
    """Ends the evaluation before its time, for the reason that was typed."""

    def work(session: Session, house: House) -> None:
        conductor.give_up(session, visit.now, house, actor, evaluation_id, one(typed, "reason"))

    return done_or_why_not(visit, actor, evaluation_id, work)


def done_or_why_not(
    visit: Visit,
    actor: Actor,
    evaluation_id: str,
    work: Callable[[Session, House], None],
    leads_to: str = "",
) -> Response:
    """Goes on to what came of the work, or shows the evaluation again with the reason."""
    return visit.done_or_why_not(
        lambda session: work(session, visit.house),
        f"/evaluations/{evaluation_id}{leads_to}",
        lambda refusal: _page(visit, actor, evaluation_id, refusal),
    )


def _page(
    visit: Visit, actor: Actor, evaluation_id: str, refusal: YuanpingError | None = None
) -> HTMLResponse:
    with visit.database.reading() as session:
        cases.load_for(session, actor, evaluation_id, Permission.evaluation_read)
        view = views.evaluation_page(session, reached(session), ReadBy(actor, visit.sealer), evaluation_id)
        lights = _lights(
            view, expected(visit.settings.media), recorded(session, visit.settings.recording.stale_after_ms)
        )
        after = after_draw.view(session, visit.now, visit.sealer, actor, evaluation_id)
        alarmed = alarms.shown(session, evaluation_id)
    return visit.page(
        "evaluation.html",
        actor=actor,
        status=refusal.status if refusal else HTTPStatus.OK,
        view=view,
        after=after,
        alarms=alarmed,
        word=words.rule_word,
        acts=allowed(actor, view.acts),
        may_give_up=view.may_be_given_up and actor.may(Permission.evaluation_conduct),
        lights=lights,
        refusal=visit.explain(refusal) if refusal else None,
    )


def _lights(
    view: EvaluationView, sources: Sequence[Source], durable: Durable
) -> dict[int, dict[Source, bool]]:
    """By seat number what has to be recorded of it: on when the disk has what came lately, whatever anybody claims."""
    room_id = view.room_id

    def on(seat_no: int, source: Source) -> bool:
        return room_id is not None and durable(TrackKey(room_id, seat_no, source)) is not None

    return {
        member.seat_no: {source: on(member.seat_no, source) for source in sources} for member in view.members
    }
