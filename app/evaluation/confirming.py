"""The second person of a joint act: refuses it, or confirms it so that it happens at once."""

from datetime import datetime

from sqlmodel import Session

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.evaluation import cases, designating, joint_acts, leaving
from app.evaluation.cases import House
from app.evaluation.joint_acts import JointKind


def settle(
    session: Session,
    now: datetime,
    house: House,
    actor: Actor,
    evaluation_id: str,
    act_id: str,
    *,
    confirm: bool,
) -> None:
    """Settles the act; once confirmed it is carried out in the same transaction, or nothing of it counts."""
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.member_dismiss)
    act = joint_acts.settle(session, now, actor, evaluation, act_id, confirm=confirm)
    if not confirm:
        return
    if act.kind == JointKind.designation:
        designating.carry_out(session, now, house, evaluation, act)
        return
    leaving.carry_out(session, now, house, actor, evaluation, act)
