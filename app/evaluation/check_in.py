"""The check-in desk of a center (签到核验): papers are compared with whom the house expects, and only then is anybody admitted.

Until the numbers agree staff sees a time, a seat and a reference: no name, no project. Whoever shows other papers than those
of the expert who was asked is not admitted by any second thought of the desk; a supervisor hears of it.
"""

import hmac
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, select

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.core.clock import BoundedTime
from app.core.database import in_turn
from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.i18n import N_
from app.core.ids import new_id
from app.core.sealing import mask_identity
from app.evaluation import alarms, disclosing
from app.evaluation.alarms import AlarmKind
from app.evaluation.cases import House
from app.evaluation.lifecycle import EvaluationState
from app.evaluation.models import CommitteeMember, Evaluation, IdentityCheck
from expert_draw import release, sealed
from expert_draw.identifiers import NotANumber, read_identity
from expert_draw.models import Invitation
from expert_draw.roster_rows import CHINA
from venue.service import describe_seat

_EXPECTS = (
    EvaluationState.convened,
    EvaluationState.in_session,
    EvaluationState.replacing,
    EvaluationState.short,
)
_REFERENCE = 6


class Outcome(StrEnum):
    """What became of a comparison."""

    matched = "matched"
    mismatched = "mismatched"


class ArrivalState(StrEnum):
    """How somebody who is expected stands at the desk."""

    admitted = "admitted"
    expected = "expected"
    rejected = "rejected"  # other papers were shown; a supervisor has to look into it


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody whom a center expects today. name: only once they were admitted, and where the matrix shows it.

    reference: by what staff speak of them; says nothing about anybody. place: center, zone, room and seat.
    """

    member_id: str
    reference: str
    place: str
    starts_at: datetime
    state: ArrivalState
    seated: bool
    name: str | None
    checked_at: datetime | None
    phone_deposited: bool
    badge: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """What the desk is told. identity: masked, of a stranger what was typed; it and the name as the matrix shows them."""

    outcome: Outcome
    name: str | None
    identity: str | None


@dataclass(frozen=True, slots=True)
class Papers:
    """What staff reads off the card and ticks. photo_sha256: of a picture that the center keeps itself."""

    identity: str
    phone_deposited: bool
    badge: bool
    photo_sha256: str | None = None


def arrivals(session: Session, moment: BoundedTime, house: House, actor: Actor) -> tuple[Arrival, ...]:
    """Whom the actor's own center expects today, by time and place."""
    if not actor.reaches(Permission.identity_check, *actor.at(actor.center_id)):
        return ()
    rows = session.exec(
        select(CommitteeMember, Evaluation)
        .join(Evaluation, col(Evaluation.id) == col(CommitteeMember.evaluation_id))
        .where(
            CommitteeMember.center_id == actor.center_id,
            col(CommitteeMember.left_at).is_(None),
            col(Evaluation.state).in_(_EXPECTS),
        )
    ).all()
    found = [
        _arrival(session, house, actor, member, evaluation)
        for member, evaluation in rows
        if _today(moment, house, evaluation)
    ]
    return tuple(sorted(found, key=lambda one: (one.starts_at, one.place)))


def passed(session: Session, member_id: str) -> bool:
    """Whether papers that were theirs were shown for this member."""
    return _matched(_decisive(session, member_id))


def check(
    session: Session, moment: BoundedTime, house: House, actor: Actor, member_id: str, papers: Papers
) -> Checked:
    """Compares the number on somebody's card with that of the expert who was asked; agreeing, they are admitted.

    NotFound for whom this center does not expect today; InvalidInput for a number that cannot be one; Conflict for somebody
    who is admitted already, and after a mismatch until a supervisor has looked into it.
    """
    now, member = moment.now, _expected(session, moment, house, actor, member_id)
    number = _number(papers.identity)
    if passed(session, member.id):
        raise Conflict("identity-checked", N_("这位专家已经核验放行"), N_("刷新页面查看最新状态"))
    if alarms.stands(session, member.id, AlarmKind.identity_mismatch):
        raise Conflict(
            "identity-doubt",
            N_("此前核验不符，监督人员尚未处置"),
            N_("请来人稍候，并联系监督人员；处置后才能再次核验"),
        )
    invitation = session.get_one(Invitation, member.invitation_id)
    expected = sealed.expert(session, house.sealer, invitation).identity_fingerprint
    right = hmac.compare_digest(expected, house.sealer.fingerprint(number))
    outcome = Outcome.matched if right else Outcome.mismatched
    _keep(session, now, actor, member, papers, outcome)
    if not right:
        alarms.raise_alarm(session, now, member, AlarmKind.identity_mismatch, desk=actor.id)
        return Checked(outcome, None, mask_identity(number))
    release.admit(session, now, member.evaluation_id, member.invitation_id)
    bus.publish(session, f"evaluation:{member.evaluation_id}", "members")
    seen, causes = _seen(session, actor, member)
    return Checked(
        outcome,
        disclosing.name_of(session, house.sealer, seen, member, causes),
        disclosing.number_of(seen, member, causes, number),
    )


def _keep(
    session: Session, now: datetime, actor: Actor, member: CommitteeMember, papers: Papers, outcome: Outcome
) -> None:
    row = IdentityCheck(
        id=new_id(now),
        evaluation_id=member.evaluation_id,
        member_id=member.id,
        center_id=member.center_id,
        outcome=outcome,
        phone_deposited=papers.phone_deposited,
        badge=papers.badge,
        photo_sha256=papers.photo_sha256,
        checked_by=actor.id,
        checked_at=now,
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        now,
        case=member.evaluation_id,
        tag=Tag.identity_matched if outcome is Outcome.matched else Tag.identity_mismatched,
        actor=actor.id,
        subject=f"seat:{member.seat_no}",
        data={"badge": papers.badge, "member": member.id, "phone_deposited": papers.phone_deposited},
    )


def _expected(
    session: Session, moment: BoundedTime, house: House, actor: Actor, member_id: str
) -> CommitteeMember:
    member = session.get(CommitteeMember, member_id)
    if member is not None and in_turn(session, member.evaluation_id):
        session.refresh(member)
    evaluation = session.get(Evaluation, member.evaluation_id) if member is not None else None
    if (
        member is None
        or evaluation is None
        or not actor.reaches(Permission.identity_check, *actor.at(member.center_id))
        or member.left_at is not None
        or evaluation.state not in _EXPECTS
        or not _today(moment, house, evaluation)
    ):
        raise NotFound("arrival-unknown", N_("本中心今天没有这位待到专家"), N_("刷新“签到核验”页面后再试"))
    return member


def _today(moment: BoundedTime, house: House, evaluation: Evaluation) -> bool:
    """Whether they are to come today, by the clock in China; a demonstration expects everybody at any time."""
    if house.settings.seat_rules.opens is None:
        return True
    return evaluation.starts_at.astimezone(CHINA).date() <= moment.earliest.astimezone(CHINA).date()


def _number(typed: str) -> str:
    number = "".join(unicodedata.normalize("NFKC", typed).split()).upper()
    try:
        return read_identity(number).number
    except NotANumber as error:
        # What was typed is in no message: it may be somebody's number but for a slip.
        raise InvalidInput(
            "identity-number",
            N_("证件号码不对：位数、日期或校验位不符"),
            N_("对照证件逐位重新输入；此次未作为核验记录"),
        ) from error


def _arrival(
    session: Session, house: House, actor: Actor, member: CommitteeMember, evaluation: Evaluation
) -> Arrival:
    last = _decisive(session, member.id)
    admitted = _matched(last)
    doubted = alarms.stands(session, member.id, AlarmKind.identity_mismatch)
    state = ArrivalState.admitted if admitted else ArrivalState.expected
    return Arrival(
        member_id=member.id,
        reference=member.id[-_REFERENCE:].upper(),
        place=describe_seat(session, member.seat_id),
        starts_at=evaluation.starts_at,
        state=ArrivalState.rejected if doubted else state,
        seated=member.signed_in_at is not None,
        name=_name(session, house, actor, member) if admitted else None,
        checked_at=last.checked_at if last is not None else None,
        phone_deposited=last is not None and last.phone_deposited,
        badge=last is not None and last.badge,
    )


def _name(session: Session, house: House, actor: Actor, member: CommitteeMember) -> str | None:
    seen, causes = _seen(session, actor, member)
    return disclosing.name_of(session, house.sealer, seen, member, causes)


def _seen(
    session: Session, actor: Actor, member: CommitteeMember
) -> tuple[disclosing.Sight, frozenset[release.Cause]]:
    evaluation = session.get_one(Evaluation, member.evaluation_id)
    causes = release.causes(session, (member.invitation_id,)).get(member.invitation_id, frozenset())
    return disclosing.sight(session, actor, evaluation), causes


def _matched(check: IdentityCheck | None) -> bool:
    return check is not None and check.outcome == Outcome.matched


def _decisive(session: Session, member_id: str) -> IdentityCheck | None:
    """The check that counts: none follows one that matched, whatever clocks say of their order; before it, the latest."""
    return session.exec(
        select(IdentityCheck)
        .where(IdentityCheck.member_id == member_id)
        .order_by(
            (col(IdentityCheck.outcome) == Outcome.matched).desc(),
            col(IdentityCheck.checked_at).desc(),
            col(IdentityCheck.id).desc(),
        )
    ).first()
