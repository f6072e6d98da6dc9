"""Chooses an implementation for every port; the only file that knows them all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from anyio import to_thread
from fastapi import FastAPI

from app.core.clock import Clock, SystemClock
from app.core.database import Database
from app.core.sealing import Sealer
from app.core.settings import Settings
from app.evaluation.conductor import House
from app.evaluation.desk import CommitteeAdmissions
from app.jobs.scheduler import Ticker
from app.jobs.sweeps import Sweeps
from app.migrations.runner import require_current
from app.notify.phone_room import open_phone_room
from app.web.sse import stop_all
from expert_draw.answers import Invitees
from recordings.recorder import Recorder
from recordings.sealing import recover
from venue.media.seams import check_aiortc_seams
from venue.room.hub import RoomHub
from venue.room.register import DatabaseRegister

_PHONES_EVERY_S = 0.25
_SWEEP_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Ground:
    """What stands before the service opens."""

    settings: Settings
    clock: Clock
    database: Database
    sealer: Sealer


def lay(settings: Settings, clock: Clock | None = None) -> Ground:
    """The ground of a service: checked settings, folders, database, sealer."""
    settings.check()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return Ground(
        settings, clock or SystemClock(), Database(settings.resolved_database_url()), Sealer(settings.key)
    )


def attach(application: FastAPI, ground: Ground) -> None:
    """Gives requests what `app.core.dependencies` hands out."""
    application.state.settings = ground.settings
    application.state.clock = ground.clock
    application.state.database = ground.database
    application.state.sealer = ground.sealer
    application.state.invitees = Invitees(ground.sealer)


@asynccontextmanager
async def running(application: FastAPI, ground: Ground) -> AsyncIterator[None]:
    """Everything that runs while the service is open, started in order and stopped in the opposite one."""
    check_aiortc_seams()
    await to_thread.run_sync(require_current, ground.database)
    await to_thread.run_sync(recover, ground.settings.recordings_dir, ground.clock.now())
    recorder = Recorder(
        ground.settings.recordings_dir, ground.clock, fragment_ms=ground.settings.recording.fragment_ms
    )
    application.state.recorder = recorder
    hub = RoomHub(
        register=DatabaseRegister(ground.database, ground.clock, ground.sealer, CommitteeAdmissions()),
        clock=ground.clock,
        sinks=recorder,
        durable=recorder.durable,
        media=ground.settings.media,
        recording=ground.settings.recording,
    )
    application.state.hub = hub
    phone_room = await open_phone_room(
        ground.settings, ground.database, ground.clock, ground.sealer, application.state.invitees
    )
    application.state.phone_room = phone_room
    sweeps = Sweeps(
        database=ground.database,
        clock=ground.clock,
        house=House(ground.settings, ground.sealer),
        phone_room=phone_room,
        hub=hub,
        recorder=recorder,
    )
    ticker = Ticker()
    ticker.every(_PHONES_EVERY_S, "deliver", sweeps.deliver)
    ticker.every(_PHONES_EVERY_S, "reconcile", sweeps.reconcile)
    ticker.every(_PHONES_EVERY_S, "pretend", sweeps.pretend)
    ticker.every(_SWEEP_EVERY_S, "invitations", sweeps.invitations)
    ticker.every(_SWEEP_EVERY_S, "seal", sweeps.seal)
    async with hub.running():
        ticker.start()
        try:
            yield
        finally:
            await ticker.stop()
            stop_all()
    await phone_room.close()
    await to_thread.run_sync(recorder.close)
    ground.database.dispose()
