"""The interface for erasing what the roster knows of a person: asked for with a reason, then carried out by somebody else."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.clock import Clock
from app.core.database import Database
from app.core.dependencies import ClockDep, DatabaseDep
from app.core.errors import Conflict
from app.evaluation import erasing
from app.evaluation.cases import HouseDep
from app.evaluation.models import Erasure
from app.evaluation.schemas import ReasonIn

router = APIRouter(prefix="/api/roster/{number}/erasure", tags=["roster"])
Eraser = Annotated[Actor, Requires(Permission.person_erase)]


class ErasureOut(BaseModel):
    """How far an erasure is (个人信息删除)."""

    number: str
    asked_at: datetime
    done_at: datetime | None

    @classmethod
    def of(cls, number: str, erasure: Erasure) -> "ErasureOut":
        return cls(number=number, asked_at=erasure.asked_at, done_at=erasure.done_at)


@router.post("")
def ask_for_erasure(
    number: str, wanted: ReasonIn, actor: Eraser, database: DatabaseDep, clock: ClockDep, house: HouseDep
) -> ErasureOut:
    """The first step; nothing is erased yet. Refused while the person is on the lists of a draw that is not over or under a
    legal hold; what is refused stays in the trail."""
    with _noting(database, clock, actor, number, wanted.reason), database.transaction() as session:
        return ErasureOut.of(number, erasing.ask(session, clock.now(), house, actor, number, wanted.reason))


@router.post("/confirm")
def carry_out_erasure(
    number: str, wanted: ReasonIn, actor: Eraser, database: DatabaseDep, clock: ClockDep, house: HouseDep
) -> ErasureOut:
    """The second step, by another person within seven days: after it nobody can tell any more who this was."""
    with _noting(database, clock, actor, number, wanted.reason), database.transaction() as session:
        done = erasing.carry_out(session, clock.now(), house, actor, number, wanted.reason)
        return ErasureOut.of(number, done)


@contextmanager
def _noting(database: Database, clock: Clock, actor: Actor, number: str, reason: str) -> Iterator[None]:
    """Around the transaction of a step: when it is refused, that is written down in one of its own."""
    try:
        yield
    except Conflict as refusal:
        with database.transaction() as session:
            erasing.note_refused(session, clock.now(), actor, number, reason, refusal)
        raise
