"""Draws the committee of an evaluation and fills it: rounds, seats, invitations, and letting everybody go."""

from datetime import datetime

from sqlmodel import Session

from app.accounts.access import Actor
from app.audit.tags import Tag
from app.core.canonical import canonical_json
from app.core.settings import Settings
from app.evaluation import booking, cases
from app.evaluation.cases import House
from app.evaluation.lifecycle import EvaluationEvent, EvaluationState
from app.evaluation.models import Evaluation
from expert_draw import service as draws
from expert_draw.engine.wording import DrawInfeasible
from expert_draw.models import Draw
from expert_draw.placing import CHINA, FreeSeat, VenueOffer
from expert_draw.service import DrawOrder, Terms
from venue import service as venues

_IN_PROVINCE = ("host", "sister")


def commit_draw(session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str) -> Draw:
    """Freezes the pool and publishes the commitment of the draw."""
    evaluation = cases.load_for(session, actor, evaluation_id)
    cases.move(session, evaluation, EvaluationEvent.commit)
    draw = draws.commit(
        session,
        now,
        house.sealer,
        actor.id,
        DrawOrder(
            number=draws.number(session, now.astimezone(CHINA).year),
            evaluation_id=evaluation.id,
            question=booking.question(session, evaluation),
        ),
        _offers(session, now, evaluation),
    )
    evaluation.draw_id = draw.id
    session.flush()
    return draw


def run_draw(session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str) -> None:
    """Runs the first round; seats are booked and invitations queued in the same transaction."""
    evaluation = cases.load_for(session, actor, evaluation_id)
    cases.move(session, evaluation, EvaluationEvent.run)
    _round(session, now, house, actor.id, evaluation)


def refill(session: Session, now: datetime, house: House, evaluation_id: str) -> None:
    """Moves an inviting evaluation on: vacated places are drawn again in a further round, a full one is ready."""
    evaluation = cases.load(session, evaluation_id)
    if evaluation.state != EvaluationState.inviting or evaluation.draw_id is None:
        return
    draw = draws.load(session, evaluation.draw_id)
    if draws.slots_vacated(session, draw):
        _release_vacated(session, evaluation, draw)
        try:
            _round(session, now, house, "house", evaluation)
        except DrawInfeasible as refusal:
            cases.move(session, evaluation, EvaluationEvent.exhaust)
            evaluation.short_reason = _written(refusal)
            release_everybody(session, now, house, evaluation, "pool_exhausted")
            cases.note(session, now, evaluation, Tag.evaluation_short, "house")
    elif draws.filled(session, draw):
        cases.move(session, evaluation, EvaluationEvent.fill)
        cases.note(session, now, evaluation, Tag.evaluation_ready, "house")


def waiting_to_move(session: Session) -> tuple[str, ...]:
    """Inviting evaluations for which `refill` would do something: a place is vacant, or all are filled."""
    found = []
    for evaluation in cases.in_state(session, EvaluationState.inviting):
        draw = draws.load(session, str(evaluation.draw_id))
        if draws.slots_vacated(session, draw) or draws.filled(session, draw):
            found.append(evaluation.id)
    return tuple(found)


def release_everybody(
    session: Session, now: datetime, house: House, evaluation: Evaluation, reason: str
) -> None:
    if evaluation.draw_id is not None:
        draws.give_up(session, now, house.sealer, draws.load(session, evaluation.draw_id), reason)
    venues.release_all(session, evaluation.id)


def _round(session: Session, now: datetime, house: House, actor: str, evaluation: Evaluation) -> None:
    draw = draws.load(session, str(evaluation.draw_id))
    placed = draws.run_round(
        session,
        now,
        house.sealer,
        actor,
        draw,
        booking.question(session, evaluation),
        _offers(session, now, evaluation),
    )
    start, end = cases.span(evaluation)
    venues.reserve(
        session,
        now,
        evaluation_id=evaluation.id,
        seat_ids=[place.seat_id for place in placed],
        start=start,
        end=end,
    )
    for place in placed:
        draws.invite(
            session,
            now,
            house.sealer,
            draw,
            place,
            report_place=venues.describe_seat(session, place.seat_id),
            starts_at=evaluation.starts_at,
            minutes=evaluation.minutes,
            terms=_terms(house.settings, evaluation),
        )


def _offers(session: Session, now: datetime, evaluation: Evaluation) -> tuple[VenueOffer, ...]:
    """The province's centers as the draw takes them; one without a free seat only says where its city lies."""
    start, end = cases.span(evaluation)
    free = {offer.center_id: offer for offer in venues.offers(session, start, end, now)}
    found = []
    for center in venues.summaries(session, now):
        if center.kind not in _IN_PROVINCE:
            continue
        offer = free.get(center.center_id)
        seats = tuple(FreeSeat(seat.seat_id, seat.room_id) for seat in offer.seats) if offer else ()
        found.append(
            VenueOffer(
                center.center_id,
                center.region_code,
                center.latitude_e6,
                center.longitude_e6,
                seats,
                offer.capacity if offer else 0,
            )
        )
    return tuple(found)


def _release_vacated(session: Session, evaluation: Evaluation, draw: Draw) -> None:
    needed = draws.seats_in_use(session, draw)
    for seat_id in venues.booked_seats(session, evaluation.id):
        if seat_id not in needed:
            venues.release(session, evaluation.id, seat_id)


def _written(refusal: DrawInfeasible) -> str:
    """A refusal as it is kept, to be said later in any language."""
    return canonical_json(
        {"message": refusal.message, "params": {name: str(value) for name, value in refusal.params.items()}}
    ).decode()


def _terms(settings: Settings, evaluation: Evaluation) -> Terms:
    timers = settings.rehearsal if evaluation.rehearsal else settings.invitation
    return Terms(
        window_s=timers.reply_window_s,
        ring_s=timers.ring_s,
        sms_after_s=timers.sms_after_s,
        second_call_after_s=timers.second_call_after_s,
        hotline=settings.notify.hotline,
    )
