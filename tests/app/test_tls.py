"""A closed network's own HTTPS: an authority that speaks for its names alone, a chain that verifies, and secure cookies."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from fastapi import FastAPI, Request
from typer.testing import CliRunner

from app.cli import main_command
from app.core import certificates
from app.core.certificates import Folder, Names
from app.core.clock import SystemClock
from app.core.errors import InvalidInput
from app.core.http_server import server_for
from app.core.listening import listening
from app.core.settings import OwnSettings
from app.core.settings_doors import LimitSettings, ServerSettings
from app.jobs.media_processes import _answers

_T = TypeVar("_T")
NOW = SystemClock().now()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    folder = Folder(tmp_path_factory.mktemp("tls"))
    certificates.issue(folder, Names.read(["pingbiao.lan", "10.0.0.5"]), NOW)
    return folder


def settings(folder: Folder, **limits: float) -> OwnSettings:
    server = ServerSettings(tls_cert=folder.server, tls_key=folder.server_key)
    return OwnSettings(server=server, limits=LimitSettings(**limits))


def application() -> FastAPI:
    house = FastAPI()

    @house.get("/livez")
    async def alive(request: Request) -> dict[str, str]:
        return {"scheme": request.url.scheme, "from": request.client.host if request.client else ""}

    return house


async def asked(sockets: list[socket.socket], name: str, authority: Path, head: bytes = b"") -> bytes:
    trusting = ssl.create_default_context(cafile=str(authority))
    where = sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(*where[:2], ssl=trusting, server_hostname=name)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + head + b"\r\n")
    answer = await reader.read()
    writer.close()
    return answer


async def opened(
    sockets: list[socket.socket], folder: Folder
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    trusting = ssl.create_default_context(cafile=str(folder.authority))
    where = sockets[0].getsockname()
    return await asyncio.open_connection(*where[:2], ssl=trusting, server_hostname="localhost")


async def served(chosen: OwnSettings, sockets: list[socket.socket], story: Coroutine[Any, Any, _T]) -> _T:
    server = server_for(application(), chosen, 65_536)
    running = asyncio.create_task(server.serve(sockets))
    await server.opened.wait()
    try:
        return await story
    finally:
        server.should_exit = True
        await running


@pytest.mark.parametrize("name", ["pingbiao.lan", "10.0.0.5", "localhost", "127.0.0.1"])
def test_who_trusts_the_authority_gets_through_under_every_name(folder: Folder, name: str) -> None:
    with listening("127.0.0.1", 0) as sockets:
        story = asked(sockets, name, folder.authority)
        answer = asyncio.run(served(settings(folder), sockets, story))
    assert b'"scheme":"https"' in answer


def test_nothing_older_than_tls_1_2_and_no_cipher_without_forward_secrecy_is_spoken(folder: Folder) -> None:
    spoken = server_for(application(), settings(folder), 65_536).config.ssl
    assert spoken is not None
    assert spoken.minimum_version >= ssl.TLSVersion.TLSv1_2
    suites = {str(one["name"]) for one in spoken.get_ciphers() if one["protocol"] == "TLSv1.2"}
    assert suites
    assert not [
        one for one in suites if not one.startswith(("ECDHE-", "DHE-")) or "CBC" in one or one.endswith("SHA")
    ]


@pytest.mark.parametrize("name", ["elsewhere.lan", "10.0.0.6"])
def test_another_name_does_not_verify(folder: Folder, name: str) -> None:
    with listening("127.0.0.1", 0) as sockets, pytest.raises(ssl.SSLCertVerificationError):
        asyncio.run(served(settings(folder), sockets, asked(sockets, name, folder.authority)))


@pytest.mark.parametrize("name", ["bank.example", "10.0.0.6", "::1"])
def test_the_authority_cannot_speak_for_other_names(folder: Folder, tmp_path: Path, name: str) -> None:
    """As if its key were stolen: a certificate for a strange name is signed with it, and no browser takes it."""
    authority, key = certificates._read(folder)
    forged, own = certificates._server(authority, key, Names.read([name]), NOW)
    other = Folder(tmp_path)
    certificates._write(other.server, forged.public_bytes(serialization.Encoding.PEM), 0o644)
    certificates._write(other.server_key, certificates._pem(own), 0o600)
    with (
        listening("127.0.0.1", 0) as sockets,
        pytest.raises(ssl.SSLCertVerificationError, match=r"permitted subtree|excluded subtree"),
    ):
        asyncio.run(served(settings(other), sockets, asked(sockets, name, folder.authority)))


def test_keys_are_for_their_owner_alone_and_certificates_last_as_long_as_browsers_take(
    folder: Folder,
) -> None:
    assert {one.stat().st_mode & 0o777 for one in (folder.authority_key, folder.server_key)} == {0o600}
    server = x509.load_pem_x509_certificate(folder.server.read_bytes())
    assert server.not_valid_after_utc - server.not_valid_before_utc == timedelta(days=825)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["pingbiao.lan", "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("10.0.0.5"),
        ipaddress.ip_address("127.0.0.1"),
    ]


def test_renewing_keeps_the_authority_and_a_new_name_needs_a_new_one(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    certificates.issue(folder, Names.read(["a.lan"]), NOW)
    authority, server = folder.authority.read_bytes(), folder.server.read_bytes()
    certificates.issue(folder, Names.read(["b.a.lan"]), NOW)
    assert folder.authority.read_bytes() == authority
    assert folder.server.read_bytes() != server
    with pytest.raises(InvalidInput, match="authority-narrow") as refused:
        certificates.issue(folder, Names.read(["b.lan", "10.0.0.9"]), NOW)
    assert refused.value.params["names"] == "b.lan, 10.0.0.9"
    certificates.issue(folder, Names.read(["b.lan"]), NOW, anew=True)
    assert folder.authority.read_bytes() != authority
    folder.authority.write_bytes(authority)
    with pytest.raises(InvalidInput, match="authority-unusable"):
        certificates.issue(folder, Names.read(["a.lan"]), NOW)


@pytest.mark.parametrize(
    "name", ["", "a b", "-a.lan", "a..b", "https://a.lan", "10.0.0.256", "*.lan", "a" * 70]
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="host-name"):
        Names.read([name])


def test_a_certificate_that_cannot_be_used_is_named(folder: Folder, tmp_path: Path) -> None:
    for key in (tmp_path / "missing.key", folder.authority_key):
        server = ServerSettings(tls_cert=folder.server, tls_key=key)
        with pytest.raises(InvalidInput, match="tls-unusable"):
            server_for(application(), OwnSettings(server=server), 65_536)
    with pytest.raises(ValueError, match="go together"):
        ServerSettings(tls_cert=folder.server)


def test_the_service_asks_its_workers_under_tls_too(folder: Folder) -> None:
    async def story(sockets: list[socket.socket]) -> list[bool]:
        return [await _answers(sockets[0].getsockname(), tls=tls) for tls in (True, False)]

    with listening("127.0.0.1", 0) as sockets:
        assert asyncio.run(served(settings(folder), sockets, story(sockets))) == [True, False]


@pytest.mark.parametrize(
    ("trusted", "seen"), [(("127.0.0.1",), b"203.0.113.9"), (("10.0.0.1",), b"127.0.0.1")]
)
def test_only_a_trusted_proxy_is_believed_for_whom_it_speaks(
    folder: Folder, trusted: tuple[str, ...], seen: bytes
) -> None:
    chosen = settings(folder)
    chosen.server.trusted_proxies = trusted
    with listening("127.0.0.1", 0) as sockets:
        story = asked(sockets, "localhost", folder.authority, b"X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n")
        assert seen in asyncio.run(served(chosen, sockets, story))


@pytest.mark.parametrize("sent", [b"", b"GET /livez HTTP/1.1\r\nHost: x\r\n"], ids=["nothing", "half a head"])
def test_who_does_not_say_what_they_want_is_let_go(folder: Folder, sent: bytes) -> None:
    async def story(sockets: list[socket.socket]) -> bytes:
        reader, writer = await opened(sockets, folder)
        writer.write(sent)
        return await asyncio.wait_for(reader.read(), 10)

    with listening("127.0.0.1", 0) as sockets:
        assert asyncio.run(served(settings(folder, head_s=0.1), sockets, story(sockets))) == b""


def test_a_head_that_has_no_end_is_refused(folder: Folder) -> None:
    async def story(sockets: list[socket.socket]) -> bytes:
        reader, writer = await opened(sockets, folder)
        writer.write(b"GET /livez HTTP/1.1\r\nX: " + b"x" * 100_000)
        return await asyncio.wait_for(reader.read(), 10)

    with listening("127.0.0.1", 0) as sockets:
        answer = asyncio.run(served(settings(folder), sockets, story(sockets)))
    assert answer.startswith(b"HTTP/1.1 400")


def test_the_command_makes_what_serve_takes_and_says_how_to_install_it(tmp_path: Path) -> None:
    done = CliRunner().invoke(main_command, ["tls", "pingbiao.lan", "--data", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "SHA-256" in done.output
    assert "certutil" in done.output
    folder = Folder(tmp_path / "tls")
    assert folder.server.exists()
    assert "ca.key" in done.output
    wrong = CliRunner().invoke(main_command, ["tls", "a b", "--data", str(tmp_path)])
    assert wrong.exit_code == 2


def test_pages_under_tls_of_our_own_reach_media_workers(folder: Folder) -> None:
    chosen = settings(folder)
    assert chosen.public_url == "https://localhost:8000"
    assert chosen.media_workers > 0
