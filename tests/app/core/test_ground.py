"""The ground: sealed fields, transactions that keep all or nothing, news after the commit."""

import asyncio
import contextlib
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import InternalError
from sqlmodel import Session, select

from app.accounts.models import Account
from app.core import bus
from app.core.clock import ManualClock, SystemClock
from app.core.database import Database
from app.core.ids import new_id, printed_number
from app.core.logging import blot
from tests.support.world import START, make_world


def account(login: str) -> Account:
    return Account(id=login, login=login, name="", role="supervisor", password_hash="", created_at=START)


def test_logs_never_hold_a_mobile_or_an_identity_number() -> None:
    assert blot("call +8613812345678 or 13812345678 for 999101198001011238") == "call […] or […] for […]"
    assert blot("evaluation PX-2026-000123 took 12345 ms") == "evaluation PX-2026-000123 took 12345 ms"


def test_ids_sort_by_the_time_they_were_made() -> None:
    ids = [new_id(START + timedelta(milliseconds=step)) for step in range(50)]
    assert ids == sorted(ids)
    assert {uuid.UUID(one).version for one in ids} == {7}
    assert printed_number("PX", 2026, 123) == "PX-2026-000123"


def test_a_clock_in_our_hands_moves_forward_only() -> None:
    clock = ManualClock(START)
    clock.advance(1.5)
    assert clock.now() == START + timedelta(seconds=1.5)
    assert clock.monotonic_ns() == 1_500_000_000
    with pytest.raises(ValueError, match="go back"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="aware"):
        ManualClock(datetime(2026, 1, 1))  # noqa: DTZ001 -- the very mistake it refuses
    real = SystemClock()
    assert real.now().tzinfo is UTC
    assert real.monotonic_ns() <= real.monotonic_ns()


def test_a_transaction_keeps_all_or_nothing_and_tells_only_what_it_kept(
    tmp_path: Path, any_database: Database
) -> None:
    world = make_world(tmp_path, experts=0, database=any_database)

    def lose() -> None:
        with world.transaction() as session:
            session.add(account("lost"))
            bus.publish(session, "t", "lost")
            session.flush()
            raise RuntimeError

    async def story() -> list[bus.News]:
        async with bus.subscribe("t") as news:
            with pytest.raises(RuntimeError):
                lose()
            with world.transaction() as session:
                session.add(account("kept"))
                bus.publish(session, "t", "kept", detail="x")
                assert news.empty()
            async with asyncio.timeout(5):
                return [await news.get()]

    assert asyncio.run(story()) == [bus.News("t", "kept", {"detail": "x"})]
    with world.database.reading() as session:
        assert session.exec(select(Account.login)).all() == ["kept"]


def test_a_reading_writes_nothing(any_database: Database) -> None:
    # PostgreSQL refuses at once; on SQLite it is undone.
    with contextlib.suppress(InternalError), any_database.reading() as session:
        session.add(account("never"))
        session.flush()
    with any_database.reading() as session:
        assert session.exec(select(Account)).all() == []


def test_a_reading_sees_one_moment_from_beginning_to_end(any_database: Database) -> None:
    with any_database.reading() as session:
        assert session.exec(select(Account.login)).all() == []
        with any_database.transaction() as writing:
            writing.add(account("meanwhile"))
        assert session.exec(select(Account.login)).all() == []
    with any_database.reading() as session:
        assert session.exec(select(Account.login)).all() == ["meanwhile"]


def test_an_instant_needs_a_time_zone_and_keeps_its_microseconds(any_database: Database) -> None:
    exact = datetime(2026, 11, 21, 3, 4, 5, 678901, tzinfo=UTC)

    def store(session: Session, at: datetime) -> None:
        row = account(at.isoformat())
        row.created_at = at
        session.add(row)

    with any_database.transaction() as session:
        store(session, exact)
    with any_database.reading() as session:
        kept = session.exec(select(Account.created_at)).one()
        assert kept == exact
        assert kept.tzinfo is UTC
    with pytest.raises(Exception, match="time zone"), any_database.transaction() as session:
        store(session, exact.replace(tzinfo=None))
