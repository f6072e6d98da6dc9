"""What anybody may ask, send, hold open or keep us waiting is limited, and who asks for more is told when to ask again."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from app.accounts.access import doors
from app.accounts.permissions import Role
from app.core import rates
from app.core.clock import ManualClock
from app.core.database import Database
from app.core.errors import YuanpingError
from app.core.models import RateWindow
from app.core.settings_doors import LimitSettings
from app.web.errors import answer
from app.web.limits import _DOORS, _SECRETS, Limits, RouteClass, route_class
from tests.support.web import HOST, WebHouse, open_web
from tests.support.world import START


@pytest.fixture
def house(tmp_path: Path) -> Iterator[WebHouse]:
    opened = open_web(
        tmp_path,
        limits=LimitSettings(
            address_per_s=2, provider_per_s=3, account_per_s=1, doors_per_minute=3, streams=2
        ),
    )
    yield opened
    opened.close()


def test_an_address_that_asks_too_often_is_told_when_to_ask_again(house: WebHouse) -> None:
    visitor = house.visitor()
    answers = [visitor.get("/api/nowhere") for _ in range(21)]
    assert [one.status_code for one in answers[:20]] == [404] * 20
    assert (answers[20].status_code, answers[20].headers["retry-after"]) == (429, "1")
    assert answers[20].json()["code"] == "too-many-requests"
    assert "content-security-policy" in answers[20].headers
    house.world.clock.advance(1)
    assert [visitor.get("/api/nowhere").status_code for _ in range(3)] == [404, 404, 429]


def test_an_account_is_counted_over_all_its_sessions(house: WebHouse) -> None:
    sessions = [house.visitor(Role.supervisor) for _ in range(2)]
    answers = [sessions[number % 2].get("/api/centers") for number in range(11)]
    assert [one.status_code for one in answers] == [200] * 10 + [429]
    assert answers[10].headers["retry-after"] == "1"
    assert house.visitor(Role.guest_operator).get("/api/centers").status_code == 200


def test_tries_at_the_doors_are_counted_in_rows_for_all_processes(house: WebHouse) -> None:
    visitor = house.visitor()
    tries = [visitor.post("/seat", data={"code": "1"}).status_code for _ in range(4)]
    assert tries == [401, 401, 401, 429]
    assert visitor.get("/seat").status_code == 200
    again = visitor.post("/sign-in", data={"login": "x", "password": "x"})
    assert (again.status_code, again.headers["retry-after"]) == (429, "60")
    house.world.clock.advance(60)
    assert visitor.post("/seat", data={"code": "1"}).status_code == 401


PLAIN = {
    "/a/{code}",
    "/a/{code}/absences",
    "/a/{code}/absences/{absence_id}/remove",
    "/api/audit/cosignatures",
    "/api/party/{secret}/keep",
    "/api/party/{secret}/{step}",
    "/api/terminal/challenge",
    "/sign-out",
}
"""Open to anyone, and nobody signs in or up by them: what they rest on is a secret of the address or a signature."""


def test_whatever_anybody_may_send_to_is_a_door_or_is_none_on_purpose(house: WebHouse) -> None:
    sent = {d.path for d in doors(house.application) if d.rules == (None,) and "POST" in d.methods}
    assert {path for path in sent if route_class("POST", path) is RouteClass.plain} == PLAIN
    real = {(method, d.path) for d in doors(house.application) for method in d.methods}
    assert {("POST", path) for path in _DOORS} <= real
    assert all(any(path.startswith(one) for _, path in real) for one in _SECRETS)


def test_reports_of_a_provider_have_a_ration_of_their_own(house: WebHouse) -> None:
    visitor = house.visitor()
    answers = [visitor.post("/hooks/twilio/status/1").status_code for _ in range(31)]
    assert 429 not in answers[:30]
    assert answers[30] == 429
    assert visitor.get("/api/nowhere").status_code == 404, "nobody else waits for it"


def test_windows_count_every_try_once_and_forget_old_ones(any_database: Database) -> None:
    for key, at, expected in (("a", 0, 1), ("a", 59, 2), ("b", 59, 1), ("a", 60, 1)):
        with any_database.transaction() as session:
            assert rates.count(session, START + timedelta(seconds=at), key, 60) == expected
    with any_database.transaction() as session:
        rates.forget(session, START + timedelta(seconds=60))
        assert session.get(RateWindow, ("a", START)) is None
        assert session.get(RateWindow, ("a", START + timedelta(seconds=60))) is not None


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_who_has_many_addresses_is_counted_once(address: str, counted: str) -> None:
    assert rates.neighborhood(address) == counted


def test_rations_of_ever_new_keys_fill_no_memory() -> None:
    rations = rates.Rations(1, 1, most_keys=3)
    assert all(rations.take(str(number), 0) for number in range(10))
    assert len(rations._known) == 3
    assert not rations.take("9", 0)


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/sign-in", RouteClass.door),
        ("GET", "/sign-in", RouteClass.plain),
        ("GET", "/sign-in/ticket/abc", RouteClass.door),
        ("GET", "/sign-in/provider/callback", RouteClass.door),
        ("GET", "/welcome/abc", RouteClass.door),
        ("POST", "/account/password", RouteClass.door),
        ("GET", "/account/password", RouteClass.plain),
        ("POST", "/seat", RouteClass.door),
        ("POST", "/api/terminal/enroll", RouteClass.door),
        ("POST", "/api/roster/import", RouteClass.heavy),
        ("POST", "/api/evaluations/1/exports", RouteClass.heavy),
        ("GET", "/api/evaluations/1/exports", RouteClass.plain),
        ("GET", "/api/evaluations/1/exports/2/file", RouteClass.plain),
        ("GET", "/api/evaluations/1/packages/2/file", RouteClass.heavy),
        ("GET", "/api/audit/consistency", RouteClass.heavy),
        ("GET", "/api/audit/inclusion", RouteClass.heavy),
        ("GET", "/api/audit/export", RouteClass.heavy),
        ("GET", "/audit/export", RouteClass.heavy),
        ("GET", "/api/audit/checkpoint", RouteClass.plain),
        ("GET", "/api/keys", RouteClass.heavy),
        ("POST", "/hooks/twilio/status/1", RouteClass.provider),
        ("GET", "/today", RouteClass.plain),
    ],
)
def test_requests_have_a_class_by_what_they_cost(method: str, path: str, kind: RouteClass) -> None:
    assert route_class(method, path) is kind


@pytest.mark.parametrize(
    "headers",
    [{"X-Long": "x" * 40_000}, {f"X-{number}": "x" for number in range(101)}],
    ids=["size", "count"],
)
def test_a_head_has_its_bounds(house: WebHouse, headers: dict[str, str]) -> None:
    refused = house.visitor().get("/health", headers=headers)
    assert refused.status_code == 431


def test_a_body_that_is_announced_too_long_is_not_read(house: WebHouse) -> None:
    refused = house.visitor(Role.host_operator).post("/api/evaluations", content=b" " * (1024 * 1024 + 1))
    assert (refused.status_code, refused.json()["code"]) == (413, "request-too-large")
    assert refused.headers["connection"] == "close"


@pytest.mark.parametrize("announced", [None, "5"], ids=["unannounced", "lying"])
@pytest.mark.parametrize("path", ["/api/evaluations", "/sign-in", "/api/roster/import"])
def test_a_body_is_measured_as_it_comes_whatever_was_announced(
    house: WebHouse, path: str, announced: str | None
) -> None:
    read = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        yield b'--x\r\nContent-Disposition: form-data; name="sheet"; filename="a.csv"\r\n\r\n'
        for _ in range(100):
            read += 1
            yield b"x" * (1024 * 1024)

    headers = {"content-type": _KINDS[path]}
    if announced:
        headers["content-length"] = announced
    told = asyncio.run(_post(house, path, headers, pieces()))
    assert told[0] == 413
    assert json.loads(told[1])["code"] == "request-too-large" if "api" in path else b"1024 KiB" in told[1]
    assert read < (36 if "import" in path else 4)


def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    house = open_web(tmp_path, limits=LimitSettings(body_s=0.05))

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    try:
        told = asyncio.run(_post(house, "/api/evaluations", {"content-type": "application/json"}, never()))
    finally:
        house.close()
    assert (told[0], json.loads(told[1])["code"]) == (408, "request-slow")


def test_a_reader_that_does_not_read_is_let_go() -> None:
    async def story() -> bool:
        async def application(_scope: object, _receive: object, send: object) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]

        async def stuck(_message: Message) -> None:
            await asyncio.Event().wait()

        scope = _scope("GET", "/", {}) | {"app": _Application()}
        limits = Limits(application, LimitSettings(send_s=0.02), answer)
        await limits(scope, _nothing, stuck)
        return True

    assert asyncio.run(asyncio.wait_for(story(), 10))


@pytest.mark.parametrize("cause", ["body", "reader"])
@pytest.mark.parametrize("broken", [True, False], ids=["broken", "sound"])
def test_what_breaks_behind_a_refusal_is_in_the_log(
    caplog: pytest.LogCaptureFixture, cause: str, broken: bool
) -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = Route("/a/{code}", answer)
        try:
            async for _ in Request(scope, receive).stream():
                pass
            await send({"type": "http.response.start", "status": 200, "headers": []})
        except (OSError, ClientDisconnect):
            if broken:
                raise RuntimeError("the shelf fell down") from None
            raise

    told: list[int] = []

    async def send(message: Message) -> None:
        if cause == "reader":
            await asyncio.Event().wait()
        told.append(message.get("status", 0))

    async def receive() -> Message:
        return {"type": "http.request", "body": b"x" * 40_000, "more_body": cause == "body"}

    scope = _scope("POST", "/a/SECRET", {}) | {"app": _Application()}
    limits = Limits(application, LimitSettings(body_kb=64, send_s=0.02), _short)
    asyncio.run(asyncio.wait_for(limits(scope, receive, send), 10))
    assert told[:1] == ([413] if cause == "body" else [])
    assert ("the shelf fell down" in caplog.text) is broken
    assert ("unexpected error at /a/{code}" in caplog.text) is broken
    assert "SECRET" not in caplog.text


def test_costly_requests_are_counted_by_session_and_a_made_up_cookie_is_none_at_one_address() -> None:
    async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def story(cookies: list[str]) -> list[int]:
        told: list[int] = []

        async def send(message: Message) -> None:
            told.extend([message["status"]] if "status" in message else [])

        limits = Limits(application, LimitSettings(heavy_per_minute=60), _short)
        for cookie in cookies:
            scope = _scope("GET", "/api/audit/inclusion", {"cookie": cookie}) | {"app": _Application()}
            await limits(scope, _nothing, send)
        return told

    of_one = asyncio.run(story(["yuanping=mine"] * 21))
    assert of_one == [200] * 20 + [429]
    made_up = asyncio.run(story([f"yuanping={number}" for number in range(81)]))
    assert made_up == [200] * 80 + [429]
    other_scheme = asyncio.run(story([f"yuanping=mine; __Host-yuanping={number}" for number in range(21)]))
    assert other_scheme == [200] * 20 + [429]


def test_one_session_holds_only_so_many_streams_open(
    house: WebHouse, caplog: pytest.LogCaptureFixture
) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in house.visitor(Role.supervisor).cookies.items())

    async def story() -> list[int]:
        opened = [asyncio.create_task(_open_stream(house, cookie)) for _ in range(2)]
        held = [await asyncio.wait_for(_status(task), 10) for task in opened]
        third = await _post(house, "/api/today/stream", {"cookie": cookie}, _none(), method="GET")
        for task in opened:
            task.cancel()
        await asyncio.gather(*opened, return_exceptions=True)
        freed = asyncio.create_task(_open_stream(house, cookie))
        again = await asyncio.wait_for(_status(freed), 10)
        freed.cancel()
        await asyncio.gather(freed, return_exceptions=True)
        return [*held, third[0], again]

    assert asyncio.run(story()) == [200, 200, 429, 200]
    assert "unexpected" not in caplog.text


def test_one_address_holds_only_so_many_sockets_open(tmp_path: Path) -> None:
    house = open_web(tmp_path, limits=LimitSettings(sockets_per_address=1))
    try:
        client: TestClient = house.visitor()
        with client.websocket_connect("/ws/live", headers={"Origin": HOST}):
            with (
                pytest.raises(WebSocketDisconnect) as refused,
                client.websocket_connect("/ws/live", headers={"Origin": HOST}),
            ):
                pass
            assert refused.value.code == 1013
        with client.websocket_connect("/ws/live", headers={"Origin": HOST}):
            pass
    finally:
        house.close()


_KINDS = {
    "/api/evaluations": "application/json",
    "/api/roster/import": "multipart/form-data; boundary=x",
    "/sign-in": "application/x-www-form-urlencoded",
}


class _State:
    clock = ManualClock(START)


class _Application:
    state = _State()


def _short(_request: Request, refusal: YuanpingError) -> Response:
    return Response(status_code=refusal.status)


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _none() -> AsyncIterator[bytes]:
    return
    yield b""


_STARTED: dict[asyncio.Task[None], asyncio.Future[int]] = {}


async def _status(task: "asyncio.Task[None]") -> int:
    while task not in _STARTED:
        await asyncio.sleep(0)
    return await _STARTED.pop(task)


async def _open_stream(house: WebHouse, cookie: str) -> None:
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.current_task()
    assert task is not None
    _STARTED[task] = started
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()
        asked = True
        return await _nothing()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            started.set_result(message["status"])

    await house.application(_scope("GET", "/api/today/stream", {"cookie": cookie}), receive, send)


async def _post(
    house: WebHouse, path: str, headers: dict[str, str], body: AsyncIterator[bytes], method: str = "POST"
) -> tuple[int, bytes]:
    """As over a wire: the body comes piece by piece."""
    told: list[int] = []
    answered = bytearray()
    if method == "POST":
        role = Role.pool_administrator if "roster" in path else Role.host_operator
        jar = house.visitor(role).cookies
        headers = {
            **headers,
            "origin": HOST,
            "cookie": "; ".join(f"{name}={value}" for name, value in jar.items()),
        }

    ended = False

    async def receive() -> Message:
        nonlocal ended
        if ended:
            await asyncio.Event().wait()
        try:
            return {"type": "http.request", "body": await anext(body), "more_body": True}
        except StopAsyncIteration:
            ended = True
            return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            told.append(message["status"])
        else:
            answered.extend(message.get("body", b""))

    await house.application(_scope(method, path, headers), receive, send)
    return told[0], bytes(answered)


def _scope(method: str, path: str, headers: dict[str, str]) -> dict[str, object]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"testserver"),
            *((name.encode(), value.encode()) for name, value in headers.items()),
        ],
        "client": ("192.0.2.9", 1),
        "server": ("testserver", 80),
        "state": {},
    }
