"""Chooses an implementation for every port; the only file that knows them all."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from anyio import to_thread
from fastapi import FastAPI

from app.core.clock import Clock, SystemClock
from app.core.database import Database
from app.core.errors import Conflict
from app.core.i18n import N_
from app.core.ids import new_id
from app.core.keys import remember, sealer_for
from app.core.sealing import Sealer
from app.core.settings import Settings
from app.core.storage import DirectoryStore
from app.core.work import Kind
from app.evaluation.cases import House
from app.evaluation.desk import CommitteeAdmissions
from app.evaluation.ledgers import RecordedLedgers
from app.exchange import exports, filing
from app.jobs.media_processes import MediaProcesses
from app.jobs.relay import Relay
from app.jobs.scheduler import Ticker
from app.jobs.sealing import Sealing
from app.jobs.storing import Storing
from app.jobs.sweeps import Sweeps
from app.jobs.worker import Worker
from app.migrations.runner import require_current, upgrade
from app.notify.phone_room import open_phone_room
from app.sample.loading import is_sample
from expert_draw.answers import Invitees
from expert_draw.snapshot import Rosters
from recordings.recorder import Recorder
from recordings.signing import Signer
from recordings.space import Space
from recordings.uploads import Uploads
from venue.media.seams import check_aiortc_seams
from venue.placement.keeper import Keeper
from venue.room.hub import RoomHub
from venue.room.register import DatabaseRegister

_PHONES_EVERY_S = 0.25
_SWEEP_EVERY_S = 0.5
_WORK_EVERY_S = 1.0
_FILING_EVERY_S = 5.0
_STORE_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Ground:
    """What stands before the service opens."""

    settings: Settings
    clock: Clock
    database: Database
    sealer: Sealer


def lay(settings: Settings, clock: Clock | None = None) -> Ground:
    """The ground of every command: checked settings, folder, database, and the key that this database knows."""
    settings.check()
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.resolved_database_url())
    try:
        sealer = sealer_for(settings, database)
    except BaseException:
        database.dispose()
        raise
    return Ground(settings, clock or SystemClock(), database, sealer)


def raise_up(ground: Ground) -> None:
    """Brings the database to this version, and notes by what its key is recognized."""
    upgrade(ground.database)
    with ground.database.transaction() as session:
        remember(session, ground.sealer)


def require_fit(ground: Ground) -> None:
    """Refuses to open what must not serve: no way to reach experts, an old schema, invented people for real."""
    ground.settings.check_service()
    require_current(ground.database)
    with ground.database.transaction() as session:
        remember(session, ground.sealer)
        sample = is_sample(session)
    if sample and not ground.settings.demo:
        raise Conflict(
            "sample-for-real",
            N_("数据目录中是样例数据，其中的号码可能属于真人，不得用于正式运行"),
            N_("正式运行请用另一个数据目录（YUANPING_DATA_DIR）；继续示范请运行 yuanping run"),
        )


def _read_roster(ground: Ground, house: House) -> None:
    """So that the first draw does not wait for it."""
    with ground.database.reading() as session:
        house.rosters.current(session)


def attach(application: FastAPI, ground: Ground) -> None:
    """Gives requests what `app.core.dependencies` hands out."""
    application.state.settings = ground.settings
    application.state.clock = ground.clock
    application.state.database = ground.database
    application.state.sealer = ground.sealer
    application.state.invitees = Invitees(ground.sealer)
    application.state.rosters = Rosters(ground.sealer)
    application.state.house = House(ground.settings, ground.sealer, application.state.rosters)
    space = Space(ground.database, ground.clock, ground.settings.recordings_dir, ground.settings.recording)
    application.state.register = DatabaseRegister(
        ground.database, ground.clock, ground.sealer, CommitteeAdmissions(), may_begin=space.require
    )


def _kinds(ground: Ground) -> tuple[Kind, ...]:
    """The kinds of jobs this house does: exports always, filings where there is a platform to file with."""
    settings = ground.settings
    built = exports.kind(ground.database, ground.clock, ground.sealer, settings.exports_dir)
    if settings.exchange.filing_url is None:
        return (built,)
    return (built, filing.kind(settings.exchange, ground.clock))


@asynccontextmanager
async def running(application: FastAPI, ground: Ground) -> AsyncIterator[None]:
    """Everything that runs while the service is open, started in order and stopped in the opposite one."""
    await to_thread.run_sync(require_fit, ground)
    await to_thread.run_sync(_read_roster, ground, application.state.house)
    async with AsyncExitStack() as closing:  # each in turn, whatever befalls the one before
        closing.callback(ground.database.dispose)
        phone_room = await open_phone_room(
            ground.settings, ground.database, ground.clock, ground.sealer, application.state.invitees
        )
        application.state.phone_room = phone_room
        closing.push_async_callback(phone_room.close)
        await closing.enter_async_context(_rooms(application, ground))
        worker = Worker(ground.database, ground.clock, _kinds(ground))
        closing.push_async_callback(worker.stop)
        sweeps = Sweeps(
            database=ground.database,
            clock=ground.clock,
            house=application.state.house,
            phone_room=phone_room,
            worker=worker,
        )
        ticker = Ticker()
        ticker.every(_PHONES_EVERY_S, "deliver", sweeps.deliver)
        ticker.every(_PHONES_EVERY_S, "reconcile", sweeps.reconcile)
        ticker.every(_PHONES_EVERY_S, "pretend", sweeps.pretend)
        ticker.every(_SWEEP_EVERY_S, "invitations", sweeps.invitations)
        ticker.every(_WORK_EVERY_S, "work", sweeps.work)
        if ground.settings.exchange.filing_url is not None:
            ticker.every(_FILING_EVERY_S, "filing", sweeps.filing)
        closing.push_async_callback(ticker.stop)
        ticker.start()
        yield


@asynccontextmanager
async def _rooms(application: FastAPI, ground: Ground) -> AsyncIterator[None]:
    """Whoever holds the rooms: media workers beside the service, or the service itself."""
    if not ground.settings.media_workers:
        async with holding_rooms(application, ground, new_id(ground.clock.now()), ""):
            yield
        return
    processes = MediaProcesses(ground.settings, ground.database, ground.clock)
    relay = Relay(ground.database)
    ticker = Ticker()
    ticker.every(_SWEEP_EVERY_S, "relay", relay.look)
    async with processes.running():
        application.state.media_urls = processes.urls
        ticker.start()
        try:
            yield
        finally:
            await ticker.stop()


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
        durable_at=recorder.durable_at,
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
    ticker.every(_SWEEP_EVERY_S, "seal", sealing.seal)
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
