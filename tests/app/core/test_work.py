"""Jobs on both databases: each is claimed once, none is lost with its holder, and who lost the lease reports nothing."""

import subprocess
import sys
import textwrap
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, SQLModel

from app.core import work
from app.core.database import Database
from app.core.work import Claim, JobState, JobView
from app.migrations.metadata import metadata
from tests.support.postgres import fresh, postgres
from tests.support.world import START

LEASE = timedelta(seconds=60)
KIND = "errand"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database with all tables."""
    if request.param == "sqlite":
        yield _with_tables(f"sqlite:///{tmp_path / 'work.db'}")
        return
    with fresh(request.getfixturevalue("server")) as address:
        opened = _with_tables(address)
        yield opened
        opened.dispose()


def _with_tables(url: str) -> Database:
    database = Database(url)
    _ = metadata()
    SQLModel.metadata.create_all(database.engine)
    return database


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def ordered(database: Database, key: str = "a", kind: str = KIND) -> str:
    with database.transaction() as session:
        return work.enqueue(session, START, kind=kind, unique_key=key, payload={"about": key}).id


def claimed(database: Database, at: datetime, most: int = 10) -> tuple[Claim, ...]:
    with database.transaction() as session:
        return work.claim(session, at, KIND, most=most, lease=LEASE)


def known(session: Session, job_id: str) -> JobView:
    job = work.find(session, job_id)
    assert job is not None
    return job


def test_work_is_ordered_with_the_transaction_and_undone_with_it(database: Database) -> None:
    def given_up(session: Session) -> None:
        work.enqueue(session, START, kind=KIND, unique_key="a", payload={})
        raise OSError("the draw failed")

    with pytest.raises(OSError, match="the draw failed"), database.transaction() as session:
        given_up(session)
    assert claimed(database, START) == ()


def test_the_same_work_is_ordered_once(database: Database) -> None:
    with database.transaction() as session:
        first = work.enqueue(session, START, kind=KIND, unique_key="a", payload={"about": "1"})
        again = work.enqueue(session, START, kind=KIND, unique_key="a", payload={"about": "2"})
        other = work.enqueue(session, START, kind="other", unique_key="a", payload={})
    assert (first.new, again, other.new) == (True, (first.id, False), True)
    (only,) = claimed(database, START)
    assert (only.id, only.payload) == (first.id, {"about": "1"})


def test_two_workers_on_one_table_claim_every_job_once(database: Database) -> None:
    for number in range(60):
        ordered(database, str(number))
    ready = threading.Barrier(2)
    taken: list[str] = []
    troubles: list[BaseException] = []

    def works(own: Database) -> None:
        try:
            ready.wait(10)
            while found := claimed(own, START, most=3):
                taken.extend(claim.id for claim in found)
        except BaseException as error:
            troubles.append(error)
            raise

    each = [Database(database.url), Database(database.url)]
    threads = [threading.Thread(target=works, args=(own,)) for own in each]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for own in each:
        own.dispose()
    assert not troubles
    assert set(Counter(taken).values()) == {1}
    assert len(taken) == 60


def test_rows_another_node_holds_are_skipped_and_not_waited_for(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        assert "FOR UPDATE" not in _statement_of_claim(database)  # one writer at a time: nobody to skip
        return
    ordered(database, "a")
    ordered(database, "b")
    with database.transaction() as first, database.transaction() as second:
        (mine,) = work.claim(first, START, KIND, most=1, lease=LEASE)
        (theirs,) = work.claim(second, START, KIND, most=5, lease=LEASE)
    assert mine.id != theirs.id


def _statement_of_claim(database: Database) -> str:
    from sqlalchemy import event  # noqa: PLC0415

    said: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    ordered(database)
    claimed(database, START)
    return "\n".join(said)


def test_a_job_whose_holder_is_gone_is_claimed_again_and_not_before_its_lease_ends(
    database: Database,
) -> None:
    ordered(database)
    (first,) = claimed(database, START)
    assert claimed(database, after(59)) == ()
    (second,) = claimed(database, after(60))
    assert (second.id, second.epoch, second.tries) == (first.id, 2, 2)
    assert claimed(database, after(60)) == ()


def test_who_lost_the_lease_can_neither_finish_nor_fail(database: Database) -> None:
    job_id = ordered(database)
    (stale,) = claimed(database, START)
    (held,) = claimed(database, after(60))
    with database.transaction() as session:
        assert not work.finish(session, after(61), stale, {"by": "stale"})
        assert work.fail(session, after(61), stale, "stale", 1) is None
        assert known(session, job_id).state is JobState.running
    with database.transaction() as session:
        assert work.finish(session, after(62), held, {"by": "held"})
        assert not work.finish(session, after(63), held, {"by": "twice"})
        job = known(session, job_id)
    assert (job.state, job.result, job.done_at) == (JobState.done, {"by": "held"}, after(62))


def test_a_failure_waits_longer_each_time_until_the_job_is_dead_and_says_why(database: Database) -> None:
    job_id = ordered(database)
    at, waits = START, []
    for _ in range(3):
        (held,) = claimed(database, at)
        with database.transaction() as session:
            assert work.fail(session, at, held, "HTTP 500", 4) is JobState.queued
            due_at = known(session, job_id).due_at
        waits.append((due_at - at).total_seconds())
        assert claimed(database, due_at - timedelta(microseconds=1)) == ()
        at = due_at
    assert waits == [10, 20, 40]
    (held,) = claimed(database, at)
    with database.transaction() as session:
        assert work.fail(session, at, held, "HTTP 503", 4) is JobState.dead
        job = known(session, job_id)
    assert (job.state, job.last_error, job.tries) == (JobState.dead, "HTTP 503", 4)
    assert claimed(database, after(1e6)) == ()


def test_no_pause_is_longer_than_an_hour() -> None:
    assert [work.pause_after(tries).total_seconds() for tries in (1, 2, 9, 10, 10_000)] == [
        10,
        20,
        2560,
        3600,
        3600,
    ]


def test_a_job_that_kills_its_holders_is_buried(database: Database) -> None:
    job_id = ordered(database)
    for tries in range(3):
        (held,) = claimed(database, after(60 * tries))
    with database.transaction() as session:
        assert work.bury(session, after(179), KIND, 3) == ()  # still held
        assert work.bury(session, after(180), KIND, 4) == ()  # may be tried once more
        (lost,) = work.bury(session, after(180), KIND, 3)
        job = known(session, job_id)
    assert lost == held
    assert (job.state, job.last_error) == (JobState.dead, "lease-expired")


def test_a_dead_job_is_set_going_again_with_all_its_tries(database: Database) -> None:
    job_id = ordered(database)
    (held,) = claimed(database, START)
    with database.transaction() as session:
        assert not work.revive(session, after(1), job_id)  # somebody has it in hands
        assert work.fail(session, after(1), held, "HTTP 410", 1) is JobState.dead
        assert work.revive(session, after(2), job_id)
    (again,) = claimed(database, after(2))
    assert (again.epoch, again.tries) == (2, 1)
    with database.transaction() as session:
        assert work.finish(session, after(3), again, {})
        assert not work.revive(session, after(4), job_id)


def test_a_job_that_waits_after_a_failure_can_be_set_going_at_once(database: Database) -> None:
    job_id = ordered(database)
    (held,) = claimed(database, START)
    with database.transaction() as session:
        assert work.fail(session, START, held, "HTTP 500", 9) is JobState.queued
    assert claimed(database, after(1)) == ()
    with database.transaction() as session:
        assert work.revive(session, after(1), job_id)
    (again,) = claimed(database, after(1))
    assert again.tries == 1


def test_jobs_are_listed_by_state_and_found_by_their_key(database: Database) -> None:
    first = ordered(database, "evaluation-:0")
    (held,) = claimed(database, START)
    second = ordered(database, "evaluation_:1")
    with database.transaction() as session:
        work.fail(session, START, held, "HTTP 410", 1)
        assert [job.id for job in work.listed(session, JobState.dead, 10)] == [first]
        assert {job.id for job in work.listed(session, None, 10)} == {first, second}
        assert len(work.listed(session, None, 1)) == 1
        found = work.of_key(session, KIND, "evaluation_:1")
        assert found is not None
        assert found.id == second
        assert work.of_key(session, "other", "evaluation_:1") is None
        assert work.find(session, "nothing") is None
        assert work.ended(session, KIND, "evaluation-:") == 1
        assert work.ended(session, KIND, "evaluation_:") == 0


def test_a_job_outlives_a_holder_killed_without_warning(database: Database) -> None:
    job_id = ordered(database)
    program = textwrap.dedent(
        f"""
        import sys
        from datetime import datetime, timedelta
        from app.core import work
        from app.core.database import Database
        with Database(sys.argv[1]).transaction() as session:
            found = work.claim(
                session, datetime.fromisoformat("{START.isoformat()}"), "{KIND}", most=1, lease=timedelta(seconds=60)
            )
        print(found[0].id, flush=True)
        sys.stdin.read()
        """
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, database.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[3],
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    try:
        assert holder.stdout.readline().strip() == job_id
    finally:
        holder.kill()
        holder.wait(10)
        holder.stdout.close()
        holder.stdin.close()
    assert claimed(database, after(59)) == ()
    (again,) = claimed(database, after(60))
    assert (again.id, again.epoch) == (job_id, 2)
