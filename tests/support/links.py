"""An evaluation that is being called, and the links in the texts of those who are invited."""

from sqlmodel import Session, col, select

from app.evaluation import committee, conductor
from expert_draw import links
from expert_draw.models import Invitation
from tests.support.world import OPERATOR, World, booking


def calling(world: World, **changes: object) -> str:
    """Books an evaluation and draws for it; returns its id. Nobody has been reached yet."""
    with world.transaction() as session:
        evaluation_id = conductor.book(
            session, world.now(), world.house, OPERATOR, booking(world, **changes)
        ).id
    for act in (committee.commit_draw, committee.run_draw):
        with world.transaction() as session:
            act(session, world.now(), world.house, OPERATOR, evaluation_id)
    return evaluation_id


def invitations(session: Session) -> list[Invitation]:
    """Oldest first."""
    return list(
        session.exec(select(Invitation).order_by(col(Invitation.created_at), col(Invitation.id))).all()
    )


def reached(world: World, which: int = 0) -> str:
    """A provider has taken the first call of an invitation: its answer window is open. Returns the invitation's id."""
    with world.transaction() as session:
        invitation_id = invitations(session)[which].id
        world.invitees.taken(session, world.now(), invitation_id)
    return invitation_id


def texted(world: World, invitation_id: str) -> str:
    """The code in the text of this invitation."""
    with world.transaction() as session:
        return links.renew(session, world.sealer, session.get_one(Invitation, invitation_id))
