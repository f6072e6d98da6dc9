"""Lets people leave who were drawn, in one way whatever the cause: place, record, trail, card and open pages hear of it."""

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session, col, update

from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.core.canonical import digest
from app.core.sealing import Sealer
from app.notify import ledger, outbox
from expert_draw import inviting, keeping, outcomes, performance
from expert_draw.invitation import VACATES, InvitationEvent, InvitationState, advance, states_before
from expert_draw.models import Draw, DrawSlot, Invitation
from expert_draw.performance import FACTS

_TOLD = (InvitationEvent.strike, InvitationEvent.recuse, InvitationEvent.fall_ill, InvitationEvent.remove)
"""Who leaves so, and is not there to be told, gets the same neutral text as everybody who is no longer needed. Who asked
leave has heard that it is granted, and who did not come needs no word that they need not."""


def depart(
    session: Session,
    now: datetime,
    sealer: Sealer,
    invitation: Invitation,
    event: InvitationEvent,
    *,
    tag: Tag = Tag.invitation_left,
    actor: str | None = None,
    channel: str | None = None,
    data: Mapping[str, str] | None = None,
    present: bool = False,
) -> bool:
    """The invited person leaves by this event: one conditional update, so that of two who try one has an effect.

    actor: who orders it, the invited person themselves if nobody else does. data: what else the trail says of it, no
    personal data. present: they stand before our staff, who tells them. False when the invitation is in no state from which the event may come; then nothing was written.
    """
    keeping.hold(session, invitation)
    before = states_before(event)
    moved = session.exec(
        update(Invitation)
        .where(col(Invitation.id) == invitation.id, col(Invitation.state).in_(before))
        .values(state=advance(before[0], event))
    )
    if not moved.rowcount:
        return False
    session.refresh(invitation)
    outbox.cancel_for(session, now, invitation.id)
    settle(session, now, sealer, invitation, tag, channel, actor=actor, data=data)
    if event in _TOLD and not present and _reached(invitation):
        inviting.tell_released(session, now, sealer, invitation)
    return True


def settle(
    session: Session,
    now: datetime,
    sealer: Sealer,
    invitation: Invitation,
    tag: Tag,
    channel: str | None,
    *,
    actor: str | None = None,
    data: Mapping[str, str] | None = None,
) -> None:
    """Writes what became of an invitation where it belongs: place, record, trail, performance card, screens.

    Place and record hear nothing of who only stands by: that counts when their turn comes.
    """
    draw = keeping.load(session, invitation.draw_id)
    if not invitation.standby:
        slot = session.get_one(DrawSlot, invitation.slot_id)
        slot.state = "vacated" if invitation.state in VACATES else "filled"
        session.flush()
    proof = evidence(invitation, channel, now)
    tell_record(session, now, sealer, draw, invitation, invitation.state, proof)
    audit.record(
        session,
        now,
        case=draw.evaluation_id,
        tag=tag,
        actor=actor or f"invitation:{invitation.id}",
        subject=f"draw:{draw.number}",
        data={
            "channel": channel or "",
            "code": invitation.code,
            "state": invitation.state,
            "evidence": digest(proof),
            "sent": ledger.sent_hash(session, (invitation.id,)),
            **(data or {}),
        },
    )
    fact = FACTS.get(InvitationState(invitation.state))
    if fact is not None:
        performance.note(session, now, invitation, draw.evaluation_id, fact)
    news(session, draw)


def tell_record(
    session: Session,
    now: datetime,
    sealer: Sealer,
    draw: Draw,
    invitation: Invitation,
    outcome: str,
    proof: Mapping[str, str],
) -> None:
    """The outcome into the draw record, with the hash of what shows it; nothing of who was designated or stands by."""
    if invitation.designated or invitation.standby:
        return
    outcomes.record_outcome(
        session, now, sealer, draw, invitation.slot_id, invitation.code, outcome, digest(proof)
    )


def evidence(invitation: Invitation, channel: str | None, now: datetime) -> dict[str, str]:
    """What the record pins of an answer or a departure: its hash stands there, the rest in the trail."""
    return {
        "at": now.isoformat(),
        "channel": channel or "",
        "invitation": invitation.id,
        "state": invitation.state,
    }


def news(session: Session, draw: Draw) -> None:
    """Open pages look again."""
    bus.publish(session, f"evaluation:{draw.evaluation_id}", "invitations")


def _reached(invitation: Invitation) -> bool:
    """Whether a provider took a message for them, or they answered."""
    return invitation.deadline is not None or invitation.answered_at is not None
