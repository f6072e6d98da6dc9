"""Naming an expert for a place that chance cannot fill: whether anything speaks against them, and where they sit."""

from collections.abc import Collection, Mapping, Sequence

from sqlmodel import Session, col, or_, select

from app.core.sealing import Sealer
from expert_draw import inviting, placing, pooling, sealed
from expert_draw.avoiding import related
from expert_draw.engine.avoidance import Ground
from expert_draw.engine.columns import Unit
from expert_draw.invitation import InvitationState
from expert_draw.models import Draw, DrawSlot, Expert, Invitation
from expert_draw.placing import VenueOffer
from expert_draw.pooling import PoolQuestion
from expert_draw.roster_view import RosterView

ON_ROSTER = (Ground.entry_expired, Ground.over_age, Ground.qualification_missing, Ground.suspended)
"""What the roster alone says against somebody, whoever was drawn for whatever. Not `on_leave`: only who is asked enters that."""
_NOT_REACHED = (InvitationState.expired, InvitationState.unreachable, InvitationState.cancelled)


def by_number(session: Session, number: str) -> Expert | None:
    return session.exec(select(Expert).where(Expert.number == number)).first()


def barred(
    session: Session, sealer: Sealer, view: RosterView, question: PoolQuestion, named: Sequence[Expert]
) -> dict[str, str]:
    """Expert id → the first of ON_ROSTER that speaks against them: nothing in it depends on any draw."""
    grounds = pooling.grounds_now(session, sealer, view, question, {expert.id for expert in named})
    found = {
        expert_id: [one for one in ON_ROSTER if one in against] for expert_id, against in grounds.items()
    }
    return {expert_id: own[0].value for expert_id, own in found.items() if own}


def unfit(
    session: Session,
    sealer: Sealer,
    view: RosterView,
    question: PoolQuestion,
    draw: Draw,
    named: Sequence[Expert],
) -> set[str]:
    """Ids of those against whom anything speaks: a ground of avoidance, that they hold a place, said no, left or were named
    before, a relative or too many of their employer. Who was only not reached in time may be named. Whether somebody of
    another specialty can take the place is for those who propose and approve to judge.

    Everyone is looked at beside those who hold a place and beside the others who are named.
    """
    reached = or_(col(Invitation.designated), col(Invitation.state).not_in(_NOT_REACHED))
    asked = {
        one.expert_id for one in sealed.invited(session, sealer, col(Invitation.draw_id) == draw.id, reached)
    }
    grounds = pooling.grounds_now(session, sealer, view, question, {expert.id for expert in named})
    avoided = {
        expert_id for expert_id, against in grounds.items() if set(against) - {Ground.specialty_missing}
    }
    beside = {sealed.person(session, sealer, one) for one in inviting.standing(session, draw)}
    kin = _kin_of(session, beside | {expert.id for expert in named})
    employers = [session.get_one(Expert, expert_id) for expert_id in sorted(beside)]
    crowded = set()
    for expert in named:
        others = [*employers, *(one for one in named if one is not expert)]
        same = sum(_unit(one) == _unit(expert) for one in others if _unit(expert).marks)
        if same >= pooling.same_employer_most(question):
            crowded.add(expert.id)
    return {expert.id for expert in named} & (asked | avoided | kin | crowded)


def seats_for(
    named: Sequence[tuple[DrawSlot, Expert]],
    offers: Sequence[VenueOffer],
    question: PoolQuestion,
    own: Mapping[int, tuple[str, str]],
    shared: Collection[str],
) -> tuple[tuple[str, str], ...] | None:
    """(center, seat) for each of them in this order: the one that is their place's already, else a free one near their
    home; None when there are too few.

    own: number of the place → center and seat that are booked for it. shared: rooms in which somebody of this evaluation
    sits already; as in a draw, they serve only where no center near has another.
    """
    open_ = list(placing.admitted(offers, question.venue_rules))
    left = {offer.center_id: offer.most for offer in open_}
    rooms = {seat.seat_id: seat.room_id for offer in open_ for seat in offer.seats}
    taken, crowded = set[str](), set(shared)
    found = []
    for slot, expert in named:
        if slot.seat_no in own:
            found.append(own[slot.seat_no])
            continue
        near = [
            offer for offer in placing.by_distance(expert.region_code, open_) if left[offer.center_id] > 0
        ]
        seat = _free(near[: question.places], taken, crowded) or _free(near, taken, ())
        if seat is None:
            return None
        left[seat[0]] -= 1
        taken.add(seat[1])
        crowded.add(rooms[seat[1]])
        found.append(seat)
    return tuple(found)


def _free(
    offers: Sequence[VenueOffer], taken: Collection[str], crowded: Collection[str]
) -> tuple[str, str] | None:
    """The first free seat at the first of these centers that has one in no such room."""
    for offer in offers:
        free = [one.seat_id for one in offer.seats if one.seat_id not in taken and one.room_id not in crowded]
        if free:
            return offer.center_id, min(free)
    return None


def _kin_of(session: Session, people: Collection[str]) -> set[str]:
    """Those of these people who are related to another one of them."""
    pairs = [pair for pair in related(session) if set(pair) <= set(people)]
    return {one for pair in pairs for one in pair}


def _unit(expert: Expert) -> Unit:
    return Unit(expert.employer_code or "", "" if expert.employer_code else expert.employer)
