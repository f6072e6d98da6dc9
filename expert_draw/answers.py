"""Hears what invited experts say and lets each answer count once: the first valid one, in time."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, or_, select, update

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.sealing import Sealer
from app.notify import outbox
from app.notify.delivery import MessageState
from app.notify.listener import Heard, Position, Standing
from expert_draw import departures, inviting, keeping, ladder, links, performance, sealed, standby
from expert_draw.invitation import OPEN, InvitationEvent, InvitationState, states_before
from expert_draw.links import Stage
from expert_draw.models import Draw, Invitation
from expert_draw.outcomes import LATE

_LEAST_WINDOW = timedelta(minutes=2)
_KNOWN_FOR = timedelta(days=30)


class Invitees:
    """The invited experts as the phone room knows them (implements app.notify.listener.Listener)."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def taken(self, session: Session, now: datetime, subject: str) -> None:
        """A provider took a message; the first time this opens the answer window.

        In its turn at the evaluation: whoever takes the invitation back has to know whether somebody was reached.
        """
        invitation = session.get(Invitation, subject)
        if invitation is None or invitation.state != InvitationState.queued:
            return
        keeping.hold(session, invitation)
        moved = session.exec(
            update(Invitation)
            .where(col(Invitation.id) == subject, col(Invitation.state) == InvitationState.queued)
            .values(state=InvitationState.contacting, deadline=_deadline(now, invitation))
        )
        if moved.rowcount:
            _news(session, invitation)

    def is_open(self, session: Session, now: datetime, subject: str) -> bool:
        invitation = session.get(Invitation, subject)
        return invitation is not None and links.is_open(invitation, now)

    def open_among(self, session: Session, now: datetime, subjects: Collection[str]) -> frozenset[str]:
        """Those of the invitations whose window is open, by one question."""
        return frozenset(
            session.exec(
                select(Invitation.id).where(
                    col(Invitation.id).in_(subjects),
                    col(Invitation.state).in_(OPEN),
                    _in_time(now),
                )
            ).all()
        )

    def answer(self, session: Session, now: datetime, subject: str, accept: bool, channel: str) -> Heard:  # noqa: FBT001 -- the port's form
        """Counts the answer if the window is open and nothing was answered before: one conditional update."""
        invitation = session.get(Invitation, subject)
        if invitation is None:
            return Heard.lapsed
        keeping.hold(session, invitation)
        event = InvitationEvent.accept if accept else InvitationEvent.decline
        after = InvitationState.accepted if accept else InvitationState.declined
        moved = session.exec(
            update(Invitation)
            .where(
                col(Invitation.id) == subject,
                col(Invitation.state).in_(states_before(event)),
                _in_time(now),
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
        departures.settle(session, now, self._sealer, invitation, Tag.invitation_answered, channel)
        if accept and invitation.rank and not invitation.standby:
            standby.tell_assigned(session, now, self._sealer, invitation)
        return Heard.accepted if accept else Heard.declined

    def ask_leave(self, session: Session, now: datetime, subject: str, channel: str) -> Heard:
        """Leave for somebody who has accepted: granted until `leave_until`, and the place is given to somebody else.

        After that they are expected to come; that they asked stays in the trail, once.
        """
        invitation = session.get(Invitation, subject, populate_existing=True)
        if invitation is None or invitation.state != InvitationState.accepted:
            return Heard.lapsed
        if invitation.leave_until is not None and invitation.leave_until <= now:
            if invitation.late_at is None:
                invitation.late_at = now
                self._note(session, now, invitation, Tag.invitation_leave_late, channel)
            return Heard.leave_late
        granted = departures.depart(
            session, now, self._sealer, invitation, InvitationEvent.withdraw_leave, channel=channel
        )
        return Heard.leave if granted else Heard.lapsed

    def position(self, session: Session, now: datetime, subject: str) -> Position:
        """How the invited person stands to the invitation."""
        invitation = session.get(Invitation, subject, populate_existing=True)
        if invitation is None:
            return Position(Standing.over)
        stage = links.stage_of(invitation, now)
        if stage is Stage.open:
            return Position(Standing.open, invitation.deadline)
        if stage in {Stage.accepted, Stage.standby}:
            standing = Standing.holds if stage is Stage.accepted else Standing.standby
            return Position(standing, invitation.leave_until)
        return Position(Standing.over)

    def step_ended(
        self, session: Session, now: datetime, subject: str, channel: str, outcome: MessageState
    ) -> None:
        """One call or text came to its end; while the window is open the next step of the ladder follows."""
        invitation = session.get(Invitation, subject)
        if invitation is None:
            return
        keeping.hold(session, invitation)
        if not links.is_open(invitation, now):
            return
        invitation.steps_done += 1
        following = ladder.next_step(
            invitation.steps_done,
            channel=channel,
            delivered=outcome in {MessageState.delivered, MessageState.untold},
            sms_after_s=invitation.sms_after_s,
            second_call_after_s=invitation.second_call_after_s,
        )
        session.flush()
        if following is not None:
            inviting.contact(
                session, now, self._sealer, invitation, channel=following.channel, after_s=following.after_s
            )
        elif invitation.deadline is None:
            fail, tag = InvitationEvent.fail, Tag.invitation_unreachable
            departures.depart(session, now, self._sealer, invitation, fail, tag=tag)
        _news(session, invitation)

    def late_contact(self, session: Session, now: datetime, subject: str, channel: str) -> Heard:
        """Somebody got in touch when no answer is open: a late one is written down once and for ever, changes nothing."""
        invitation = session.get(Invitation, subject)
        if invitation is None:
            return Heard.lapsed
        keeping.hold(session, invitation)
        if invitation.state in {InvitationState.accepted, InvitationState.declined}:
            return Heard.already
        if invitation.state != InvitationState.expired or invitation.late_at is not None:
            return Heard.lapsed
        invitation.late_at = now
        session.flush()
        draw = keeping.load(session, invitation.draw_id)
        proof = departures.evidence(invitation, channel, now)
        departures.tell_record(session, now, self._sealer, draw, invitation, LATE, proof)
        performance.note(session, now, invitation, draw.evaluation_id, performance.LATE)
        self._note(session, now, invitation, Tag.invitation_late, channel)
        departures.news(session, draw)
        return Heard.lapsed

    def subject_for_caller(self, session: Session, now: datetime, phone_fingerprint: str) -> str | None:
        """The latest invitation of the person with this number; an open one before any other, then one they accepted.

        Only invitations of the last weeks and those to come are looked at.
        """
        marks = sealed.caller_marks(session, self._sealer, now - _KNOWN_FOR, phone_fingerprint)
        rows = session.exec(
            select(Invitation)
            .where(col(Invitation.caller_mark).in_(marks))
            .order_by(col(Invitation.created_at).desc())
            .limit(20)
        ).all()
        waiting = [row for row in rows if row.state in OPEN]
        accepted = [row for row in rows if row.state == InvitationState.accepted]
        chosen = next(iter([*waiting, *accepted, *rows]), None)
        return chosen.id if chosen else None

    def _note(self, session: Session, now: datetime, invitation: Invitation, tag: Tag, channel: str) -> None:
        """Something the person did that changes nothing, into the trail."""
        draw = keeping.load(session, invitation.draw_id)
        audit.record(
            session,
            now,
            case=draw.evaluation_id,
            tag=tag,
            actor=f"invitation:{invitation.id}",
            subject=f"draw:{draw.number}",
            data={"channel": channel, "code": invitation.code},
        )


def due(session: Session, now: datetime) -> tuple[str, ...]:
    """The invitations whose window has ended without being closed, or that no provider has taken until it was too late."""
    return tuple(
        session.exec(
            select(Invitation.id)
            .where(
                col(Invitation.state).in_(OPEN),
                or_(
                    col(Invitation.deadline) <= now,
                    and_(col(Invitation.deadline).is_(None), col(Invitation.answer_by) <= now),
                ),
            )
            .order_by(Invitation.id)
        ).all()
    )


def expire(session: Session, now: datetime, sealer: Sealer, invitation_id: str) -> bool:
    """Closes a window that has ended; False when there was nothing to close. Safe to run twice.

    An invitation that no provider has taken until it was too late has reached nobody.
    """
    invitation = session.get(Invitation, invitation_id)
    if invitation is None or invitation.state not in OPEN or links.is_open(invitation, now):
        return False
    event, tag = InvitationEvent.lapse, Tag.invitation_expired
    if invitation.deadline is None:
        event, tag = InvitationEvent.fail, Tag.invitation_unreachable
    return departures.depart(session, now, sealer, invitation, event, tag=tag)


def _deadline(now: datetime, invitation: Invitation) -> datetime:
    """When a window that opens now closes: not later than somebody who accepts can still come in time; who was reached so
    late that this has passed is given two minutes all the same."""
    end = now + timedelta(seconds=invitation.window_s)
    if invitation.answer_by is None:
        return end
    return min(end, max(invitation.answer_by, now + _LEAST_WINDOW))


def _in_time(now: datetime) -> ColumnElement[bool]:
    """What `links.is_open` says of the time, for the database."""
    answer_by = col(Invitation.answer_by)
    unopened = and_(col(Invitation.deadline).is_(None), or_(answer_by.is_(None), answer_by > now))
    return or_(col(Invitation.deadline) > now, unopened)


def _news(session: Session, invitation: Invitation) -> None:
    draw = session.get(Draw, invitation.draw_id)
    if draw is not None:
        departures.news(session, draw)
