"""An expert's performance card (履职记录): one fact of each kind for each invitation, written when it happens, and counted."""

from datetime import datetime

from sqlmodel import Session, col, func, select

from app.core.ids import new_id
from expert_draw.invitation import InvitationState
from expert_draw.models import Invitation, NameRelease, PerformanceFact

LATE = "late"
"""Answered after the window had closed."""
FACTS = {
    InvitationState.accepted: "accepted",
    InvitationState.declined: "declined",
    InvitationState.expired: "expired",
    InvitationState.withdrawn: "withdrawn",
    InvitationState.no_show: "absent",
    InvitationState.recused: "recused",
    InvitationState.removed: "removed",
    InvitationState.ill: "ill",
}
"""Which state is a fact about the person. Who was unreachable was not asked; who was struck did nothing."""
KINDS = (*FACTS.values(), LATE)


def note(session: Session, now: datetime, invitation: Invitation, evaluation_id: str, kind: str) -> None:
    """Writes the fact in the caller's transaction; a second time changes nothing."""
    known = session.exec(
        select(PerformanceFact.id).where(
            PerformanceFact.invitation_id == invitation.id, PerformanceFact.kind == kind
        )
    ).first()
    if known is None:
        session.add(
            PerformanceFact(
                id=new_id(now),
                invitation_id=invitation.id,
                evaluation_id=evaluation_id,
                kind=kind,
                at=now,
            )
        )
        session.flush()


def card(session: Session, expert_id: str) -> dict[str, int]:
    """How many facts of each kind there are, 0 for none, in the evaluations that are over for good.

    Of any other evaluation the card would tell who is drawn for it; until then no row says whose fact it is.
    """
    counted = session.exec(
        select(PerformanceFact.kind, func.count())
        .join(NameRelease, col(NameRelease.invitation_id) == col(PerformanceFact.invitation_id))
        .where(NameRelease.expert_id == expert_id)
        .group_by(PerformanceFact.kind)
    ).all()
    return {**dict.fromkeys(KINDS, 0), **dict(counted)}
