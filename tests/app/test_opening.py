"""What may open and what may not: real centers and invented people never share a house, and a taken port is named."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from rich.console import Console

from app import cli, serving, wiring
from app.accounts.access import Public
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import settings_refusals
from app.core.errors import Conflict, InvalidInput
from app.core.ground import Ground, lay
from app.core.http_server import run_loop
from app.core.listening import free_port, listening
from app.core.settings import OwnSettings
from app.core.settings_calls import NotifySettings, Provider
from app.core.settings_doors import ServerSettings
from app.core.settings_refusals import require_fit_to_serve
from app.sample import personas
from app.sample.loading import load_sample
from app.web import sse
from tests.support.world import START

REAL = NotifySettings(provider=Provider.twilio, auth_token=token_hex(16))


@pytest.fixture(autouse=True)
def _tests_keep_their_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "set_up", lambda *_level: None)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    laid = lay(OwnSettings(data_dir=tmp_path / "data", demo=True))
    wiring.raise_up(laid)
    yield laid
    laid.database.dispose()


def for_real(ground: Ground) -> Ground:
    settings = OwnSettings(data_dir=ground.settings.data_dir, notify=REAL)
    return Ground(settings, ground.clock, ground.database, ground.sealer)


def test_a_house_with_the_sample_in_it_never_opens_for_real(ground: Ground) -> None:
    wiring.require_fit(for_real(ground))
    with ground.database.transaction() as session:
        audit.record(session, START, case="house", tag=Tag.sample_loaded, actor="x", subject="x")
    wiring.require_fit(ground)
    with pytest.raises(Conflict, match="sample-for-real"):
        wiring.require_fit(for_real(ground))


def test_the_sample_is_never_loaded_into_a_house_that_somebody_uses(ground: Ground) -> None:
    with ground.database.transaction() as session:
        personas.ensure_accounts(session, START, "center")
    with pytest.raises(Conflict, match="not-a-sample"):
        load_sample(ground.database, ground.clock, ground.sealer)


def test_serving_without_a_provider_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="provider-missing"):
        serving.serve_until_stopped(OwnSettings(data_dir=tmp_path / "data"))
    assert not (tmp_path / "data").exists()


def test_a_demonstration_takes_its_address_from_a_center_and_nothing_that_is_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YUANPING_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("YUANPING_DATABASE_URL", "postgresql://real")
    monkeypatch.setenv("YUANPING_SECRET_KEY", "12" * 32)
    monkeypatch.setenv("YUANPING_NOTIFY__PROVIDER", "twilio")
    monkeypatch.setenv("YUANPING_NOTIFY__AUTH_TOKEN", "token")
    monkeypatch.setenv("YUANPING_SERVER__HOST", "0.0.0.0")  # noqa: S104 -- as a container sets it
    found = cli.demonstration(None, 9000)
    server = ServerSettings(host="0.0.0.0", port=9000)  # noqa: S104
    assert found == OwnSettings(data_dir=tmp_path / "demo", demo=True, server=server)
    assert found.resolved_database_url() == f"sqlite:///{tmp_path / 'demo' / 'yuanping.db'}"


@pytest.mark.parametrize(
    ("server", "open_plainly"),
    [
        ({}, False),
        ({"host": "::1"}, False),
        ({"host": "localhost"}, False),
        ({"host": "0.0.0.0"}, True),  # noqa: S104
        ({"host": "pingbiao.lan"}, True),
        ({"host": "0.0.0.0", "public_url": "https://a.example"}, True),  # noqa: S104
        ({"host": "10.0.0.5", "trusted_proxies": ("10.0.0.6",)}, True),
        ({"host": "10.0.0.5", "public_url": "http://a.example", "trusted_proxies": ("10.0.0.6",)}, True),
        ({"host": "10.0.0.5", "public_url": "https://a.example", "trusted_proxies": ("10.0.0.6",)}, False),
        ({"host": "10.0.0.5", "tls_cert": "cert.pem", "tls_key": "key.pem"}, False),
    ],
)
def test_other_machines_are_not_served_by_plain_http(
    server: dict[str, Any],
    open_plainly: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(settings_refusals, "require_sound", lambda _settings: None)
    monkeypatch.setattr(settings_refusals, "_require_secrets", lambda _settings: None)

    def settings(**more: Any) -> OwnSettings:
        made = OwnSettings(demo=bool(more.pop("demo", False)), server=ServerSettings(**server, **more))
        made.notify.provider = Provider.twilio
        return made

    assert settings().server.open_plainly is open_plainly
    if open_plainly:
        with pytest.raises(InvalidInput, match="http-in-the-open"):
            require_fit_to_serve(settings())
    else:
        require_fit_to_serve(settings())
    for allowed in (settings(plain_http_ok=True), settings(demo=True)):
        require_fit_to_serve(allowed)
        caplog.clear()
        serving._warn_of_http(allowed)
        assert [record.levelname for record in caplog.records] == ["WARNING"] * open_plainly


@pytest.mark.parametrize("command", ["serve", "run"])
def test_a_taken_port_is_named_before_the_database_is_touched(tmp_path: Path, command: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = OwnSettings(
            data_dir=tmp_path / "data", demo=True, server=ServerSettings(port=taken.getsockname()[1])
        )
        open_it = {
            "serve": lambda: serving.serve_until_stopped(settings),
            "run": lambda: serving.run_demo(settings, Console(), "zh"),
        }
        with pytest.raises(Conflict, match="port-taken"):
            open_it[command]()
    assert not (tmp_path / "data").exists()


def test_a_name_with_several_addresses_is_listened_on_at_all_of_them() -> None:
    port = free_port()
    with listening("localhost", port) as sockets:
        assert {one.getsockname()[1] for one in sockets} == {port}
        addresses = {one[4] for one in socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)}
        assert len(sockets) == len(addresses)
    with listening("localhost", port):
        pass


def test_a_server_that_stops_does_not_wait_for_open_pages() -> None:
    application = FastAPI()
    application.get("/stream", dependencies=[Public()])(lambda: sse.stream("nothing"))

    async def story(sockets: list[socket.socket]) -> str:
        server = serving._server(application, OwnSettings())
        server.config.timeout_graceful_shutdown = None  # it would wait for the page for ever
        running = asyncio.create_task(server.serve(sockets))
        assert await serving._opens(server, running)
        url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}/stream"
        async with asyncio.timeout(20), httpx2.AsyncClient() as page, page.stream("GET", url) as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            server.should_exit = True
            rest = [line async for line in lines]
            await running
        return "".join(rest)

    with listening("127.0.0.1", 0) as sockets:
        assert "listening" in asyncio.run(story(sockets))


def test_what_ends_a_server_before_it_opens_is_raised() -> None:
    async def broken() -> None:
        raise Conflict("broken", "broken")

    async def story() -> None:
        await serving._opens(serving._server(FastAPI(), OwnSettings()), asyncio.create_task(broken()))

    with pytest.raises(Conflict, match="broken"):
        asyncio.run(story())


def test_the_service_runs_on_uvloop() -> None:
    loops: list[str] = []

    async def note() -> None:
        loops.append(type(asyncio.get_running_loop()).__module__)

    run_loop(note())
    assert loops == ["uvloop"]
