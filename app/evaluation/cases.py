"""Finds evaluations, says who may meddle with them, and moves them from state to state."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from sqlmodel import Session, col, select, update
from starlette.requests import HTTPConnection

from app.accounts.access import Actor
from app.accounts.permissions import Permission, Relation
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.core.database import in_turn
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.core.samples import TrackKey
from app.core.sealing import Sealer
from app.core.settings import Settings
from app.evaluation import relations
from app.evaluation.lifecycle import OVER, EvaluationEvent, EvaluationState, advance
from app.evaluation.models import CommitteeMember, Evaluation
from venue.models import OnlineRoom

if TYPE_CHECKING:  # the roster in memory brings NumPy, which a media worker does without
    from expert_draw.snapshot import Rosters

Durable = Callable[[TrackKey], int | None]
"""Room time in milliseconds up to which a track is safely on disk, None while nothing is."""


@dataclass(frozen=True, slots=True)
class House:
    """What every act of the conductor needs besides the session: settings, the sealer, the roster in memory."""

    settings: Settings
    sealer: Sealer
    rosters: "Rosters"


async def _house(connection: HTTPConnection) -> House:
    house: House = connection.app.state.house
    return house


HouseDep = Annotated[House, Depends(_house)]
"""The house of this service, for an endpoint."""


def load(session: Session, evaluation_id: str) -> Evaluation:
    """The evaluation, whoever asks: for the house itself. Who is going to write has it to themselves from here on.

    NotFound when there is none.
    """
    in_turn(session, evaluation_id)
    evaluation = session.get(Evaluation, evaluation_id)
    if evaluation is None:
        raise unknown_evaluation()
    return evaluation


def load_for(session: Session, actor: Actor, evaluation_id: str, permission: Permission) -> Evaluation:
    """The evaluation when this permission of the actor reaches it, by the table; else NotFound.

    Conflict for whoever applied for it, or ran its draw, and now comes to supervise it.
    """
    evaluation = load(session, evaluation_id)
    lacking = relations.lacking(session, actor, evaluation, permission)
    if lacking - {Relation.not_oneself}:
        raise unknown_evaluation()
    if lacking:
        raise Conflict(
            "duties-apart",
            N_("您预约过这次评标或执行过它的抽取，不能再监督它"),
            N_("由没有参与预约和抽取的人员办理"),
        )
    return evaluation


def unknown_evaluation() -> NotFound:
    """The refusal of what somebody may not see: the same as of what is not there."""
    return NotFound("evaluation", N_("没有这次评标"), N_("从“今日”页面进入"))


def numbers(
    session: Session, actor: Actor, evaluation_ids: Collection[str]
) -> Mapping[str, tuple[str, bool]]:
    """Evaluation → (its number, whether the actor may read it); without what is no evaluation."""
    rows = session.exec(
        select(Evaluation.id, Evaluation.number, relations.reached(actor, Permission.evaluation_read)).where(
            col(Evaluation.id).in_(evaluation_ids)
        )
    )
    return {evaluation_id: (number, bool(read)) for evaluation_id, number, read in rows.all()}


def of_number(session: Session, number: str) -> str | None:
    """The evaluation with this number, if there is one."""
    return session.exec(select(Evaluation.id).where(Evaluation.number == number)).first()


def members(session: Session, evaluation_id: str) -> tuple[CommitteeMember, ...]:
    """The committee by seat number, without those who have left it."""
    return tuple(one for one in everybody(session, evaluation_id) if one.left_at is None)


def everybody(session: Session, evaluation_id: str) -> tuple[CommitteeMember, ...]:
    """Everyone who is or was on the committee, by seat number, at each seat in the order they came."""
    return tuple(
        session.exec(
            select(CommitteeMember)
            .where(CommitteeMember.evaluation_id == evaluation_id)
            .order_by(col(CommitteeMember.seat_no), col(CommitteeMember.id))
        ).all()
    )


def rooms_to_seal(session: Session) -> tuple[tuple[str, str], ...]:
    """(evaluation, room) of every evaluation that is over and whose room is not sealed yet."""
    rows = session.exec(
        select(Evaluation.id, OnlineRoom.id)
        .join(OnlineRoom, col(OnlineRoom.id) == col(Evaluation.room_id))
        .where(col(Evaluation.state).in_(OVER), OnlineRoom.state == "open")
        .order_by(Evaluation.id)
    ).all()
    return tuple((evaluation_id, room_id) for evaluation_id, room_id in rows)


def span(evaluation: Evaluation) -> tuple[datetime, datetime]:
    """From when to when seats are booked."""
    return evaluation.starts_at, evaluation.starts_at + timedelta(minutes=evaluation.minutes)


def move(session: Session, evaluation: Evaluation, event: EvaluationEvent) -> None:
    """Moves it along the table of states by one conditional update, or raises Conflict; open pages hear of it."""
    before = EvaluationState(evaluation.state)
    after = advance(before, event)
    session.flush()
    moved = session.exec(
        update(Evaluation)
        .where(col(Evaluation.id) == evaluation.id, col(Evaluation.state) == before)
        .values(state=after)
    )
    session.refresh(evaluation)
    if not moved.rowcount:
        advance(EvaluationState(evaluation.state), event)  # refuses by name, as a rule
        raise Conflict("evaluation-moved", N_("评标刚刚由他人推进到下一步"), N_("刷新页面查看最新状态"))
    bus.publish(session, f"evaluation:{evaluation.id}", "state", state=evaluation.state)
    bus.publish(session, "evaluations", "state")


def note(session: Session, now: datetime, evaluation: Evaluation, tag: Tag, actor: str) -> None:
    """Writes an act into the evaluation's trail."""
    audit.record(
        session, now, case=evaluation.id, tag=tag, actor=actor, subject=f"evaluation:{evaluation.number}"
    )
