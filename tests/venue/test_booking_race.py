"""Many book the same seats at once; the database lets only one of them in."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from app.core.database import Database
from app.core.errors import Conflict
from app.core.guards import guards
from app.sample.stream import Stream
from tests.support.databases import furnish
from tests.support.halls import END as LATEST
from tests.support.halls import NOW, START, center, enter
from venue import service

WRITERS, TRIES, WINDOWS = 8, 12, 3


def overlaps(connection: Connection) -> int:
    """Pairs of active bookings of one seat that share a moment, counted without the guard's help."""
    return int(
        connection.exec_driver_sql(
            "SELECT count(*) FROM booking a JOIN booking b ON a.seat_id = b.seat_id AND a.id < b.id"
            " WHERE a.active AND b.active AND a.start_at < b.end_at AND b.start_at < a.end_at"
        ).scalar_one()
    )


def race(address: str, seats: tuple[str, ...]) -> tuple[int, int]:
    """(booked, refused): every writer has its own engine, as separate processes would."""
    third = (LATEST - START) / WINDOWS
    gate = threading.Barrier(WRITERS)
    booked: list[int] = []
    refused: list[str] = []
    broken: list[BaseException] = []

    def write(writer: int) -> None:
        database = Database(address)
        chance = Stream(f"race/{writer}")
        gate.wait()
        try:
            for number in range(TRIES):
                start = START + third * chance.below(WINDOWS)
                try:
                    with database.transaction() as session:
                        service.reserve(
                            session,
                            NOW,
                            evaluation_id=f"{writer}/{number}",
                            seat_ids=chance.shuffled(seats)[:2],
                            start=start,
                            end=start + third,
                        )
                    booked.append(1)
                except Conflict as conflict:
                    refused.append(conflict.code)
        except BaseException as error:
            broken.append(error)
            raise
        finally:
            database.dispose()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not broken
    assert set(refused) <= {"seat-taken"}
    return len(booked), len(refused)


@pytest.fixture
def database(any_fresh: str) -> Iterator[Database]:
    """Each kind in turn, and nobody else's: its guards may be taken away."""
    made = furnish(Database(any_fresh))
    yield made
    made.dispose()


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "negative control"])
def test_no_seat_is_booked_twice_and_the_test_could_see_it_if_it_were(
    database: Database, *, guarded: bool
) -> None:
    enter(database, center("530100", 3, 3))
    with database.reading() as session:
        (offer,) = service.offers(session, START, LATEST, NOW)
    if not guarded:
        with database.engine.begin() as connection:
            for guard in guards(connection.dialect.name):
                if guard.table == "booking":
                    connection.exec_driver_sql(guard.removal)
    booked, refused = race(database.url, tuple(seat.seat_id for seat in offer.seats))
    assert booked + refused == WRITERS * TRIES
    with database.engine.connect() as connection:
        if guarded:
            assert overlaps(connection) == 0
            assert 0 < booked <= 3 * WINDOWS
        else:
            assert overlaps(connection) > 0
            assert refused == 0
