"""Where the experts of an evaluation can sit, as the draw takes it."""

from datetime import datetime

from sqlmodel import Session

from app.evaluation import cases
from app.evaluation.models import Evaluation
from expert_draw.placing import FreeSeat, VenueOffer
from expert_draw.rounds import Seating
from venue import service as venues

_IN_PROVINCE = ("host", "sister")


def offers(session: Session, now: datetime, evaluation: Evaluation) -> tuple[VenueOffer, ...]:
    """The province's centers as the draw takes them; one without a free seat only says where its city lies."""
    start, end = cases.span(evaluation)
    free = {offer.center_id: offer for offer in venues.offers(session, start, end, now)}
    centers = venues.summaries(session, now)
    own_cities = {one.region_code[:4] for one in centers if one.center_id == evaluation.host_center_id}
    found = []
    for center in centers:
        if center.kind not in _IN_PROVINCE:
            continue
        offer = free.get(center.center_id)
        seats = (
            tuple(FreeSeat(seat.seat_id, seat.room_id, seat.place) for seat in offer.seats) if offer else ()
        )
        found.append(
            VenueOffer(
                center.center_id,
                center.region_code,
                center.latitude_e6,
                center.longitude_e6,
                seats,
                offer.capacity if offer else 0,
                overnight=center.overnight,
                own_city=center.region_code[:4] in own_cities,
            )
        )
    return tuple(found)


def seating(session: Session, now: datetime, evaluation: Evaluation) -> Seating:
    """What is free now, and the seats that are this evaluation's already."""
    return Seating(offers(session, now, evaluation), venues.booked_seats(session, evaluation.id))
