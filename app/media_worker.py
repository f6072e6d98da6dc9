"""A process that holds rooms and does nothing else: seats come straight here, and one that dies takes no other along (媒体进程).

The service starts its own with `python -m app.media_worker`, past the command line, which would bring along what only
other commands need: seats wait for every second that a worker takes to start.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel

from app.accounts.access import Public, unguarded_routes
from app.core.errors import Unavailable
from app.core.ground import Ground, lay, lay_under
from app.core.http_server import Server, run_loop, server_for
from app.core.i18n import N_
from app.core.ids import new_id
from app.core.listening import listening
from app.core.logging import set_up
from app.core.settings import Settings
from app.core.settings_refusals import require_fit_to_serve
from app.holding import holding_rooms
from app.jobs.given import Given
from app.jobs.relay import Relay
from app.jobs.revocations import Revocations
from app.jobs.scheduler import Ticker
from app.web import problems
from app.web.limits import Limits
from app.web.origins import OwnPagesOnly
from recordings import watching
from venue.placement import addresses
from venue.room import gateway
from venue.room.protocol import LONGEST_FRAME

_RELAY_EVERY_S = 0.5
_REVOCATIONS_EVERY_S = 1.0
health = APIRouter(tags=["health"])


class AliveOut(BaseModel):
    status: str


@health.get("/livez", dependencies=[Public()])
async def alive() -> AliveOut:
    """Whether the loop turns. It does not ask the database: a worker that is cut off from it goes on recording."""
    return AliveOut(status="ok")


@health.get("/readyz", dependencies=[Public()])
async def ready(request: Request) -> AliveOut:
    """Whether rooms can be given to this worker now: its leases are good. Else 503."""
    if not request.app.state.keeper.fresh:
        raise Unavailable("worker-unready", N_("音视频进程与数据库失去联系"), N_("已开始的录制不受影响"))
    return AliveOut(status="ok")


ROUTERS: tuple[APIRouter, ...] = (health, gateway.router, watching.router)
"""All that can be reached at a worker."""


def create_worker(ground: Ground, worker_id: str, url: str) -> FastAPI:
    """The worker as an ASGI application. worker_id: new for each process. url: as in `MediaWorker.url`."""

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[None]:
        relay, ticker = Relay(ground.database), Ticker()
        ticker.every(_RELAY_EVERY_S, "relay", relay.look)
        ticker.every(_REVOCATIONS_EVERY_S, "revocations", Revocations(ground.database, ground.clock).look)
        async with holding_rooms(application, ground, worker_id, url):
            ticker.start()
            try:
                yield
            finally:
                await ticker.stop()

    application = FastAPI(
        title="Yuanping media worker", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    lay_under(application, ground)
    problems.install(application, problems.problem)
    application.add_middleware(Limits, settings=ground.settings.limits, answer=problems.problem)
    application.add_middleware(OwnPagesOnly)
    for router in ROUTERS:
        application.include_router(router)
    if bare := unguarded_routes(application):
        raise RuntimeError(f"these routes have no access rule, or two: {', '.join(bare)}")
    return application


def work_as_given() -> None:
    """The worker of a service on this machine, which says on standard input what to do, and whose end is ours.

    That the database is of this version has been looked at by the service.
    """
    given = Given.model_validate_json(sys.stdin.buffer.readline())
    set_up(given.level)
    sockets = [socket.socket(fileno=number) for number in given.sockets]
    ground = lay(given.chosen())
    try:
        run_loop(_serving(_server(ground, given.worker_id, given.url), sockets))
    finally:
        ground.database.dispose()


def work_apart(settings: Settings, number: int) -> None:
    """A worker that somebody else starts and watches, such as one on another machine."""
    from app.migrations.runner import require_current  # noqa: PLC0415 -- brings Alembic, which the others do without

    set_up()
    require_fit_to_serve(settings)
    port = settings.media.worker_port + number if settings.media.worker_port else 0
    with listening(settings.server.host, port) as sockets:
        ground = lay(settings)
        try:
            require_current(ground.database)
            url = addresses.worker_url(settings.media.worker_address, number, sockets[0].getsockname()[1])
            run_loop(_server(ground, new_id(ground.clock.now()), url).serve(sockets))
        finally:
            ground.database.dispose()


def _server(ground: Ground, worker_id: str, url: str) -> Server:
    return server_for(create_worker(ground, worker_id, url), ground.settings, LONGEST_FRAME)


async def _serving(server: Server, sockets: list[socket.socket]) -> None:
    """Serves until stopped, or until the service that started us has gone."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    serving = asyncio.create_task(server.serve(sockets))
    gone = asyncio.create_task(reader.read())
    await asyncio.wait({serving, gone}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    gone.cancel()
    await serving


if __name__ == "__main__":
    os.umask(0o077)  # as every command
    work_as_given()
