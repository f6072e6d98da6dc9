"""The worker: what is due is done beside the service, and no job waits for another one's trouble."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, SQLModel

from app.core import work
from app.core.clock import ManualClock
from app.core.database import Database
from app.core.work import Claim, Failed, JobState, JobView, Kind, Result
from app.jobs import worker as workers
from app.jobs.worker import Worker
from app.migrations.metadata import metadata
from tests.support.world import START

TIMEOUT_S = 20.0
LEASE_S = TIMEOUT_S + 30


class Errands:
    """A house with one worker, whose kinds of jobs the test makes up."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder / 'work.db'}")
        _ = metadata()
        SQLModel.metadata.create_all(self.database.engine)
        self.clock = ManualClock(START)
        self.told: list[tuple[str, object]] = []

    def kind(
        self,
        name: str,
        run: Callable[[Claim], Awaitable[Result]],
        *,
        at_once: int = 2,
        timeout_s: float = TIMEOUT_S,
        most_tries: int = 3,
    ) -> Kind:
        def done(_session: Session, _now: datetime, held: Claim, result: Result) -> None:
            self.told.append((str(held.payload["about"]), dict(result)))

        def died(_session: Session, _now: datetime, held: Claim, reason: str) -> None:
            self.told.append((str(held.payload["about"]), reason))

        return Kind(
            name, run, at_once=at_once, timeout_s=timeout_s, most_tries=most_tries, done=done, died=died
        )

    def order(self, kind: str, *keys: str) -> list[str]:
        with self.database.transaction() as session:
            return [
                work.enqueue(session, self.clock.now(), kind=kind, unique_key=key, payload={"about": key}).id
                for key in keys
            ]

    def works(self, *kinds: Kind, ticks: int = 1) -> None:
        """The worker is woken so often, and comes to rest each time."""

        async def story() -> None:
            worker = Worker(self.database, self.clock, kinds)
            for _ in range(ticks):
                await worker.start_due()
                assert await worker.idle(20)

        asyncio.run(story())

    def job(self, job_id: str) -> JobView:
        with self.database.reading() as session:
            job = work.find(session, job_id)
        assert job is not None
        return job


@pytest.fixture
def errands(tmp_path: Path) -> Iterator[Errands]:
    house = Errands(tmp_path)
    yield house
    house.database.dispose()


async def well(held: Claim) -> Result:
    return {"tries": held.tries}


def test_what_is_due_is_done_and_told_in_the_same_transaction(errands: Errands) -> None:
    (job_id,) = errands.order("errand", "a")
    errands.works(errands.kind("errand", well))
    job = errands.job(job_id)
    assert (job.state, job.result, job.done_at) == (JobState.done, {"tries": 1}, START)
    assert errands.told == [("a", {"tries": 1})]
    errands.works(errands.kind("errand", well), ticks=2)
    assert len(errands.told) == 1


def test_a_job_that_fails_holds_up_no_other_and_is_tried_again_later(
    errands: Errands, caplog: pytest.LogCaptureFixture
) -> None:
    async def run(held: Claim) -> Result:
        if held.payload["about"] == "bad":
            raise OSError("a secret number 13800000000")
        return {}

    bad, good = errands.order("errand", "bad", "good")
    with caplog.at_level(logging.WARNING):
        errands.works(errands.kind("errand", run))
    assert errands.job(good).state is JobState.done
    job = errands.job(bad)
    assert (job.state, job.last_error, job.due_at) == (
        JobState.queued,
        "OSError",
        START + timedelta(seconds=10),
    )
    assert bad in caplog.text


def test_a_job_is_dead_after_its_tries_and_that_is_told_once(
    errands: Errands, caplog: pytest.LogCaptureFixture
) -> None:
    async def run(_held: Claim) -> Result:
        raise Failed("HTTP 500")

    (job_id,) = errands.order("errand", "a")
    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            errands.works(errands.kind("errand", run))
            errands.clock.advance(3600)
    job = errands.job(job_id)
    assert (job.state, job.tries, job.last_error) == (JobState.dead, 3, "HTTP 500")
    assert errands.told == [("a", "HTTP 500")]
    assert "dead after 3 tries" in caplog.text


def test_what_trying_will_hardly_help_dies_earlier_and_nothing_later_than_its_kind(errands: Errands) -> None:
    async def run(held: Claim) -> Result:
        raise Failed("HTTP 410", 1 if held.payload["about"] == "early" else 99)

    early, late = errands.order("errand", "early", "late")
    for _ in range(4):
        errands.works(errands.kind("errand", run))
        errands.clock.advance(3600)
    assert (errands.job(early).tries, errands.job(late).tries) == (1, 3)


def test_a_job_without_end_is_stopped_by_its_timeout(errands: Errands) -> None:
    async def run(_held: Claim) -> Result:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    (job_id,) = errands.order("errand", "a")
    errands.works(errands.kind("errand", run, timeout_s=0.01))
    assert (errands.job(job_id).state, errands.job(job_id).last_error) == (JobState.queued, "timeout")


def test_some_of_a_kind_run_at_once_and_a_full_kind_keeps_no_other_waiting(errands: Errands) -> None:
    async def story() -> None:
        go = asyncio.Event()
        running: list[str] = []

        async def slow(held: Claim) -> Result:
            running.append(str(held.payload["about"]))
            await go.wait()
            return {}

        worker = Worker(
            errands.database,
            errands.clock,
            [errands.kind("slow", slow), errands.kind("quick", well)],
        )
        errands.order("slow", "1", "2", "3")
        assert await worker.start_due() == 2
        errands.order("quick", "4")
        assert await worker.start_due() == 1
        async with asyncio.timeout(20):
            while not errands.told:
                await asyncio.sleep(0)
        assert errands.told == [("4", {"tries": 1})]
        assert len(running) == 2
        go.set()
        assert await worker.idle(20)
        assert await worker.start_due() == 1
        assert await worker.idle(20)
        assert sorted(running) == ["1", "2", "3"]

    asyncio.run(story())


def test_who_lost_the_lease_tells_nothing(errands: Errands) -> None:
    async def overtaken(_held: Claim) -> Result:
        errands.clock.advance(LEASE_S)
        with errands.database.transaction() as session:
            assert work.claim(
                session, errands.clock.now(), "errand", most=1, lease=timedelta(seconds=LEASE_S)
            )
        return {}

    (job_id,) = errands.order("errand", "a")
    errands.works(errands.kind("errand", overtaken))
    assert (errands.job(job_id).state, errands.told) == (JobState.running, [])


def test_what_could_not_be_noted_is_done_again_after_the_lease(
    errands: Errands, caplog: pytest.LogCaptureFixture
) -> None:
    def refuses(_session: Session, _now: datetime, _held: Claim, _result: Result) -> None:
        raise OSError("disk full")

    (job_id,) = errands.order("errand", "a")
    with caplog.at_level(logging.ERROR):
        errands.works(
            Kind("errand", well, at_once=1, timeout_s=TIMEOUT_S, most_tries=3, done=refuses), ticks=2
        )
    assert errands.job(job_id).state is JobState.running
    assert "could not be noted" in caplog.text
    errands.clock.advance(LEASE_S)
    errands.works(errands.kind("errand", well))
    assert errands.told == [("a", {"tries": 2})]


def test_a_job_that_kills_its_holders_is_dead_in_the_end(errands: Errands) -> None:
    (job_id,) = errands.order("errand", "a")
    for _ in range(3):
        with errands.database.transaction() as session:
            assert work.claim(
                session, errands.clock.now(), "errand", most=1, lease=timedelta(seconds=LEASE_S)
            )
        errands.clock.advance(LEASE_S)
    errands.works(errands.kind("errand", well))
    assert errands.job(job_id).state is JobState.dead
    assert errands.told == [("a", "lease-expired")]


def test_a_stop_waits_for_a_while_and_what_was_cut_off_is_done_again(
    errands: Errands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_PATIENCE_S", 0.01)

    async def story() -> None:
        async def run(_held: Claim) -> Result:
            await asyncio.Event().wait()
            return {}

        worker = Worker(errands.database, errands.clock, [errands.kind("errand", run)])
        assert await worker.start_due() == 1
        async with asyncio.timeout(20):
            await worker.stop()
            await worker.stop()

    (job_id,) = errands.order("errand", "a")
    asyncio.run(story())
    assert errands.job(job_id).state is JobState.running
    errands.clock.advance(LEASE_S)
    errands.works(errands.kind("errand", well))
    assert errands.told == [("a", {"tries": 2})]
