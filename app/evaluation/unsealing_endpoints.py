"""The interface of an early opening of names (提前解密)."""

from typing import Annotated, Literal

from fastapi import APIRouter

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import ClockDep, DatabaseDep, SealerDep
from app.evaluation import unsealing
from app.evaluation.schemas import ReasonIn, UnsealedOut, UnsealingOut

router = APIRouter(prefix="/api/evaluations/{evaluation_id}", tags=["names"])


@router.post("/unsealing", status_code=202)
def ask(
    evaluation_id: str,
    wanted: ReasonIn,
    actor: Annotated[Actor, Requires(Permission.name_unseal)],
    database: DatabaseDep,
    clock: ClockDep,
) -> UnsealingOut:
    """Asks a second person to open the names of who was drawn, before their time."""
    with database.transaction() as session:
        act = unsealing.ask(session, clock.now(), actor, evaluation_id, wanted.reason)
        return UnsealingOut(id=act.id, reason=act.reason, asked_at=act.asked_at)


@router.post("/unsealing/{act_id}/{decision}", status_code=204)
def settle(
    evaluation_id: str,
    act_id: str,
    decision: Literal["confirm", "refuse"],
    wanted: ReasonIn,
    actor: Annotated[Actor, Requires(Permission.name_unseal_approve)],
    database: DatabaseDep,
    clock: ClockDep,
) -> None:
    """The second person, who gives a reason of their own."""
    with database.transaction() as session:
        unsealing.settle(
            session,
            clock.now(),
            actor,
            evaluation_id,
            act_id,
            wanted.reason,
            confirm=decision == "confirm",
        )


@router.post("/names")
def read(
    evaluation_id: str,
    wanted: ReasonIn,
    actor: Annotated[Actor, Requires(Permission.name_read)],
    database: DatabaseDep,
    clock: ClockDep,
    sealer: SealerDep,
) -> list[UnsealedOut]:
    """The names that two persons have opened; why one looks stays in the trail."""
    with database.transaction() as session:
        found = unsealing.read(session, clock.now(), sealer, actor, evaluation_id, wanted.reason)
        return [
            UnsealedOut(seat_no=one.seat_no, state=one.state, name=one.name, center=one.center)
            for one in found
        ]
