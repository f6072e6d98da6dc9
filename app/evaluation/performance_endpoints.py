"""The interface of the performance card (履职记录): what evaluations that are over tell of an expert, for those who keep the roster."""

from typing import Annotated

from fastapi import APIRouter, Path

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import DatabaseDep
from app.core.errors import NotFound
from app.core.i18n import N_
from app.evaluation.schemas import PerformanceOut
from expert_draw import designating as naming
from expert_draw import performance

router = APIRouter(prefix="/api/roster", tags=["roster"])

Keeper = Annotated[Actor, Requires(Permission.roster_read)]
ExpertNumber = Annotated[str, Path(max_length=17, pattern="^[0-9A-Za-z]+$")]


@router.get("/{number}/performance")
def performance_card(number: ExpertNumber, _actor: Keeper, database: DatabaseDep) -> PerformanceOut:
    """How an expert has answered and come, from evaluations that are over."""
    with database.reading() as session:
        expert = naming.by_number(session, number)
        if expert is None:
            raise NotFound("expert-unknown", N_("专家库没有这个编号"), N_("核对专家编号"))
        return PerformanceOut(**performance.card(session, expert.id))
