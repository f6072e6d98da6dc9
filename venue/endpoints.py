"""The API of centers and the seat board."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import ClockDep, DatabaseDep
from app.core.errors import Forbidden
from app.core.i18n import N_
from venue import service
from venue.schemas import BoardView, CenterBoardView, CenterView
from venue.service import SeatState

router = APIRouter(prefix="/api", tags=["venue"])

_Reader = Annotated[Actor, Requires(Permission.center_read)]
_Watcher = Annotated[Actor, Requires(Permission.board_read)]


@router.get("/centers")
def list_centers(database: DatabaseDep, clock: ClockDep, _actor: _Reader) -> tuple[CenterView, ...]:
    """Every center with its rooms and seats counted."""
    with database.reading() as session:
        return tuple(CenterView.model_validate(item) for item in service.summaries(session, clock.now()))


@router.get("/seats/board")
def show_board(
    database: DatabaseDep, clock: ClockDep, actor: _Watcher, at: AwareDatetime | None = None
) -> BoardView:
    """The state of the evaluation seats. Supervisors: all, now or at the moment asked for; others: their center's, now."""
    now = clock.now()
    everywhere = actor.reaches(Permission.board_read)
    if at is not None and not everywhere:
        raise Forbidden(
            "board-moment", N_("只有监督人员可以查看其他时刻的工位状态"), N_("去掉时刻，查看现在的状态")
        )
    moment: datetime = at or now
    with database.reading() as session:
        board = (
            service.seat_board(session, moment)
            if everywhere
            else service.staff_board(session, now, actor.center_id)
        )
    return BoardView(
        at=moment,
        counts={state: sum(center.counts.get(state, 0) for center in board) for state in SeatState},
        centers=tuple(CenterBoardView.model_validate(center) for center in board),
    )
