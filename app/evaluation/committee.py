"""Draws the committee of an evaluation and fills it: parties, rounds, seats, invitations, and letting everybody go."""

import logging
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from app.accounts.access import Actor
from app.audit.tags import Tag
from app.core.canonical import canonical_json
from app.core.errors import Conflict
from app.core.i18n import N_
from app.core.settings import Settings
from app.evaluation import booking, cases, rule_notes
from app.evaluation.cases import House
from app.evaluation.lifecycle import EvaluationEvent, EvaluationState
from app.evaluation.models import Evaluation
from app.projects import service as projects
from app.rules import library
from app.rules.pack import RulePack
from expert_draw import ending, inviting, keeping, listing, opening, parties, rounds
from expert_draw.engine.pool import Law
from expert_draw.engine.wording import DrawInfeasible
from expert_draw.ground import Ground
from expert_draw.inviting import Placed, Terms
from expert_draw.models import Draw
from expert_draw.opening import DrawOrder
from expert_draw.placing import FreeSeat, VenueOffer
from expert_draw.roster_rows import CHINA
from expert_draw.rounds import Seating
from venue import service as venues

logger = logging.getLogger(__name__)

_IN_PROVINCE = ("host", "sister")
_LAWS: tuple[Law, ...] = ("uniform-labelled", "uniform-sets", "weighted")


def commit_draw(session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str) -> Draw:
    """Freezes the pool and publishes the commitment of the draw."""
    evaluation = cases.load_for(session, actor, evaluation_id)
    cases.move(session, evaluation, EvaluationEvent.commit)
    if library.load(evaluation.rule_pack).sha256 != evaluation.rule_pack_hash:
        raise Conflict(
            "rules-changed",
            N_("预约之后规则包 {pack} 已更新，原预约不再有效"),
            N_("终止本次评标，按现行规则重新预约"),
            pack=evaluation.rule_pack,
        )
    number = listing.number(session, now.astimezone(CHINA).year)
    draw = opening.commit(
        session, ground(now, house), actor.id, order(session, now, house, evaluation, number=number)
    )
    evaluation.draw_id = draw.id
    session.flush()
    return draw


def order(session: Session, now: datetime, house: House, evaluation: Evaluation, *, number: str) -> DrawOrder:
    """What is to be drawn for this evaluation, by the rules in force."""
    question = booking.question(session, evaluation)
    rules = question.rules
    law = rules.word("draw.law")
    return DrawOrder(
        number=number,
        evaluation_id=evaluation.id,
        center_id=evaluation.host_center_id,
        lot_id=evaluation.lot_id,
        lot_ids=projects.entries_of_lot(session, evaluation.lot_id),
        question=question,
        offers=_offers(session, now, evaluation),
        suite=house.settings.draw.suite,
        law=next(known for known in _LAWS if known == law),
        order=rules.word("allocation.mode"),
        reserve=rules.integer("draw.reserve_depth"),
        thresholds=rule_notes.thresholds(rules),
    )


def run_draw(session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str) -> None:
    """Calls the parties for the first round. When every share lies with the service it is drawn at once; seats are
    booked and invitations queued in the same transaction."""
    evaluation = cases.load_for(session, actor, evaluation_id)
    if evaluation.state != EvaluationState.committed or evaluation.draw_id is None:
        cases.move(session, evaluation, EvaluationEvent.run)  # refuses by name
        return
    draw = keeping.load(session, evaluation.draw_id)
    if draw.state != "between":
        raise Conflict(
            "draw-not-ready",
            _WAITING.get(draw.state, N_("抽取尚未就绪")),
            N_("各方同意、概率锁定、预警获批之后才能抽取"),
        )
    _call(session, now, house, actor.id, evaluation, draw)
    move_on(session, now, house, evaluation)


def approve_warnings(
    session: Session,
    now: datetime,
    house: House,
    actor: str,
    evaluation: Evaluation,
    signature: str | None = None,
) -> None:
    """The supervisor lets the draw go on although thresholds of the rule pack are not met."""
    draw = keeping.load(session, str(evaluation.draw_id))
    opening.approve(session, ground(now, house), actor, draw, signature)


def agree(
    session: Session, now: datetime, house: House, evaluation: Evaluation, party: str, signature: str
) -> None:
    """A party that keeps its own secret agrees to the commitment."""
    rules = booking.question(session, evaluation).rules
    draw = keeping.load(session, str(evaluation.draw_id))
    opening.agree(session, ground(now, house), draw, party, signature, rule_notes.thresholds(rules))


def reveal(
    session: Session,
    now: datetime,
    house: House,
    evaluation: Evaluation,
    party: str,
    share: bytes,
    signature: str,
) -> None:
    """A party that keeps its own secret reveals its share; with the last of them the round is drawn.

    What has been revealed stays written down whatever becomes of the drawing: `refill` tries that again.
    """
    draw = keeping.load(session, str(evaluation.draw_id))
    rounds.reveal(session, ground(now, house), draw, party, share, signature)
    try:
        with session.begin_nested():
            move_on(session, now, house, evaluation)
    except Exception:  # the share is known now: nobody may be said to have withheld it
        logger.exception("drawing for evaluation %s failed and is tried again", evaluation.id)


def refill(session: Session, now: datetime, house: House, evaluation_id: str) -> None:
    """Moves a drawing or inviting evaluation on: vacated places are drawn again, a full one is ready, a share that was
    withheld ends the draw."""
    evaluation = cases.load(session, evaluation_id)
    if evaluation.draw_id is None or evaluation.state not in _MOVING:
        return
    draw = keeping.load(session, evaluation.draw_id)
    if draw.reveal_until is not None:
        missing = rounds.waits_for(session, draw)
        if not missing:
            move_on(session, now, house, evaluation)
        elif draw.reveal_until <= now:
            _end(session, now, house, evaluation, ending.WITHHELD, _withheld(missing[0]), missing[0])
        return
    if evaluation.state != EvaluationState.inviting:
        return
    if ending.slots_vacated(session, draw):
        _release_vacated(session, now, house, evaluation, draw)
        _again(session, now, house, evaluation, draw)
    elif ending.filled(session, draw):
        cases.move(session, evaluation, EvaluationEvent.fill)
        cases.note(session, now, evaluation, Tag.evaluation_ready, "house")


def move_on(session: Session, now: datetime, house: House, evaluation: Evaluation) -> None:
    """Draws the open round once no share is missing but those the service keeps."""
    draw = keeping.load(session, str(evaluation.draw_id))
    if draw.reveal_until is None or rounds.waits_for(session, draw):
        return
    if evaluation.state == EvaluationState.committed:
        cases.move(session, evaluation, EvaluationEvent.run)
    seating = _seating(session, now, evaluation)
    placed = rounds.draw_round(session, ground(now, house), "house", draw, seating)
    _drawn(session, now, house, evaluation, draw, placed)


def waiting_to_move(session: Session, now: datetime) -> tuple[str, ...]:
    """Evaluations for which `refill` would do something."""
    moving = session.exec(
        select(Evaluation, Draw)
        .join(Draw, col(Draw.id) == col(Evaluation.draw_id))
        .where(col(Evaluation.state).in_(_MOVING))
        .order_by(Evaluation.id)
    ).all()
    inviting_ = {draw.id for evaluation, draw in moving if evaluation.state == EvaluationState.inviting}
    settled = ending.settled(session, inviting_)
    found = []
    for evaluation, draw in moving:
        if draw.reveal_until is not None:
            due = draw.reveal_until <= now or not rounds.waits_for(session, draw)
        else:
            due = draw.id in settled
        if due:
            found.append(evaluation.id)
    return tuple(found)


def release_everybody(
    session: Session,
    now: datetime,
    house: House,
    evaluation: Evaluation,
    reason: str,
    party: str | None = None,
) -> None:
    if evaluation.draw_id is not None:
        draw = keeping.load(session, evaluation.draw_id)
        ending.give_up(session, now, house.sealer, draw, reason, party)
    venues.release_all(session, evaluation.id)


def ground(now: datetime, house: House) -> Ground:
    return Ground(now, house.sealer, house.rosters)


_MOVING = (EvaluationState.committed, EvaluationState.inviting)
_SILENT = {
    parties.CENTER: N_("主场中心在期限内没有揭示其份额，抽取已作废并永久留痕"),
    parties.SUPERVISOR: N_("监督人员在期限内没有揭示其份额，抽取已作废并永久留痕"),
    parties.TENDEREE: N_("招标人代表在期限内没有揭示其份额，抽取已作废并永久留痕"),
}
_WAITING = {
    "agreeing": N_("还有参与方没有同意承诺，抽取尚不能开始"),
    "approving": N_("预警尚未经监督人员批准，抽取尚不能开始"),
    "revealing": N_("本轮正在等待各方揭示，抽取已经开始"),
}


def _again(session: Session, now: datetime, house: House, evaluation: Evaluation, draw: Draw) -> None:
    """Vacant places: from the reserves if there are any, else by a new round with fresh shares."""
    question, seating = booking.question(session, evaluation), _seating(session, now, evaluation)
    placed = rounds.draw_reserve(session, ground(now, house), "house", draw, question, seating)
    if placed is not None:
        _drawn(session, now, house, evaluation, draw, placed)
        return
    if blocked := rounds.blocked(session, draw):
        _end(session, now, house, evaluation, ending.EXHAUSTED, blocked[0])
        return
    _call(session, now, house, "house", evaluation, draw)
    move_on(session, now, house, evaluation)


def _call(
    session: Session, now: datetime, house: House, actor: str, evaluation: Evaluation, draw: Draw
) -> None:
    question = booking.question(session, evaluation)
    rounds.call(
        session,
        ground(now, house),
        actor,
        draw,
        question,
        _offers(session, now, evaluation),
        _reveal_within(question.rules),
    )


def _drawn(
    session: Session,
    now: datetime,
    house: House,
    evaluation: Evaluation,
    draw: Draw,
    placed: tuple[Placed, ...],
) -> None:
    """What a round leads to: invitations; or, where nothing fitted, a whole redraw or the end."""
    if draw.state != "stuck":
        _place(session, now, house, evaluation, draw, placed)
    elif inviting.standing(session, draw):
        venues.release_all(session, evaluation.id)
        rounds.redraw(session, ground(now, house), draw)
    else:
        _end(session, now, house, evaluation, ending.EXHAUSTED, _nobody())


def _place(
    session: Session,
    now: datetime,
    house: House,
    evaluation: Evaluation,
    draw: Draw,
    placed: tuple[Placed, ...],
) -> None:
    """Books the seats of a round and queues its invitations, in the transaction of the draw."""
    start, end = cases.span(evaluation)
    booked = set(venues.booked_seats(session, evaluation.id))
    fresh = [place.seat_id for place in placed if place.seat_id not in booked]
    venues.reserve(session, now, evaluation_id=evaluation.id, seat_ids=fresh, start=start, end=end)
    for place in placed:
        inviting.invite(
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


def _end(
    session: Session,
    now: datetime,
    house: House,
    evaluation: Evaluation,
    reason: str,
    refusal: DrawInfeasible | Conflict,
    party: str | None = None,
) -> None:
    """The draw has come to nothing: everybody is let go, and the evaluation says why."""
    cases.move(session, evaluation, EvaluationEvent.exhaust)
    evaluation.short_reason = _written(refusal)
    release_everybody(session, now, house, evaluation, reason, party)
    cases.note(session, now, evaluation, Tag.evaluation_short, "house")


def _withheld(party: str) -> Conflict:
    return Conflict("share-withheld", _SILENT[party], N_("查明原因后重新预约"), party=party)


def _nobody() -> Conflict:
    return Conflict("nobody-fits", N_("本轮抽不出合格的组合"), N_("放宽名额条件或改期后重新预约"))


def _reveal_within(rules: RulePack) -> timedelta:
    """How long a party that keeps its own secret has to reveal."""
    found = rules.duration("draw.reveal_within")
    if not isinstance(found, timedelta):
        raise TypeError(f"draw.reveal_within of rule pack {rules.id} is not a span of hours or minutes")
    return found


def _offers(session: Session, now: datetime, evaluation: Evaluation) -> tuple[VenueOffer, ...]:
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


def _seating(session: Session, now: datetime, evaluation: Evaluation) -> Seating:
    return Seating(_offers(session, now, evaluation), venues.booked_seats(session, evaluation.id))


def _release_vacated(
    session: Session, now: datetime, house: House, evaluation: Evaluation, draw: Draw
) -> None:
    """Lets go of the seats nobody holds any more; one that waits for its next expert stays booked."""
    needed = rounds.seats_held(session, ground(now, house), draw, _seating(session, now, evaluation))
    for seat_id in venues.booked_seats(session, evaluation.id):
        if seat_id not in needed:
            venues.release(session, evaluation.id, seat_id)


def _written(refusal: DrawInfeasible | Conflict) -> str:
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
