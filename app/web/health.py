"""Says whether the service stands: for probes and for whoever wonders."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from app.accounts.access import Public
from app.audit import log_rows
from app.core.clock_watch import ClockWatch
from app.core.dependencies import ClockDep, DatabaseDep

router = APIRouter(tags=["health"])


class HealthOut(BaseModel):
    """`status` is always `ok`: a service that cannot reach its database answers with an error instead. audit_log: `alarm` while the
    trail is not what was signed for. clock: `alarm` while the service's clock has jumped or is not the database's."""

    status: str
    audit_log: Literal["alarm", "ok"]
    clock: Literal["alarm", "ok"]
    at: str


@router.get("/health", dependencies=[Public()])
def health(request: Request, database: DatabaseDep, clock: ClockDep) -> HealthOut:
    """Asks the database whether the trail stands, and what watches the clock."""
    watch: ClockWatch = request.app.state.clock_watch
    with database.reading() as session:
        amiss = log_rows.alarm(session) is not None
    return HealthOut(
        status="ok",
        audit_log="alarm" if amiss else "ok",
        clock="ok" if watch.trouble is None else "alarm",
        at=clock.now().isoformat(timespec="seconds"),
    )
