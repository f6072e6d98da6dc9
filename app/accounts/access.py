"""The only three ways a route may be guarded: by a permission, by a ticket that stands for one, or public on purpose."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.requests import HTTPConnection

from app.accounts import sessions
from app.accounts.permissions import STEP_UP, Permission, Relation, Role, may, permitted
from app.accounts.uses import Uses
from app.core.clock import Clock
from app.core.dependencies import ClockDep, DatabaseDep, SealerDep
from app.core.errors import Forbidden, Unauthenticated, too_many
from app.core.i18n import N_
from app.core.rates import Rations
from app.core.settings import Settings

_GUARD = "__yuanping_guard__"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking. An expert has `member_id` and `evaluation_id`, staff an account and mostly a center.

    session_id: what others may know of the session; not its token. proved_at: when the second factor was last shown in it.
    """

    id: str
    role: Role
    name: str
    center_id: str | None = None
    member_id: str | None = None
    evaluation_id: str | None = None
    session_id: str = ""
    proved_at: datetime | None = None

    def may(self, permission: Permission) -> bool:
        """Whether they have the permission at all; which things it reaches is for the loaders to say."""
        return may(self.role, permission)

    def at(self, center_id: str | None) -> frozenset[Relation]:
        """The relations in which they stand to a thing of this center."""
        own = center_id is not None and center_id == self.center_id
        return frozenset({Relation.own_venue, Relation.same_center}) if own else frozenset()

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
    now, uses = clock.now(), _uses(connection)
    with database.reading() as session:
        known = sessions.find(session, sealer, now, token, uses)
    if known is None:
        return None
    if now - known.last_seen_at >= sessions.TOUCH_EVERY and _is_use(connection):
        uses.note(known.session_id, now)
    return Actor(
        id=known.id,
        role=known.role,
        name=known.name,
        center_id=known.center_id,
        member_id=known.member_id,
        evaluation_id=known.evaluation_id,
        session_id=known.session_id,
        proved_at=known.proved_at,
    )


def require_fresh(connection: HTTPConnection, actor: Actor, now: datetime) -> None:
    """Raises Forbidden `step-up-needed` unless the actor's second factor was shown a short while ago."""
    settings: Settings = connection.app.state.settings
    longest = timedelta(minutes=settings.accounts.step_up_minutes)
    if actor.proved_at is None or now - actor.proved_at >= longest:
        raise Forbidden(
            "step-up-needed", N_("这一步需要再次验证身份"), N_("在 /step-up 页面输入动态码后再试")
        )


def Requires(permission: Permission) -> Any:  # noqa: N802 -- reads as a declaration beside the parameter
    """The actor, who must hold `permission`: Unauthenticated when nobody is signed in, else Forbidden.

    For a permission in `STEP_UP` they must also have shown their second factor a short while ago.
    """

    def guard(connection: HTTPConnection, database: DatabaseDep, clock: ClockDep, sealer: SealerDep) -> Actor:
        actor = find_actor(connection, database, clock, sealer)
        if actor is None:
            raise Unauthenticated("sign-in-needed", N_("请先登录"), N_("登录后再试"))
        connection.state.actor_id = actor.id  # for what the log says of a refusal
        _take_ration(connection, actor, clock)
        if not actor.may(permission):
            raise Forbidden(
                "role-may-not", N_("您的岗位没有此项权限"), N_("换用有权限的账号，或联系系统管理员")
            )
        if permission in STEP_UP:
            require_fresh(connection, actor, clock.now())
        return actor

    setattr(guard, _GUARD, permission)
    return Depends(guard)


def _take_ration(connection: HTTPConnection, actor: Actor, clock: Clock) -> None:
    """TooMany when the account has asked more than one person can mean, in however many sessions."""
    rations: Rations | None = getattr(connection.app.state, "account_rations", None)
    if rations is not None and not rations.take(actor.id, clock.monotonic_ns()):
        raise too_many(1)


def RequiresTicket(permission: Permission) -> Any:  # noqa: N802 -- stands beside Requires
    """A WebSocket that a one-use ticket in its first message opens, and no cookie. Gives the permission: only who has it was
    given a ticket of this kind, see `tickets.OPENS`."""

    async def guard() -> Permission:
        return permission

    setattr(guard, _GUARD, permission)
    return Depends(guard)


def Public() -> Any:  # noqa: N802 -- stands beside Requires
    """Open to anyone on purpose."""

    async def guard() -> None:
        return None

    setattr(guard, _GUARD, None)
    return Depends(guard)


@dataclass(frozen=True, slots=True)
class Door:
    """A way in. methods: none for a WebSocket. rules: every rule it declares; None stands for `Public()`."""

    path: str
    methods: tuple[str, ...]
    rules: tuple[Permission | None, ...]


def doors(application: FastAPI) -> tuple[Door, ...]:
    """Every route and WebSocket, those of included routers too."""
    found = []
    for context in iter_route_contexts(application.routes):
        dependant = _of(context, "dependant")
        calls = _calls(dependant) if dependant is not None else []
        rules = tuple(getattr(call, _GUARD) for call in calls if hasattr(call, _GUARD))
        methods = tuple(sorted(_of(context, "methods") or ()))
        found.append(Door(str(_of(context, "path") or context), methods, rules))
    return tuple(found)


def unguarded_routes(application: FastAPI) -> tuple[str, ...]:
    """Paths that declare no rule or several; the house does not open while there is one."""
    return tuple(door.path for door in doors(application) if len(door.rules) != 1)


def _of(context: Any, name: str) -> Any:
    return getattr(context, name, None) or getattr(context.route, name, None)


def _uses(connection: HTTPConnection) -> Uses:
    """Of this process; `app.jobs.revocations` writes them down."""
    uses: Uses = connection.app.state.uses
    return uses


def _is_use(connection: HTTPConnection) -> bool:
    """Whether somebody did something: followed a link or acted. What a page asks for by itself is no use of the session."""
    if connection.scope["type"] != "http":
        return False
    if connection.scope["method"] not in _SAFE_METHODS:
        return True
    by_itself = "text/event-stream" in connection.headers.get("accept", "")
    return connection.headers.get("sec-fetch-mode", "navigate") == "navigate" and not by_itself


def _calls(dependant: Any) -> list[Callable[..., Any]]:
    found: list[Callable[..., Any]] = []
    for child in dependant.dependencies:
        if child.call is not None:
            found.append(child.call)
        found.extend(_calls(child))
    return found
