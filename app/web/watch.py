"""How staff get their one-use way to a running room: to the process that records it, or else to this one."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import ClockDep, DatabaseDep, SealerDep, SettingsDep
from recordings import watching
from recordings.reach import ReachDep, find_for
from venue.placement import addresses, leases

router = APIRouter(prefix="/api/recordings", tags=["recordings"])


class WayOut(BaseModel):
    """A ticket for `hello`; opens one connection once. address: the WebSocket to show it at."""

    ticket: str
    expires_in_s: int
    address: str


@router.post("/{room_id}/live")
def issue_ticket(
    request: Request,
    room_id: str,
    actor: Annotated[Actor, Requires(Permission.recording_watch)],
    database: DatabaseDep,
    clock: ClockDep,
    sealer: SealerDep,
    settings: SettingsDep,
    reach: ReachDep,
) -> WayOut:
    """A way to watch a room while it is recorded: 404 when nothing of it is recorded yet."""
    with database.transaction() as session:
        find_for(session, reach, actor, room_id, Permission.recording_watch)
        ticket = watching.issue_ticket(session, sealer, clock, room_id, actor.id, actor.session_id)
        holder = leases.holder(session, room_id)
    host = request.headers.get("host", "")
    asked_at = addresses.asked_at(request.url.scheme, host, settings.public_url)
    return WayOut(
        ticket=ticket,
        expires_in_s=int(watching.TICKET_LIFETIME.total_seconds()),
        address=addresses.base(holder.url if holder else "", asked_at) + addresses.LIVE_PATH,
    )
