"""The phone room in a process of its own, made to be killed: python -m tests.faults.node, all else by environment.

It is the service without pages: settings, database, webhooks, delivery and look-ups as the service has them, and
`Places` where the invitations of draws are otherwise. It starts in a second, so that it can be killed often.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
import uvicorn
import uvloop
from fastapi import FastAPI

from app.core.clock import SystemClock
from app.core.database import Database
from app.core.sealing import Sealer
from app.core.settings import Settings
from app.jobs.scheduler import Ticker
from app.notify import callbacks
from app.notify.phone_room import open_phone_room
from tests.faults.places import Places

_TICK_S = 0.25


def application(settings: Settings, people: int) -> FastAPI:
    """The service reduced to its phones."""
    clock, database = SystemClock(), Database(settings.resolved_database_url())
    sealer = Sealer(settings.key)
    timers = settings.invitation
    places = Places(
        sealer,
        window_s=timers.reply_window_s or 900,
        sms_after_s=timers.sms_after_s,
        second_call_after_s=timers.second_call_after_s,
        ring_s=timers.ring_s,
        people=people,
    )

    def sweep_once() -> None:
        now = clock.now()
        with database.reading() as session:
            if not places.anything_to_sweep(session, now):
                return
        with database.transaction() as session:
            places.sweep(session, now)

    async def sweep() -> None:
        await anyio.to_thread.run_sync(sweep_once)

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[None]:
        room = await open_phone_room(settings, database, clock, sealer, places)
        application.state.phone_room = room

        async def deliver() -> None:
            await room.dispatch.start_due()

        async def reconcile() -> None:
            await room.inquiry.reconcile()

        ticker = Ticker()
        for duty in (deliver, reconcile, sweep):
            ticker.every(_TICK_S, duty.__name__, duty)
        ticker.start()
        yield
        await ticker.stop()
        await room.close()
        database.dispose()

    made = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    made.state.settings = settings
    made.state.clock = clock
    made.state.database = database
    made.state.sealer = sealer
    made.state.invitees = places
    made.include_router(callbacks.router)
    made.add_api_route("/health", lambda: {"up": True})
    return made


def main() -> None:
    settings = Settings()
    config = uvicorn.Config(
        application(settings, int(os.environ["SOAK_PEOPLE"])),
        host="127.0.0.1",
        port=settings.server.port,
        loop="none",
        ws="none",
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
