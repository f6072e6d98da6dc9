"""Every door of the service: each declares one rule, and everybody who is let in by it has been granted it by the table."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import anyio
import httpx2
import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from fastapi.responses import PlainTextResponse
from sqlmodel import select

from app.accounts import sessions
from app.accounts.access import Door, Public, Requires, RequiresTicket, doors, unguarded_routes
from app.accounts.permissions import Permission, Relation, Role, may, permitted
from app.evaluation import conductor
from app.evaluation.models import Evaluation
from app.notify.phone_room import open_phone_room
from recordings import service as recordings
from tests.support.doors import address, said
from tests.support.web import HOST, WebHouse, open_web
from tests.support.world import OPERATOR, booking
from venue.models import Center

PUBLIC = [
    "/",
    "/a/{code}",
    "/a/{code}/absences",
    "/a/{code}/absences/{absence_id}/remove",
    "/api/audit/checkpoint",
    "/api/audit/checkpoints/{size}",
    "/api/audit/consistency",
    "/api/audit/cosignatures",
    "/api/audit/inclusion",
    "/api/audit/key",
    "/api/centers/{center_id}/draws",
    "/api/party/{secret}/keep",
    "/api/party/{secret}/record",
    "/api/party/{secret}/{step}",
    "/api/terminal/challenge",
    "/api/terminal/enroll",
    "/draws",
    "/draws/{number}",
    "/draws/{number}/head.svg",
    "/draws/{number}/record",
    "/favicon.ico",
    "/health",
    "/hooks/aliyun/{token}/{kind}",
    "/hooks/twilio/inbound/sms",
    "/hooks/twilio/inbound/voice",
    "/hooks/twilio/status/{message_id}",
    "/hooks/twilio/voice/{message_id}",
    "/hooks/twilio/voice/{message_id}/keys",
    "/party/{secret}",
    "/party/{secret}/stream",
    "/seat",
    "/set-up",
    "/sign-in",
    "/sign-in/persona",
    "/sign-in/provider",
    "/sign-in/provider/callback",
    "/sign-in/second-factor",
    "/sign-in/ticket/{token}",
    "/sign-out",
    "/sim/2010-04-01/Accounts/{account_sid}/Calls.json",
    "/sim/2010-04-01/Accounts/{account_sid}/Calls/{sid}.json",
    "/sim/2010-04-01/Accounts/{account_sid}/Messages.json",
    "/sim/2010-04-01/Accounts/{account_sid}/Messages/{sid}.json",
    "/static/vendor/{path:path}",
    "/static/{path:path}",
    "/terminal/enroll",
    "/verify",
    "/welcome/{secret}",
]
"""Open to anyone on purpose. A line here is a decision: what does it tell, and whom?"""
ROOM = "a-room-of-others"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    folder: Path = tmp_path_factory.mktemp("doors")
    opened = open_web(folder)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def elsewhere(house: WebHouse) -> str:
    """An evaluation that somebody else has booked, which another center hosts; its recording lies here."""
    world = house.world
    with world.transaction() as session:
        evaluation = conductor.book(session, world.now(), world.house, OPERATOR, booking(world))
        recordings.begin(session, world.now(), room_id=ROOM, evaluation_id=evaluation.id)
        other = session.exec(select(Center.id).where(Center.id != world.host_id)).first()
        session.get_one(Evaluation, evaluation.id).host_center_id = str(other)
        return evaluation.id


def bare() -> FastAPI:
    return FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


def test_a_route_or_websocket_of_an_included_router_without_a_rule_or_with_two_is_found() -> None:
    router = APIRouter(prefix="/part")

    @router.get("/bare")
    def _bare() -> None: ...

    @router.websocket("/bare-socket")
    async def _bare_socket(socket: WebSocket) -> None: ...

    @router.get("/twice", dependencies=[Public(), Requires(Permission.center_read)])
    def _twice() -> None: ...

    @router.websocket("/twice-socket", dependencies=[Public(), RequiresTicket(Permission.seat_sit)])
    async def _twice_socket(socket: WebSocket) -> None: ...

    @router.get("/once", dependencies=[Requires(Permission.center_read)])
    def _once() -> None: ...

    @router.websocket("/once-socket", dependencies=[RequiresTicket(Permission.seat_sit)])
    async def _once_socket(socket: WebSocket) -> None: ...

    inner, application = APIRouter(), bare()
    inner.include_router(router)
    application.include_router(inner, prefix="/api")
    assert set(unguarded_routes(application)) == {
        "/api/part/bare",
        "/api/part/bare-socket",
        "/api/part/twice",
        "/api/part/twice-socket",
    }
    twice = bare()
    twice.include_router(router, dependencies=[Public()])
    assert "/part/once" in unguarded_routes(twice)
    assert "/part/once-socket" in unguarded_routes(twice)


def test_what_is_open_to_anyone_is_so_on_purpose(house: WebHouse) -> None:
    assert sorted({door.path for door in doors(house.application) if door.rules == (None,)}) == PUBLIC


def test_a_websocket_declares_what_its_ticket_stands_for(house: WebHouse) -> None:
    sockets = {door.path: door.rules for door in doors(house.application) if not door.methods}
    assert sockets == {
        "/ws/live": (Permission.recording_watch,),
        "/ws/room": (Permission.seat_sit,),
    }


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.soak)])
def test_nobody_is_let_in_anywhere_but_by_the_table(
    house: WebHouse, elsewhere: str, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    """Every route, as nobody and as every role, with well-formed ids of things that are others'.

    every: of roles without the permission each knocks at every so manieth door, in turn; whoever has it knocks at all.
    """
    monkeypatch.setattr("app.web.sse.stream", lambda *_topics: PlainTextResponse("news"))
    wrong: list[str] = []
    asked = anyio.run(_in_a_running_house, house, elsewhere, wrong, every)
    assert not wrong, "\n".join(wrong)
    assert asked > 2000 / every


async def _in_a_running_house(house: WebHouse, elsewhere: str, wrong: list[str], every: int) -> int:
    world, state = house.world, house.application.state
    room = await open_phone_room(house.settings, world.database, world.clock, world.sealer, world.invitees)
    state.phone_room = room
    try:
        return await _knock_everywhere(house, elsewhere, wrong, every)
    finally:
        await room.close()


async def _knock_everywhere(house: WebHouse, elsewhere: str, wrong: list[str], every: int) -> int:
    asked = 0
    known = [
        (door, method) for door in doors(house.application) for method in door.methods if method != "HEAD"
    ]
    transport = httpx2.ASGITransport(app=house.application, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=HOST, headers={"Origin": HOST}) as client:
        for turn, role in enumerate((None, *sorted(set(Role) - {Role.expert, Role.tenderee}))):
            cookie = {} if role is None else _signed_in(house, role)
            for number, (door, method) in enumerate(known):
                if role is not None and not _tries(role, door, (number + turn) % every):
                    continue
                if role is not None and door.rules == (Permission.account_self,):
                    cookie = _signed_in(house, role)  # the one before may have been ended by its holder
                where = address(door.path, elsewhere, ROOM)
                answer = await client.request(method, where, json=said(door.path), headers=cookie)
                house.world.clock.advance(1)  # how often one may ask is no matter here
                asked += 1
                if not _fits(door, role, answer.status_code):
                    wrong.append(f"{role or 'nobody'}: {method} {door.path}: {answer.status_code}")
    return asked


def _tries(role: Role, door: Door, turn: int) -> bool:
    """Whether this role knocks here: where anyone may only nobody does."""
    (rule,) = door.rules
    return rule is not None and (may(role, rule) or turn == 0)


def _fits(door: Door, role: Role | None, status: int) -> bool:
    (rule,) = door.rules
    if rule is None:
        return status < 500
    if role is None:
        return status in {303, 401}
    if not may(role, rule):
        return status == 403
    foreign = "{evaluation_id}" in door.path or "{room_id}" in door.path
    if foreign and not permitted(role, rule, [Relation.not_oneself]):
        return status == 404
    return status < 500 and status not in {401, 403}


def _signed_in(house: WebHouse, role: Role) -> dict[str, str]:
    """A session whose second factor was shown just now."""
    world, account = house.world, house.account(role)
    with world.transaction() as session:
        token = sessions.open_for_account(
            session, world.sealer, world.now(), account, timedelta(hours=1), proved_at=world.now()
        )
    return {"Cookie": f"{sessions.cookie_name(secure=False)}={token}"}
