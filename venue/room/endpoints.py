"""How an expert's page gets its one-use way into the room."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.errors import Forbidden
from app.core.i18n import N_
from venue.room.hub import RoomHub
from venue.room.register import TICKET_LIFETIME

router = APIRouter(prefix="/api/seat", tags=["seat"])


class TicketOut(BaseModel):
    """A ticket for `hello`; opens one connection once."""

    ticket: str
    expires_in_s: int


async def _hub(connection: HTTPConnection) -> RoomHub:
    return cast("RoomHub", connection.app.state.hub)


HubDep = Annotated[RoomHub, Depends(_hub)]


@router.post("/ticket")
def issue_ticket(actor: Annotated[Actor, Requires(Permission.seat_sit)], hub: HubDep) -> TicketOut:
    """A way into the room of one's own evaluation: 403 when not admitted now, 409 when the room has been closed."""
    if actor.member_id is None:
        raise Forbidden("seat-not-admitted", N_("您现在不能进入评标室"), N_("请等候召集，或联系场地工作人员"))
    return TicketOut(
        ticket=hub.register.issue_ticket(actor.member_id),
        expires_in_s=int(TICKET_LIFETIME.total_seconds()),
    )
