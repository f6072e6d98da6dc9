"""What an expert's performance card is made of (履职记录): one fact of each kind for each invitation, written when it happens."""

from datetime import datetime

from sqlmodel import Session, select

from app.core.ids import new_id
from expert_draw.invitation import InvitationState
from expert_draw.models import Invitation, PerformanceFact

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
                expert_id=invitation.expert_id,
                invitation_id=invitation.id,
                evaluation_id=evaluation_id,
                kind=kind,
                at=now,
            )
        )
        session.flush()
