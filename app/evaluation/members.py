"""Who is on the committee once its room is open: takes those off who hold their place no longer, seats their successors."""

from datetime import datetime

from sqlmodel import Session, and_, col, select, union, update

from app.accounts import sessions, tickets
from app.accounts.tickets import TicketKind
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.evaluation import cases, convening
from app.evaluation.cases import House
from app.evaluation.lifecycle import EvaluationEvent, EvaluationState
from app.evaluation.models import CommitteeMember, Evaluation, ScoreSheet
from app.notify import outbox
from expert_draw import ending, inviting
from expert_draw.invitation import InvitationState
from expert_draw.models import Draw, Invitation

LEFT, VOID = "left", "void"
OPINION = "evaluation.replaced_member_opinion"
"""The rule by which the sheet of a member who left is void."""
WHOLE = (EvaluationState.ready, EvaluationState.convened, EvaluationState.in_session)
"""States in which every place is filled, until somebody leaves."""
_ROOM_OPEN = (
    EvaluationState.convened,
    EvaluationState.in_session,
    EvaluationState.replacing,
    EvaluationState.short,
)


def keep_step(session: Session, now: datetime, house: House, evaluation: Evaluation, draw: Draw) -> None:
    """Brings committee and state of the evaluation to what the invitations say; doing it again changes nothing.

    With an open room whoever left is taken off and whoever accepted gets a seat code; with a place vacated the evaluation
    goes back to be filled, and scoring is locked until it is opened again.
    """
    if evaluation.state in _ROOM_OPEN and evaluation.room_id is not None:
        take_out(session, now, evaluation)
        if convening.seat_accepted(session, now, house, evaluation, draw):
            bus.publish(session, f"evaluation:{evaluation.id}", "members")
    if evaluation.state in WHOLE and ending.slots_vacated(session, draw):
        cases.move(session, evaluation, EvaluationEvent.vacate)
        cases.note(session, now, evaluation, Tag.evaluation_vacated, "house")


def take_out(session: Session, now: datetime, evaluation: Evaluation) -> None:
    """Whoever holds their place no longer is off the committee: out of the room at once, their sheet kept but void."""
    for member in cases.members(session, evaluation.id):
        invitation = session.get_one(Invitation, member.invitation_id, populate_existing=True)
        if invitation.state != InvitationState.accepted:
            _take_out(session, now, member)


def out_of_step(session: Session) -> tuple[str, ...]:
    """Evaluations with an open room whose committee is not what the invitations say."""
    here = and_(col(Evaluation.state).in_(_ROOM_OPEN), col(Evaluation.room_id).is_not(None))
    gone = (
        select(Evaluation.id)
        .join(CommitteeMember, col(CommitteeMember.evaluation_id) == col(Evaluation.id))
        .join(Invitation, col(Invitation.id) == col(CommitteeMember.invitation_id))
        .where(here, col(CommitteeMember.left_at).is_(None), Invitation.state != InvitationState.accepted)
    )
    come = (
        select(Evaluation.id)
        .join(Invitation, col(Invitation.draw_id) == col(Evaluation.draw_id))
        .outerjoin(CommitteeMember, col(CommitteeMember.invitation_id) == col(Invitation.id))
        .where(here, inviting.holds_a_place(), col(CommitteeMember.id).is_(None))
    )
    return tuple(sorted(session.scalars(union(gone, come))))


def _take_out(session: Session, now: datetime, member: CommitteeMember) -> None:
    left = session.exec(
        update(CommitteeMember)
        .where(col(CommitteeMember.id) == member.id, col(CommitteeMember.left_at).is_(None))
        .values(left_at=now, state=LEFT)
    )
    if not left.rowcount:
        return
    tickets.withdraw(session, now, kind=TicketKind.seat_code, subject=f"member:{member.id}")
    sessions.end_for_member(session, now, member.id)
    outbox.cancel_for(session, now, member.id)
    _record(session, now, member, Tag.member_left, {})
    sheet = session.get(ScoreSheet, member.id, populate_existing=True)
    if sheet is not None:
        sheet.state = VOID
        session.flush()
        _record(session, now, member, Tag.sheet_voided, {"revision": sheet.revision, "rule": OPINION})
    bus.publish(session, f"evaluation:{member.evaluation_id}", "members")


def _record(
    session: Session, now: datetime, member: CommitteeMember, tag: Tag, data: dict[str, str | int]
) -> None:
    audit.record(
        session,
        now,
        case=member.evaluation_id,
        tag=tag,
        actor="house",
        subject=f"seat:{member.seat_no}",
        data={"member": member.id, **data},
    )
