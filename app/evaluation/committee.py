"""Draws the committee of an evaluation and fills it: parties, rounds, seats, invitations, and letting everybody go."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.audit.tags import Tag
from app.core import bus
from app.core.errors import Conflict
from app.core.i18n import N_
from app.evaluation import booking, cases, members, places, reasons, rule_notes, seats, second_phase
from app.evaluation.cases import House
from app.evaluation.lifecycle import EvaluationEvent, EvaluationState
from app.evaluation.models import Evaluation
from app.projects import service as projects
from app.rules import library
from app.rules.pack import RulePack
from expert_draw import ending, inviting, keeping, listing, opening, rounds, standby
from expert_draw.ending import Filling
from expert_draw.engine.pool import Law
from expert_draw.engine.wording import DrawInfeasible
from expert_draw.ground import Ground
from expert_draw.invitation import InvitationState
from expert_draw.inviting import Placed
from expert_draw.models import Draw
from expert_draw.opening import DrawOrder
from expert_draw.roster_rows import CHINA
from venue import service as venues

logger = logging.getLogger(__name__)

_LAWS: tuple[Law, ...] = ("uniform-labelled", "uniform-sets", "weighted")


def commit_draw(session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str) -> Draw:
    """Freezes the pool and publishes the commitment of the draw."""
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.draw_run)
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
    question = booking.question(session, house.sealer, evaluation)
    rules = question.rules
    law = rules.word("draw.law")
    return DrawOrder(
        number=number,
        evaluation_id=evaluation.id,
        center_id=evaluation.host_center_id,
        lot_id=evaluation.lot_id,
        lot_ids=projects.entries_of_lot(session, evaluation.lot_id),
        question=question,
        offers=seats.offers(session, now, evaluation),
        suite=house.settings.draw.suite,
        law=next(known for known in _LAWS if known == law),
        order=rules.word("allocation.mode"),
        reserve=rules.integer("draw.reserve_depth"),
        thresholds=rule_notes.thresholds(rules),
    )


def run_draw(session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str) -> None:
    """Calls the parties for the first round. When every share lies with the service it is drawn at once; seats are
    booked and invitations queued in the same transaction."""
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.draw_run)
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
    rules = library.load(evaluation.rule_pack)
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
    """Moves an evaluation on that a draw is filling: members keep step with who holds the places, vacated places are
    drawn again, a full committee is ready, a share that was withheld ends the draw. Safe to run at any time and twice."""
    evaluation = cases.load(session, evaluation_id)
    if evaluation.draw_id is None:
        return
    draw = keeping.load(session, evaluation.draw_id)
    members.keep_step(session, now, house, evaluation, draw)
    if evaluation.state not in _MOVING:
        return
    if draw.reveal_until is not None:
        missing = rounds.waits_for(session, draw)
        if not missing:
            move_on(session, now, house, evaluation)
        elif draw.reveal_until <= now:
            _withheld(session, now, house, evaluation, missing[0])
        return
    if evaluation.state == EvaluationState.committed:
        return
    if ending.slots_vacated(session, draw):
        _release_vacated(session, now, house, evaluation, draw)
        _again(session, now, house, evaluation, draw)
    elif ending.filled(session, draw):
        again = evaluation.state == EvaluationState.replacing
        cases.move(session, evaluation, EvaluationEvent.fill)
        standby.dismiss(session, now, house.sealer, draw)
        cases.note(
            session, now, evaluation, Tag.evaluation_replaced if again else Tag.evaluation_ready, "house"
        )


def move_on(session: Session, now: datetime, house: House, evaluation: Evaluation) -> None:
    """Draws the open round once no share is missing but those the service keeps."""
    draw = keeping.load(session, str(evaluation.draw_id))
    if draw.reveal_until is None or rounds.waits_for(session, draw):
        return
    if evaluation.state == EvaluationState.committed:
        cases.move(session, evaluation, EvaluationEvent.run)
    seating = seats.seating(session, now, evaluation)
    placed = rounds.draw_round(session, ground(now, house), "house", draw, seating)
    _drawn(session, now, house, evaluation, draw, placed)


def waited_for(session: Session, draw: Draw) -> tuple[str, ...]:
    """Parties that have yet to agree or to reveal what they keep themselves; () for a record of an earlier version."""
    return rounds.waits_for(session, draw) if keeping.readable(session, draw) else ()


def agree_by(evaluation: Evaluation, draw: Draw) -> datetime:
    """When all parties should have agreed: nothing ends then, but the pages say what can be done."""
    return draw.committed_at + _reveal_within(library.load(evaluation.rule_pack))


def waiting_to_move(session: Session, now: datetime) -> tuple[str, ...]:
    """Evaluations for which `refill` would do something."""
    moving = session.exec(
        select(Evaluation, Draw)
        .join(Draw, col(Draw.id) == col(Evaluation.draw_id))
        .where(col(Evaluation.state).in_((*_MOVING, *members.WHOLE)))
        .order_by(Evaluation.id)
    ).all()
    filling = ending.filling(session, {draw.id for _, draw in moving})
    found = set(members.out_of_step(session))
    for evaluation, draw in moving:
        if draw.reveal_until is not None:
            due = draw.reveal_until <= now or not rounds.waits_for(session, draw)
        else:
            due = filling[draw.id] in _DUE[EvaluationState(evaluation.state)]
        if due:
            found.add(evaluation.id)
    return tuple(sorted(found))


def give_up(session: Session, now: datetime, house: House, evaluation: Evaluation) -> tuple[str, ...]:
    """Lets everybody go because the host wants it so. Returns the parties that had yet to reveal in an open call.

    They are named on the pages, and where their time was over already in the record, too: who gives up an evaluation does
    not hide that a share was withheld, be it the host's own.
    """
    draw = keeping.load(session, evaluation.draw_id) if evaluation.draw_id else None
    until = draw.reveal_until if draw else None
    missing = waited_for(session, draw) if draw and until else ()
    evaluation.short_reason = reasons.written(reasons.unrevealed(missing)) if missing else None
    if missing and until is not None and until <= now:
        release_everybody(session, now, house, evaluation, ending.WITHHELD, missing[0])
    else:
        release_everybody(session, now, house, evaluation, "given_up")
    return missing


def release_everybody(
    session: Session,
    now: datetime,
    house: House,
    evaluation: Evaluation,
    reason: str,
    party: str | None = None,
) -> None:
    """reason, party: as `ending.give_up` takes them."""
    if evaluation.draw_id is not None:
        draw = keeping.load(session, evaluation.draw_id)
        ending.give_up(session, now, house.sealer, draw, reason, party)
    venues.release_all(session, evaluation.id)


def ground(now: datetime, house: House) -> Ground:
    return Ground(now, house.sealer, house.rosters)


_MOVING = (EvaluationState.committed, EvaluationState.inviting, EvaluationState.replacing)
_SETTLED = frozenset({Filling.vacant, Filling.whole})
_DUE: Mapping[EvaluationState, frozenset[Filling]] = {
    EvaluationState.committed: frozenset(),
    EvaluationState.inviting: _SETTLED,
    EvaluationState.replacing: _SETTLED,
    **{state: frozenset({Filling.vacant}) for state in members.WHOLE},
}
"""In which state there is something to do when the places are filled so far."""
_WAITING = {
    "agreeing": N_("还有参与方没有同意承诺，抽取尚不能开始"),
    "approving": N_("预警尚未经监督人员批准，抽取尚不能开始"),
    "revealing": N_("本轮正在等待各方揭示，抽取已经开始"),
}


def _again(session: Session, now: datetime, house: House, evaluation: Evaluation, draw: Draw) -> None:
    """Vacant places: from the reserves if there are any, else by a new round with fresh shares.

    Not while there is no seat for them: a round that finds none would let everybody go who has been asked already.
    """
    if inviting.anyone_designated(session, draw):
        _exhausted(session, now, evaluation, reasons.designated())
        return
    if draw.state == "stuck":
        _exhausted(session, now, evaluation, reasons.nobody())
        return
    question, seating = (
        booking.question(session, house.sealer, evaluation),
        seats.seating(session, now, evaluation),
    )
    if rounds.short_of_room(session, ground(now, house), draw, question, seating.offers):
        _wait_for_seats(session, now, evaluation)
        return
    evaluation.short_reason = None
    placed = rounds.draw_reserve(session, ground(now, house), "house", draw, question, seating)
    if placed is not None:
        _drawn(session, now, house, evaluation, draw, placed)
        return
    if blocked := rounds.blocked(session, draw):
        _exhausted(session, now, evaluation, blocked[0])
        return
    _call(session, now, house, "house", evaluation, draw)
    move_on(session, now, house, evaluation)


def _wait_for_seats(session: Session, now: datetime, evaluation: Evaluation) -> None:
    """Says once, in the trail and on the pages, what the draw waits for; the next sweep looks again."""
    if evaluation.short_reason is None:
        evaluation.short_reason = reasons.written(reasons.no_seat())
        session.add(evaluation)
        cases.note(session, now, evaluation, Tag.draw_waits, "house")
        bus.publish(session, f"evaluation:{evaluation.id}", "draw")


def _call(
    session: Session, now: datetime, house: House, actor: str, evaluation: Evaluation, draw: Draw
) -> None:
    question = booking.question(session, house.sealer, evaluation)
    rounds.call(
        session,
        ground(now, house),
        actor,
        draw,
        question,
        seats.offers(session, now, evaluation),
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
    """What a round leads to: invitations; or, where nothing fitted beside those who accepted, a whole redraw while nobody
    is in the room yet; or a decision of staff.

    Where experts are drawn near venues that are drawn first, nobody knows whether a whole redraw could be filled at all:
    nobody who accepted is let go for that.
    """
    if draw.state != "stuck":
        places.take(session, now, house, evaluation, draw, placed)
        drawn = {place.expert_id for place in placed}
        second_phase.check_drawn(session, now, house, evaluation, drawn)
    elif evaluation.room_id is None and _may_redraw(session, draw):
        venues.release_all(session, evaluation.id)
        rounds.redraw(session, ground(now, house), draw)
    else:
        _exhausted(session, now, evaluation, reasons.nobody())


def _may_redraw(session: Session, draw: Draw) -> bool:
    """Whether all places may be drawn anew because nobody fits beside those who stand."""
    standing = inviting.standing(session, draw)
    accepted = any(one.state == InvitationState.accepted for one in standing)
    return bool(standing) and not (accepted and rounds.follows_venues(session, draw))


def _exhausted(
    session: Session, now: datetime, evaluation: Evaluation, refusal: DrawInfeasible | Conflict
) -> None:
    """Chance cannot fill the places that are vacant: who has accepted stays, and staff has to decide."""
    cases.move(session, evaluation, EvaluationEvent.exhaust)
    evaluation.short_reason = reasons.written(refusal)
    session.flush()
    cases.note(session, now, evaluation, Tag.evaluation_short, "house")


def _withheld(session: Session, now: datetime, house: House, evaluation: Evaluation, party: str) -> None:
    """A share was withheld beyond its time: the draw is void in that party's name, and everybody is let go."""
    _exhausted(session, now, evaluation, reasons.withheld(party))
    release_everybody(session, now, house, evaluation, ending.WITHHELD, party)
    members.take_out(session, now, evaluation)


def _reveal_within(rules: RulePack) -> timedelta:
    """How long a party that keeps its own secret has to reveal."""
    found = rules.duration("draw.reveal_within")
    if not isinstance(found, timedelta):
        raise TypeError(f"draw.reveal_within of rule pack {rules.id} is not a span of hours or minutes")
    return found


def _release_vacated(
    session: Session, now: datetime, house: House, evaluation: Evaluation, draw: Draw
) -> None:
    """Lets go of the seats nobody holds any more; one that waits for its next expert stays booked."""
    needed = rounds.seats_held(session, ground(now, house), draw, seats.seating(session, now, evaluation))
    needed |= {invitation.seat_id for invitation in inviting.standing(session, draw)}
    for seat_id in venues.booked_seats(session, evaluation.id):
        if seat_id not in needed:
            venues.release(session, evaluation.id, seat_id)
