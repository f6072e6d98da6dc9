"""The API of centers and the seat board."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import ClockDep, DatabaseDep
from venue import service
from venue.schemas import BoardView, CenterBoardView, CenterView
from venue.service import SeatState

router = APIRouter(prefix="/api", tags=["venue"])

_Reader = Annotated[Actor, Requires(Permission.center_read)]


@router.get("/centers")
def list_centers(database: DatabaseDep, clock: ClockDep, _actor: _Reader) -> tuple[CenterView, ...]:
    """Every center with its rooms and seats counted."""
    with database.reading() as session:
        return tuple(CenterView.model_validate(item) for item in service.summaries(session, clock.now()))


@router.get("/seats/board")
def show_board(
    database: DatabaseDep, clock: ClockDep, _actor: _Reader, at: AwareDatetime | None = None
) -> BoardView:
    """The state of every evaluation seat, now or at the moment asked for."""
    moment: datetime = at or clock.now()
    with database.reading() as session:
        board = service.seat_board(session, moment)
    return BoardView(
        at=moment,
        counts={state: sum(center.counts[state] for center in board) for state in SeatState},
        centers=tuple(CenterBoardView.model_validate(center) for center in board),
    )
