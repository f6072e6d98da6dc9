"""Acts that take two persons: one side asks for it with a reason, somebody of the other side confirms or refuses it."""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select, update

from app.accounts.access import Actor
from app.accounts.permissions import Role
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.core.canonical import Canonical, canonical_json
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.core.ids import new_id
from app.evaluation import reasons_given
from app.evaluation.models import Evaluation, JointAct

HOST, SUPERVISOR = "host", "supervisor"
ASKED, DONE, REFUSED = "asked", "done", "refused"


class JointKind(StrEnum):
    """What takes two persons."""

    designation = "designation"  # naming people for vacant places
    illness = "illness"  # saying that a member is too ill
    recusal = "recusal"  # saying that a member has to avoid a bidder
    removal = "removal"  # sending a member away


def side(actor: Actor) -> str:
    """For which side this actor speaks, `host` or `supervisor`."""
    return SUPERVISOR if actor.role is Role.supervisor else HOST


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
    """Asks the other side; Conflict while the same is asked already."""
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
    session: Session, now: datetime, actor: Actor, evaluation: Evaluation, act_id: str, *, confirm: bool
) -> JointAct:
    """Settles it by one conditional update. Conflict when it is settled, or when this actor may not be the second person."""
    act = session.get(JointAct, act_id, populate_existing=True)
    if act is None or act.evaluation_id != evaluation.id:
        raise NotFound("joint-act", N_("没有这一事项"), N_("从评标页面进入"))
    if side(actor) == act.side or actor.id == act.asked_by:
        raise Conflict(
            "second-person",
            N_("须由另一方的人员确认，提出的一方不能自己确认"),
            N_("请另一方在评标页面确认或否决"),
        )
    settled = session.exec(
        update(JointAct)
        .where(col(JointAct.id) == act.id, col(JointAct.state) == ASKED)
        .values(state=DONE if confirm else REFUSED, settled_by=actor.id, settled_at=now)
    )
    if not settled.rowcount:
        raise Conflict("joint-act-settled", N_("这一事项已经处理"), N_("刷新页面查看最新状态"))
    session.refresh(act)
    tag = Tag.joint_act_confirmed if confirm else Tag.joint_act_refused
    _record(session, now, evaluation, act, tag, actor, {})
    return act


def waiting(session: Session, evaluation_id: str) -> tuple[JointAct, ...]:
    """What waits for its second person, the first first."""
    return tuple(
        session.exec(
            select(JointAct)
            .where(JointAct.evaluation_id == evaluation_id, JointAct.state == ASKED)
            .order_by(col(JointAct.asked_at), col(JointAct.id))
        ).all()
    )


def seats(act: JointAct) -> tuple[int, ...]:
    """The numbers of the seats it concerns."""
    detail = json.loads(act.detail)
    return tuple(seat_no for seat_no, _ in detail.get("places") or [[detail["seat_no"], None]])


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
