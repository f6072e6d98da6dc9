"""Times in which an expert will be away (休假), entered by the expert alone: no draw calls anybody away.

Whoever is away is left out of lists by the ground `on_leave`, which every draw reads from these rows when it makes them.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlmodel import Session, col, select

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.database import in_turn
from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.i18n import N_
from app.core.ids import new_id
from app.core.sealing import Sealer
from expert_draw import sealed
from expert_draw.invitation import InvitationState
from expert_draw.models import ExpertLeave, Invitation
from expert_draw.roster_rows import CHINA

MOST = 20
"""So many times ahead one person may enter."""
LONGEST, AHEAD = timedelta(days=366), timedelta(days=731)
_LONGEST_EVALUATION = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Absence:
    """From one day in China to another, both included; `begun` ones stay as they are."""

    id: str
    first: date
    last: date
    begun: bool


def ahead(session: Session, now: datetime, sealer: Sealer, invitation_id: str) -> tuple[Absence, ...]:
    """When the invited person is away, now and later, by the day it begins."""
    rows = session.exec(
        select(ExpertLeave)
        .where(ExpertLeave.expert_id == _expert(session, sealer, invitation_id), ExpertLeave.to_at > now)
        .order_by(col(ExpertLeave.from_at), col(ExpertLeave.id))
    ).all()
    return tuple(
        Absence(row.id, _day(row.from_at), _day(row.to_at - timedelta(seconds=1)), begun=row.from_at <= now)
        for row in rows
    )


def enter(
    session: Session, now: datetime, sealer: Sealer, invitation_id: str, first: date, last: date
) -> None:
    """Enters a time from one day to another; the same time entered twice is one.

    Raises InvalidInput `absence-days`, Conflict `absence-accepted` while an evaluation in that time is accepted, and
    Conflict `absence-many`.
    """
    today = _day(now)
    if last < first or first < today or last - first > LONGEST or last - today > AHEAD:
        raise InvalidInput(
            "absence-days",
            N_("请填写今天或以后的日期，结束不早于开始，一次不超过一年，且在两年之内"),
            N_("修改日期后重新提交"),
        )
    begins, ends = _midnight(first), _midnight(last + timedelta(days=1))
    expert_id = _expert(session, sealer, invitation_id)
    in_turn(session, f"absences:{expert_id}")
    if _accepted_between(session, sealer, expert_id, begins, ends):
        raise Conflict(
            "absence-accepted", N_("这段时间内您已登记参加一次评标"), N_("请先请假，再登记这段时间")
        )
    known = ahead(session, now, sealer, invitation_id)
    if any((one.first, one.last) == (first, last) for one in known):
        return
    if len(known) >= MOST:
        raise Conflict(
            "absence-many", N_("登记的时间段太多，最多 {most} 段"), N_("删去不需要的再登记"), most=MOST
        )
    row = ExpertLeave(id=new_id(now), expert_id=expert_id, from_at=begins, to_at=ends)
    session.add(row)
    session.flush()
    _note(session, now, Tag.absence_entered, invitation_id)


def remove(session: Session, now: datetime, sealer: Sealer, invitation_id: str, absence_id: str) -> None:
    """Takes back a time that has not begun; NotFound `absence-unknown` for any other."""
    row = session.get(ExpertLeave, absence_id)
    if row is None or row.expert_id != _expert(session, sealer, invitation_id) or row.from_at <= now:
        raise NotFound("absence-unknown", N_("没有这段可以删除的时间"), N_("刷新页面后再试"))
    session.delete(row)
    session.flush()
    _note(session, now, Tag.absence_removed, invitation_id)


def _expert(session: Session, sealer: Sealer, invitation_id: str) -> str:
    return sealed.person(session, sealer, session.get_one(Invitation, invitation_id))


def _accepted_between(
    session: Session, sealer: Sealer, expert_id: str, begins: datetime, ends: datetime
) -> bool:
    accepted = sealed.invited(
        session,
        sealer,
        col(Invitation.state) == InvitationState.accepted,
        col(Invitation.starts_at) < ends,
        col(Invitation.starts_at) > begins - _LONGEST_EVALUATION,
    )
    return any(one.expert_id == expert_id and one.ends_at > begins for one in accepted)


def _note(session: Session, now: datetime, tag: Tag, invitation_id: str) -> None:
    """Into the trail: by whose link. Neither the days nor the row, which belongs to a person by name."""
    audit.record(
        session,
        now,
        case="house",
        tag=tag,
        actor=f"invitation:{invitation_id}",
        subject=f"invitation:{invitation_id}",
    )


def _day(at: datetime) -> date:
    return at.astimezone(CHINA).date()


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=CHINA).astimezone(UTC)
