"""The streams of news that open pages listen to; each ends with the session it was opened in."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from app.accounts import sessions
from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import DatabaseDep
from app.evaluation import cases
from app.notify import hotline
from app.web import sse

router = APIRouter(prefix="/api", tags=["evaluation"])


@router.get("/today/stream")
def any_evaluation(actor: Annotated[Actor, Requires(Permission.center_read)]) -> StreamingResponse:
    """Says that some evaluation was booked or has moved on."""
    return sse.stream("evaluations", sessions.topic(actor.session_id))


@router.get("/evaluations/{evaluation_id}/stream")
def one_evaluation(
    evaluation_id: str,
    actor: Annotated[Actor, Requires(Permission.evaluation_read)],
    database: DatabaseDep,
) -> StreamingResponse:
    """Says that this evaluation, its committee or its invitations have changed."""
    with database.reading() as session:
        cases.load_for(session, actor, evaluation_id, Permission.evaluation_read)
    return sse.stream(f"evaluation:{evaluation_id}", sessions.topic(actor.session_id))


@router.get("/hotline/stream")
def callers(actor: Annotated[Actor, Requires(Permission.hotline_answer)]) -> StreamingResponse:
    """Says that somebody waits on the hotline, was taken, or has gone."""
    return sse.stream(hotline.TOPIC, sessions.topic(actor.session_id))


@router.get("/simulator/stream")
def pretend_phones(actor: Annotated[Actor, Requires(Permission.simulator_use)]) -> StreamingResponse:
    """Says that a pretend phone rings, speaks or was used."""
    return sse.stream("phones", sessions.topic(actor.session_id))
