"""Invites those who were drawn, and tells those who need not come any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_
from sqlmodel import Session, col, select, update

from app.core.ids import new_id
from app.core.sealing import Sealer
from app.notify import outbox, wording
from app.notify.wording import TemplateId
from expert_draw import links, sealed
from expert_draw.invitation import ACTIVE, InvitationEvent, InvitationState, advance, states_before
from expert_draw.models import Draw, DrawSlot, Expert, Invitation
from expert_draw.personal import phone_unopened
from expert_draw.roster_rows import CHINA

RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Terms:
    """How people are reached: seconds to answer, to ring, until the text, until the second call; the hotline.

    lead_s: until so many seconds before they have to be there an answer is of use; 0: until the end. leave_before_s: until
    so many before that leave may be asked after accepting. quiet_before_s: until so many before that calls mind the quiet
    hours; None: not at all. language: `zh` or `en`.
    """

    window_s: int
    ring_s: int
    sms_after_s: int
    second_call_after_s: int
    hotline: str
    lead_s: int
    leave_before_s: int
    quiet_before_s: int | None
    language: str


@dataclass(frozen=True, slots=True)
class Placed:
    """One place filled by a round: who, at which center, on which seat. designated: not drawn, and without a code.

    rank: 0 for who holds the place; else the how-manieth would follow, who has neither center nor seat yet.
    """

    slot: DrawSlot
    expert_id: str
    code: str
    center_id: str
    seat_id: str
    designated: bool = False
    rank: int = 0


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
    invitation_id = new_id(now)
    invitation = Invitation(
        id=invitation_id,
        draw_id=draw.id,
        **sealed.enclosed(sealer, draw, invitation_id, expert),
        state=InvitationState.queued,
        standby=placed.rank > 0,
        rank=placed.rank,
        designated=placed.designated,
        created_at=now,
        **conditions(
            now,
            draw,
            placed,
            report_place=report_place,
            starts_at=starts_at,
            minutes=minutes,
            terms=terms,
        ),
    )
    session.add(invitation)
    if not invitation.standby:
        placed.slot.state = "inviting"
        session.add(placed.slot)
    session.flush()
    contact(session, now, sealer, invitation, channel=outbox.VOICE, after_s=0)
    return invitation


def conditions(
    now: datetime,
    draw: Draw,
    placed: Placed,
    *,
    report_place: str,
    starts_at: datetime,
    minutes: int,
    terms: Terms,
) -> dict[str, Any]:
    """The columns of an invitation that say to which place and when, and how its person is reached, from now on.

    There is always a time by which the answer has to be there, and always the whole window until then.
    """
    by = timedelta(minutes=minutes) if not terms.lead_s else -timedelta(seconds=terms.lead_s)
    return {
        "slot_id": placed.slot.id,
        "code": placed.code,
        "round": 0 if placed.designated else draw.rounds,
        "center_id": placed.center_id,
        "seat_id": placed.seat_id,
        "report_place": report_place,
        "starts_at": starts_at,
        "minutes": minutes,
        "window_s": terms.window_s,
        "ring_s": terms.ring_s,
        "sms_after_s": terms.sms_after_s,
        "second_call_after_s": terms.second_call_after_s,
        "hotline": terms.hotline,
        "language": terms.language,
        "answer_by": max(starts_at + by, now + timedelta(seconds=terms.window_s)),
        "leave_until": starts_at - timedelta(seconds=terms.leave_before_s),
        "quiet_before": _before(starts_at, terms.quiet_before_s),
    }


def contact(
    session: Session, now: datetime, sealer: Sealer, invitation: Invitation, *, channel: str, after_s: int
) -> None:
    """Queues one call or text of an invitation; it does not leave once the window has closed, or never opened in time."""
    expert = sealed.expert(session, sealer, invitation)
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
        to=phone_unopened(expert),
        template=TemplateId.invitation_voice if voice else TemplateId.invitation_sms,
        variables=words,
        due_at=now + timedelta(seconds=after_s),
        expires_at=invitation.deadline or invitation.answer_by,
        quiet_until=invitation.quiet_before,
        ring_s=invitation.ring_s,
        language=invitation.language,
    )


def ask_again(session: Session, now: datetime, sealer: Sealer, invitation: Invitation) -> bool:
    """Calls somebody once more who was told that they are not needed, and now are: from the start of the ladder.

    One conditional update; False, and nobody is called, unless the invitation was taken back.
    """
    moved = session.exec(
        update(Invitation)
        .where(col(Invitation.id) == invitation.id, col(Invitation.state) == InvitationState.cancelled)
        .values(
            state=InvitationState.queued, deadline=None, steps_done=0, answered_at=None, answer_channel=None
        )
    )
    session.refresh(invitation)
    if moved.rowcount:
        contact(session, now, sealer, invitation, channel=outbox.VOICE, after_s=0)
    return bool(moved.rowcount)


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
        take_back(session, now, sealer, invitation, RELEASED, TemplateId.released_sms)


def take_back(
    session: Session,
    now: datetime,
    sealer: Sealer,
    invitation: Invitation,
    purpose: str,
    template: TemplateId,
) -> bool:
    """Withdraws one invitation, and tells its person by this text if they were reached; False when it does not stand.

    By conditional updates, first as one of somebody whom nobody has reached: a provider may just be taking its message.
    """
    unreached = _withdrawn(session, invitation, (InvitationState.queued,))
    if not unreached and not _withdrawn(session, invitation, states_before(InvitationEvent.withdraw)):
        session.refresh(invitation)
        return False
    session.refresh(invitation)
    outbox.cancel_for(session, now, invitation.id)
    if not unreached:
        tell(session, now, sealer, invitation, purpose, template)
    return True


def standing(session: Session, draw: Draw) -> Sequence[Invitation]:
    """Invitations of people who hold a place: asked, or accepted."""
    return session.exec(
        select(Invitation).where(
            Invitation.draw_id == draw.id, col(Invitation.state).in_(ACTIVE), ~col(Invitation.standby)
        )
    ).all()


def holds_a_place() -> ColumnElement[bool]:
    """That an invitation has filled a place: accepted, and not only by somebody who stands by."""
    return and_(col(Invitation.state) == InvitationState.accepted, ~col(Invitation.standby))


def standing_by(session: Session, draw: Draw) -> frozenset[str]:
    """Codes of those who are asked to hold themselves ready: they answer for themselves, and are busy with nothing else."""
    found = select(Invitation.code).where(
        Invitation.draw_id == draw.id, col(Invitation.state).in_(ACTIVE), col(Invitation.standby)
    )
    return frozenset(session.exec(found).all())


def accepted(session: Session, draw: Draw) -> tuple[tuple[DrawSlot, Invitation], ...]:
    """The places with the invitation that filled each, by seat number."""
    rows = session.exec(
        select(DrawSlot, Invitation)
        .join(Invitation, col(Invitation.slot_id) == col(DrawSlot.id))
        .where(DrawSlot.draw_id == draw.id, holds_a_place())
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
    tell(session, now, sealer, invitation, RELEASED, TemplateId.released_sms)


def tell(
    session: Session,
    now: datetime,
    sealer: Sealer,
    invitation: Invitation,
    purpose: str,
    template: TemplateId,
) -> None:
    """A text about the invitation that asks nothing."""
    expert = sealed.expert(session, sealer, invitation)
    words, blanks = notice(invitation), wording.needed(template)
    outbox.enqueue(
        session,
        now,
        sealer,
        subject=invitation.id,
        purpose=purpose,
        channel=outbox.SMS,
        to=phone_unopened(expert),
        template=template,
        variables={name: words[name] for name in words if name in blanks},
        due_at=now,
        language=invitation.language,
    )


def _withdrawn(session: Session, invitation: Invitation, before: Sequence[InvitationState]) -> bool:
    moved = session.exec(
        update(Invitation)
        .where(
            col(Invitation.id) == invitation.id,
            col(Invitation.standby).is_(invitation.standby),
            col(Invitation.state).in_(before),
        )
        .values(state=advance(before[0], InvitationEvent.withdraw))
    )
    return bool(moved.rowcount)


def _before(at: datetime, seconds: int | None) -> datetime | None:
    return None if seconds is None else at - timedelta(seconds=seconds)
