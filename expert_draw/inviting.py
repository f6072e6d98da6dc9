"""Invites those who were drawn, and tells those who need not come any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from app.core.ids import new_id
from app.core.sealing import Sealer
from app.notify import outbox, wording
from app.notify.wording import TemplateId
from expert_draw import links
from expert_draw.invitation import ACTIVE, InvitationEvent, InvitationState, advance
from expert_draw.models import Draw, DrawSlot, Expert, Invitation
from expert_draw.roster_rows import CHINA

RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Terms:
    """How people are reached: seconds to answer, to ring, until the text, until the second call; the hotline.

    lead_s: until so many seconds before they have to be there an answer is of use; 0: no such limit. leave_before_s: until
    so many before that leave may be asked after accepting.
    """

    window_s: int
    ring_s: int
    sms_after_s: int
    second_call_after_s: int
    hotline: str
    lead_s: int
    leave_before_s: int


@dataclass(frozen=True, slots=True)
class Placed:
    """One place filled by a round: who, at which center, on which seat. designated: not drawn, and without a code."""

    slot: DrawSlot
    expert_id: str
    code: str
    center_id: str
    seat_id: str
    designated: bool = False


def invite(
    session: Session,
    now: datetime,
    sealer: Sealer,
    draw: Draw,
    placed: Placed,
    *,
    report_place: str,
    starts_at: datetime,
    minutes: int,
    terms: Terms,
) -> Invitation:
    """Queues the invitation and its first call in the caller's transaction. starts_at: when they have to be there."""
    expert = session.get_one(Expert, placed.expert_id)
    invitation = Invitation(
        id=new_id(now),
        draw_id=draw.id,
        slot_id=placed.slot.id,
        expert_id=expert.id,
        phone_fingerprint=expert.phone_fingerprint,
        code=placed.code,
        round=0 if placed.designated else draw.rounds,
        state=InvitationState.queued,
        center_id=placed.center_id,
        seat_id=placed.seat_id,
        report_place=report_place,
        starts_at=starts_at,
        minutes=minutes,
        window_s=terms.window_s,
        ring_s=terms.ring_s,
        sms_after_s=terms.sms_after_s,
        second_call_after_s=terms.second_call_after_s,
        hotline=terms.hotline,
        designated=placed.designated,
        answer_by=starts_at - timedelta(seconds=terms.lead_s) if terms.lead_s else None,
        leave_until=starts_at - timedelta(seconds=terms.leave_before_s),
        created_at=now,
    )
    session.add(invitation)
    placed.slot.state = "inviting"
    session.add(placed.slot)
    session.flush()
    contact(session, now, sealer, invitation, channel=outbox.VOICE, after_s=0)
    return invitation


def contact(
    session: Session, now: datetime, sealer: Sealer, invitation: Invitation, *, channel: str, after_s: int
) -> None:
    """Queues one call or text of an invitation; it does not leave once the window has closed."""
    expert = session.get_one(Expert, invitation.expert_id)
    voice = channel == outbox.VOICE
    words = notice(invitation)
    if not voice:
        words["code"] = links.renew(session, sealer, invitation)
    outbox.enqueue(
        session,
        now,
        sealer,
        subject=invitation.id,
        purpose=outbox.INVITATION,
        channel=channel,
        to=sealer.unseal(expert.phone_sealed),
        template=TemplateId.invitation_voice if voice else TemplateId.invitation_sms,
        variables=words,
        due_at=now + timedelta(seconds=after_s),
        expires_at=invitation.deadline,
        ring_s=invitation.ring_s,
        language=invitation.language,
    )


def notice(invitation: Invitation) -> dict[str, str]:
    """The few words an invitation may contain: when, where to report, how long, whom to call."""
    return {
        "duration": wording.duration_words(invitation.minutes, invitation.language),
        "hotline": invitation.hotline,
        "place": invitation.report_place,
        "time": wording.time_words(invitation.starts_at.astimezone(CHINA), invitation.language),
    }


def release_all(session: Session, now: datetime, sealer: Sealer, draw: Draw) -> None:
    """Withdraws every invitation that stands, and tells everyone who was reached that they need not come."""
    asked = session.exec(
        select(Invitation).where(Invitation.draw_id == draw.id, col(Invitation.state).in_(ACTIVE))
    ).all()
    for invitation in asked:
        reached = invitation.state != InvitationState.queued
        invitation.state = advance(InvitationState(invitation.state), InvitationEvent.withdraw)
        session.flush()
        outbox.cancel_for(session, now, invitation.id)
        if reached:
            tell_released(session, now, sealer, invitation)


def standing(session: Session, draw: Draw) -> Sequence[Invitation]:
    """Invitations of people who are asked, or have accepted."""
    return session.exec(
        select(Invitation).where(Invitation.draw_id == draw.id, col(Invitation.state).in_(ACTIVE))
    ).all()


def accepted(session: Session, draw: Draw) -> tuple[tuple[DrawSlot, Invitation], ...]:
    """The places with the invitation that filled each, by seat number."""
    rows = session.exec(
        select(DrawSlot, Invitation)
        .join(Invitation, col(Invitation.slot_id) == col(DrawSlot.id))
        .where(DrawSlot.draw_id == draw.id, Invitation.state == InvitationState.accepted)
        .order_by(col(DrawSlot.seat_no))
    ).all()
    return tuple((slot, invitation) for slot, invitation in rows)


def anyone_designated(session: Session, draw: Draw) -> bool:
    """Whether somebody who was not drawn holds a place, or is asked to."""
    named = select(Invitation.id).where(
        Invitation.draw_id == draw.id, col(Invitation.designated), col(Invitation.state).in_(ACTIVE)
    )
    return session.exec(named.limit(1)).first() is not None


def tell_released(session: Session, now: datetime, sealer: Sealer, invitation: Invitation) -> None:
    """The same words for everybody who need not come any more, whatever the reason."""
    expert = session.get_one(Expert, invitation.expert_id)
    words = notice(invitation)
    outbox.enqueue(
        session,
        now,
        sealer,
        subject=invitation.id,
        purpose=RELEASED,
        channel=outbox.SMS,
        to=sealer.unseal(expert.phone_sealed),
        template=TemplateId.released_sms,
        variables={"hotline": words["hotline"], "time": words["time"]},
        due_at=now,
    )
