"""Hostile callers in process: a house with an evaluation in each state, everybody who may knock, and what they are answered."""

import asyncio
import base64
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlmodel import select, update

from app import wiring
from app.accounts.access import _GUARD, _calls
from app.accounts.permissions import Permission, Role, may
from app.core.database import Database
from app.core.ground import Ground
from app.core.models import Job
from app.core.settings_doors import LimitSettings
from app.evaluation import conductor, draw_parties, leaving
from app.evaluation.causes import Cause
from app.evaluation.models import Evaluation, JointAct
from app.exchange import exports
from app.notify import twilio
from app.notify.phone_room import PhoneRoom, open_phone_room
from expert_draw.models import Draw, Expert
from recordings import service as recordings
from recordings.models import RoomRecording
from tests.support.evaluations import Case
from tests.support.links import invitations, texted
from tests.support.web import WebHouse, open_web
from tests.support.world import OPERATOR
from venue.models import Center, OnlineRoom
from venue.placement import leases
from venue.placement.models import MediaWorker
from venue.placement.moments import in_ms

NOBODY, FOREIGN, PROVIDER = "nobody", "foreign_host_operator", "provider"
TRACES = (
    b"Traceback",
    b"sqlite3",
    b"psycopg",
    b"sqlalchemy",
    b"SELECT ",
    b"INSERT ",
    b"/site-packages/",
    b"pydantic",
)
"""What no refusal may hold: the inside of the house."""
_STREAMS = b"text/event-stream"
ORIGIN = (b"origin", b"http://testserver")
PHONES = ("+8613900000001", "+8613900000002", "+8613900000003")


@dataclass(frozen=True, slots=True)
class Knock:
    """One request as it goes over the wire. target: path and query as sent."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Told:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Door:
    """A route. permission: None where it is public on purpose."""

    method: str
    path: str
    permission: Permission | None
    in_schema: bool


@dataclass(slots=True)
class HostileHouse:
    """known: for each name of a path's parameter the values that exist. cookies: by actor, roles by their names."""

    web: WebHouse
    folder: Path
    known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)

    @property
    def application(self) -> FastAPI:
        return self.web.application

    @property
    def doors(self) -> tuple[Door, ...]:
        return tuple(doors(self.application))

    @property
    def actors(self) -> tuple[str, ...]:
        """Nobody, every role, an operator of another center, and the provider with its signature."""
        return (NOBODY, *self.cookies, PROVIDER)

    def knock(self, actor: str, knock: Knock) -> Told:
        """What somebody is answered who knocks so."""
        cookie = self.cookies.get(actor, "")
        more: tuple[tuple[bytes, bytes], ...] = ((b"cookie", cookie.encode()), ORIGIN) if cookie else ()
        if actor == PROVIDER:
            more = self._signed(knock)
        return self.runner.run(ask(self.application, knock, (*knock.headers, *more)))

    def _signed(self, knock: Knock) -> tuple[tuple[bytes, bytes], ...]:
        """As the provider would send it: genuine by its headers, whatever it says."""
        room: PhoneRoom = self.application.state.phone_room
        fields = dict(parse_qsl(knock.body.decode("latin-1"), keep_blank_values=True))
        signature = twilio.sign(room.auth_token, f"{self.web.settings.public_url}{knock.target}", fields)
        name = base64.b64encode(f"{room.account_sid}:{room.auth_token}".encode())
        return ((b"x-twilio-signature", signature.encode()), (b"authorization", b"Basic " + name))

    def remember(self) -> None:
        """Keeps the world as it is now, where it lies in a file."""
        if (file := self._file()) is not None:
            self.web.world.database.dispose()
            shutil.copy(file, self.folder / "kept")

    def restore(self) -> None:
        """Makes the world again what it was when it was kept, so that no act of one caller hides a door from the next."""
        if (file := self._file()) is None:
            return
        world = self.web.world
        world.database.dispose()
        for end in ("-wal", "-shm"):
            file.with_name(file.name + end).unlink(missing_ok=True)
        shutil.copy(self.folder / "kept", file)
        wiring.attach(self.application, Ground(world.settings, world.clock, world.database, world.sealer))

    def _file(self) -> Path | None:
        url = self.web.world.database.engine.url
        return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def doors(application: FastAPI) -> Iterator[Door]:
    """Every HTTP route with the permission it asks for."""
    for context in iter_route_contexts(application.routes):
        route: Any = context.route
        methods = getattr(context, "methods", None) or getattr(route, "methods", None)
        if not methods:
            continue
        dependant = getattr(context, "dependant", None) or route.dependant
        guards = [getattr(call, _GUARD) for call in _calls(dependant) if hasattr(call, _GUARD)]
        shown = bool(getattr(context, "include_in_schema", getattr(route, "include_in_schema", True)))
        for method in sorted(set(methods) - {"HEAD"}):
            yield Door(method, str(getattr(context, "path", None) or route.path), guards[0], shown)


async def ask(application: FastAPI, knock: Knock, headers: Sequence[tuple[bytes, bytes]]) -> Told:
    """One request to the application without a server between; a stream is left once it has begun."""
    path, _, query = knock.target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": knock.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("ascii", "replace"),
        "query_string": query.encode("ascii", "replace"),
        "root_path": "",
        "headers": [(b"host", b"testserver"), *headers],
        "client": ("192.0.2.7", 50000),
        "server": ("testserver", 80),
        "state": {},
    }
    given = [{"type": "http.request", "body": knock.body, "more_body": False}]
    gone = asyncio.Event()
    told: dict[str, Any] = {"status": 0, "headers": []}
    body = bytearray()

    async def receive() -> dict[str, Any]:
        if given:
            return given.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            told.update(message)
            if any(name == b"content-type" and _STREAMS in value for name, value in message["headers"]):
                gone.set()
        elif message["type"] == "http.response.body":
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                gone.set()

    try:
        await application(scope, receive, send)
    except Exception:  # the framework tells the server too, once the answer has gone out
        if not told["status"]:
            raise
    found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in told["headers"]}
    return Told(told["status"], found, bytes(body))


def wrong(door: Door, actor: str, knock: Knock, told: Told, known: Mapping[str, Sequence[str]]) -> str | None:
    """What is wrong with an answer; None when nothing is."""
    if told.status >= 500 or not told.status:
        return f"status {told.status}"
    if trace := next((trace for trace in TRACES if trace in told.body and told.status >= 400), None):
        return f"tells {trace!r}"
    if not 200 <= told.status < 300 or door.permission is None:
        return None
    role = {FOREIGN: Role.host_operator, NOBODY: None, PROVIDER: None}.get(actor, actor)
    if role is None or not may(Role(role), door.permission):
        return f"let in without {door.permission}"
    named = "{evaluation_id}" in door.path
    if (
        actor == FOREIGN
        and named
        and any(one in urlsplit(knock.target).path for one in known["evaluation_id"])
    ):
        return "let in to another center's evaluation"
    return None


@contextmanager
def hostile_house(folder: Path, database: Database | None = None) -> Iterator[HostileHouse]:
    """The filled house, its phones attended, on SQLite in the folder unless another database is given."""
    unlimited = LimitSettings(
        address_per_s=0, provider_per_s=0, account_per_s=0, heavy_per_minute=0, doors_per_minute=0
    )
    web = open_web(folder, demo=True, database=database, limits=unlimited)
    web.settings.accounts.sign_in_tries = (
        10**9
    )  # guessing is slowed down elsewhere; here the doors themselves are tried
    house = HostileHouse(web, folder)
    with house.runner:
        _fill(house)
        world = web.world
        room = house.runner.run(
            _opened(
                web,
                lambda: open_phone_room(
                    web.settings, world.database, world.clock, world.sealer, world.invitees
                ),
            )
        )
        house.remember()
        try:
            yield house
        finally:
            house.runner.run(room.close())
    web.close()


async def _opened(web: WebHouse, opening: Callable[[], Any]) -> Any:
    web.application.state.phone_room = await opening()
    return web.application.state.phone_room


def _fill(house: HostileHouse) -> None:
    """An evaluation in each state but `sealed`, which a recorded room leads to, and everybody who may knock."""
    world = house.web.world
    secrets: list[str] = []
    steps: tuple[Callable[[Case], object], ...] = (
        lambda case: secrets.extend([_linked(case)]),  # booked
        lambda case: secrets.extend([_committed(case)]),
        Case.drawn,  # inviting
        lambda case: _asked_to_leave(case.ready()),
        Case.convened,
        _closed,
        lambda case: case.in_session().left(1, Cause.illness, "突发疾病，无法继续"),  # replacing
        _short,
        _given_up,
        Case.in_session,
    )
    cases: list[Case] = []
    for day, step in enumerate(steps):
        case = Case(
            world,
            project_number=f"ZT-2026-{day:03d}",
            starts_at=world.now() + timedelta(days=2 + day),
        )
        step(case)
        cases.append(case)
    inviting = cases[2]
    code = texted(world, inviting.invitations("queued", "contacting")[0].id)
    _let_in(house, cases[-1])
    _beside(house, cases)
    with world.database.reading() as session:
        house.known = {
            "evaluation_id": tuple(session.exec(select(Evaluation.id)).all()),
            "number": (
                *session.exec(select(Draw.number)).all(),
                *session.exec(select(Expert.number)).all()[:4],
                *PHONES,
            ),
            "act_id": tuple(session.exec(select(JointAct.id)).all()),
            "export_id": tuple(session.exec(select(Job.id)).all()),
            "job_id": tuple(session.exec(select(Job.id)).all()),
            "room_id": tuple(session.exec(select(RoomRecording.room_id)).all()),
            "expert_number": tuple(session.exec(select(Expert.number)).all()[:3]),
            "center_id": tuple(session.exec(select(Center.id)).all()),
            "message_id": tuple(one.id for one in invitations(session)[:2]),
            "secret": tuple(secrets),
            "code": (code,),
            "seat_no": ("1", "2"),
            "act": ("commit", "run", "convene", "open", "close"),
            "decision": ("confirm", "refuse"),
            "party": ("center", "supervisor", "tenderee"),
            "step": ("promise", "agree", "approve", "reveal"),
            "pack": ("cn_tender",),
            "account_sid": (house.web.settings.notify.account_sid,),
            "path": ("app.css", "js/room.js"),
        }


def _linked(case: Case) -> str:
    world = case.world
    with world.transaction() as session:
        return draw_parties.new_link(session, world.now(), world.house, OPERATOR, case.id)


def _committed(case: Case) -> str:
    case.act("commit")
    return _linked(case)


def _asked_to_leave(case: Case) -> None:
    """Somebody is said to have fallen ill; the other side has still to confirm it."""
    world = case.world
    with world.transaction() as session:
        leaving.declare(
            session, world.now(), world.house, OPERATOR, case.id, 1, Cause.illness, "突发疾病，无法继续"
        )


def _beside(house: HostileHouse, cases: Sequence[Case]) -> None:
    """What belongs to an evaluation beside its rows: a worker that holds rooms, recordings of some, a file that was asked for."""
    world = house.web.world
    with world.transaction() as session:
        leases.register(session, "worker", "")
        session.exec(
            update(MediaWorker).values(seen_at=in_ms(86_400_000))
        )  # it is heard of for as long as we knock
        for room in session.exec(select(OnlineRoom)).all():
            recordings.begin(session, world.now(), room_id=room.id, evaluation_id=room.evaluation_id)
        exports.order(session, world.now(), OPERATOR, cases[-1].id)


def _closed(case: Case) -> None:
    case.in_session()
    for member in case.members():
        case.score(member)
    case.act("close")


def _short(case: Case) -> None:
    """Everybody who is asked declines until nobody is left to ask."""
    case.drawn()
    for _ in range(40):
        if case.state == "short":
            return
        for one in case.asked():
            case.answer(one, accept=False)
        case.sweep()
    raise AssertionError("the pool has no end")


def _given_up(case: Case) -> None:
    world = case.world
    with world.transaction() as session:
        conductor.give_up(session, world.now(), world.house, OPERATOR, case.id, "停电，无法继续")


def _let_in(house: HostileHouse, case: Case) -> None:
    """Everybody's cookie: each role of staff at the host's center, a member in the open room, an operator of elsewhere."""
    web = house.web
    for role in sorted(set(Role) - {Role.expert}):
        house.cookies[role] = _cookie(web.visitor(role).cookies)
    member = case.members()[0]
    house.cookies[Role.expert] = _cookie(web.seat(member.id, case.id).cookies)
    with web.world.database.reading() as session:
        elsewhere = session.exec(select(Center.id).where(Center.id != web.world.host_id)).first()
    own = web.accounts.pop(Role.host_operator)
    with web.world.transaction() as session:
        session.merge(own).login = "own"
    stranger = _cookie(web.visitor(Role.host_operator).cookies)
    with web.world.transaction() as session:
        session.merge(web.accounts.pop(Role.host_operator)).center_id = elsewhere
    web.accounts[Role.host_operator] = own
    house.cookies[FOREIGN] = stranger


def _cookie(jar: Any) -> str:
    written: SimpleCookie = SimpleCookie()
    for name, value in jar.items():
        written[name] = value
    return "; ".join(f"{name}={morsel.value}" for name, morsel in written.items())
