"""Says whether the service stands: for probes and for whoever wonders."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from app.accounts.access import Public
from app.audit import log_rows
from app.core.dependencies import ClockDep, DatabaseDep

router = APIRouter(tags=["health"])


class HealthOut(BaseModel):
    """`status` is always `ok`: a service that cannot reach its database answers with an error instead. audit_log: `alarm` while the
    trail is not what was signed for."""

    status: str
    audit_log: Literal["alarm", "ok"]
    at: str


@router.get("/health", dependencies=[Public()])
def health(database: DatabaseDep, clock: ClockDep) -> HealthOut:
    """Asks the database whether the trail stands."""
    with database.reading() as session:
        amiss = log_rows.alarm(session) is not None
    return HealthOut(status="ok", audit_log="alarm" if amiss else "ok", at=clock.now().isoformat(timespec="seconds"))
