"""Reads from the rows what staff can do for the people who were drawn: who may leave, what waits, what a shortage allows."""

from datetime import datetime

from sqlmodel import Session

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.core.sealing import Sealer
from app.evaluation import cases, designating, joint_acts, joint_views, leaving, second_phase, shortage
from app.evaluation.lifecycle import EvaluationState
from app.evaluation.models import Evaluation
from app.evaluation.shown import AfterDraw, ShortageView, WaitingAct
from expert_draw import keeping


def view(session: Session, now: datetime, sealer: Sealer, actor: Actor, evaluation_id: str) -> AfterDraw:
    """For this reader: by seat number only, and nothing that tells who had to go."""
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.evaluation_read)
    delivered = second_phase.shown(session, actor, evaluation.id)
    return AfterDraw(
        holders=leaving.holders(session, evaluation),
        waiting=tuple(
            WaitingAct(
                id=act.id,
                kind=act.kind,
                seats=act.seats,
                reason=act.reason,
                side=act.side,
                mine=joint_acts.side(actor) != act.side and not act.lapsed,
                lapsed=act.lapsed,
                circumstance=act.circumstance,
                consent=act.consent,
                experts=act.experts,
            )
            for act in joint_views.waiting(session, now, sealer, actor, evaluation.id)
            if evaluation.state not in second_phase.OVER
        ),
        shortage=_shortage(session, evaluation),
        takes_list=evaluation.state not in second_phase.OVER,
        list_at=delivered.at,
        checked=delivered.checked,
        refilling=delivered.refilling,
    )


def _shortage(session: Session, evaluation: Evaluation) -> ShortageView | None:
    if evaluation.state != EvaluationState.short:
        return None
    draw = keeping.load(session, str(evaluation.draw_id))
    stands = draw.closed_at is None
    rung = shortage.next_rung(session, evaluation) if stands else None
    return ShortageView(
        vacant=shortage.vacant_seats(session, evaluation),
        rung=rung.rung if rung else None,
        changes=rung.changes if rung else (),
        may_redraw=evaluation.room_id is None,
        may_widen=stands,
        may_designate=stands,
        circumstances=designating.circumstances(evaluation),
        needs_consent=designating.needs_consent(evaluation),
    )
