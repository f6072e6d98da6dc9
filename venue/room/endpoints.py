"""How an expert's page gets its one-use way into the room."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import SettingsDep
from app.core.errors import Forbidden
from app.core.i18n import N_
from venue.placement import addresses
from venue.room.register import TICKET_LIFETIME, DatabaseRegister

router = APIRouter(prefix="/api/seat", tags=["seat"])


class TicketOut(BaseModel):
    """A ticket for `hello`; opens one connection once. address: the WebSocket to show it at."""

    ticket: str
    expires_in_s: int
    address: str


async def _register(connection: HTTPConnection) -> DatabaseRegister:
    return cast("DatabaseRegister", connection.app.state.register)


RegisterDep = Annotated[DatabaseRegister, Depends(_register)]


@router.post("/ticket")
def issue_ticket(
    request: Request,
    actor: Annotated[Actor, Requires(Permission.seat_sit)],
    register: RegisterDep,
    settings: SettingsDep,
) -> TicketOut:
    """A way into the room of one's own evaluation: 403 when not admitted now, 409 when the room has been closed, 503 while no
    media worker is there."""
    if actor.member_id is None:
        raise Forbidden("seat-not-admitted", N_("您现在不能进入评标室"), N_("请等候召集，或联系场地工作人员"))
    way = register.way(actor.member_id)
    host = request.headers.get("host", "")
    asked_at = addresses.asked_at(request.url.scheme, host, settings.public_url)
    return TicketOut(
        ticket=way.ticket,
        expires_in_s=int(TICKET_LIFETIME.total_seconds()),
        address=addresses.base(way.url, asked_at) + addresses.ROOM_PATH,
    )
