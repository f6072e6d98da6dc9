"""Whether somebody may have a recording is known to whoever conducts its evaluation; here they are asked."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends
from sqlmodel import Session
from starlette.requests import HTTPConnection

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from recordings import service
from recordings.models import RoomRecording

Reach = Callable[[Session, Actor, str, Permission], Any]
"""Raises NotFound where this permission of the actor does not reach the evaluation with that id."""


async def _reach(connection: HTTPConnection) -> Reach:
    reach: Reach = connection.app.state.reach
    return reach


ReachDep = Annotated[Reach, Depends(_reach)]


def find_for(
    session: Session, reach: Reach, actor: Actor, room_id: str, permission: Permission
) -> RoomRecording:
    """The recording of that room, for this actor; NotFound else, and once it has been disposed of."""
    row = service.find(session, room_id)
    if not actor.reaches(permission):
        reach(session, actor, row.evaluation_id, permission)
    service.require_there(row)
    return row
