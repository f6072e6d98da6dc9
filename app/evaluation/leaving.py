"""What staff declares of people who hold a place: absent; or, by two persons, recused, ill or removed."""

import json
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.core import reasons_given
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.evaluation import cases, check_in, joint_acts, members
from app.evaluation.cases import House
from app.evaluation.causes import Cause
from app.evaluation.joint_acts import JointKind
from app.evaluation.lifecycle import EvaluationState
from app.evaluation.models import Evaluation, JointAct
from expert_draw import departures, inviting, keeping
from expert_draw.invitation import InvitationEvent
from expert_draw.models import DrawSlot, Invitation

_EVENTS = {
    JointKind.illness: InvitationEvent.fall_ill,
    JointKind.recusal: InvitationEvent.recuse,
    JointKind.removal: InvitationEvent.remove,
}
"""What takes two persons. A host that could say alone that somebody is ill could have every place drawn again until it
likes who sits there; that somebody has not come is seen by the clock and the list of those who signed in."""
POSSIBLE = (
    EvaluationState.inviting,
    EvaluationState.ready,
    EvaluationState.convened,
    EvaluationState.in_session,
    EvaluationState.replacing,
    EvaluationState.short,
)
"""While somebody can be declared to have left."""


def declare(
    session: Session,
    now: datetime,
    house: House,
    actor: Actor,
    evaluation_id: str,
    seat_no: int,
    cause: Cause,
    reason: str,
) -> JointAct | None:
    """Says why the holder of this seat leaves; their place is filled again. For a recusal the reason is its ground.

    Who has not come leaves at once. Illness and recusal are asked of the other side, which has to confirm them: the act is
    returned. Conflict `no-show-early` before the time of grace is over, `no-show-present` for somebody who has signed in.
    """
    if cause is not Cause.no_show:
        return _ask(session, now, actor, evaluation_id, seat_no, JointKind(cause.value), reason)
    evaluation, invitation = _holder(session, actor, evaluation_id, seat_no, Permission.evaluation_conduct)
    why = reasons_given.reason(reason)
    _require_absent(session, now, house, evaluation, invitation)
    _leave(session, now, house, evaluation, invitation, InvitationEvent.no_show, actor, seat_no, why)
    return None


def order_removal(
    session: Session, now: datetime, actor: Actor, evaluation_id: str, seat_no: int, reason: str
) -> JointAct:
    """Asks for the removal of the holder of this seat; it happens once the other side has confirmed it."""
    return _ask(session, now, actor, evaluation_id, seat_no, JointKind.removal, reason)


def carry_out(
    session: Session, now: datetime, house: House, actor: Actor, evaluation: Evaluation, act: JointAct
) -> None:
    """The other side has confirmed: the member leaves at once. Conflict when somebody else has the seat by now."""
    _require_state(evaluation)
    detail = json.loads(act.detail)
    invitation = session.get_one(Invitation, detail["invitation"], populate_existing=True)
    event = _EVENTS[JointKind(act.kind)]
    _leave(session, now, house, evaluation, invitation, event, actor, detail["seat_no"], act.reason)


def holders(session: Session, evaluation: Evaluation) -> tuple[int, ...]:
    """The seats whose holder has accepted, while it can be declared that they left."""
    if evaluation.state not in POSSIBLE:
        return ()
    return tuple(
        session.exec(
            select(DrawSlot.seat_no)
            .join(Invitation)
            .where(Invitation.draw_id == evaluation.draw_id, inviting.holds_a_place())
            .order_by(col(DrawSlot.seat_no))
        ).all()
    )


def _ask(
    session: Session,
    now: datetime,
    actor: Actor,
    evaluation_id: str,
    seat_no: int,
    kind: JointKind,
    reason: str,
) -> JointAct:
    evaluation, invitation = _holder(session, actor, evaluation_id, seat_no, joint_acts.RULES[kind].asks)
    return joint_acts.ask(
        session,
        now,
        actor,
        evaluation,
        kind,
        subject=invitation.id,
        why=reason,
        detail={"invitation": invitation.id, "seat_no": seat_no},
    )


def _holder(
    session: Session, actor: Actor, evaluation_id: str, seat_no: int, permission: Permission
) -> tuple[Evaluation, Invitation]:
    evaluation = cases.load_for(session, actor, evaluation_id, permission)
    _require_state(evaluation)
    invitation = session.exec(
        select(Invitation)
        .join(DrawSlot)
        .where(
            Invitation.draw_id == evaluation.draw_id,
            inviting.holds_a_place(),
            DrawSlot.seat_no == seat_no,
        )
    ).first()
    if invitation is None:
        raise NotFound("seat-holder", N_("这个席位现在没有已确认的专家"), N_("刷新页面查看最新状态"))
    return evaluation, invitation


def _require_state(evaluation: Evaluation) -> None:
    if evaluation.state not in POSSIBLE:
        raise Conflict(
            "evaluation-state",
            N_("评标现在的状态不允许这一步"),
            N_("按页面顶部的流程提示进行下一步"),
            state=evaluation.state,
            event="leave",
        )


def _require_absent(
    session: Session, now: datetime, house: House, evaluation: Evaluation, invitation: Invitation
) -> None:
    timers = house.settings.rehearsal if evaluation.rehearsal else house.settings.invitation
    from_ = invitation.starts_at + timedelta(seconds=timers.no_show_grace_s)
    if now < from_:
        raise Conflict(
            "no-show-early",
            N_("约定到场时间后 {minutes} 分钟内还不能认定缺席"),
            N_("先电话联系本人；到时仍未签到再认定"),
            minutes=timers.no_show_grace_s // 60,
        )
    if _present(session, evaluation, invitation):
        raise Conflict(
            "no-show-present", N_("这位专家已经签到，不是缺席"), N_("因其他原因离开时，按实际原因登记")
        )


def _present(session: Session, evaluation: Evaluation, invitation: Invitation) -> bool:
    """Whether they have come to the desk or signed in, so that our staff can talk to them."""
    return any(
        one.invitation_id == invitation.id
        and (one.signed_in_at is not None or check_in.passed(session, one.id))
        for one in cases.members(session, evaluation.id)
    )


def _leave(
    session: Session,
    now: datetime,
    house: House,
    evaluation: Evaluation,
    invitation: Invitation,
    event: InvitationEvent,
    actor: Actor,
    seat_no: int,
    why: str,
) -> None:
    """Departure, committee and state in one transaction."""
    gone = departures.depart(
        session,
        now,
        house.sealer,
        invitation,
        event,
        actor=actor.id,
        data={"reason": why, "seat": str(seat_no)},
        present=_present(session, evaluation, invitation),
    )
    if not gone:
        raise Conflict("seat-holder-gone", N_("这位专家已不在这个席位"), N_("刷新页面查看最新状态"))
    draw = keeping.load(session, str(evaluation.draw_id))
    members.keep_step(session, now, house, evaluation, draw)
