"""A room is sealed by whoever holds it; one that nobody holds any more by whoever finds it."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from sqlmodel import col, select, update

from app.core.database import Database
from app.evaluation.ledgers import RecordedLedgers
from app.jobs.sealing import Sealing
from recordings.manifest import parse_manifest
from recordings.recorder import Recorder
from recordings.signing import Signer
from tests.support.evaluations import Case
from tests.support.leases import HOUR_MS
from tests.support.world import World, make_world
from venue.models import RoomEvent
from venue.placement import leases
from venue.placement.keeper import Keeper
from venue.placement.models import RoomLease
from venue.placement.moments import in_ms
from venue.room.events import EventKind, SeatEvent
from venue.room.hub import RoomHub


class _Hub:
    """Nobody is in any room any more, or somebody is when `then` says what happens while the room is being closed."""

    def __init__(self) -> None:
        self.closed: list[str] = []
        self.then: Callable[[], object] = tuple

    async def close_room(self, room_id: str) -> None:
        self.closed.append(room_id)
        self.then()


class Worker:
    """A media worker reduced to what seals."""

    def __init__(self, world: World, worker_id: str, folder: Path) -> None:
        self.world = world
        self.worker_id = worker_id
        self.hub = _Hub()
        self.recorder = Recorder(folder, world.clock, signer=Signer.of_seed(b"h" * 32))
        self.ledgers = RecordedLedgers(self.recorder, world.clock)
        self.keeper = Keeper(world.database, world.clock, worker_id, "", ttl_ms=HOUR_MS)
        self.sealing = Sealing(
            database=world.database,
            clock=world.clock,
            data_dir=folder,
            hub=cast("RoomHub", self.hub),
            recorder=self.recorder,
            ledgers=self.ledgers,
            keeper=self.keeper,
        )

    def seal(self) -> None:
        asyncio.run(self.sealing.seal())

    def record(self, room_id: str) -> None:
        """Takes the room and keeps one event of it."""
        epoch = self.keeper.claim(room_id)
        assert epoch is not None
        self.ledgers.begin(room_id, epoch, self.world.now())
        assert self.ledgers.note(SeatEvent(room_id, 1, 5, EventKind.seat_joined)) is not None
        self.recorder.settle()


@pytest.fixture
def case(tmp_path: Path, any_database: Database) -> Case:
    """An evaluation that is over, and whose room is not sealed."""
    case = Case(make_world(tmp_path, database=any_database)).in_session()
    for member in case.members():
        case.score(member)
    case.act("close")
    return case


@pytest.fixture
def workers(case: Case, tmp_path: Path) -> Iterator[tuple[Worker, Worker]]:
    pair = (
        Worker(case.world, "one", tmp_path / "shared"),
        Worker(case.world, "two", tmp_path / "shared"),
    )
    yield pair
    for worker in pair:
        worker.recorder.close()


def room_of(case: Case) -> str:
    return str(case.row.room_id)


def run_out(case: Case) -> None:
    with case.world.transaction() as session:
        session.exec(update(RoomLease).where(col(RoomLease.room_id) == room_of(case)).values(until=in_ms(-1)))


def events(case: Case) -> list[tuple[str, int | None, int | None, int | None]]:
    with case.world.database.reading() as session:
        rows = session.exec(select(RoomEvent).order_by(col(RoomEvent.id))).all()
    return [(row.kind, row.lease, row.seq, row.kept_under) for row in rows]


def test_the_holder_seals_and_no_other(case: Case, workers: tuple[Worker, Worker]) -> None:
    one, two = workers
    one.record(room_of(case))
    two.seal()
    assert (case.state, two.hub.closed) == ("closed", [])
    one.seal()
    assert (case.state, one.hub.closed) == ("sealed", [room_of(case)])
    assert events(case) == [("seat-joined", 1, 1, 1)]


def test_a_room_whose_holder_died_is_sealed_by_whoever_finds_it(
    case: Case, workers: tuple[Worker, Worker]
) -> None:
    one, two = workers
    one.record(room_of(case))
    one.recorder.close()  # as far as it came before it died
    run_out(case)
    two.seal()
    assert case.state == "sealed"
    assert events(case) == [("seat-joined", 1, 1, 2)]
    manifest = parse_manifest((two.recorder.room_path(room_of(case)) / "manifest.json").read_bytes())
    assert case.row.manifest_sha256 == manifest.sha256
    assert manifest.key == Signer.of_seed(b"h" * 32).public_key


def test_who_lost_the_room_while_sealing_seals_nothing(
    case: Case, workers: tuple[Worker, Worker], caplog: pytest.LogCaptureFixture
) -> None:
    one, two = workers
    one.record(room_of(case))

    def lose() -> None:
        run_out(case)
        assert two.keeper.claim(room_of(case)) == 2

    one.hub.then = lose
    with caplog.at_level(logging.ERROR):
        one.seal()
    assert case.state == "closed"
    assert "room-lost" in caplog.text
    two.seal()
    assert case.state == "sealed"


def test_a_room_is_not_sealed_where_its_recording_is_not(
    case: Case, workers: tuple[Worker, Worker], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = Worker(case.world, "three", tmp_path / "other")
    with caplog.at_level(logging.ERROR):
        other.seal()
    assert case.state == "closed"
    assert "recording-elsewhere" in caplog.text
    with case.world.database.reading() as session:
        assert not leases.ever_held(session, room_of(case))
    other.recorder.room_path(room_of(case)).mkdir(parents=True)
    case.world.clock.advance(2)
    other.seal()
    assert case.state == "sealed"
    other.recorder.close()
