"""When chance cannot fill the places: staff widens by the declared ladder, postpones, or names people; never in silence."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import reasons_given
from app.core.canonical import Canonical, canonical_json
from app.core.errors import Conflict, InvalidInput
from app.core.i18n import N_
from app.evaluation import booking, cases, committee, widening
from app.evaluation.cases import House
from app.evaluation.lifecycle import EvaluationEvent, EvaluationState
from app.evaluation.models import Evaluation
from app.evaluation.widening import LADDER, Widened
from app.rules import library
from expert_draw import ending, keeping, parties
from expert_draw.ground import slots_of
from expert_draw.rounds import VACANT


@dataclass(frozen=True, slots=True)
class Step:
    """One rung that was taken: which, what was asked before and after, why, and which draw was ended for it."""

    rung: str
    changes: tuple[tuple[str, str], ...]
    reason: str
    draw: str


def widen(
    session: Session,
    now: datetime,
    house: House,
    actor: Actor,
    evaluation_id: str,
    reason: str,
    starts_at: datetime | None = None,
) -> None:
    """Takes the next rung of the ladder: the draw is ended for ever visibly, everybody is told they need not come, and the
    evaluation is booked again with wider conditions for a draw that names the one before.

    starts_at: another start, where the old one is too near or over.
    """
    evaluation = require_short(session, actor, evaluation_id)
    why = reasons_given.reason(reason)
    _require_before_room(evaluation)
    if keeping.load(session, str(evaluation.draw_id)).closed_at is not None:
        raise Conflict(
            "widen-draw-over",
            N_("本次抽取已作废，并非名额不足，不能放宽条件"),
            N_("改期重新抽取，或终止后重新预约"),
        )
    rung = next_rung(session, evaluation)
    if rung is None:
        rule = library.load(evaluation.rule_pack).rule(LADDER) if has_ladder(evaluation) else None
        raise Conflict(
            "widen-exhausted",
            N_("规则包的放宽次序已经用完，不能再放宽（{rule}，{source}）"),
            N_("直接确定、改期，或终止后重新预约"),
            rule=LADDER,
            source=rule.source if rule else "—",
        )
    number = _start_anew(session, now, house, evaluation, EvaluationEvent.widen, ending.EXHAUSTED, starts_at)
    evaluation.slots = booking.places_text(rung.slots)
    conditions = json.loads(evaluation.conditions)
    conditions["regions"] = [[bound.region, bound.least, bound.most] for bound in rung.bounds]
    evaluation.conditions = canonical_json(conditions).decode()
    step: Mapping[str, Canonical] = {
        "changes": rung.changes,
        "draw": number,
        "reason": why,
        "rung": rung.rung,
    }
    evaluation.widened = canonical_json([*json.loads(evaluation.widened), step]).decode()
    session.flush()
    _record(session, now, evaluation, Tag.evaluation_widened, actor, step)


def postpone(
    session: Session,
    now: datetime,
    house: House,
    actor: Actor,
    evaluation_id: str,
    reason: str,
    starts_at: datetime,
) -> None:
    """Another start, the same conditions: everybody is let go, and a new draw that names the one before may be held."""
    evaluation = require_short(session, actor, evaluation_id)
    why = reasons_given.reason(reason)
    _require_before_room(evaluation)
    number = _start_anew(
        session, now, house, evaluation, EvaluationEvent.postpone, ending.POSTPONED, starts_at
    )
    told = {"draw": number, "reason": why, "starts_at": starts_at.isoformat()}
    _record(session, now, evaluation, Tag.evaluation_postponed, actor, told)


def require_short(session: Session, actor: Actor, evaluation_id: str) -> Evaluation:
    """The evaluation of this actor, when its places cannot be filled; Conflict `not-short` otherwise."""
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.evaluation_conduct)
    require_state(evaluation)
    return evaluation


def require_state(evaluation: Evaluation) -> None:
    """Conflict `not-short` unless its places cannot be filled."""
    if evaluation.state != EvaluationState.short:
        raise Conflict(
            "not-short",
            N_("只有名额不足时才能放宽、改期或直接确定"),
            N_("按页面顶部的流程提示进行下一步"),
        )


def next_rung(session: Session, evaluation: Evaluation) -> Widened | None:
    """What widening would change now; None when the pack declares no further rung."""
    if not has_ladder(evaluation):
        return None
    question = booking.conditions(session, evaluation)
    return widening.next_rung(
        question.rules.words(LADDER),
        [step.rung for step in steps(evaluation)],
        question.slots,
        question.bounds,
        widening.vacant_groups(question.slots, vacant_seats(session, evaluation)),
    )


def has_ladder(evaluation: Evaluation) -> bool:
    """Whether the rule pack declares a ladder at all."""
    return library.load(evaluation.rule_pack).has(LADDER)


def vacant_seats(session: Session, evaluation: Evaluation) -> tuple[int, ...]:
    """The numbers of the seats that nobody holds or is asked to take; all of them where a share was withheld."""
    draw = keeping.load(session, str(evaluation.draw_id))
    over = draw.closed_at is not None
    return tuple(slot.seat_no for slot in slots_of(session, draw) if over or slot.state in VACANT)


def steps(evaluation: Evaluation) -> tuple[Step, ...]:
    """The rungs that were taken for this evaluation, in order."""
    return tuple(
        Step(
            one["rung"],
            tuple((before, after) for before, after in one["changes"]),
            one["reason"],
            one["draw"],
        )
        for one in json.loads(evaluation.widened)
    )


def _require_before_room(evaluation: Evaluation) -> None:
    if evaluation.room_id is not None:
        raise Conflict(
            "room-opened",
            N_("评标室已经开放，录音录像须随本次评标封存，不能放宽或改期后重抽"),
            N_("为空缺席位直接确定，或终止本次评标后重新预约"),
        )


def _start_anew(
    session: Session,
    now: datetime,
    house: House,
    evaluation: Evaluation,
    event: EvaluationEvent,
    reason: str,
    starts_at: datetime | None,
) -> str:
    """Ends the draw and lets everybody go; returns its number. The parties promise anew for the next one."""
    when = starts_at or evaluation.starts_at
    if problems := booking.time_problems(now, when, rehearsal=evaluation.rehearsal):
        first = problems[0]
        raise InvalidInput(first.code, first.message, first.remedy, **first.params)
    cases.move(session, evaluation, event)
    draw = keeping.load(session, str(evaluation.draw_id))
    committee.release_everybody(session, now, house, evaluation, reason)
    parties.renew(session, evaluation.id)
    evaluation.starts_at, evaluation.draw_id, evaluation.short_reason = when, None, None
    session.add(evaluation)
    session.flush()
    return draw.number


def _record(
    session: Session,
    now: datetime,
    evaluation: Evaluation,
    tag: Tag,
    actor: Actor,
    data: Mapping[str, Canonical],
) -> None:
    audit.record(
        session,
        now,
        case=evaluation.id,
        tag=tag,
        actor=actor.id,
        subject=f"evaluation:{evaluation.number}",
        data=data,
    )
