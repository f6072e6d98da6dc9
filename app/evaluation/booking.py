"""Checks a booking against the rules in force and the depth of the pool, and enters what was booked."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import Session, col

from app.core.canonical import Canonical, canonical_json
from app.core.i18n import N_
from app.core.sealing import Sealer
from app.evaluation import booking_rules
from app.evaluation.models import Evaluation
from app.evaluation.schemas import BookingIn, SlotIn, UnitIn
from app.projects import service as projects
from app.projects.models import Lot
from app.projects.service import CriterionIn, LotIn, PartyIn, PartyRole
from app.rules import library
from app.rules.pack import RulePack
from expert_draw import pooling, sealed
from expert_draw.engine.columns import Unit
from expert_draw.invitation import VACATES, InvitationState
from expert_draw.models import Draw
from expert_draw.pooling import Appointed, PoolQuestion, RegionAsked, SlotAsked
from expert_draw.snapshot import Rosters
from venue.models import Center

_BARRED = frozenset({InvitationState.struck, InvitationState.recused, InvitationState.removed})
_UNABLE = frozenset(VACATES) - _BARRED - {InvitationState.unreachable}
_AVOIDED = (PartyRole.agency, PartyRole.avoid, PartyRole.bidder)
_MOST_PLACES = 26
_FARTHEST = timedelta(days=730)


Problem = booking_rules.Problem


@dataclass(frozen=True, slots=True)
class Depth:
    """How many active experts there are for a place asked for."""

    specialty: str
    wanted: int
    active: int


def depths(session: Session, rosters: Rosters, wanted: BookingIn) -> tuple[Depth, ...]:
    """How many the roster holds for each place asked for."""
    roster = rosters.current(session)
    return tuple(
        Depth(slot.specialty, slot.count, pooling.depth(roster, slot.specialty)) for slot in wanted.slots
    )


def check(session: Session, now: datetime, rosters: Rosters, wanted: BookingIn) -> tuple[Problem, ...]:
    """Everything wrong with the booking, what blocks it first."""
    if wanted.rule_pack not in library.names():
        return (Problem("rule-pack", N_("没有这个规则包"), N_("从已有规则包中选择")),)
    rules = library.load(wanted.rule_pack)
    found = [
        *_places(wanted),
        *booking_rules.committee(rules, wanted),
        *time_problems(now, wanted.starts_at, rehearsal=wanted.rehearsal),
        *booking_rules.draw_times(rules, now, wanted),
        *_center(session, wanted),
        *_pool(rules, depths(session, rosters, wanted)),
    ]
    return tuple(sorted(found, key=lambda problem: (not problem.blocks, problem.note)))


def enter(session: Session, now: datetime, wanted: BookingIn) -> Lot:
    """Stores the lot and the parties around it."""
    parties = [_party(PartyRole.tenderee, wanted.tenderee)]
    if wanted.agency is not None:
        parties.append(_party(PartyRole.agency, wanted.agency))
    parties += [_party(PartyRole.avoid, unit) for unit in wanted.avoid]
    parties += [_party(PartyRole.supervisor, unit) for unit in wanted.supervisors]
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
    """The places as they are stored."""
    return places_text(wanted.slots)


def places_text(places: Sequence[SlotAsked] | Sequence[SlotIn]) -> str:
    """These places as they are stored."""
    rows: list[Canonical] = [[slot.specialty, slot.count, slot.titles, slot.regions] for slot in places]
    return canonical_json(rows).decode()


def conditions_text(sealer: Sealer, wanted: BookingIn) -> str:
    """What else the draw has to heed, as it is stored: of people to avoid only their fingerprints."""
    return canonical_json(
        {
            "persons": sorted(sealer.fingerprint(identity) for identity in wanted.avoid_persons),
            "regions": [[bound.region, bound.least, bound.most] for bound in wanted.regions],
        }
    ).decode()


def slots(evaluation: Evaluation) -> tuple[SlotAsked, ...]:
    """The places of the evaluation as they were booked."""
    rows = json.loads(evaluation.slots)
    return tuple(
        SlotAsked(specialty, count, *(tuple(filters) for filters in more)) for specialty, count, *more in rows
    )


def question(session: Session, sealer: Sealer, evaluation: Evaluation) -> PoolQuestion:
    """For what the roster is asked: the conditions, and whom earlier draws for this evaluation have used up."""
    return replace(conditions(session, evaluation), used=_used(session, sealer, evaluation))


def conditions(session: Session, evaluation: Evaluation) -> PoolQuestion:
    """What was booked, as the roster is asked: places, time, everyone around the lot as units to avoid, the rules."""
    around = projects.parties(session, evaluation.lot_id, _AVOIDED)
    purchaser = projects.parties(session, evaluation.lot_id, (PartyRole.tenderee,))
    supervisors = projects.parties(session, evaluation.lot_id, (PartyRole.supervisor,))
    more = json.loads(evaluation.conditions)
    return PoolQuestion(
        slots=slots(evaluation),
        starts_at=evaluation.starts_at,
        minutes=evaluation.minutes,
        avoid=tuple(Unit(party.credit_code or "", party.name) for party in around),
        purchaser=tuple(Unit(party.credit_code or "", party.name) for party in purchaser),
        # Without their employer: the tenderee's own staff is barred anyway, and may send two representatives.
        held=tuple(Appointed(f"representative-{number}") for number in range(1, evaluation.appointed + 1)),
        supervisors=tuple(Unit(party.credit_code or "", party.name) for party in supervisors),
        persons=tuple(more.get("persons", ())),
        bounds=tuple(RegionAsked(*row) for row in more.get("regions", ())),
        rules=library.load(evaluation.rule_pack),
    )


def _used(session: Session, sealer: Sealer, evaluation: Evaluation) -> tuple[str, ...]:
    """Ids of experts who are not drawn again for this evaluation, from draws of it that are over: whoever may not sit in it,
    and whoever could not come at this very time."""
    earlier = sealed.invited(
        session,
        sealer,
        col(Draw.evaluation_id) == evaluation.id,
        col(Draw.id) != (evaluation.draw_id or ""),
    )
    return tuple(
        sorted(
            {
                one.expert_id
                for one in earlier
                if one.state in _BARRED or (one.state in _UNABLE and one.starts_at >= evaluation.starts_at)
            }
        )
    )


def _party(role: PartyRole, unit: UnitIn) -> PartyIn:
    return PartyIn(role, unit.name, unit.credit_code)


def _places(wanted: BookingIn) -> list[Problem]:
    found = []
    if sum(slot.count for slot in wanted.slots) > _MOST_PLACES:
        found.append(Problem("too-many-places", N_("一个评标委员会至多 26 人"), N_("减少人数，或分标段评标")))
    if len({slot.specialty for slot in wanted.slots}) != len(wanted.slots):
        found.append(Problem("specialty-twice", N_("同一专业填写了两次"), N_("合并为一行")))
    return found


def _pool(rules: RulePack, found: Sequence[Depth]) -> Iterator[Problem]:
    ratio, least = rules.rule("draw.pool_depth_min_ratio"), rules.integer("draw.pool_depth_min_ratio")
    for depth in found:
        told = {"specialty": depth.specialty, "wanted": depth.wanted, "active": depth.active}
        if depth.active < depth.wanted:
            yield Problem(
                "pool-short",
                N_("专业 {specialty} 需要 {wanted} 人，在库可用专家只有 {active} 人"),
                N_("放宽到上一级专业，或减少该专业人数"),
                params=dict(told),
            )
        elif depth.active < depth.wanted * least:
            yield booking_rules.by_rule(
                ratio,
                "pool-shallow",
                N_("专业 {specialty} 需要 {wanted} 人，在库只有 {active} 人，名单容易被猜到"),
                N_("建议放宽到上一级专业"),
                blocks=False,
                **told,
            )


def time_problems(now: datetime, starts_at: datetime, *, rehearsal: bool) -> list[Problem]:
    """What is wrong with that start, seen from `now`."""
    if starts_at > now + _FARTHEST:
        return [Problem("starts-too-late", N_("开始时间在两年以后"), N_("选择两年以内的时间"))]
    if starts_at > now - (timedelta(days=1) if rehearsal else timedelta()):
        return []
    return [Problem("starts-in-past", N_("开始时间已过"), N_("选择将来的时间"))]


def _center(session: Session, wanted: BookingIn) -> list[Problem]:
    center = session.get(Center, wanted.host_center_id)
    if center is not None and center.kind in {"host", "sister"}:
        return []
    return [Problem("host-center", N_("主场中心不存在，或不能作为主场"), N_("从列表中选择主场中心"))]
