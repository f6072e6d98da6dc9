"""Books the seat of each place and invites whoever is to sit there, on the terms of the house and of the rule pack."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from app.core.settings import Settings
from app.evaluation import cases
from app.evaluation.cases import House
from app.evaluation.models import Evaluation
from app.rules import library
from expert_draw import inviting, standby
from expert_draw.ground import Ground
from expert_draw.inviting import Placed, Terms
from expert_draw.models import Draw
from venue import service as venues

LEAVE = "draw.leave_cutoff_before_start"
INVITE_MODE, TOGETHER = "draw.invite_mode", "ranked_batch"
WINDOW = "draw.reply_window"


def take(
    session: Session,
    now: datetime,
    house: House,
    evaluation: Evaluation,
    draw: Draw,
    placed: Sequence[Placed],
) -> None:
    """Books the seats and queues the invitations, in the transaction of the draw."""
    start, end = cases.span(evaluation)
    booked = set(venues.booked_seats(session, evaluation.id))
    fresh = [place.seat_id for place in placed if place.seat_id not in booked]
    venues.reserve(session, now, evaluation_id=evaluation.id, seat_ids=fresh, start=start, end=end)
    terms = _terms(house.settings, evaluation)
    ground = Ground(now, house.sealer, house.rosters)
    starts_at = _there_at(now, evaluation, terms)
    for place in placed:
        report_place, minutes = venues.describe_seat(session, place.seat_id), evaluation.minutes
        if not place.designated and standby.promote(
            session,
            ground,
            draw,
            place,
            report_place=report_place,
            starts_at=starts_at,
            minutes=minutes,
            terms=terms,
        ):
            continue
        inviting.invite(
            session,
            now,
            house.sealer,
            draw,
            place,
            report_place=report_place,
            starts_at=starts_at,
            minutes=minutes,
            terms=terms,
        )
    if library.load(evaluation.rule_pack).word(INVITE_MODE) == TOGETHER:
        standby.ask(session, ground, draw, starts_at=starts_at, minutes=evaluation.minutes, terms=terms)


def _there_at(now: datetime, evaluation: Evaluation, terms: Terms) -> datetime:
    """When who is invited now has to be there: at the start, or as soon as one can answer and come."""
    if not terms.lead_s:
        return evaluation.starts_at
    return max(evaluation.starts_at, now + timedelta(seconds=terms.window_s + terms.lead_s))


def _terms(settings: Settings, evaluation: Evaluation) -> Terms:
    """The rule pack's window and cut-off unless the settings say otherwise; a rehearsal knows no night."""
    rules = library.load(evaluation.rule_pack)
    timers = settings.rehearsal if evaluation.rehearsal else settings.invitation
    cut_off = timedelta() if evaluation.rehearsal else rules.duration(LEAVE)
    return Terms(
        window_s=timers.reply_window_s or int(rules.duration(WINDOW).total_seconds()),
        ring_s=timers.ring_s,
        sms_after_s=timers.sms_after_s,
        second_call_after_s=timers.second_call_after_s,
        hotline=settings.notify.hotline,
        lead_s=timers.lead_s,
        leave_before_s=int(cut_off.total_seconds()),
        quiet_before_s=None if evaluation.rehearsal else timers.urgent_h * 3600,
        language=settings.notify.language,
    )
