"""Reads what waits for its second person, as either side may see it."""

import json
from datetime import datetime

from sqlmodel import Session

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.core.sealing import Sealer
from app.evaluation import cases, joint_acts
from app.evaluation.models import Evaluation, JointAct
from app.evaluation.schemas import JointActOut
from expert_draw import sealed
from expert_draw.invitation import InvitationState
from expert_draw.models import Draw, Expert, Invitation


def waiting(
    session: Session, now: datetime, sealer: Sealer, actor: Actor, evaluation_id: str
) -> list[JointActOut]:
    """The first first. Whoever is named in one stands there by number, for those who decide about it.

    An order to leave is over by itself once its addressee has left otherwise; what has lapsed is there, and says so.
    """
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.evaluation_read)
    acts = joint_acts.asked(session, evaluation_id)
    return [_out(session, now, sealer, evaluation, act) for act in acts if not _addressee_left(session, act)]


def _addressee_left(session: Session, act: JointAct) -> bool:
    invitation = json.loads(act.detail).get("invitation")
    return (
        invitation is not None and session.get_one(Invitation, invitation).state != InvitationState.accepted
    )


def _out(
    session: Session, now: datetime, sealer: Sealer, evaluation: Evaluation, act: JointAct
) -> JointActOut:
    detail = json.loads(act.detail)
    places, named = detail.get("places", ()), []
    for seat_no, kept in places:
        draw = session.get_one(Draw, evaluation.draw_id)
        named.append(session.get_one(Expert, sealed.read_named(sealer, draw, seat_no, kept)).number)
    return JointActOut(
        id=act.id,
        kind=act.kind,
        seats=joint_acts.seats(act),
        reason=act.reason,
        side=act.side,
        asked_at=act.asked_at,
        lapsed=joint_acts.lapsed(session, now, evaluation, act) is not None,
        circumstance=detail.get("circumstance"),
        consent=detail.get("consent", ""),
        experts=tuple(named),
    )
