"""Chooses an implementation for every port of a process that holds rooms; imports nothing that such a process does without."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from anyio import to_thread
from fastapi import FastAPI

from app.core.ground import Ground
from app.core.storage import DirectoryStore
from app.evaluation.desk import CommitteeAdmissions
from app.evaluation.ledgers import RecordedLedgers
from app.jobs.scheduler import Ticker
from app.jobs.sealing import Sealing
from app.jobs.storing import Storing
from recordings.recorder import Recorder
from recordings.signing import Signer
from recordings.space import Space
from recordings.uploads import Uploads
from venue.media.seams import check_aiortc_seams
from venue.placement.keeper import Keeper
from venue.room.hub import RoomHub
from venue.room.register import DatabaseRegister

_SEAL_EVERY_S = 0.5
_STORE_EVERY_S = 10.0


@asynccontextmanager
async def holding_rooms(
    application: FastAPI, ground: Ground, worker_id: str, url: str
) -> AsyncIterator[None]:
    """All that a process needs to hold rooms: recorder, leases, hub, and the sealing of what is over.

    worker_id: new for each process. url: as in `MediaWorker.url`.
    """
    check_aiortc_seams()
    settings, clock = ground.settings, ground.clock
    signer = Signer.of_seed(ground.sealer.derive("draw-signing"))  # the house signs all with one key
    recorder = Recorder(
        settings.recordings_dir,
        clock,
        fragment_ms=settings.recording.fragment_ms,
        roll_s=settings.recording.roll_s,
        most_pending_bytes=settings.recording.most_pending_mb * 1024 * 1024,
        signer=signer,
    )
    ledgers = RecordedLedgers(recorder, clock)
    keeper = Keeper(ground.database, clock, worker_id, url)
    hub = RoomHub(
        register=DatabaseRegister(ground.database, clock, ground.sealer, CommitteeAdmissions(), worker_id),
        clock=clock,
        sinks=recorder,
        durable=recorder.durable,
        leases=keeper,
        ledgers=ledgers,
        media=settings.media,
        recording=settings.recording,
    )
    sealing = Sealing(
        database=ground.database,
        clock=clock,
        data_dir=settings.data_dir,
        hub=hub,
        recorder=recorder,
        ledgers=ledgers,
        keeper=keeper,
    )
    application.state.recorder, application.state.hub, application.state.keeper = recorder, hub, keeper
    storing = Storing(
        clock,
        Uploads(ground.database, clock, settings.recordings_dir, DirectoryStore(settings.store_dir)),
        Space(ground.database, clock, settings.recordings_dir, settings.recording),
    )
    ticker = Ticker()
    ticker.every(_SEAL_EVERY_S, "seal", sealing.seal)
    ticker.every(_STORE_EVERY_S, "upload", storing.upload)
    ticker.every(_STORE_EVERY_S, "space", storing.watch_space)
    async with AsyncExitStack() as closing:
        await closing.enter_async_context(keeper.running(hub.seats, hub.move_room))
        closing.push_async_callback(to_thread.run_sync, recorder.close)
        await closing.enter_async_context(hub.running())
        closing.push_async_callback(keeper.drain)
        closing.push_async_callback(ticker.stop)
        ticker.start()
        yield
