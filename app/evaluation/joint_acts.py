"""Acts that take two persons: one asks for it with a reason, another one confirms or refuses it; which, a table says."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select, update

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus, reasons_given
from app.core.canonical import Canonical, canonical_json
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.core.ids import new_id
from app.evaluation import askers, relations
from app.evaluation.models import Evaluation, JointAct

HOST, SUPERVISOR = "host", "supervisor"
ASKED, DONE, LAPSED, REFUSED = "asked", "done", "lapsed", "refused"
LASTS = timedelta(hours=72)
"""So long a second person may confirm; after that it has to be asked anew."""


class JointKind(StrEnum):
    """What takes two persons."""

    designation = "designation"  # naming people for vacant places
    disposal = "disposal"  # deleting a recording whose time is over
    hold_release = "hold_release"  # letting go of a recording that was held
    illness = "illness"  # saying that a member is too ill
    recording_export = "recording_export"  # letting a recording leave the house
    recusal = "recusal"  # saying that a member has to avoid a bidder
    removal = "removal"  # sending a member away
    unsealing = "unsealing"  # opening the names of a draw before their time


@dataclass(frozen=True, slots=True)
class Rule:
    """What the first person needs and what the second; it is never the same person.

    sides: the second speaks for another side than the first. reasons: both say why.
    """

    asks: Permission
    settles: Permission
    sides: bool = False
    reasons: bool = False


_P = Permission
RULES: Mapping[JointKind, Rule] = {
    JointKind.designation: Rule(_P.evaluation_conduct, _P.evaluation_supervise, sides=True),
    JointKind.disposal: Rule(_P.recording_dispose, _P.recording_dispose, reasons=True),
    JointKind.hold_release: Rule(_P.recording_release, _P.recording_release, reasons=True),
    JointKind.illness: Rule(_P.evaluation_conduct, _P.evaluation_supervise, sides=True),
    JointKind.recording_export: Rule(_P.recording_export, _P.recording_export, reasons=True),
    JointKind.recusal: Rule(_P.evaluation_conduct, _P.evaluation_supervise, sides=True),
    JointKind.removal: Rule(_P.member_dismiss, _P.member_dismiss, sides=True),
    JointKind.unsealing: Rule(_P.name_unseal, _P.name_unseal_approve, reasons=True),
}
OF_MEMBERS = frozenset({JointKind.designation, JointKind.illness, JointKind.recusal, JointKind.removal})
"""Those about places and who sits in them; the others have doors of their own, with permissions of their own."""


def side(actor: Actor) -> str:
    """For which side this actor speaks: `supervisor`, `host`, or else their own role."""
    if actor.may(Permission.evaluation_supervise):
        return SUPERVISOR
    return HOST if actor.may(Permission.evaluation_conduct) else actor.role


def ask(
    session: Session,
    now: datetime,
    actor: Actor,
    evaluation: Evaluation,
    kind: JointKind,
    *,
    subject: str,
    why: str,
    detail: Mapping[str, Canonical],
) -> JointAct:
    """Asks for the second person; what was asked before and lapsed makes room for it.

    Conflict while the same is asked already, or where the actor is none who may ask.
    """
    if relations.lacking(session, actor, evaluation, RULES[kind].asks):
        raise Conflict("first-person", N_("这一事项不能由您提出"), N_("请有权提出的人员在评标页面提出"))
    _make_room(session, now, evaluation, kind, subject)
    act = JointAct(
        id=new_id(now),
        evaluation_id=evaluation.id,
        kind=kind,
        subject=subject,
        detail=canonical_json(detail).decode(),
        reason=reasons_given.reason(why),
        side=side(actor),
        asked_by=actor.id,
        asked_at=now,
        state=ASKED,
    )
    try:
        with session.begin_nested():
            session.add(act)
    except IntegrityError as error:
        raise Conflict(
            "joint-act-asked", N_("同一事项已经提出，正在等待另一方确认"), N_("由另一方确认或否决之后再提出")
        ) from error
    _record(session, now, evaluation, act, Tag.joint_act_asked, actor, {"reason": act.reason})
    return act


def settle(
    session: Session,
    now: datetime,
    actor: Actor,
    evaluation: Evaluation,
    act_id: str,
    *,
    confirm: bool,
    kinds: Collection[JointKind] = OF_MEMBERS,
    why: str = "",
) -> JointAct:
    """Settles it by one conditional update. NotFound for one of other kinds than those that the door is for.

    Conflict when it is settled, or when this actor may not be the second person; to confirm also once it has lapsed.
    why: needed where both give a reason.
    """
    act = session.get(JointAct, act_id, populate_existing=True)
    if act is None or act.evaluation_id != evaluation.id or act.kind not in kinds:
        raise NotFound("joint-act", N_("没有这一事项"), N_("从评标页面进入"))
    _require_second(session, actor, evaluation, act)
    if confirm and (too_late := lapsed(session, now, evaluation, act)):
        raise too_late
    reason = reasons_given.reason(why) if RULES[JointKind(act.kind)].reasons else ""
    settled = session.exec(
        update(JointAct)
        .where(col(JointAct.id) == act.id, col(JointAct.state) == ASKED)
        .values(
            state=DONE if confirm else REFUSED, settled_by=actor.id, settled_at=now, settled_reason=reason
        )
    )
    if not settled.rowcount:
        raise Conflict("joint-act-settled", N_("这一事项已经处理"), N_("刷新页面查看最新状态"))
    session.refresh(act)
    tag = Tag.joint_act_confirmed if confirm else Tag.joint_act_refused
    _record(session, now, evaluation, act, tag, actor, {"reason": reason} if reason else {})
    return act


def may_settle(session: Session, actor: Actor, evaluation: Evaluation, act: JointAct) -> bool:
    """Whether this actor may be the second person."""
    rule = RULES[JointKind(act.kind)]
    same = actor.id == act.asked_by or (rule.sides and side(actor) == act.side)
    return not same and not relations.lacking(session, actor, evaluation, rule.settles)


def lapsed(session: Session, now: datetime, evaluation: Evaluation, act: JointAct) -> Conflict | None:
    """Why what is asked can be confirmed no more: it was long ago, or who asked could not ask for it now."""
    if now - act.asked_at >= LASTS:
        return Conflict("joint-act-late", N_("这一事项提出已久，不再有效"), N_("请重新提出"))
    asks = RULES[JointKind(act.kind)].asks
    asker = askers.present(session, act.asked_by, asks)
    if asker is None or relations.lacking(session, asker, evaluation, asks):
        return askers.gone()
    return None


def _make_room(
    session: Session, now: datetime, evaluation: Evaluation, kind: JointKind, subject: str
) -> None:
    """What has lapsed stands in nobody's way."""
    for act in asked(session, evaluation.id, {kind}):
        if act.subject == subject and lapsed(session, now, evaluation, act):
            act.state, act.settled_at = LAPSED, now
    session.flush()


def _require_second(session: Session, actor: Actor, evaluation: Evaluation, act: JointAct) -> None:
    if not may_settle(session, actor, evaluation, act):
        if RULES[JointKind(act.kind)].sides:
            raise Conflict(
                "second-person",
                N_("须由另一方的人员确认，提出的一方不能自己确认"),
                N_("请另一方在评标页面确认或否决"),
            )
        raise Conflict(
            "second-person",
            N_("须由另一个有权的人员确认，不能由提出的人自己确认"),
            N_("请另一位在评标页面确认或否决"),
        )


def asked(
    session: Session, evaluation_id: str, kinds: Collection[JointKind] = OF_MEMBERS
) -> tuple[JointAct, ...]:
    """What is asked and not settled, the first first; some of it may have lapsed."""
    return tuple(
        session.exec(
            select(JointAct)
            .where(
                JointAct.evaluation_id == evaluation_id,
                JointAct.state == ASKED,
                col(JointAct.kind).in_(sorted(kinds)),
            )
            .order_by(col(JointAct.asked_at), col(JointAct.id))
        ).all()
    )


def seats(act: JointAct) -> tuple[int, ...]:
    """The numbers of the seats it concerns, if any."""
    detail = json.loads(act.detail)
    named = tuple(seat_no for seat_no, _ in detail.get("places", ()))
    return named or ((detail["seat_no"],) if "seat_no" in detail else ())


def _record(
    session: Session,
    now: datetime,
    evaluation: Evaluation,
    act: JointAct,
    tag: Tag,
    actor: Actor,
    data: Mapping[str, str],
) -> None:
    audit.record(
        session,
        now,
        case=evaluation.id,
        tag=tag,
        actor=actor.id,
        subject=act.subject,
        data={"act": act.id, "kind": act.kind, "seats": " ".join(map(str, seats(act))), **data},
    )
    bus.publish(session, f"evaluation:{evaluation.id}", "joint-acts")
