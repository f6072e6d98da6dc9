"""The only two ways a route may be guarded: it requires a permission, or it is public on purpose."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.requests import HTTPConnection

from app.accounts import sessions
from app.accounts.permissions import Permission, Relation, Role, may, permitted
from app.core.dependencies import ClockDep, DatabaseDep, SealerDep
from app.core.errors import Forbidden, Unauthenticated
from app.core.i18n import N_

_GUARD = "__yuanping_guard__"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking. An expert has `member_id` and `evaluation_id`, staff an account and mostly a center."""

    id: str
    role: Role
    name: str
    center_id: str | None = None
    member_id: str | None = None
    evaluation_id: str | None = None

    def may(self, permission: Permission) -> bool:
        """Whether they have the permission at all; which things it reaches is for the loaders to say."""
        return may(self.role, permission)

    def reaches(self, permission: Permission, *relations: Relation) -> bool:
        """Whether they may do it to a thing to which exactly these relations hold."""
        return permitted(self.role, permission, relations)


def find_actor(
    connection: HTTPConnection, database: DatabaseDep, clock: ClockDep, sealer: SealerDep
) -> Actor | None:
    """The actor of the request's session cookie, if there is a valid one."""
    token = connection.cookies.get(sessions.cookie_name(secure=connection.url.scheme in {"https", "wss"}))
    if not token:
        return None
    with database.reading() as session:
        known = sessions.find(session, sealer, clock.now(), token)
    if known is None:
        return None
    return Actor(
        id=known.id,
        role=known.role,
        name=known.name,
        center_id=known.center_id,
        member_id=known.member_id,
        evaluation_id=known.evaluation_id,
    )


def Requires(permission: Permission) -> Any:  # noqa: N802 -- reads as a declaration beside the parameter
    """The actor, who must hold `permission`: Unauthenticated when nobody is signed in, else Forbidden."""

    def guard(connection: HTTPConnection, database: DatabaseDep, clock: ClockDep, sealer: SealerDep) -> Actor:
        actor = find_actor(connection, database, clock, sealer)
        if actor is None:
            raise Unauthenticated("sign-in-needed", N_("请先登录"), N_("登录后再试"))
        if not actor.may(permission):
            raise Forbidden(
                "role-may-not", N_("您的岗位没有此项权限"), N_("换用有权限的账号，或联系系统管理员")
            )
        return actor

    setattr(guard, _GUARD, permission)
    return Depends(guard)


def Public() -> Any:  # noqa: N802 -- stands beside Requires
    """Open to anyone on purpose."""

    async def guard() -> None:
        return None

    setattr(guard, _GUARD, None)
    return Depends(guard)


def unguarded_routes(application: FastAPI) -> tuple[str, ...]:
    """Paths that carry neither or both of the two guards; the house does not open while there is one."""
    bare: list[str] = []
    for context in iter_route_contexts(application.routes):
        dependant = getattr(context, "dependant", None) or getattr(context.route, "dependant", None)
        calls = _calls(dependant) if dependant is not None else []
        if sum(hasattr(call, _GUARD) for call in calls) != 1:
            bare.append(str(getattr(context, "path", None) or getattr(context.route, "path", context)))
    return tuple(bare)


def _calls(dependant: Any) -> list[Callable[..., Any]]:
    found: list[Callable[..., Any]] = []
    for child in dependant.dependencies:
        if child.call is not None:
            found.append(child.call)
        found.extend(_calls(child))
    return found
