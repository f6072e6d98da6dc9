"""The opaque link in an invitation's text (短信链接): whoever holds its code answers as the invited person.

The code is chosen by chance when the text is queued. Afterwards the invitation knows it by a keyed hash alone, and a further
text brings a new one. It says nothing about anybody, and no longer opens anything once the evaluation would be over.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session, select

from app.core.sealing import Sealer
from expert_draw.invitation import OPEN, InvitationState
from expert_draw.models import Invitation

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without 0, 1, i, l and o, which people mistake for each other."""
LENGTH = 12
"""31 to the power of 12: more than 59 bits of chance."""


class Stage(StrEnum):
    """What an invitation is to the person it was sent to."""

    open = "open"  # an answer counts
    accepted = "accepted"  # expected to come
    standby = "standby"  # holds themselves ready
    declined = "declined"
    lapsed = "lapsed"  # the time to answer is over, or nobody was reached
    on_leave = "on_leave"  # leave was granted
    released = "released"  # need not come, for a reason that is not theirs to know
    past = "past"  # the evaluation would be over


_STAGES = {
    InvitationState.declined: Stage.declined,
    InvitationState.expired: Stage.lapsed,
    InvitationState.unreachable: Stage.lapsed,
    InvitationState.withdrawn: Stage.on_leave,
}


@dataclass(frozen=True, slots=True)
class Held:
    """What the holder of a link may know: when and where, until when to answer, until when to ask leave, whom to call."""

    invitation_id: str
    stage: Stage
    starts_at: datetime
    minutes: int
    place: str
    hotline: str
    deadline: datetime | None
    leave_until: datetime | None


def renew(session: Session, sealer: Sealer, invitation: Invitation) -> str:
    """A new code for a text of this invitation; the one before no longer opens anything."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    invitation.answer_hash = _hash(sealer, code)
    session.add(invitation)
    session.flush()
    return code


def held(session: Session, sealer: Sealer, now: datetime, code: str) -> Held | None:
    """What the code opens now; None for one that was never given out, was replaced, or is too old."""
    found = session.exec(select(Invitation).where(Invitation.answer_hash == _hash(sealer, code))).first()
    stage = Stage.past if found is None else stage_of(found, now)
    if found is None or stage is Stage.past:
        return None
    return Held(
        invitation_id=found.id,
        stage=stage,
        starts_at=found.starts_at,
        minutes=found.minutes,
        place=found.report_place,
        hotline=found.hotline,
        deadline=found.deadline,
        leave_until=found.leave_until,
    )


def stage_of(invitation: Invitation, now: datetime) -> Stage:
    """How the invitation stands to its person at this moment, whether or not a sweep has noticed that its time is over."""
    if now >= invitation.starts_at + timedelta(minutes=invitation.minutes):
        return Stage.past
    state = InvitationState(invitation.state)
    if state in OPEN:
        return Stage.open if is_open(invitation, now) else Stage.lapsed
    if state is InvitationState.accepted:
        return Stage.standby if invitation.standby else Stage.accepted
    return _STAGES.get(state, Stage.released)


def is_open(invitation: Invitation, now: datetime) -> bool:
    """Whether an answer counts: until the window closes, or, where it has not opened yet, until it would be too late."""
    ends = invitation.deadline or invitation.answer_by
    return invitation.state in OPEN and (ends is None or ends > now)


def _hash(sealer: Sealer, code: str) -> str:
    return sealer.fingerprint(f"answer:{code}")
