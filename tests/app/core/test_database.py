"""What the database owes to those who wait: connections come back, errors name nobody, a closed loop harms no one."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session

from app.accounts.models import Account
from app.core import bus
from tests.support.world import START, make_world


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


def test_an_error_of_the_database_names_no_person(tmp_path: Path) -> None:
    world = make_world(tmp_path, experts=0)

    def twice() -> None:
        with world.transaction() as session:
            for key in "ab":
                session.add(
                    Account(
                        id=key, login="li", name="李敏", role="x", password_hash="hidden", created_at=START
                    )
                )

    with pytest.raises(IntegrityError) as refused:
        twice()
    assert "李敏" not in str(refused.value)
    assert "hidden" not in str(refused.value).replace("parameters hidden", "")


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
