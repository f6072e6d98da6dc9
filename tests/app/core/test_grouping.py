"""Writes that share a transaction: answered after the commit, and one that fails spoils nothing for the others."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session, col, select

from app.core.clock import ManualClock
from app.core.database import Database
from app.core.grouping import GroupWriter, one_by_one
from app.core.models import KeyCheck
from tests.support.phones import START


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'group.db'}")
    KeyCheck.metadata.tables["key_check"].create(database.engine)
    yield database
    database.dispose()


def note(session: Session, now: datetime, number: int) -> int:
    session.add(KeyCheck(id=number, fingerprint=now.isoformat()))
    session.flush()
    return number * 2


NOTE = one_by_one(note)


def numbers(database: Database) -> list[int]:
    with database.reading() as session:
        return list(session.exec(select(KeyCheck.id).order_by(col(KeyCheck.id))).all())


def test_what_waits_is_written_together_and_answered_each_for_itself(database: Database) -> None:
    batches: list[int] = []

    def count(session: Session, now: datetime, items: Sequence[int]) -> list[int]:
        batches.append(len(items))
        return [note(session, now, item) for item in items]

    async def story() -> list[int]:
        writer = GroupWriter(database, ManualClock(START))
        return await asyncio.gather(*(writer.write(count, number) for number in range(1, 600)))

    assert asyncio.run(story()) == [2 * number for number in range(1, 600)]
    assert numbers(database) == list(range(1, 600))
    assert batches == [256, 256, 87], "not one by one"


def test_one_that_fails_is_told_so_and_the_others_are_written(database: Database) -> None:
    async def story() -> list[object]:
        writer = GroupWriter(database, ManualClock(START))
        given = await asyncio.gather(
            *(writer.write(NOTE, number) for number in (1, 2, 2, 3)), return_exceptions=True
        )
        await writer.close()
        return list(given)

    first, second, again, third = asyncio.run(story())
    assert (first, second, third) == (2, 4, 6)
    assert isinstance(again, IntegrityError)
    assert numbers(database) == [1, 2, 3]


def test_each_work_reads_what_the_one_before_has_written(database: Database) -> None:
    def change(session: Session, _now: datetime, word: str) -> str:
        row = session.get_one(KeyCheck, 1)
        row.fingerprint += word
        return row.fingerprint

    changes = one_by_one(change)

    async def story() -> list[str]:
        writer = GroupWriter(database, ManualClock(START))
        with database.transaction() as session:
            session.add(KeyCheck(id=1, fingerprint=""))
        return list(await asyncio.gather(writer.write(changes, "a"), writer.write(changes, "b")))

    assert asyncio.run(story()) == ["a", "ab"]


def test_whoever_goes_away_meanwhile_is_written_all_the_same(database: Database) -> None:
    held = threading.Event()

    def slow(session: Session, now: datetime, number: int) -> int:
        assert held.wait(10)
        return note(session, now, number)

    slowly = one_by_one(slow)

    async def story() -> None:
        writer = GroupWriter(database, ManualClock(START))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await writer.write(slowly, 1)
        held.set()
        assert await writer.write(NOTE, 2) == 4
        await writer.close()

    asyncio.run(story())
    assert numbers(database) == [1, 2]


def test_whoever_others_are_in_the_way_of_waits_at_the_end_of_the_line(database: Database) -> None:
    """Ten seconds long; what comes behind it is written meanwhile."""
    clock = ManualClock(START)
    tries: list[int] = []
    written: list[int] = []

    def blocked(_session: Session, _now: datetime, often: int) -> str:
        tries.append(often)
        clock.advance(1)
        if tries.count(often) < often:
            raise OperationalError("deadlock detected", None, Exception())
        return f"done, {len(written)} written before"

    def simple(session: Session, now: datetime, number: int) -> int:
        written.append(number)
        return note(session, now, number)

    works, simply = one_by_one(blocked), one_by_one(simple)

    async def story() -> list[object]:
        writer = GroupWriter(database, clock)
        return list(
            await asyncio.gather(
                writer.write(works, 3),
                writer.write(simply, 1),
                writer.write(works, 99),
                return_exceptions=True,
            )
        )

    done, noted, given_up = asyncio.run(story())
    assert (done, noted) == ("done, 1 written before", 2)
    assert isinstance(given_up, OperationalError)
    assert tries.count(99) < 12


def test_a_work_that_answers_too_few_is_told_so_and_nobody_waits_for_ever(database: Database) -> None:
    async def story() -> object:
        writer = GroupWriter(database, ManualClock(START))
        (given,) = await asyncio.gather(writer.write(lambda _s, _n, _i: [], 1), return_exceptions=True)
        return given

    assert isinstance(asyncio.run(story()), TypeError)


def test_when_the_writing_itself_breaks_down_everybody_hears_of_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> list[object]:
        writer = GroupWriter(database, ManualClock(START))
        monkeypatch.setattr(writer, "_write_all", lambda _together: 1 / 0)
        given = await asyncio.gather(*(writer.write(NOTE, n) for n in (1, 2)), return_exceptions=True)
        monkeypatch.undo()
        assert await writer.write(NOTE, 3) == 6, "and the next one is written"
        return list(given)

    assert [type(one) for one in asyncio.run(story())] == [ZeroDivisionError, ZeroDivisionError]
