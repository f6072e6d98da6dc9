"""The streams of news that open pages listen to."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import DatabaseDep
from app.evaluation import cases
from app.notify import hotline
from app.web import sse

router = APIRouter(prefix="/api", tags=["evaluation"])


@router.get("/today/stream", dependencies=[Requires(Permission.center_read)])
def any_evaluation() -> StreamingResponse:
    """Says that some evaluation was booked or has moved on."""
    return sse.stream("evaluations")


@router.get("/evaluations/{evaluation_id}/stream")
def one_evaluation(
    evaluation_id: str,
    actor: Annotated[Actor, Requires(Permission.evaluation_read)],
    database: DatabaseDep,
) -> StreamingResponse:
    """Says that this evaluation, its committee or its invitations have changed."""
    with database.reading() as session:
        cases.load_for(session, actor, evaluation_id, Permission.evaluation_read)
    return sse.stream(f"evaluation:{evaluation_id}")


@router.get("/hotline/stream", dependencies=[Requires(Permission.hotline_answer)])
def callers() -> StreamingResponse:
    """Says that somebody waits on the hotline, was taken, or has gone."""
    return sse.stream(hotline.TOPIC)


@router.get("/simulator/stream", dependencies=[Requires(Permission.simulator_use)])
def pretend_phones() -> StreamingResponse:
    """Says that a pretend phone rings, speaks or was used."""
    return sse.stream("phones")
