"""Says whether the service stands: for probes and for whoever wonders."""

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text

from app.accounts.access import Public
from app.core.dependencies import ClockDep, DatabaseDep

router = APIRouter(tags=["health"])


class HealthOut(BaseModel):
    """`status` is always `ok`: a service that cannot reach its database answers with an error instead."""

    status: str
    at: str


@router.get("/health", dependencies=[Public()])
def health(database: DatabaseDep, clock: ClockDep) -> HealthOut:
    """Asks the database one question."""
    with database.reading() as session:
        session.connection().execute(text("SELECT 1"))
    return HealthOut(status="ok", at=clock.now().isoformat(timespec="seconds"))
