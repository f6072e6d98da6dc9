"""Names experts for places that chance cannot fill: the host proposes with a reason, the supervisor approves, all is flagged."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session

from app.accounts.access import Actor
from app.core import reasons_given
from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.i18n import N_
from app.evaluation import booking, cases, joint_acts, places, seats, shortage
from app.evaluation.cases import House
from app.evaluation.joint_acts import JointKind
from app.evaluation.lifecycle import EvaluationEvent
from app.evaluation.models import Evaluation, JointAct
from app.rules import library
from app.rules.pack import RulePack
from expert_draw import designating, inviting, keeping, rounds, sealed
from expert_draw.engine.avoidance import Ground as Against
from expert_draw.ground import Ground, slots_of
from expert_draw.inviting import Placed
from expert_draw.models import Draw, DrawSlot, Expert
from venue import service as venues

ALLOWED, REQUIRES, AT_SITE = (
    "draw.designate_allowed_when",
    "draw.designate_requires",
    "draw.on_shortage_at_site",
)
BY_SHORTAGE = "designate_with_consent"
"""What a rule pack names among its answers to a shortage where naming people is one."""

BY_TWO_PERSONS = "reason_and_approver"
"""What a rule pack requires that the joint act itself fulfils; any other word is the consent of somebody outside."""

_BARRED = {
    Against.entry_expired.value: N_("入库有效期已过"),
    Against.over_age.value: N_("超过年龄上限"),
    Against.qualification_missing.value: N_("资格条件不符"),
    Against.suspended.value: N_("暂停抽取"),
}
"""Why somebody cannot even be proposed: what the roster says. Whether they were drawn, here or elsewhere, shows in none."""


def circumstances(evaluation: Evaluation) -> tuple[str, ...]:
    """In which circumstances the rule pack lets people be named; words of the register."""
    rules = library.load(evaluation.rule_pack)
    found = rules.words(ALLOWED) if rules.has(ALLOWED) else ()
    at_site = rules.words(AT_SITE) if rules.has(AT_SITE) else ()
    return (*found, *(word for word in at_site if word == BY_SHORTAGE))


def propose(
    session: Session,
    now: datetime,
    house: House,
    actor: Actor,
    evaluation_id: str,
    numbers: Mapping[int, str],
    circumstance: str,
    reason: str,
    consent: str = "",
) -> JointAct:
    """Asks the supervisor to let these experts take the vacant seats. numbers: seat number → number of the expert.

    consent: what shows that whoever has to agree by the rules has done so, such as the number of a letter. Every vacant
    seat has to be named at once. InvalidInput with the rule where the circumstance is none of those allowed,
    and where the roster speaks against somebody. What depends on whom chance has drawn is looked at when it is approved:
    whoever proposes alone, one number after another, learns nothing of it.
    """
    evaluation = shortage.require_short(session, actor, evaluation_id)
    draw = _open_draw(session, evaluation)
    _require_allowed(library.load(evaluation.rule_pack), circumstances(evaluation), circumstance)
    agreed = _consent(library.load(evaluation.rule_pack), consent)
    named = _named(session, evaluation, draw, numbers)
    _require_not_barred(session, house, evaluation, named)
    return joint_acts.ask(
        session,
        now,
        actor,
        evaluation,
        JointKind.designation,
        subject=f"evaluation:{evaluation.number}",
        why=reason,
        detail={
            "circumstance": circumstance,
            "consent": agreed,
            "places": [
                [slot.seat_no, sealed.named(house.sealer, draw, slot.seat_no, expert.id)]
                for slot, expert in named
            ],
            "rule": REQUIRES,
        },
    )


def carry_out(session: Session, now: datetime, house: House, evaluation: Evaluation, act: JointAct) -> None:
    """The supervisor has approved: those named are invited by the usual ladder, and marked as named everywhere.

    Conflict when the vacant seats are others by now, and where anything speaks against somebody: in the same words whatever
    it is, so that they tell nobody who was drawn.
    """
    shortage.require_state(evaluation)
    keeping.hold_people(session)
    draw = _open_draw(session, evaluation)
    wanted = {
        int(seat_no): sealed.read_named(house.sealer, draw, int(seat_no), kept)
        for seat_no, kept in json.loads(act.detail)["places"]
    }
    named = [
        (slot, session.get_one(Expert, wanted[slot.seat_no]))
        for slot in slots_of(session, draw)
        if slot.seat_no in wanted
    ]
    if sorted(wanted) != list(shortage.vacant_seats(session, evaluation)):
        raise Conflict(
            "designate-outdated", N_("空缺的席位已经变化，这份人选不再适用"), N_("否决后由主场重新提出")
        )
    _require_fit(session, house, evaluation, draw, named)
    found = _seats(session, now, house, evaluation, draw, named)
    if found is None:
        raise Conflict("designate-no-seat", N_("没有空闲工位可以安排"), N_("腾出同时段的工位后再核准"))
    in_room = evaluation.room_id is not None
    event = EvaluationEvent.designate_successor if in_room else EvaluationEvent.designate
    cases.move(session, evaluation, event)
    evaluation.short_reason = None
    placed = [
        Placed(slot, expert.id, "", center_id, seat_id, designated=True)
        for (slot, expert), (center_id, seat_id) in zip(named, found, strict=True)
    ]
    places.take(session, now, house, evaluation, draw, placed)


def _seats(
    session: Session,
    now: datetime,
    house: House,
    evaluation: Evaluation,
    draw: Draw,
    named: Sequence[tuple[DrawSlot, Expert]],
) -> tuple[tuple[str, str], ...] | None:
    """Center and seat for each; a place whose seat is booked still keeps it, so that none is booked twice."""
    seating = seats.seating(session, now, evaluation)
    stands = venues.booked_places(session, evaluation.id)
    held = rounds.seat_of_place(session, Ground(now, house.sealer, house.rosters), draw, seating)
    sitting = {one.seat_id for one in inviting.standing(session, draw)}
    own = {
        seat_no: (stands[seat][0], seat)
        for seat_no, seat in held.items()
        if seat in stands and seat not in sitting
    }
    going = sitting | {own[slot.seat_no][1] for slot, _ in named if slot.seat_no in own}
    shared = {stands[seat][1] for seat in going if seat in stands}
    return designating.seats_for(named, seating.offers, booking.conditions(session, evaluation), own, shared)


def _open_draw(session: Session, evaluation: Evaluation) -> Draw:
    draw = keeping.load(session, str(evaluation.draw_id))
    if draw.closed_at is not None:
        raise Conflict(
            "designate-draw-over",
            N_("本次抽取已经作废，没有可以直接确定的席位"),
            N_("改期后重新抽取，或终止后重新预约"),
        )
    return draw


def _require_allowed(rules: RulePack, allowed: Sequence[str], circumstance: str) -> None:
    if circumstance in allowed:
        return
    rule = rules.rule(ALLOWED) if rules.has(ALLOWED) else None
    raise InvalidInput(
        "designate-not-allowed",
        N_("规则不允许在这种情形下直接确定专家（{rule}，{source}）"),
        N_("选择规则列明的情形；都不符合时放宽条件或改期"),
        rule=ALLOWED,
        source=rule.source if rule else "—",
    )


def needs_consent(evaluation: Evaluation) -> bool:
    """Whether somebody outside of the house has to agree before people are named, so that the proposal says where they did."""
    return _asks_consent(library.load(evaluation.rule_pack))


def _asks_consent(rules: RulePack) -> bool:
    return rules.has(REQUIRES) and rules.word(REQUIRES) != BY_TWO_PERSONS


def _consent(rules: RulePack, text: str) -> str:
    """The reference as it is kept, "" where none is needed; InvalidInput names the rule that asks for it."""
    if not _asks_consent(rules):
        return ""
    found = text.strip()
    if not reasons_given.fits(found):
        rule = rules.rule(REQUIRES)
        raise InvalidInput(
            "designate-consent",
            N_("规则要求先取得同意，人选须写明同意的文号或出处（{rule}，{source}）"),
            N_("写明由谁、以什么文件同意，4 至 400 字；尚未取得同意的，先报请同意"),
            rule=REQUIRES,
            source=rule.source,
        )
    return found


def _named(
    session: Session, evaluation: Evaluation, draw: Draw, numbers: Mapping[int, str]
) -> list[tuple[DrawSlot, Expert]]:
    vacant = shortage.vacant_seats(session, evaluation)
    if sorted(numbers) != list(vacant):
        raise InvalidInput(
            "designate-incomplete",
            N_("须为全部空缺席位一次提出人选：{seats}"),
            N_("每个空缺席位填写一个专家编号"),
            seats="、".join(map(str, vacant)),
        )
    if len(set(numbers.values())) != len(numbers):
        raise InvalidInput("designate-twice", N_("同一位专家填写了两次"), N_("每个席位填写不同的专家"))
    found = []
    for slot in slots_of(session, draw):
        if slot.seat_no in numbers:
            number = numbers[slot.seat_no]
            expert = designating.by_number(session, number) if number.isalnum() else None
            if expert is None:
                raise NotFound(
                    "expert",
                    N_("专家库没有 {seat_no} 号席填写的编号"),
                    N_("核对编号；库外人员须先入库"),
                    seat_no=slot.seat_no,
                )
            found.append((slot, expert))
    return found


def _require_not_barred(
    session: Session, house: House, evaluation: Evaluation, named: Sequence[tuple[DrawSlot, Expert]]
) -> None:
    against = designating.barred(
        session,
        house.sealer,
        house.rosters.current(session),
        booking.question(session, house.sealer, evaluation),
        [expert for _, expert in named],
    )
    for slot, expert in named:
        if expert.id in against:
            raise InvalidInput(
                "designate-barred",
                N_("{seat_no} 号席的人选不能参加：{ground}"),
                N_("换一位专家"),
                seat_no=slot.seat_no,
                ground=_BARRED[against[expert.id]],
            )


def _require_fit(
    session: Session,
    house: House,
    evaluation: Evaluation,
    draw: Draw,
    named: Sequence[tuple[DrawSlot, Expert]],
) -> None:
    unfit = designating.unfit(
        session,
        house.sealer,
        house.rosters.current(session),
        booking.question(session, house.sealer, evaluation),
        draw,
        [expert for _, expert in named],
    )
    for slot, expert in named:
        if expert.id in unfit:
            raise Conflict(
                "designate-unfit",
                N_("{seat_no} 号席的人选现在不能确定"),
                N_("否决后由主场换一位专家重新提出"),
                seat_no=slot.seat_no,
            )
