"""The interface for erasing what the roster knows of a person: asked for with a reason, then carried out by somebody else."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import ClockDep, DatabaseDep
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
    """The first step; nothing is erased yet. Refused while the person is on the lists of a draw that is not over."""
    with database.transaction() as session:
        return ErasureOut.of(number, erasing.ask(session, clock.now(), house, actor, number, wanted.reason))


@router.post("/confirm")
def carry_out_erasure(
    number: str, wanted: ReasonIn, actor: Eraser, database: DatabaseDep, clock: ClockDep, house: HouseDep
) -> ErasureOut:
    """The second step, by another person within seven days: after it nobody can tell any more who this was."""
    with database.transaction() as session:
        done = erasing.carry_out(session, clock.now(), house, actor, number, wanted.reason)
        return ErasureOut.of(number, done)
