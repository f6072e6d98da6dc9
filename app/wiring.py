"""Chooses an implementation for every port of the service: with `holding`, the only file that knows them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from anyio import to_thread
from fastapi import FastAPI

from app.accounts.uses import Uses
from app.audit.house_log import open_log
from app.core.clock import BoundedClock
from app.core.clock_watch import ClockWatch
from app.core.errors import Conflict
from app.core.ground import Ground, lay_under
from app.core.i18n import N_
from app.core.ids import new_id
from app.core.keys import remember
from app.core.settings_refusals import require_fit_to_serve
from app.core.storage import DirectoryStore
from app.core.work import Kind
from app.evaluation import disclosing, renewing
from app.evaluation.cases import House
from app.evaluation.desk import CommitteeAdmissions
from app.exchange import custody_jobs, exports, filing, resealing
from app.holding import holding_rooms
from app.jobs.clock_check import ClockCheck
from app.jobs.media_processes import MediaProcesses
from app.jobs.relay import Relay
from app.jobs.revocations import Revocations
from app.jobs.scheduler import Ticker
from app.jobs.sequencing import Sequencing
from app.jobs.sweeps import Sweeps
from app.jobs.worker import Worker
from app.migrations.runner import require_current, upgrade
from app.notify.phone_room import open_phone_room
from app.sample.loading import is_sample
from expert_draw.answers import Invitees
from expert_draw.snapshot import Rosters
from recordings.space import Space
from venue.room.register import DatabaseRegister

_PHONES_EVERY_S = 0.25
_SWEEP_EVERY_S = 0.5
_REVOCATIONS_EVERY_S = 1.0
_WORK_EVERY_S = 1.0
_FILING_EVERY_S = 5.0
_FORGET_EVERY_S = 3600.0
_AUDIT_EVERY_S = 1.0
_CLOCK_EVERY_S = 1.0


def raise_up(ground: Ground) -> None:
    """Brings the database to this version, notes by what its key is recognized, and renews fingerprints of earlier versions."""
    upgrade(ground.database, sealer=ground.sealer)
    with ground.database.transaction() as session:
        remember(session, ground.sealer)
        renewing.renew(session, ground.sealer)


def require_fit(ground: Ground) -> None:
    """Refuses to open what must not serve: no way to reach experts, an old schema, invented people for real."""
    require_fit_to_serve(ground.settings)
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
    """Gives requests what they may ask for."""
    lay_under(application, ground)
    application.state.invitees = Invitees(ground.sealer)
    application.state.rosters = Rosters(ground.sealer)
    application.state.bounded_clock = BoundedClock(ground.clock)
    application.state.clock_watch = ClockWatch()
    application.state.uses = Uses()
    application.state.house = House(ground.settings, ground.sealer, application.state.rosters)
    application.state.reach = disclosing.load_for
    application.state.audit_log = open_log(
        ground.settings.audit, ground.database, ground.clock, ground.sealer
    )
    space = Space(ground.database, ground.clock, ground.settings.recordings_dir, ground.settings.recording)
    application.state.register = DatabaseRegister(
        ground.database, ground.clock, ground.sealer, CommitteeAdmissions(), may_begin=space.require
    )


def _kinds(ground: Ground) -> tuple[Kind, ...]:
    """The kinds of jobs this house does: exports and sealing anew always, filings where there is a platform to file with."""
    settings = ground.settings
    built = exports.kind(ground.database, ground.clock, ground.sealer, settings.exports_dir)
    packed = custody_jobs.packages(
        ground.sealer, ground.clock, settings.recording, settings.recordings_dir, settings.exports_dir
    )
    deleted = custody_jobs.disposals(
        ground.database, settings.recordings_dir, settings.exports_dir, DirectoryStore(settings.store_dir)
    )
    always = (built, packed, deleted, resealing.kind(ground.database, ground.sealer))
    if settings.exchange.filing_url is None:
        return always
    return (*always, filing.kind(settings.exchange, ground.clock))


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
        sequencing = Sequencing(application.state.audit_log, ground.clock)
        closing.push_async_callback(sequencing.finish)
        ticker = Ticker()
        ticker.every(_AUDIT_EVERY_S, "sign", sequencing.sign)
        ticker.every(_AUDIT_EVERY_S, "review", sequencing.review)
        ticker.every(_AUDIT_EVERY_S, "endorse", sequencing.endorse)
        ticker.every(_PHONES_EVERY_S, "deliver", sweeps.deliver)
        ticker.every(_PHONES_EVERY_S, "reconcile", sweeps.reconcile)
        ticker.every(_PHONES_EVERY_S, "pretend", sweeps.pretend)
        ticker.every(_SWEEP_EVERY_S, "invitations", sweeps.invitations)
        ticker.every(_WORK_EVERY_S, "work", sweeps.work)
        ticker.every(_FORGET_EVERY_S, "forget", sweeps.forget)
        revocations = Revocations(ground.database, ground.clock, application.state.uses)
        ticker.every(_REVOCATIONS_EVERY_S, "revocations", revocations.look)
        ticker.every(_REVOCATIONS_EVERY_S, "uses", revocations.write_down)
        ticker.every(
            _CLOCK_EVERY_S,
            "clock",
            ClockCheck(ground.database, ground.clock, application.state.clock_watch).look,
        )
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
