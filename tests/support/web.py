"""The whole web face over a small world with a clock that is moved; visitors come without a browser."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute

from app import wiring
from app.accounts import passwords, service, sessions
from app.accounts.models import Account
from app.accounts.permissions import Role
from app.core.database import Database
from app.core.ground import Ground
from app.core.ids import new_id
from app.core.settings import Settings
from app.core.settings_doors import LimitSettings
from app.evaluation.models import CommitteeMember
from app.main import create_app
from app.rehearsal.terminals import SoftwareTerminal
from app.web import sse
from app.web.entrance import install
from recordings.recorder import Recorder
from tests.support.authenticators import Authenticator, authenticator
from tests.support.terminals import enrolled
from tests.support.world import World, make_world

HOST = "http://testserver"
PASSWORD = "a long enough password"
_hashed = passwords.hash_password  # the real one, whatever a test puts in its place


@cache
def _password_hash() -> str:
    """Of the one password that all have here: making it takes time on purpose."""
    return _hashed(PASSWORD)


@dataclass(slots=True)
class WebHouse:
    """An application that never starts its jobs: whoever calls it sees exactly what the rows say."""

    world: World
    application: FastAPI
    recorder: Recorder
    accounts: dict[Role, Account] = field(default_factory=dict)
    terminals: dict[str, SoftwareTerminal] = field(default_factory=dict)
    """By the seat."""
    phones: dict[Role, Authenticator] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return self.world.settings

    def visitor(self, role: Role | None = None, base_url: str = HOST, *, proved: bool = True) -> TestClient:
        """A browser of somebody with that role, or of nobody yet; redirects are shown, not followed.

        proved: whether they have shown their second factor just now, as some acts ask for.
        """
        client = TestClient(
            self.application,
            base_url=base_url,
            headers={"Origin": base_url},  # as a browser does
            follow_redirects=False,
            raise_server_exceptions=False,
        )
        if role is not None:
            account = self.account(role)
            with self.world.transaction() as session:
                token = sessions.open_for_account(
                    session,
                    self.world.sealer,
                    self.world.now(),
                    account,
                    timedelta(hours=12),
                    proved_at=self.world.now() if proved else None,
                )
            client.cookies.set(sessions.cookie_name(secure=base_url.startswith("https")), token)
        return client

    def account(self, role: Role) -> Account:
        """The account of that role; its login is the role's name."""
        if role not in self.accounts:
            account = Account(
                id=new_id(self.world.now()),
                login=role.value,
                name="",
                role=role,
                center_id=self.world.host_id,
                password_hash=_password_hash(),
                created_at=self.world.now(),
            )
            with self.world.transaction() as session:
                session.add(account)
            self.accounts[role] = account
        return self.accounts[role]

    def phone(self, role: Role) -> Authenticator:
        """The authenticator of that role's account."""
        if role not in self.phones:
            self.phones[role] = authenticator(self.world, self.account(role).id)
        return self.phones[role]

    def seat(self, member_id: str, evaluation_id: str) -> TestClient:
        """A browser of a committee member who has already taken their seat, at its terminal."""
        client = self.visitor()
        with self.world.database.reading() as session:
            seat_id = session.get_one(CommitteeMember, member_id).seat_id
        terminal = self.terminals.get(seat_id)
        if terminal is None:
            terminal = self.terminals[seat_id] = enrolled(self.world, seat_id)
        with self.world.transaction() as session:
            signed = service.open_seat(
                session,
                self.world.sealer,
                self.world.now(),
                self.settings.accounts,
                member_id=member_id,
                evaluation_id=evaluation_id,
                terminal_id=terminal.id,
            )
        client.cookies.set(sessions.cookie_name(secure=False), signed.token)
        return client

    def close(self) -> None:
        self.recorder.close()
        self.world.database.dispose()


_routes: list[BaseRoute] = []
"""Of the first house of this process; FastAPI has read what each of them asks for."""


def _built(settings: Settings, ground: Ground) -> FastAPI:
    """The service over this ground. Its jobs never start here, and no house reads all routes again: that takes longest."""
    if not _routes:
        first = create_app(settings, ground)
        _routes.extend(first.router.routes)
        return first
    application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    wiring.attach(application, ground)
    install(application)
    application.router.routes = list(_routes)
    return application


def open_web(
    folder: Path,
    *,
    demo: bool = False,
    database: Database | None = None,
    limits: LimitSettings | None = None,
) -> WebHouse:
    """All pages and interfaces over a small world; on a furnished database without rows, or else on one in the folder."""
    settings = Settings(
        data_dir=folder, secret_key=bytes(range(32)).hex(), demo=demo, limits=limits or LimitSettings()
    )
    world = make_world(folder, settings=settings, database=database)
    application = _built(settings, Ground(settings, world.clock, world.database, world.sealer))
    recorder = Recorder(settings.recordings_dir, world.clock)
    application.state.recorder = recorder
    return WebHouse(world, application, recorder)


@contextmanager
def serving(house: WebHouse) -> Iterator[str]:
    """The house on a port of its own, for real browsers; gives its address."""
    server = uvicorn.Server(
        uvicorn.Config(
            house.application, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=3
        )
    )
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="pages")
        thread.start()
        try:
            yield f"http://localhost:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            sse.stop_all()
            thread.join(20)
            assert not thread.is_alive(), "the service did not stop"
