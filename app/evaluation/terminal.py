"""Reads from the rows what the invitation terminal shows: places and how far each has come, nothing about who is called.

Sealed: two drawn sets that have come equally far give the same page. So no code of the record stands here, no id of a
message, and no order that depends on anything but places and time.
"""

from collections.abc import Mapping, Sequence

from sqlmodel import Session, col, select

from app.evaluation import cases, views
from app.evaluation.disclosing import Sight
from app.evaluation.shown import InvitationView, StepView, TerminalView
from app.notify.delivery import MessageState
from app.notify.models import OutgoingMessage
from app.notify.outbox import INVITATION
from expert_draw.invitation import ACTIVE, OPEN, InvitationState
from expert_draw.inviting import RELEASED
from expert_draw.ladder import LADDER
from expert_draw.models import DrawSlot, Invitation
from expert_draw.standby import ASSIGNED

_AT_ONCE = 500
_OPTED_OUT = "21610"
"""The provider's code, and ours, for a text to somebody who wants none."""
_NOT_ARRIVED = (MessageState.failed, MessageState.undelivered)
_LEFT = frozenset(
    {
        InvitationState.ill,
        InvitationState.no_show,
        InvitationState.recused,
        InvitationState.removed,
        InvitationState.struck,
        InvitationState.withdrawn,
    }
)
"""Who left after having been asked is shown as one thing, `vacated`: that a place is vacant again is plain, why is no
business of whoever sees the places, least of all that somebody was found to be related to a bidder."""


def view(session: Session, evaluation_id: str, seen: Sight) -> TerminalView:
    """The invitations place by place: two drawn sets that have come equally far are told alike, to the last byte."""
    evaluation = cases.load(session, evaluation_id)
    rows = session.exec(
        select(Invitation, DrawSlot.seat_no)
        .join(DrawSlot, col(DrawSlot.id) == col(Invitation.slot_id))
        .where(Invitation.draw_id == evaluation.draw_id)
    ).all()
    asked = [invitation.id for invitation, _ in rows]
    taken, not_told = _steps(session, asked), _not_told(session, asked)
    places = sorted(
        ((invitation, seat_no) for invitation, seat_no in rows if not invitation.standby), key=_by_place
    )
    latest: set[int] = set()
    current: list[InvitationView] = []
    earlier: list[InvitationView] = []
    for invitation, seat_no in places:
        (earlier if seat_no in latest else current).append(
            _invitation(invitation, seat_no, taken.get(invitation.id, ()), not_told=invitation.id in not_told)
        )
        latest.add(seat_no)
    return TerminalView(
        card=views.card(session, evaluation, seen),
        current=tuple(current),
        earlier=tuple(earlier),
        standbys=sum(invitation.standby and invitation.state in ACTIVE for invitation, _ in rows),
    )


def _by_place(row: tuple[Invitation, int]) -> tuple[object, ...]:
    """By seat number, at each the one that stands first and then backwards in time; nothing in it depends on who is asked."""
    invitation, seat_no = row
    ended = invitation.answered_at or invitation.deadline or invitation.created_at
    return (
        seat_no,
        invitation.state not in ACTIVE,
        -invitation.created_at.timestamp(),
        -ended.timestamp(),
        invitation.rank,
    )


def _invitation(
    invitation: Invitation, seat_no: int, steps: tuple[StepView, ...], *, not_told: bool
) -> InvitationView:
    asked = invitation.state in OPEN
    return InvitationView(
        seat_no=seat_no,
        round=invitation.round,
        designated=invitation.designated,
        state="vacated" if invitation.state in _LEFT else invitation.state,
        steps=steps,
        ahead=LADDER[len(steps) :] if asked else (),
        deadline=invitation.deadline,
        answered_at=invitation.answered_at,
        channel=invitation.answer_channel,
        not_told=not_told,
    )


def _not_told(session: Session, invitations: Sequence[str]) -> frozenset[str]:
    """Those of which the latest text, that they are needed or that they are not any more, has not arrived."""
    latest: dict[str, str] = {}
    for start in range(0, len(invitations), _AT_ONCE):
        texts = session.exec(
            select(OutgoingMessage.subject, OutgoingMessage.state)
            .where(
                col(OutgoingMessage.subject).in_(invitations[start : start + _AT_ONCE]),
                col(OutgoingMessage.purpose).in_((ASSIGNED, RELEASED)),
            )
            .order_by(col(OutgoingMessage.created_at), col(OutgoingMessage.id))
        ).all()
        latest.update(dict(texts))
    return frozenset(subject for subject, state in latest.items() if state in _NOT_ARRIVED)


def _steps(session: Session, invitations: Sequence[str]) -> Mapping[str, tuple[StepView, ...]]:
    """The calls and texts of each invitation, in the order in which they were queued."""
    found: dict[str, list[StepView]] = {}
    for start in range(0, len(invitations), _AT_ONCE):
        messages = session.exec(
            select(OutgoingMessage)
            .where(
                col(OutgoingMessage.subject).in_(invitations[start : start + _AT_ONCE]),
                OutgoingMessage.purpose == INVITATION,
            )
            .order_by(col(OutgoingMessage.created_at), col(OutgoingMessage.due_at), col(OutgoingMessage.id))
        ).all()
        for message in messages:
            unwanted = message.state == MessageState.failed and message.error_code == _OPTED_OUT
            state = "opted_out" if unwanted else message.state
            found.setdefault(message.subject, []).append(StepView(message.channel, state, message.due_at))
    return {subject: tuple(steps) for subject, steps in found.items()}
