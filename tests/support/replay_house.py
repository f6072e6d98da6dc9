"""A small house with nothing but recordings and their replay, for tests of both."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader
from sqlmodel import SQLModel
from starlette.middleware.base import RequestResponseEndpoint

import app.audit.models  # noqa: F401 -- its tables must be known before they are made
from app.accounts.access import Actor
from app.accounts.permissions import Role
from app.core.clock import ManualClock
from app.core.database import Database
from app.core.errors import YuanpingError
from app.core.sealing import Sealer
from app.core.settings import Settings
from recordings import service, watching
from recordings.endpoints import Viewer, router
from recordings.models import RoomRecording
from recordings.recorder import Recorder
from recordings.replay import ReplayMemory
from recordings.wording import live_texts, player_texts

START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
ROOM, EVALUATION = "room-1", "evaluation-1"
CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
WEB = Path(__file__).resolve().parents[2] / "app" / "web"


class ReplayHouse:
    """An application with one room; everybody who comes is supervisor `supervisor-1`."""

    def __init__(self, folder: Path, roll_s: int = 300) -> None:
        self.settings = Settings(data_dir=folder)
        self.clock = ManualClock(START)
        self.database = Database(f"sqlite:///{folder / 'house.db'}")
        SQLModel.metadata.create_all(self.database.engine)
        self.recorder = Recorder(self.settings.recordings_dir, self.clock, roll_s=roll_s)
        self.recorder.begin(ROOM, 1, START)
        with self.database.transaction() as session:
            service.begin(session, START, room_id=ROOM, evaluation_id=EVALUATION)
        self.app = self._application()

    @property
    def room(self) -> Path:
        return self.settings.recordings_dir / ROOM

    def seal(self) -> str:
        """Closes the room as the end of an evaluation does; returns the manifest's hash."""
        manifest = self.recorder.close_room(ROOM, START)
        with self.database.transaction() as session:
            service.seal(session, self.clock.now(), room_id=ROOM, manifest_sha256=manifest.sha256)
        return manifest.sha256

    def ticket(self) -> str:
        """One way to watch the room while it runs."""
        with self.database.transaction() as session:
            return watching.issue_ticket(session, self.app.state.sealer, self.clock, ROOM, "supervisor-1", "")

    def row(self) -> RoomRecording:
        with self.database.reading() as session:
            return service.find(session, ROOM)

    def memory(self) -> ReplayMemory:
        return ReplayMemory()

    def close(self) -> None:
        self.recorder.close()
        self.database.dispose()

    def _application(self) -> FastAPI:
        application = FastAPI()
        state = application.state
        state.database, state.clock, state.settings, state.sealer = (
            self.database,
            self.clock,
            self.settings,
            Sealer(bytes(32)),
        )
        state.recorder = self.recorder
        state.reach = None  # a supervisor reaches every recording: nobody is asked
        application.include_router(router)
        application.include_router(watching.router)
        guard = get_args(Viewer)[1].dependency
        application.dependency_overrides[guard] = lambda: Actor("supervisor-1", Role.supervisor, "")
        application.mount("/static", StaticFiles(directory=WEB / "static"))
        environment = Environment(loader=FileSystemLoader(WEB / "templates"), autoescape=True)

        @application.exception_handler(YuanpingError)
        async def refuse(_request: Request, error: YuanpingError) -> JSONResponse:
            return JSONResponse({"code": error.code}, status_code=error.status)

        @application.middleware("http")
        async def guarded(request: Request, call_next: RequestResponseEndpoint) -> Response:
            response = await call_next(request)
            response.headers["Content-Security-Policy"] = CSP
            return response

        @application.get("/favicon.ico")
        def icon() -> Response:
            return Response(status_code=204)

        @application.get("/replay")
        def page() -> HTMLResponse:
            player = environment.get_template("_room_replay.html").render(
                room_id=ROOM, replay_texts=player_texts(), events=[], _=lambda text: text
            )
            return HTMLResponse(
                '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>回放</title>'
                '<link rel="stylesheet" href="/static/css/replay.css">'
                '<script type="module" src="/static/js/room-replay.js"></script></head>'
                f"<body><main><h1>回放</h1>{player}</main></body></html>"
            )

        @application.get("/live")
        def running() -> HTMLResponse:
            room = environment.get_template("_room_live.html").render(
                room_id=ROOM, live_texts=live_texts(), _=lambda text: text
            )
            return HTMLResponse(
                '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>巡看</title>'
                '<link rel="stylesheet" href="/static/css/replay.css">'
                '<script type="module" src="/static/js/room-live.js"></script></head>'
                f"<body><main><h1>实时巡看</h1>{room}</main></body></html>"
            )

        @application.post("/api/recordings/{room_id}/live")
        def way(request: Request, room_id: str) -> dict[str, str]:
            return {"ticket": self.ticket(), "address": f"ws://{request.headers['host']}/ws/live"}

        return application


@contextmanager
def serving(application: FastAPI) -> Iterator[str]:
    """Serves an application on a free port of this machine; yields its address."""
    # Bound and listening before the server runs: whoever connects early waits in the queue.
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    port = listening.getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
