"""Alarms at a seat that a supervisor has to know of (席位告警): they stand on the pages until one has taken notice."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, select

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus, reasons_given
from app.core.database import in_turn
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.core.ids import new_id
from app.evaluation import cases
from app.evaluation.models import CommitteeMember, SeatAlarm


class AlarmKind(StrEnum):
    """What has happened."""

    identity_mismatch = (
        "identity_mismatch"  # the papers shown at the desk were not those of whom the house expects
    )
    second_join = "second_join"  # somebody took a seat that was already taken in the same member's name


TEXTS: Mapping[AlarmKind, str] = {
    AlarmKind.identity_mismatch: N_("{seat_no} 号席：签到台核验身份不符，此人未获放行"),
    AlarmKind.second_join: N_("{seat_no} 号席：同一席位又有人入席，先前的连接已切断"),
}


@dataclass(frozen=True, slots=True)
class AlarmShown:
    """An open alarm; `text` is a Chinese catalogue text with the parameter `seat_no`."""

    id: str
    kind: AlarmKind
    text: str
    seat_no: int
    times: int
    last_at: datetime


def raise_alarm(
    session: Session, now: datetime, member: CommitteeMember, kind: AlarmKind, **data: str | bool
) -> None:
    """One more alarm of this kind about the member; as long as nobody has taken notice of the last, they are one."""
    in_turn(session, member.evaluation_id)
    open_ = _open(session, member.id, kind)
    if open_ is None:
        session.add(
            SeatAlarm(
                id=new_id(now),
                evaluation_id=member.evaluation_id,
                member_id=member.id,
                seat_no=member.seat_no,
                kind=kind,
                raised_at=now,
                last_at=now,
            )
        )
    else:
        open_.times += 1
        open_.last_at = now
    session.flush()
    audit.record(
        session,
        now,
        case=member.evaluation_id,
        tag=Tag.seat_alarm_raised,
        actor="house",
        subject=f"seat:{member.seat_no}",
        data={"kind": kind, "member": member.id, **data},
    )
    bus.publish(session, f"evaluation:{member.evaluation_id}", "alarm")


def stands(session: Session, member_id: str, kind: AlarmKind) -> bool:
    """Whether there is such an alarm about this member that no supervisor has taken notice of."""
    return _open(session, member_id, kind) is not None


def shown(session: Session, evaluation_id: str) -> tuple[AlarmShown, ...]:
    """The open alarms of an evaluation, the oldest first."""
    rows = session.exec(
        select(SeatAlarm)
        .where(SeatAlarm.evaluation_id == evaluation_id, col(SeatAlarm.acknowledged_at).is_(None))
        .order_by(col(SeatAlarm.raised_at), col(SeatAlarm.id))
    ).all()
    return tuple(
        AlarmShown(
            one.id, AlarmKind(one.kind), TEXTS[AlarmKind(one.kind)], one.seat_no, one.times, one.last_at
        )
        for one in rows
    )


def shown_to(session: Session, actor: Actor, evaluation_id: str) -> tuple[AlarmShown, ...]:
    """The open alarms, to whoever may read the evaluation."""
    cases.load_for(session, actor, evaluation_id, Permission.evaluation_read)
    return shown(session, evaluation_id)


def acknowledge(
    session: Session, now: datetime, actor: Actor, evaluation_id: str, alarm_id: str, reason: str
) -> None:
    """A supervisor has taken notice and says what was done. Conflict when another one has before."""
    cases.load_for(session, actor, evaluation_id, Permission.evaluation_supervise)
    note = reasons_given.reason(reason)
    alarm = session.get(SeatAlarm, alarm_id)
    if alarm is None or alarm.evaluation_id != evaluation_id:
        raise NotFound("alarm-unknown", N_("本次评标没有这条告警"), N_("刷新页面查看最新状态"))
    if alarm.acknowledged_at is not None:
        raise Conflict("alarm-acknowledged", N_("这条告警已由他人处置"), N_("刷新页面查看最新状态"))
    alarm.acknowledged_by, alarm.acknowledged_at, alarm.note = actor.id, now, note
    session.flush()
    audit.record(
        session,
        now,
        case=evaluation_id,
        tag=Tag.seat_alarm_acknowledged,
        actor=actor.id,
        subject=f"seat:{alarm.seat_no}",
        data={"kind": alarm.kind, "member": alarm.member_id, "reason": note, "times": alarm.times},
    )
    bus.publish(session, f"evaluation:{evaluation_id}", "alarm")


def _open(session: Session, member_id: str, kind: AlarmKind) -> SeatAlarm | None:
    return session.exec(
        select(SeatAlarm)
        .where(
            SeatAlarm.member_id == member_id,
            SeatAlarm.kind == kind,
            col(SeatAlarm.acknowledged_at).is_(None),
        )
        .execution_options(populate_existing=True)
    ).first()
