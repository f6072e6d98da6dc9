"""How somebody stands to an evaluation: each relation of the table of permissions as a question to the rows, asked here only."""

from sqlalchemy import ColumnElement, and_, exists, false, literal, or_, true
from sqlmodel import Session, col, select

from app.accounts.access import Actor
from app.accounts.permissions import GRANTS, Permission, Relation
from app.audit import service as audit
from app.audit.tags import Tag
from app.evaluation.lifecycle import EvaluationState
from app.evaluation.models import CommitteeMember, Evaluation

DISCLOSED = (EvaluationState.closed, EvaluationState.sealed)
"""States after disclosure. Giving up is none: one person does it at any time, with any reason."""
_APPLIED = (Tag.draw_called, Tag.draw_committed, Tag.draw_linked, Tag.evaluation_booked)
"""Acts after which somebody cannot supervise this evaluation, whatever their role has become since."""


def lacking(
    session: Session, actor: Actor, evaluation: Evaluation, permission: Permission
) -> frozenset[Relation]:
    """What stands between this actor and the act: needed relations that do not hold; `any` without the permission at all."""
    needed = GRANTS[actor.role].get(permission)
    if needed is None:
        return frozenset({Relation.any})
    this = col(Evaluation.id) == evaluation.id
    return frozenset(
        relation
        for relation in sorted(needed - {Relation.any})
        if not session.exec(select(_holds(actor, relation)).where(this)).one()
    )


def reached(actor: Actor, permission: Permission) -> ColumnElement[bool]:
    """The evaluations that this permission of the actor reaches, as a condition for a query."""
    needed = GRANTS[actor.role].get(permission)
    if needed is None:
        return false()
    return and_(true(), *(_holds(actor, relation) for relation in sorted(needed)))


def _holds(actor: Actor, relation: Relation) -> ColumnElement[bool]:
    match relation:
        case Relation.after_disclosure:
            return col(Evaluation.state).in_(DISCLOSED)
        case Relation.any:
            return true()
        case Relation.not_oneself:
            return and_(col(Evaluation.booked_by) != actor.id, ~_applied(actor))
        case Relation.own_venue:
            return _seats_somebody(actor) if actor.center_id else false()
        case Relation.same_center:
            return col(Evaluation.host_center_id) == actor.center_id if actor.center_id else false()
        case Relation.same_evaluation:
            own = literal(actor.evaluation_id) if actor.evaluation_id else None
            booked = col(Evaluation.booked_by) == actor.id
            return booked if own is None else or_(col(Evaluation.id) == own, booked)


def _applied(actor: Actor) -> ColumnElement[bool]:
    """Asked of the trail, which no change of an account alters."""
    return audit.took_part(col(Evaluation.id), actor.id, _APPLIED)


def _seats_somebody(actor: Actor) -> ColumnElement[bool]:
    return exists().where(
        col(CommitteeMember.evaluation_id) == col(Evaluation.id),
        col(CommitteeMember.center_id) == actor.center_id,
        col(CommitteeMember.left_at).is_(None),
    )
