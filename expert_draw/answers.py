"""Hears what invited experts say and lets each answer count once: the first valid one, in time."""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select, update

from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.core.canonical import digest
from app.core.sealing import Sealer
from app.notify import outbox
from app.notify.delivery import MessageState
from app.notify.listener import Heard
from expert_draw import inviting, keeping, ladder, outcomes
from expert_draw.invitation import OPEN, VACATES, InvitationEvent, InvitationState, advance, states_before
from expert_draw.models import Draw, DrawSlot, Invitation


class Invitees:
    """The invited experts as the phone room knows them (implements app.notify.listener.Listener)."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def taken(self, session: Session, now: datetime, subject: str) -> None:
        """A provider took a message; the first time this opens the answer window."""
        invitation = session.get(Invitation, subject)
        if invitation is None:
            return
        moved = session.exec(
            update(Invitation)
            .where(col(Invitation.id) == subject, col(Invitation.state) == InvitationState.queued)
            .values(state=InvitationState.contacting, deadline=now + timedelta(seconds=invitation.window_s))
        )
        if moved.rowcount:
            _news(session, invitation)

    def is_open(self, session: Session, now: datetime, subject: str) -> bool:
        invitation = session.get(Invitation, subject)
        return invitation is not None and _is_open(invitation, now)

    def answer(self, session: Session, now: datetime, subject: str, accept: bool, channel: str) -> Heard:  # noqa: FBT001 -- the port's form
        """Counts the answer if the window is open and nothing was answered before: one conditional update."""
        invitation = session.get(Invitation, subject)
        if invitation is None:
            return Heard.lapsed
        event = InvitationEvent.accept if accept else InvitationEvent.decline
        after = InvitationState.accepted if accept else InvitationState.declined
        moved = session.exec(
            update(Invitation)
            .where(
                col(Invitation.id) == subject,
                col(Invitation.state).in_(states_before(event)),
                col(Invitation.deadline).is_(None) | (col(Invitation.deadline) > now),
            )
            .values(state=after, answered_at=now, answer_channel=channel)
        )
        if not moved.rowcount:
            if invitation.state in {InvitationState.accepted, InvitationState.declined}:
                return Heard.already
            expire(
                session, now, self._sealer, subject
            )  # the answer came after the end and before the tick that notices it
            return self.late_contact(session, now, subject, channel)
        session.refresh(invitation)
        outbox.cancel_for(session, now, subject)
        _settle(session, now, self._sealer, invitation, Tag.invitation_answered, channel)
        return Heard.accepted if accept else Heard.declined

    def step_ended(
        self, session: Session, now: datetime, subject: str, channel: str, outcome: MessageState
    ) -> None:
        """One call or text came to its end; while the window is open the next step of the ladder follows."""
        invitation = session.get(Invitation, subject)
        if invitation is None or not _is_open(invitation, now):
            return
        invitation.steps_done += 1
        following = ladder.next_step(
            invitation.steps_done,
            channel=channel,
            delivered=outcome in {MessageState.delivered, MessageState.completed},
            sms_after_s=invitation.sms_after_s,
            second_call_after_s=invitation.second_call_after_s,
        )
        session.flush()
        if following is not None:
            inviting.contact(
                session, now, self._sealer, invitation, channel=following.channel, after_s=following.after_s
            )
        elif invitation.deadline is None:
            _end(session, now, self._sealer, invitation, InvitationEvent.fail, Tag.invitation_unreachable)
        _news(session, invitation)

    def late_contact(self, session: Session, now: datetime, subject: str, channel: str) -> Heard:
        """Somebody got in touch when no answer is open: a late one is written down once and for ever, changes nothing."""
        invitation = session.get(Invitation, subject)
        if invitation is None:
            return Heard.lapsed
        if invitation.state in {InvitationState.accepted, InvitationState.declined}:
            return Heard.already
        if invitation.state != InvitationState.expired or invitation.late_at is not None:
            return Heard.lapsed
        invitation.late_at = now
        session.flush()
        draw = keeping.load(session, invitation.draw_id)
        _tell_record(
            session, now, self._sealer, draw, invitation, "late", _evidence(invitation, channel, now)
        )
        audit.record(
            session,
            now,
            case=draw.evaluation_id,
            tag=Tag.invitation_late,
            actor=f"invitation:{invitation.id}",
            subject=f"draw:{draw.number}",
            data={"channel": channel, "code": invitation.code},
        )
        _news(session, invitation)
        return Heard.lapsed

    def subject_for_caller(self, session: Session, phone_fingerprint: str) -> str | None:
        """The latest invitation of the person with this number; an open one before any other."""
        rows = session.exec(
            select(Invitation)
            .where(Invitation.phone_fingerprint == phone_fingerprint)
            .order_by(col(Invitation.created_at).desc())
            .limit(20)
        ).all()
        waiting = [row for row in rows if row.state in OPEN]
        chosen = next(iter([*waiting, *rows]), None)
        return chosen.id if chosen else None


def due(session: Session, now: datetime) -> tuple[str, ...]:
    """The invitations whose window has ended without being closed."""
    return tuple(
        session.exec(
            select(Invitation.id)
            .where(
                col(Invitation.state).in_(OPEN),
                col(Invitation.deadline).is_not(None),
                col(Invitation.deadline) <= now,
            )
            .order_by(Invitation.id)
        ).all()
    )


def expire(session: Session, now: datetime, sealer: Sealer, invitation_id: str) -> bool:
    """Closes a window that has ended; False when there was nothing to close. Safe to run twice."""
    invitation = session.get(Invitation, invitation_id)
    if invitation is None or invitation.deadline is None or invitation.deadline > now:
        return False
    return _end(session, now, sealer, invitation, InvitationEvent.lapse, Tag.invitation_expired)


def _end(
    session: Session,
    now: datetime,
    sealer: Sealer,
    invitation: Invitation,
    event: InvitationEvent,
    tag: Tag,
) -> bool:
    """Ends an open invitation by one conditional update; False when it had ended before."""
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
    _settle(session, now, sealer, invitation, tag, None)
    return True


def _settle(
    session: Session, now: datetime, sealer: Sealer, invitation: Invitation, tag: Tag, channel: str | None
) -> None:
    """Writes what became of an invitation where it belongs: place, record, trail, screens."""
    draw = keeping.load(session, invitation.draw_id)
    slot = session.get_one(DrawSlot, invitation.slot_id)
    slot.state = "vacated" if invitation.state in VACATES else "filled"
    session.flush()
    evidence = _evidence(invitation, channel, now)
    _tell_record(session, now, sealer, draw, invitation, invitation.state, evidence)
    audit.record(
        session,
        now,
        case=draw.evaluation_id,
        tag=tag,
        actor=f"invitation:{invitation.id}",
        subject=f"draw:{draw.number}",
        data={
            "channel": channel or "",
            "code": invitation.code,
            "state": invitation.state,
            "evidence": digest(evidence),
        },
    )
    _news(session, invitation)


def _tell_record(
    session: Session,
    now: datetime,
    sealer: Sealer,
    draw: Draw,
    invitation: Invitation,
    outcome: str,
    evidence: dict[str, str],
) -> None:
    outcomes.record_outcome(
        session, now, sealer, draw, invitation.slot_id, invitation.code, outcome, digest(evidence)
    )


def _evidence(invitation: Invitation, channel: str | None, now: datetime) -> dict[str, str]:
    return {
        "at": now.isoformat(),
        "channel": channel or "",
        "invitation": invitation.id,
        "state": invitation.state,
    }


def _is_open(invitation: Invitation, now: datetime) -> bool:
    return invitation.state in OPEN and (invitation.deadline is None or invitation.deadline > now)


def _news(session: Session, invitation: Invitation) -> None:
    draw = session.get(Draw, invitation.draw_id)
    if draw is not None:
        bus.publish(session, f"evaluation:{draw.evaluation_id}", "invitations")
