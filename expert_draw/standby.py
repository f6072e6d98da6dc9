"""People who are asked at the same time as those who hold the places (备选): in drawn order, and without a place until their turn.

Who answers first gains nothing. The record alone says who follows whom: a place that becomes vacant goes to the next in
order, and only then it matters what that person has answered meanwhile.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select, update

from app.audit.tags import Tag
from app.core.sealing import Sealer
from app.notify.wording import TemplateId
from expert_draw import departures, inviting, keeping, sealed
from expert_draw.engine.history import Holder
from expert_draw.engine.pool import DrawKind
from expert_draw.engine.record import DrawRecord
from expert_draw.engine.signing import Signer
from expert_draw.engine.wording import RecordBroken
from expert_draw.ground import Ground, slots_of
from expert_draw.invitation import ACTIVE, OPEN, InvitationState
from expert_draw.inviting import Placed, Terms
from expert_draw.models import Draw, Invitation

ELSEWHERE = {"zh": "另行短信通知的评标场地", "en": "the venue that a text will tell you"}
"""Where somebody would report who has no place yet."""
ASSIGNED, NOT_REQUIRED = "assigned", "not_required"


@dataclass(frozen=True, slots=True)
class Next:
    """Who would follow at this place, in drawn order: 1 is the first."""

    seat_no: int
    code: str
    rank: int


def in_order(record: DrawRecord, now: datetime, house: Signer) -> tuple[Next, ...]:
    """The reserves behind the places that nobody has accepted yet, each once, first who would follow first.

    Found by trying it on the record, of which nothing is kept. () while a call is open or where there are no reserves.
    """
    found: dict[str, Next] = {}
    if record.phase == "between":
        for holder in record.holders:
            if holder.kind is DrawKind.expert and not holder.accepted:
                for rank, code in enumerate(_followers(record, now, house, holder), start=1):
                    found.setdefault(code, Next(int(holder.slot), code, rank))
    return tuple(sorted(found.values(), key=lambda one: (one.rank, one.seat_no)))


def _followers(record: DrawRecord, now: datetime, house: Signer, holder: Holder) -> Iterator[str]:
    """Who would hold this place one after the other, if everybody said no."""
    code = holder.code
    while record.phase == "between":
        record = record.outcome(now, house, holder.kind, holder.slot, code, "declined")
        try:
            record = record.draw_reserve(now, house)
        except RecordBroken:
            return  # no reserve is left that fits
        code = dict(record.last_drawn(DrawKind.expert))[holder.slot]
        yield code


def ask(
    session: Session, ground: Ground, draw: Draw, *, starts_at: datetime, minutes: int, terms: Terms
) -> int:
    """Asks everybody who would follow, at once; returns how many were asked now.

    Who was asked in an earlier round is not called again: what they have said, or say yet, counts when their turn comes.
    """
    slots = {slot.seat_no: slot for slot in slots_of(session, draw)}
    asked = 0
    for one in in_order(keeping.read(session, draw), ground.now, ground.house):
        if (known := _of(session, draw, one.code)) is not None:
            known.slot_id, known.rank = slots[one.seat_no].id, one.rank
            session.add(known)
            continue
        expert_id = sealed.expert_of(session, ground.sealer, draw, one.code)
        placed = Placed(slots[one.seat_no], expert_id, one.code, "", "", rank=one.rank)
        inviting.invite(
            session,
            ground.now,
            ground.sealer,
            draw,
            placed,
            report_place=ELSEWHERE[terms.language],
            starts_at=starts_at,
            minutes=minutes,
            terms=terms,
        )
        asked += 1
    return asked


def promote(
    session: Session,
    ground: Ground,
    draw: Draw,
    placed: Placed,
    *,
    report_place: str,
    starts_at: datetime,
    minutes: int,
    terms: Terms,
) -> bool:
    """The place goes to somebody who was asked already, in whatever round; False when this person was not, and is to be
    invited. From now on the terms are those of whoever is invited now; one conditional update.

    What they have answered counts now: who accepted fills the place, who declined or let the time pass vacates it again, who
    was told that they are not needed is asked anew.
    """
    now, sealer = ground.now, ground.sealer
    invitation = _of(session, draw, placed.code)
    if invitation is None:
        return False
    terms_now = inviting.conditions(
        now, draw, placed, report_place=report_place, starts_at=starts_at, minutes=minutes, terms=terms
    )
    moved = session.exec(
        update(Invitation)
        .where(col(Invitation.id) == invitation.id, col(Invitation.standby))
        .values(standby=False, **terms_now)
    )
    if not moved.rowcount:
        return False
    placed.slot.state = "inviting"
    session.add(placed.slot)
    session.flush()
    if not inviting.ask_again(session, now, sealer, invitation) and invitation.state not in OPEN:
        if (
            invitation.state == InvitationState.withdrawn
        ):  # had accepted and asked leave: the record hears both
            proof = departures.evidence(invitation, invitation.answer_channel, now)
            departures.tell_record(session, now, sealer, draw, invitation, InvitationState.accepted, proof)
        departures.settle(
            session, now, sealer, invitation, Tag.invitation_promoted, invitation.answer_channel
        )
    if invitation.state == InvitationState.accepted:
        tell_assigned(session, now, sealer, invitation)
    return True


def dismiss(session: Session, now: datetime, sealer: Sealer, draw: Draw) -> int:
    """All places are filled: whoever is still asked or held themselves ready is told that they are not required."""
    waiting = session.exec(
        select(Invitation).where(
            Invitation.draw_id == draw.id, col(Invitation.standby), col(Invitation.state).in_(ACTIVE)
        )
    ).all()
    text = TemplateId.not_required_sms
    return sum(inviting.take_back(session, now, sealer, one, NOT_REQUIRED, text) for one in waiting)


def tell_assigned(session: Session, now: datetime, sealer: Sealer, invitation: Invitation) -> None:
    """A text with the place: until now they knew only that they may be needed."""
    inviting.tell(session, now, sealer, invitation, ASSIGNED, TemplateId.assigned_sms)


def _of(session: Session, draw: Draw, code: str) -> Invitation | None:
    """The last invitation by which this person was asked to stand by in this draw, and has not come to their turn."""
    return session.exec(
        select(Invitation)
        .where(Invitation.draw_id == draw.id, Invitation.code == code, col(Invitation.standby))
        .order_by(col(Invitation.round).desc())
    ).first()
