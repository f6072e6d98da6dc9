"""Every act gets its place in the log, soon or at once; what does not agree with what was signed is never signed over."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import ColumnElement, and_, update
from sqlmodel import Session, col, select

from app.audit import log_rows, service
from app.audit.log_tree import Frontier, leaf_hash
from app.audit.models import AuditAlarm, AuditCheckpoint, AuditEvent, AuditLeaf
from app.audit.sequencer import Log, Sequencer
from app.audit.signed_note import Note, Signer
from app.audit.tags import MILESTONES, Tag
from app.core.clock import ManualClock
from app.core.database import Database
from tests.support.databases import furnish
from tests.support.trail_attacks import KEY, Trail, edit_body, run_sql, unguarded
from tests.support.world import START


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    database = furnish(Database(f"sqlite:///{tmp_path / 'trail.db'}"))
    yield Trail(database, ManualClock(START))
    database.dispose()


@pytest.fixture
def any_trail(any_database: Database) -> Trail:
    return Trail(any_database, ManualClock(START))


@pytest.fixture
def pg_trail(pg_database: Database) -> Trail:
    return Trail(pg_database, ManualClock(START))


def checkpoints(trail: Trail) -> list[int]:
    with trail.database.reading() as session:
        return list(session.exec(select(AuditCheckpoint.size).order_by(col(AuditCheckpoint.size))).all())


def acts_and_leaves(trail: Trail) -> Iterator[tuple[int | None, int, str, str]]:
    """Number of the act, and beside its leaf what that should be."""
    with trail.database.reading() as session:
        for place, leaf in zip(
            log_rows.leaves(session),
            session.exec(select(AuditLeaf).order_by(col(AuditLeaf.position))).all(),
            strict=True,
        ):
            assert place.entry is not None
            yield leaf.event_id, leaf.position, leaf_hash(place.entry).hex(), leaf.hash


def alarm(trail: Trail) -> str:
    with trail.database.reading() as session:
        found = log_rows.alarm(session)
    return found.reason if found else ""


def test_acts_get_their_places_in_order_and_a_checkpoint_that_the_house_signed(any_trail: Trail) -> None:
    any_trail.fill(7)
    assert any_trail.sequencer.advance() == 7
    held = list(acts_and_leaves(any_trail))
    assert [position for _, position, _, _ in held] == list(range(7))
    assert all(should == stored for _, _, should, stored in held)
    root = Frontier().extended(bytes.fromhex(leaf) for _, _, _, leaf in held).root
    told = Note.parse(any_trail.note()).checkpoint(KEY.verifier)
    assert (told.size, told.root, told.extra) == (7, root, ("at 2026-11-23T01:00:00+00:00",))


def test_what_is_new_waits_for_its_time_and_a_milestone_for_nothing(trail: Trail) -> None:
    trail.fill(1)
    trail.sequencer.advance()
    trail.fill(1)
    trail.clock.advance(9.9)
    assert trail.sequencer.advance() == 0
    trail.clock.advance(0.1)
    assert trail.sequencer.advance() == 1
    assert trail.sequencer.advance() == 0
    trail.record(("case-a", "drawn"), tag=Tag.draw_round)
    assert trail.sequencer.advance() == 1
    assert checkpoints(trail) == [1, 2, 3]
    assert Tag.draw_round in MILESTONES
    with trail.database.reading() as session:
        milestone = log_rows.last_milestone(session)
        assert milestone is not None
        assert milestone.size == 3


def test_many_acts_are_taken_in_several_steps(trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.audit.sequencer._MOST", 3)
    monkeypatch.setattr("app.audit.log_rows._AT_ONCE", 4)
    trail.fill(8)
    assert trail.sequencer.advance() == 8
    assert checkpoints(trail) == [3, 6, 8]
    assert trail.fresh_sequencer().advance() == 0
    assert alarm(trail) == ""


@contextmanager
def open_act(trail: Trail) -> Iterator[None]:
    """An act has been given its number; only when this ends is it committed."""
    given, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        with trail.database.transaction() as session:
            record(session, "slow")
            given.set()
            assert may_commit.wait(20)

    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(slow)
        assert given.wait(20)
        yield
        may_commit.set()
        waiting.result()


def test_a_number_that_appears_late_is_not_passed_over(pg_trail: Trail) -> None:
    """PostgreSQL gives a number to an act before it is committed: a later one may be in the log by then."""
    with open_act(pg_trail):
        pg_trail.record(("quick", "act"))
        assert pg_trail.sequencer.advance() == 1
        pg_trail.clock.advance(600)
        pg_trail.record(("quick", "act"))
        assert pg_trail.sequencer.advance() == 1
    pg_trail.clock.advance(10)
    assert pg_trail.sequencer.advance() == 1
    numbers = [number for number, _, _, _ in acts_and_leaves(pg_trail)]
    assert numbers[2] == min(number for number in numbers if number is not None)


def test_even_an_act_that_was_open_beyond_all_measure_is_found_within_the_hour(pg_trail: Trail) -> None:
    with open_act(pg_trail):
        for _ in range(3):
            pg_trail.clock.advance(1000)
            pg_trail.record(("quick", "act"))
            assert pg_trail.sequencer.advance() == 1
    pg_trail.clock.advance(10)
    assert pg_trail.sequencer.advance() == 0
    pg_trail.clock.advance(1600)
    assert pg_trail.sequencer.advance() == 1


def record(session: Session, case: str) -> None:
    service.record(session, START, case=case, tag=Tag.sheet_saved, actor="a", subject="s")


def test_several_processes_at_once_give_each_act_one_place(pg_trail: Trail) -> None:
    processes = [pg_trail.fresh_sequencer() for _ in range(3)]
    stop = threading.Event()

    def sequence(one: Sequencer) -> None:
        while not stop.is_set():
            one.advance(at_once=True)

    with ThreadPoolExecutor(3) as crowd:
        running = [crowd.submit(sequence, one) for one in processes]
        for number in range(20):
            pg_trail.record((f"case-{number % 3}", "act"))
        stop.set()
        for one in running:
            one.result()
    pg_trail.sequencer.advance(at_once=True)
    held = list(acts_and_leaves(pg_trail))
    assert len(held) == len({number for number, _, _, _ in held}) == 20
    assert alarm(pg_trail) == ""


def test_a_place_that_another_process_holds_is_left_to_it(pg_trail: Trail) -> None:
    pg_trail.fill(1)
    with pg_trail.database.transaction() as session:
        session.connection().exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended('audit-log', 0))")
        assert pg_trail.sequencer.advance() == 0
    assert pg_trail.sequencer.advance() == 1


DAMAGE = {
    "an act": "UPDATE audit_event SET actor = 'x' WHERE id = (SELECT min(id) FROM audit_event)",
    "an act away": "DELETE FROM audit_event WHERE id = (SELECT min(id) FROM audit_event)",
    "a leaf": "UPDATE audit_leaf SET hash = 'xyz' WHERE position = 2",
    "a leaf away": "DELETE FROM audit_leaf WHERE position = 2",
    "the last leaf away": "DELETE FROM audit_leaf WHERE position = 6",
    "a checkpoint away": "DELETE FROM audit_checkpoint",
    "a root": "UPDATE audit_checkpoint SET root = 'abcd'",
    "a frontier": "UPDATE audit_checkpoint SET frontier = ''",
    "a size": "UPDATE audit_checkpoint SET size = 3",
    "a note": "UPDATE audit_checkpoint SET note = 'no note'",
}


@pytest.mark.parametrize("what", DAMAGE)
def test_where_rows_and_signature_disagree_nothing_is_signed_and_an_alarm_is_noted_once(
    trail: Trail, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    trail.fill(7)
    trail.sequencer.advance()
    trail.fill(1)
    run_sql(trail.database, DAMAGE[what])
    before = checkpoints(trail)
    with caplog.at_level(logging.ERROR):
        for sequencer in (trail.sequencer, trail.fresh_sequencer(), trail.fresh_sequencer()):
            trail.clock.advance(61)
            assert sequencer.advance() == 0
    assert checkpoints(trail) == before
    assert alarm(trail)
    assert "not signed any more" in caplog.text
    with trail.database.reading() as session:
        assert len(session.exec(select(AuditAlarm)).all()) <= 2  # who remembers more may say it otherwise


def test_an_alarm_ends_when_everything_agrees_again(any_trail: Trail) -> None:
    any_trail.fill(8)
    any_trail.sequencer.advance()
    with unguarded(any_trail.database) as connection:
        (kept,) = connection.execute(select(AuditEvent.data).where(_third())).one()
        edit_body(connection)
    any_trail.fill(1)
    any_trail.clock.advance(10)
    any_trail.sequencer.advance()
    assert alarm(any_trail) == "changed at 7: case-b#3"
    with unguarded(any_trail.database) as connection:
        connection.execute(update(AuditEvent).where(_third()).values(data=kept))
    assert any_trail.sequencer.advance() == 0
    any_trail.clock.advance(60)
    assert any_trail.sequencer.advance() == 1
    assert alarm(any_trail) == ""


def _third() -> ColumnElement[bool]:
    return and_(col(AuditEvent.case) == "case-b", col(AuditEvent.n) == 3)


@pytest.mark.parametrize(
    ("acts", "said"), [(9, "root at 0: case-a#1"), (7, "checkpoint 7 is another one"), (3, "cut at 3: #0")]
)
def test_a_history_that_was_exchanged_under_a_running_process_is_noticed_by_it(
    trail: Trail, acts: int, said: str
) -> None:
    trail.fill(7)
    trail.sequencer.advance()
    run_sql(
        trail.database,
        "DELETE FROM audit_event",
        "DELETE FROM audit_leaf",
        "DELETE FROM audit_checkpoint",
    )
    trail.record(*(("case-a", f"another act {number}") for number in range(acts)))
    assert trail.fresh_sequencer().advance() == acts
    trail.fill(1)
    trail.clock.advance(10)
    assert trail.sequencer.advance() == 0
    assert alarm(trail) == said


def test_a_note_that_stands_in_the_place_of_another_is_noticed(trail: Trail) -> None:
    for _ in range(2):
        trail.fill(1)
        trail.sequencer.advance(at_once=True)
    with unguarded(trail.database) as connection:
        older = connection.execute(select(AuditCheckpoint.note).where(AuditCheckpoint.size == 1)).scalar_one()
        connection.execute(update(AuditCheckpoint).values(note=older))
    trail.fill(1)
    assert trail.fresh_sequencer().advance() == 0
    assert "its row and its note differ" in alarm(trail)


def test_with_another_key_nothing_is_signed(trail: Trail) -> None:
    trail.fill(1)
    trail.sequencer.advance()
    other = Sequencer(trail.database, trail.clock, Log(Signer.of_seed("test.example/audit", bytes(32)), 10))
    trail.fill(1)
    assert other.advance() == 0
    assert "not signed by this key" in alarm(trail)


def test_a_long_trail_is_signed_at_once_after_a_start_and_reviewed_beside(
    trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.audit.sequencer._SHORT", -1)
    monkeypatch.setattr("app.audit.sequencer._AGAIN", 2)
    for _ in range(6):
        trail.fill(2)
        trail.sequencer.advance(at_once=True)
    with unguarded(trail.database) as connection:
        edit_body(connection)
    trail.fill(1)
    started = trail.fresh_sequencer()
    assert started.advance() == 1
    assert alarm(trail) == ""
    started.review()
    assert alarm(trail).startswith("changed at")
    trail.fill(1)
    for sequencer in (started, trail.sequencer, trail.fresh_sequencer()):
        assert sequencer.advance(at_once=True) == 0
