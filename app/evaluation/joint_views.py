"""Reads what waits for its second person, as either side may see it."""

import json

from sqlmodel import Session

from app.accounts.access import Actor
from app.evaluation import cases, joint_acts
from app.evaluation.models import JointAct
from app.evaluation.schemas import JointActOut
from expert_draw.models import Expert


def waiting(session: Session, actor: Actor, evaluation_id: str) -> list[JointActOut]:
    """The first first. Whoever is named in one stands there by number, for those who decide about it."""
    cases.load_for(session, actor, evaluation_id)
    return [_out(session, act) for act in joint_acts.waiting(session, evaluation_id)]


def _out(session: Session, act: JointAct) -> JointActOut:
    detail = json.loads(act.detail)
    places = detail.get("places") or [[detail["seat_no"], None]]
    named = [session.get_one(Expert, expert_id).number for _, expert_id in places if expert_id]
    return JointActOut(
        id=act.id,
        kind=act.kind,
        seats=tuple(seat_no for seat_no, _ in places),
        reason=act.reason,
        side=act.side,
        asked_at=act.asked_at,
        circumstance=detail.get("circumstance"),
        consent=detail.get("consent", ""),
        experts=tuple(named),
    )
