"""Opens the names of a draw before their time (提前解密): one person asks with a reason, another agrees with a reason of their own.

Once opened, a name is told only to somebody who says why they look, and each look is in the trail.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import reasons_given
from app.core.errors import Conflict
from app.core.i18n import N_
from app.core.sealing import Sealer
from app.evaluation import cases, disclosing, joint_acts
from app.evaluation.disclosure import Field, Moment
from app.evaluation.joint_acts import JointKind
from app.evaluation.models import Evaluation, JointAct
from expert_draw import release
from expert_draw.invitation import ACTIVE
from expert_draw.models import Draw, DrawSlot, Invitation
from expert_draw.release import Cause
from venue.models import Center

_KINDS = frozenset({JointKind.unsealing})


@dataclass(frozen=True, slots=True)
class Unsealed:
    """A place and who is asked for it, or has accepted it."""

    seat_no: int
    state: str
    name: str
    center: str


@dataclass(frozen=True, slots=True)
class UnsealingView:
    """opened: whether names were opened early. mine: whether this reader may be the second person of what waits.

    lapsed: what was asked and waits no more, so that it may be asked anew.
    """

    asked: int
    opened: bool
    waiting: JointAct | None
    lapsed: JointAct | None
    mine: bool


def ask(session: Session, now: datetime, actor: Actor, evaluation_id: str, why: str) -> JointAct:
    """Asks for the names of everybody invited until the second person agrees. Conflict `nobody-asked` before the draw."""
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.name_unseal)
    if not _standing(session, evaluation):
        raise Conflict("nobody-asked", N_("还没有专家被抽中，没有可以解密的名单"), N_("抽取之后再提出"))
    return joint_acts.ask(
        session,
        now,
        actor,
        evaluation,
        JointKind.unsealing,
        subject=f"evaluation:{evaluation.number}",
        why=why,
        detail={},
    )


def settle(
    session: Session,
    now: datetime,
    actor: Actor,
    evaluation_id: str,
    act_id: str,
    why: str,
    *,
    confirm: bool,
) -> None:
    """The second person refuses, or agrees and thereby opens the names; never the one who asked."""
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.name_unseal_approve)
    joint_acts.settle(session, now, actor, evaluation, act_id, confirm=confirm, kinds=_KINDS, why=why)
    if confirm:
        release.unseal(session, now, evaluation.id, actor.id)


def read(
    session: Session, now: datetime, sealer: Sealer, actor: Actor, evaluation_id: str, why: str
) -> tuple[Unsealed, ...]:
    """The names that were opened, by seat number, for who may see them then; that they looked, and why, stays in the trail.

    Conflict `name-sealed` while nothing was opened, or for a reader to whom the disclosure matrix shows no name.
    """
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.name_read)
    reason = reasons_given.reason(why)
    rows = _standing(session, evaluation)
    released = release.causes(session, [invitation.id for _, invitation in rows])
    opened = [row for row in rows if Cause.unsealed in released.get(row[1].id, frozenset())]
    seen = disclosing.sight(session, actor, evaluation)
    if not opened or not seen.shows(Field.drawn_names, Moment.unsealed):
        raise Conflict("name-sealed", N_("名单尚未解密"), N_("先由两人共同办理提前解密"))
    audit.record(
        session,
        now,
        case=evaluation.id,
        tag=Tag.draw_names_read,
        actor=actor.id,
        subject=f"evaluation:{evaluation.number}",
        data={"reason": reason, "names": len(opened)},
    )
    return tuple(
        Unsealed(
            seat_no,
            invitation.state,
            release.name(session, sealer, invitation),
            session.get_one(Center, invitation.center_id).name,
        )
        for seat_no, invitation in opened
    )


def view(session: Session, now: datetime, actor: Actor, evaluation: Evaluation) -> UnsealingView:
    """How it stands, without a name."""
    rows = _standing(session, evaluation)
    released = release.causes(session, [invitation.id for _, invitation in rows])
    asked = next(iter(joint_acts.asked(session, evaluation.id, _KINDS)), None)
    lapsed = asked is not None and joint_acts.lapsed(session, now, evaluation, asked) is not None
    waiting = None if lapsed else asked
    return UnsealingView(
        asked=len(rows),
        opened=any(Cause.unsealed in causes for causes in released.values()),
        waiting=waiting,
        lapsed=asked if lapsed else None,
        mine=waiting is not None
        and waiting.asked_by != actor.id
        and actor.may(Permission.name_unseal_approve),
    )


def _standing(session: Session, evaluation: Evaluation) -> list[tuple[int, Invitation]]:
    """Number of the place and invitation of everybody who holds one, or is asked to."""
    rows = session.exec(
        select(DrawSlot.seat_no, Invitation)
        .join(Invitation, col(Invitation.slot_id) == col(DrawSlot.id))
        .join(Draw, col(Draw.id) == col(Invitation.draw_id))
        .where(Draw.id == evaluation.draw_id, col(Invitation.state).in_(ACTIVE), ~col(Invitation.standby))
        .order_by(col(DrawSlot.seat_no))
    ).all()
    return [(seat_no, invitation) for seat_no, invitation in rows]
