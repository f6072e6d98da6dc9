import asyncio
import logging
from collections.abc import Sequence

import pytest
from sqlalchemy.exc import OperationalError

from tests.support.leases import ZERO_AT
from tests.support.ledgers import noted
from tests.support.seats import play
from venue.room import journal as journals
from venue.room.events import EventKind, SeatEvent
from venue.room.journal import Journal
from venue.room.ports import Entry, Noted


def event(room_ms: int) -> Noted:
    return noted(SeatEvent("room-1", 1, room_ms, EventKind.seat_joined), ZERO_AT, seq=room_ms)


class Book:
    """Takes entries, unless told to be away or to choke on one."""

    def __init__(self) -> None:
        self.written: list[int] = []
        self.away = False
        self.chokes_on: int | None = None

    def write(self, entries: Sequence[Entry]) -> None:
        if self.away:
            raise OperationalError("INSERT", {}, Exception("the database is away"))
        times = [entry.room_ms for entry in entries if isinstance(entry, Noted)]
        if self.chokes_on in times:
            raise ValueError("cannot be written")
        self.written.extend(times)


def test_what_is_noted_is_written_in_order() -> None:
    async def scenario() -> None:
        book = Book()
        journal = Journal(book.write)
        running = asyncio.create_task(journal.run())
        for number in range(450):
            journal.note(event(number))
        async with asyncio.timeout(10):
            while len(book.written) < 450:
                await asyncio.sleep(0)
        running.cancel()
        assert book.written == list(range(450))

    play(scenario())


def test_while_the_database_is_away_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(journals, "_RETRY_S", 0.0)
        book = Book()
        journal = Journal(book.write)
        book.away = True
        journal.note(event(1))
        assert not await journal.flush()
        journal.note(event(2))
        running = asyncio.create_task(journal.run())
        for _ in range(50):
            await asyncio.sleep(0)
        book.away = False
        async with asyncio.timeout(10):
            while book.written != [1, 2]:
                await asyncio.sleep(0)
        running.cancel()

    play(scenario())


def test_an_entry_that_cannot_be_written_does_not_take_others_along(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        book = Book()
        journal = Journal(book.write)
        book.chokes_on = 2
        for number in (1, 2, 3):
            journal.note(event(number))
        with caplog.at_level(logging.ERROR):
            assert await journal.flush()
        assert book.written == [1, 3]
        assert "could not be written" in caplog.text

    play(scenario())


def test_memory_is_bounded_and_the_oldest_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(journals, "MOST_WAITING", 3)
        book = Book()
        journal = Journal(book.write)
        for number in range(5):
            journal.note(event(number))
        assert await journal.flush()
        assert book.written == [2, 3, 4]

    play(scenario())
