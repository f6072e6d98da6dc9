"""The interface of the check-in desk, and of what a supervisor does about alarms at seats."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import BoundedTimeDep, ClockDep, DatabaseDep
from app.evaluation import alarms, check_in
from app.evaluation.cases import HouseDep
from app.evaluation.check_in import ArrivalState, Outcome, Papers
from app.evaluation.schemas import ReasonIn

router = APIRouter(prefix="/api", tags=["check-in"])


class ArrivalOut(BaseModel):
    """Somebody who is expected: no project, and no name before their papers were found right."""

    member_id: str
    reference: str
    place: str
    starts_at: datetime
    state: ArrivalState
    seated: bool
    name: str | None


class PapersIn(BaseModel):
    """What staff reads off the card and ticks."""

    identity: str = Field(min_length=1, max_length=40)
    phone_deposited: bool = False
    badge: bool = False
    photo_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class CheckedOut(BaseModel):
    """identity: masked; it and the name for who may be shown them."""

    outcome: Outcome
    name: str | None
    identity: str | None


class AlarmOut(BaseModel):
    id: str
    seat_no: int
    kind: str
    times: int
    last_at: datetime


@router.get("/check-in")
def arrivals(
    actor: Annotated[Actor, Requires(Permission.identity_check)],
    database: DatabaseDep,
    house: HouseDep,
    moment: BoundedTimeDep,
) -> list[ArrivalOut]:
    """Whom the actor's own center expects today."""
    with database.reading() as session:
        return [
            ArrivalOut(
                member_id=one.member_id,
                reference=one.reference,
                place=one.place,
                starts_at=one.starts_at,
                state=one.state,
                seated=one.seated,
                name=one.name,
            )
            for one in check_in.arrivals(session, moment, house, actor)
        ]


@router.post("/check-in/{member_id}")
def check(
    member_id: str,
    papers: PapersIn,
    actor: Annotated[Actor, Requires(Permission.identity_check)],
    database: DatabaseDep,
    house: HouseDep,
    moment: BoundedTimeDep,
) -> CheckedOut:
    """Compares somebody's papers with whom the house expects; agreeing, they are admitted and their name is told."""
    with database.transaction() as session:
        found = check_in.check(
            session,
            moment,
            house,
            actor,
            member_id,
            Papers(papers.identity, papers.phone_deposited, papers.badge, papers.photo_sha256),
        )
        return CheckedOut(outcome=found.outcome, name=found.name, identity=found.identity)


@router.get("/evaluations/{evaluation_id}/alarms")
def open_alarms(
    evaluation_id: str,
    actor: Annotated[Actor, Requires(Permission.evaluation_read)],
    database: DatabaseDep,
) -> list[AlarmOut]:
    """What has happened at the seats and no supervisor has taken notice of yet."""
    with database.reading() as session:
        return [
            AlarmOut(id=one.id, seat_no=one.seat_no, kind=one.kind, times=one.times, last_at=one.last_at)
            for one in alarms.shown_to(session, actor, evaluation_id)
        ]


@router.post("/evaluations/{evaluation_id}/alarms/{alarm_id}", status_code=204)
def acknowledge(
    evaluation_id: str,
    alarm_id: str,
    wanted: ReasonIn,
    actor: Annotated[Actor, Requires(Permission.evaluation_supervise)],
    database: DatabaseDep,
    clock: ClockDep,
) -> None:
    """A supervisor has taken notice and says what was done."""
    with database.transaction() as session:
        alarms.acknowledge(session, clock.now(), actor, evaluation_id, alarm_id, wanted.reason)
