"""Checks a booking against the rules in force: who sits on the committee, and when it may be drawn."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.core.errors import InvalidInput
from app.core.i18n import N_
from app.evaluation.schemas import BookingIn
from app.rules.calendar import CHINA, DrawTime, earliest_draw, latest_draw
from app.rules.known import CONDITIONS
from app.rules.pack import Rule, RulePack
from app.rules.shapes import fraction_of
from app.rules.words import WORDS
from expert_draw.engine.quota import committee_problems

_RULE_OF = {
    "committee.too_small": "committee.min_size",
    "committee.even": "committee.odd_size",
    "committee.expert_share": "committee.expert_share_min",
}
_BY_HAND = N_("系统不掌握这一情况，请人工核对")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a booking cannot stand, should be thought over, or what else to know: the rule, its source, what to do.

    blocks: it cannot be booked so; note: nothing is wrong, people only have to know or to check it;
    evidence: V statute read, S public source, R to be confirmed, L local choice; empty where no rule speaks.
    """

    code: str
    message: str
    remedy: str = ""
    rule: str = ""
    source: str = ""
    evidence: str = ""
    blocks: bool = True
    note: bool = False
    params: dict[str, object] = field(default_factory=dict)


def by_rule(
    rule: Rule, code: str, message: str, remedy: str = "", *, blocks: bool = True, **params: object
) -> Problem:
    """A problem that a rule of the pack raises, with its source."""
    return Problem(
        code, message, remedy, rule.path, rule.source, rule.evidence, blocks=blocks, params=dict(params)
    )


def noted(rule: Rule, code: str, message: str, remedy: str = "", **params: object) -> Problem:
    """Something to know or to check by hand, with the rule that says so."""
    return Problem(
        code,
        message,
        remedy,
        rule.path,
        rule.source,
        rule.evidence,
        blocks=False,
        note=True,
        params=dict(params),
    )


def committee(rules: RulePack, wanted: BookingIn) -> tuple[Problem, ...]:
    """What the rules say of the committee: experts drawn and representatives the tenderee appoints together."""
    places = sum(slot.count for slot in wanted.slots)
    found = [
        _of_engine(rules.rule(_RULE_OF[one.code]), one)
        for one in committee_problems(
            places,
            wanted.appointed,
            least=rules.integer("committee.min_size"),
            share=rules.fraction("committee.expert_share_min"),
        )
        if one.code != "committee.even" or rules.flag("committee.odd_size")
    ]
    found.extend(_representatives(rules, places, wanted.appointed))
    found.extend(_special_projects(rules, places + wanted.appointed))
    own_unit = "committee.own_unit_expert_only_as_purchaser_rep"
    if rules.has(own_unit) and rules.flag(own_unit):
        message = N_("招标人本单位的专家不参加抽取，只能作为招标人代表参加")
        found.append(noted(rules.rule(own_unit), "own-unit", message))
    return tuple(found)


def draw_times(rules: RulePack, now: datetime, wanted: BookingIn) -> tuple[Problem, ...]:
    """When the draw may be held, against `now` and the start that is asked for."""
    earliest = earliest_draw(rules.rule("draw.earliest"), wanted.starts_at)
    latest = latest_draw(rules.rule("draw.latest_before_start"), wanted.starts_at)
    found = [*_earliest(earliest, now), *_elsewhere(rules)]
    if latest.at is not None and latest.at < now <= wanted.starts_at:
        found.append(
            by_rule(
                latest.rule,
                "draw-late",
                N_("最迟应在 {at} 抽取，现在已经超过"),
                N_("建议推迟开始时间"),
                blocks=False,
                at=_clock(latest.at),
            )
        )
    found.extend(
        noted(
            bound.rule,
            "calendar-open",
            N_("{years} 年的放假调休安排尚未确认，工作日按推定计算"),
            N_("国务院办公厅公布后更新日历"),
            years="、".join(map(str, bound.unconfirmed)),
        )
        for bound in (earliest, latest)
        if bound.unconfirmed
    )
    return tuple(found)


def _of_engine(rule: Rule, refusal: InvalidInput) -> Problem:
    told = dict(refusal.params)
    return Problem(
        refusal.code, refusal.message, refusal.remedy, rule.path, rule.source, rule.evidence, params=told
    )


def _representatives(rules: RulePack, places: int, appointed: int) -> Iterator[Problem]:
    rule, size = rules.rule("committee.purchaser_reps_max"), places + appointed
    remedy = N_("减少招标人代表")
    if isinstance(rule.value, int) and appointed > rule.value:
        message = N_("招标人代表 {appointed} 人，多于规定的 {most} 人")
        yield by_rule(
            rule, "committee.representatives", message, remedy, appointed=appointed, most=rule.value
        )
    share = fraction_of(rule.more.get("share_max"))
    if share is not None and appointed * share[1] > size * share[0]:
        yield by_rule(
            rule,
            "committee.representatives_share",
            N_("招标人代表 {appointed} 人，超过 {size} 人的 {numerator}/{denominator}"),
            remedy,
            appointed=appointed,
            size=size,
            numerator=share[0],
            denominator=share[1],
        )


def _special_projects(rules: RulePack, size: int) -> Iterator[Problem]:
    """Other sizes for certain projects: a booking does not say what kind it is, so people have to look."""
    usual = rules.integer("committee.min_size")
    for case in rules.cases("committee.size_overrides"):
        least, when = case.value, str(case.more["when"])
        if not isinstance(least, int):
            raise TypeError(f"{case.path} of rule pack {rules.id} is not a whole number")
        told = {"condition": CONDITIONS.get(when, when), "least": least}
        if size < least and least > usual:
            yield noted(
                case, "committee.special", N_("{condition}的评标委员会至少 {least} 人"), _BY_HAND, **told
            )
        elif least <= size < usual:
            yield noted(
                case,
                "committee.special",
                N_("{condition}的评标委员会可以为 {least} 人，这里按一般规定检查"),
                _BY_HAND,
                **told,
            )


def _earliest(bound: DrawTime, now: datetime) -> Iterator[Problem]:
    if bound.not_applied is not None:
        yield noted(
            bound.rule,
            "draw-earliest",
            N_("{circumstance}不适用最早抽取时间的规定"),
            circumstance=WORDS[bound.not_applied],
        )
    elif bound.at is not None and bound.at > now:
        yield noted(bound.rule, "draw-earliest", N_("最早可以在 {at} 抽取"), at=_clock(bound.at))


def _elsewhere(rules: RulePack) -> Iterator[Problem]:
    """Terms for experts from elsewhere and for the opening of bids, which a booking does not tell."""
    earliest = rules.rule("draw.earliest")
    if earliest.more.get("out_of_city") == "earlier_with_consent":
        yield noted(earliest, "draw-elsewhere", N_("外地专家经同意可以提前抽取"), _BY_HAND)
    if "out_of_province" in earliest.more:
        asked = Rule(earliest.path, earliest.more["out_of_province"], earliest.source, earliest.evidence)
        if isinstance(asked.span, timedelta):
            message = N_("抽取外省专家时，最早可以提前 {hours} 小时")
            yield noted(asked, "draw-elsewhere", message, _BY_HAND, hours=asked.span // timedelta(hours=1))
    formed = "draw.committee_formed_within"
    if rules.has(formed):
        hours = rules.duration(formed) // timedelta(hours=1)
        message = N_("评标委员会应在开标前 {hours} 小时内组建")
        yield noted(rules.rule(formed), "committee-formed", message, _BY_HAND, hours=hours)


def _clock(at: datetime) -> str:
    return at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")
