"""What the database owes to those who wait: connections come back, errors name nobody, a closed loop harms no one."""

import asyncio
import sqlite3
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import event, insert, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session, select

from app.accounts.models import Account
from app.core import bus
from app.core.database import Database, in_turn
from app.core.errors import Conflict
from tests.support.databases import SQLITE, until_somebody_waits
from tests.support.world import START, make_world

_PATIENCE_S = 8
"""Less than who is patient waits for another writer."""


def test_who_waits_too_long_for_the_writer_before_leaves_no_open_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = make_world(tmp_path, experts=0).database
    database.engine.dispose()
    closed: list[Session] = []

    class Told(Session):
        def close(self) -> None:
            closed.append(self)
            super().close()

    monkeypatch.setattr("app.core.database.Session", Told)

    @event.listens_for(database.engine, "connect")
    def _impatient(connection: sqlite3.Connection, _entry: object) -> None:
        connection.execute("PRAGMA busy_timeout=0")

    other = sqlite3.connect(tmp_path / "world.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="locked"), database.transaction():
        raise AssertionError("nobody writes beside the other writer")
    assert len(closed) == 1
    other.close()
    database.dispose()


def test_an_error_of_the_database_names_no_person(any_database: Database) -> None:
    def enter(*roles: str | None) -> None:
        with any_database.transaction() as session:
            for number, role in enumerate(roles):
                session.exec(
                    insert(Account).values(
                        id=str(number),
                        login="li",
                        name="李敏",
                        role=role,
                        password_hash="hidden",
                        active=True,
                        created_at=START,
                    )
                )

    twice, unfinished = ("x", "x"), (None,)
    for wrong in (twice, unfinished):
        with pytest.raises(IntegrityError) as refused:
            enter(*wrong)
        told = "".join(traceback.format_exception(refused.value))
        assert "account" in told
        assert "李敏" not in told
        assert "hidden" not in told.replace("parameters hidden", "").replace('password_hash="hidden"', "")


@pytest.mark.parametrize("written", ["postgresql", "postgres", "postgresql+psycopg"])
def test_the_address_of_a_server_may_be_written_as_operators_do(written: str, pg_url: str) -> None:
    database = Database(pg_url.replace("postgresql+psycopg", written))
    with database.reading() as session:
        assert session.exec(select(Account.id)).all() == []
    database.dispose()


def test_a_connection_that_was_cut_while_it_rested_is_made_anew(
    pg_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.database._RESTS_S", 0.0)
    with pg_database.transaction() as session:
        cut = session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    other = Database(pg_database.url)
    with other.transaction() as session:
        session.connection().exec_driver_sql("SELECT pg_terminate_backend(%(pid)s, 5000)", {"pid": cut})
    other.dispose()
    with pg_database.transaction() as session:
        assert session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one() != cut


def test_a_connection_that_was_used_this_moment_is_not_asked_whether_it_is_there(
    pg_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(pg_database.engine.dialect, "do_ping", asked.append)
    monkeypatch.setattr("app.core.database._RESTS_S", 3600.0)
    for _ in range(3):
        with pg_database.transaction() as session:
            session.exec(select(Account)).all()
    assert not asked
    monkeypatch.setattr("app.core.database._RESTS_S", 0.0)
    with pg_database.transaction() as session:
        session.exec(select(Account)).all()
    assert len(asked) == 1


def test_two_turns_at_one_matter_follow_each_other_and_two_matters_do_not_wait(pg_database: Database) -> None:
    reached: list[str] = []

    def second() -> None:
        with pg_database.transaction() as session:
            assert in_turn(session, "other matter")
            reached.append("other")
            assert in_turn(session, "matter")
            reached.append("second")

    with ThreadPoolExecutor(1) as others:
        with pg_database.transaction() as session:
            assert in_turn(session, "matter")
            assert in_turn(session, "matter")  # whoever has it has it
            waiting = others.submit(second)
            until_somebody_waits(pg_database)
            reached.append("first")
        waiting.result()
    assert reached == ["other", "first", "second"]


def test_who_only_reads_and_who_writes_alone_waits_for_no_turn(any_database: Database) -> None:
    alone = any_database.engine.dialect.name == SQLITE
    with any_database.transaction() as writing:
        assert in_turn(writing, "matter") is not alone
        with any_database.reading() as session:
            assert in_turn(session, "matter") is False


def test_a_turn_that_does_not_come_is_a_refusal_in_words(pg_database: Database) -> None:
    with pg_database.transaction() as first:
        in_turn(first, "matter")
        begun = time.monotonic()
        with pytest.raises(Conflict, match="turn-taken"), pg_database.transaction(patient=False) as second:
            in_turn(second, "matter")
        assert time.monotonic() - begun < _PATIENCE_S


def test_who_is_not_patient_does_not_wait_for_a_row_either(pg_database: Database) -> None:
    with pg_database.transaction() as session:
        session.add(Account(id="a", login="li", name="李敏", role="x", password_hash="-", created_at=START))
    with pg_database.transaction() as first:
        first.exec(update(Account).values(name="李"))
        with (
            pytest.raises(OperationalError, match="lock timeout"),
            pg_database.transaction(patient=False) as second,
        ):
            second.exec(update(Account).values(name="敏"))


class _ClosingLoop:
    """A loop that closes just after it was asked."""

    def is_closed(self) -> bool:
        return False

    def call_soon_threadsafe(self, _act: Callable[..., object], *_given: object) -> None:
        raise RuntimeError("Event loop is closed")


def test_news_for_a_loop_that_closes_meanwhile_reaches_the_others_and_harms_nobody() -> None:
    async def story() -> bus.News:
        async with bus.subscribe("closing") as queue:
            gone = bus._Listener(cast("asyncio.AbstractEventLoop", _ClosingLoop()), asyncio.Queue())
            bus._listeners["closing"].add(gone)
            bus.announce(bus.News("closing", "x"))
            bus._listeners["closing"].discard(gone)
            async with asyncio.timeout(5):
                return await queue.get()

    assert asyncio.run(story()) == bus.News("closing", "x")
