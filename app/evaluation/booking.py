"""Checks a booking against the rules in force and the depth of the pool, and enters what was booked."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from app.core.i18n import N_
from app.evaluation.models import Evaluation
from app.evaluation.schemas import BookingIn, UnitIn
from app.projects import service as projects
from app.projects.models import Lot
from app.projects.service import CriterionIn, LotIn, PartyIn, PartyRole
from app.rules import library
from app.rules.pack import RulePack
from expert_draw import pooling
from expert_draw.engine.avoidance import Unit
from expert_draw.engine.quota import committee_problems
from expert_draw.pooling import PoolQuestion, SlotAsked
from venue.models import Center

_AVOIDED = (PartyRole.agency, PartyRole.avoid, PartyRole.bidder, PartyRole.tenderee)
_MOST_PLACES = 26
_FARTHEST = timedelta(days=730)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a booking cannot stand, or should be thought over: the rule, where it comes from, what to do."""

    code: str
    message: str
    remedy: str = ""
    rule: str = ""
    source: str = ""
    blocks: bool = True
    params: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Depth:
    """How many active experts there are for a place asked for."""

    specialty: str
    wanted: int
    active: int


def depths(session: Session, wanted: BookingIn) -> tuple[Depth, ...]:
    return tuple(
        Depth(slot.specialty, slot.count, pooling.depth(session, slot.specialty)) for slot in wanted.slots
    )


def check(session: Session, now: datetime, wanted: BookingIn) -> tuple[Problem, ...]:
    """Everything wrong with the booking, what blocks it first."""
    if wanted.rule_pack not in library.names():
        return (Problem("rule-pack", N_("没有这个规则包"), N_("从已有规则包中选择")),)
    rules = library.load(wanted.rule_pack)
    found = [*_committee(rules, wanted), *_time(now, wanted), *_center(session, wanted)]
    ratio = rules.rule("draw.pool_depth_min_ratio")
    for depth in depths(session, wanted):
        params: dict[str, object] = {
            "specialty": depth.specialty,
            "wanted": depth.wanted,
            "active": depth.active,
        }
        if depth.active < depth.wanted:
            found.append(
                Problem(
                    "pool-short",
                    N_("专业 {specialty} 需要 {wanted} 人，在库可用专家只有 {active} 人"),
                    N_("放宽到上一级专业，或减少该专业人数"),
                    params=params,
                )
            )
        elif depth.active < depth.wanted * rules.integer("draw.pool_depth_min_ratio"):
            found.append(
                Problem(
                    "pool-shallow",
                    N_("专业 {specialty} 需要 {wanted} 人，在库只有 {active} 人，名单容易被猜到"),
                    N_("建议放宽到上一级专业"),
                    rule=ratio.path,
                    source=ratio.source,
                    blocks=False,
                    params=params,
                )
            )
    return tuple(sorted(found, key=lambda problem: not problem.blocks))


def enter(session: Session, now: datetime, wanted: BookingIn) -> Lot:
    """Stores the lot and the parties around it."""
    parties = [_party(PartyRole.tenderee, wanted.tenderee)]
    if wanted.agency is not None:
        parties.append(_party(PartyRole.agency, wanted.agency))
    parties += [_party(PartyRole.avoid, unit) for unit in wanted.avoid]
    parties += [_party(PartyRole.bidder, unit) for unit in wanted.bidders]
    return projects.enter_lot(
        session,
        now,
        LotIn(
            project_number=wanted.project_number,
            project_name=wanted.project_name,
            lot_number=wanted.lot_number,
            lot_name=wanted.lot_name,
            parties=tuple(parties),
            criteria=tuple(CriterionIn(one.name, one.max_hundredths) for one in wanted.criteria),
        ),
    )


def slots_text(wanted: BookingIn) -> str:
    return json.dumps([[slot.specialty, slot.count] for slot in wanted.slots])


def slots(evaluation: Evaluation) -> tuple[SlotAsked, ...]:
    """The places of the evaluation as they were booked."""
    return tuple(SlotAsked(specialty, count) for specialty, count in json.loads(evaluation.slots))


def question(session: Session, evaluation: Evaluation) -> PoolQuestion:
    """For what the roster is asked: places, time, everyone around the lot as units to avoid, the rules."""
    around = projects.parties(session, evaluation.lot_id, _AVOIDED)
    return PoolQuestion(
        slots=slots(evaluation),
        starts_at=evaluation.starts_at,
        minutes=evaluation.minutes,
        avoid=tuple(Unit(party.credit_code or "", party.name) for party in around),
        rules=library.load(evaluation.rule_pack),
    )


def _party(role: PartyRole, unit: UnitIn) -> PartyIn:
    return PartyIn(role, unit.name, unit.credit_code)


def _committee(rules: RulePack, wanted: BookingIn) -> list[Problem]:
    places = sum(slot.count for slot in wanted.slots)
    least = rules.rule("committee.min_size")
    found = [
        Problem(
            problem.code,
            problem.message,
            problem.remedy,
            least.path,
            least.source,
            params=dict(problem.params),
        )
        for problem in committee_problems(places, 0, least=rules.integer("committee.min_size"))
    ]
    if places > _MOST_PLACES:
        found.append(Problem("too-many-places", N_("一个评标委员会至多 26 人"), N_("减少人数，或分标段评标")))
    if len({slot.specialty for slot in wanted.slots}) != len(wanted.slots):
        found.append(Problem("specialty-twice", N_("同一专业填写了两次"), N_("合并为一行")))
    return found


def _time(now: datetime, wanted: BookingIn) -> list[Problem]:
    if wanted.starts_at > now + _FARTHEST:
        return [Problem("starts-too-late", N_("开始时间在两年以后"), N_("选择两年以内的时间"))]
    if wanted.starts_at > now - (timedelta(days=1) if wanted.rehearsal else timedelta()):
        return []
    return [Problem("starts-in-past", N_("开始时间已过"), N_("选择将来的时间"))]


def _center(session: Session, wanted: BookingIn) -> list[Problem]:
    center = session.get(Center, wanted.host_center_id)
    if center is not None and center.kind in {"host", "sister"}:
        return []
    return [Problem("host-center", N_("主场中心不存在，或不能作为主场"), N_("从列表中选择主场中心"))]
