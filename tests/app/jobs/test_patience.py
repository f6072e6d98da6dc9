"""What fails is tried again later, and holds up nothing else."""

import asyncio
import logging
from pathlib import Path
from typing import cast

import pytest

from app.core.clock import ManualClock
from app.core.database import Database
from app.jobs.sweeps import Patience, Sweeps
from app.jobs.worker import Worker
from app.notify.phone_room import PhoneRoom
from recordings.recorder import Recorder
from tests.support.evaluations import Case
from tests.support.world import START, World, make_world
from venue.room.hub import RoomHub


class _Hub:
    """Nobody is in any room any more."""

    async def close_room(self, room_id: str) -> None:
        pass


def sweeping(world: World, folder: Path) -> tuple[Sweeps, Recorder]:
    """A service with its own folder of recordings, reduced to what it looks for."""
    recorder = Recorder(folder, world.clock)
    sweeps = Sweeps(
        database=world.database,
        clock=world.clock,
        house=world.house,
        phone_room=cast("PhoneRoom", None),
        hub=cast("RoomHub", _Hub()),
        recorder=recorder,
        worker=cast("Worker", None),
    )
    return sweeps, recorder


def test_a_room_is_sealed_by_the_service_that_recorded_it_and_by_no_other(
    tmp_path: Path, any_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    case = Case(make_world(tmp_path, database=any_database)).in_session()
    for member in case.members():
        case.score(member)
    case.act("close")
    other, others_recorder = sweeping(case.world, tmp_path / "other")
    with caplog.at_level(logging.ERROR):
        asyncio.run(other.seal())
    assert case.state == "closed"
    assert "recording-elsewhere" in caplog.text

    own, recorder = sweeping(case.world, tmp_path / "own")
    recorder.room_path(str(case.row.room_id)).mkdir(parents=True)
    asyncio.run(own.seal())
    assert case.state == "sealed"
    for one in (recorder, others_recorder):
        one.close()


def test_what_failed_waits_longer_each_time_and_is_logged_while_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = ManualClock(START)
    patience = Patience(clock)
    tried: list[str] = []

    def attempt(what: str, *, fails: bool) -> None:
        with patience.trying(what) as time_to_try:
            if time_to_try:
                tried.append(what)
                if fails:
                    raise OSError("disk full")

    with caplog.at_level(logging.ERROR):
        attempt("a", fails=True)
        attempt("a", fails=True)
        attempt("b", fails=False)
        clock.advance(1)
        attempt("a", fails=True)
        clock.advance(1)
        attempt("a", fails=True)
        clock.advance(1)
        attempt("a", fails=False)
        attempt("a", fails=False)
    assert tried == ["a", "b", "a", "a", "a"]
    assert caplog.text.count("disk full") >= 2
