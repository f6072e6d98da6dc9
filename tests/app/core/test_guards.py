"""The rules that the database keeps by itself."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.database import Database
from app.core.guards import BOOKING_OVERLAP, guards, install_guards, missing_guards
from tests.support.halls import END, NOW, START, center, enter, make_database
from venue import service

MICROSECOND = timedelta(microseconds=1)
REPLACE_BY_NUMBER = """
INSERT OR REPLACE INTO audit_event (id, "case", n, at, tag, actor, subject, data, prev, hash)
SELECT 99, "case", n, at, tag, actor, subject, '{}', prev, hash FROM audit_event
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = make_database(tmp_path)
    enter(made, center("530100", 2))
    yield made
    made.dispose()


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.engine.connect() as opened:
        yield opened


def seat(connection: Connection) -> str:
    return str(connection.exec_driver_sql("SELECT id FROM seat ORDER BY label LIMIT 1").scalar_one())


def book(connection: Connection, id_: str, start: datetime, end: datetime, *, active: bool = True) -> None:
    micro = [round(moment.timestamp() * 1_000_000) for moment in (start, end)]
    connection.exec_driver_sql(
        "INSERT INTO booking (id, seat_id, evaluation_id, start_at, end_at, active, created_at)"
        " VALUES (?, ?, 'e', ?, ?, ?, 0)",
        (id_, seat(connection), *micro, active),
    )


def test_a_guarded_database_misses_nothing_and_guarding_it_again_changes_nothing(
    connection: Connection,
) -> None:
    before = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master ORDER BY name").all()
    assert missing_guards(connection) == ()
    install_guards(connection)
    assert connection.exec_driver_sql("SELECT name, sql FROM sqlite_master ORDER BY name").all() == before


@pytest.mark.parametrize("name", [guard.name for guard in guards("sqlite")])
def test_a_dropped_guard_is_missed_by_name_and_put_back(connection: Connection, name: str) -> None:
    connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
    assert missing_guards(connection) == (name,)
    install_guards(connection)
    assert missing_guards(connection) == ()


def test_a_guard_that_was_rewritten_to_let_everything_through_counts_as_missing(
    connection: Connection,
) -> None:
    connection.exec_driver_sql('DROP TRIGGER "booking_no_overlap_on_insert"')
    connection.exec_driver_sql(
        'CREATE TRIGGER "booking_no_overlap_on_insert" BEFORE INSERT ON booking BEGIN SELECT 1; END'
    )
    assert missing_guards(connection) == ("booking_no_overlap_on_insert",)
    install_guards(connection)
    book(connection, "a", START, END)
    with pytest.raises(IntegrityError, match=BOOKING_OVERLAP):
        book(connection, "b", START, END)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (START, END),
        (START - timedelta(hours=1), START + MICROSECOND),
        (END - MICROSECOND, END + timedelta(hours=1)),
        (START + timedelta(hours=1), START + timedelta(hours=2)),
        (START - timedelta(hours=1), END + timedelta(hours=1)),
    ],
)
def test_no_overlapping_booking_gets_in(connection: Connection, start: datetime, end: datetime) -> None:
    book(connection, "a", START, END)
    with pytest.raises(IntegrityError, match=BOOKING_OVERLAP):
        book(connection, "b", start, end)


def test_bookings_that_only_touch_and_those_that_were_let_go_do_not_overlap(connection: Connection) -> None:
    book(connection, "a", START, END)
    book(connection, "b", END, END + timedelta(hours=1))
    book(connection, "c", START - timedelta(hours=1), START)
    book(connection, "d", START, END, active=False)


@pytest.mark.parametrize(
    "change",
    [
        "active = 1",
        "start_at = start_at - 7200000000",
        "seat_id = (SELECT seat_id FROM booking WHERE id = 'a')",
    ],
)
def test_no_change_of_a_booking_makes_it_overlap_another(connection: Connection, change: str) -> None:
    book(connection, "a", START, END)
    if change.startswith("active"):
        book(connection, "b", START, END, active=False)
    else:
        book(connection, "b", END, END + timedelta(hours=1))
    if change.startswith("seat_id"):
        connection.exec_driver_sql(
            "UPDATE booking SET seat_id = (SELECT id FROM seat WHERE label = '02号工位') WHERE id = 'b'"
        )
        connection.exec_driver_sql("UPDATE booking SET start_at = start_at - 1 WHERE id = 'b'")
    with pytest.raises(IntegrityError, match=BOOKING_OVERLAP):
        connection.exec_driver_sql(f"UPDATE booking SET {change} WHERE id = 'b'")  # noqa: S608 -- a list of ours


def test_a_booking_may_be_moved_within_its_own_time(connection: Connection) -> None:
    book(connection, "a", START, END)
    connection.exec_driver_sql("UPDATE booking SET end_at = end_at - 1, active = 1 WHERE id = 'a'")


def test_a_booking_that_ends_before_it_starts_is_refused(connection: Connection) -> None:
    with pytest.raises(IntegrityError, match="booking-backwards"):
        book(connection, "a", END, START)
    with pytest.raises(IntegrityError, match="booking-backwards"):
        book(connection, "a", START, START)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET data = '{}'",
        "DELETE FROM audit_event",
        "INSERT OR REPLACE INTO audit_event SELECT * FROM audit_event",
        REPLACE_BY_NUMBER,
    ],
)
def test_nothing_in_the_audit_trail_can_be_changed_removed_or_replaced(
    database: Database, statement: str
) -> None:
    with database.transaction() as session:
        audit.record(
            session, NOW, case="house", tag=Tag.sample_loaded, actor="a", subject="s", data={"centers": 1}
        )
    with (
        database.engine.connect() as connection,
        pytest.raises(IntegrityError, match="audit_event-append-only"),
    ):
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE draw_event SET line = 'x'",
        "DELETE FROM draw_event",
        "INSERT OR REPLACE INTO draw_event SELECT draw_id, n, 'x', at FROM draw_event",
    ],
)
def test_nothing_in_a_draw_record_can_be_changed_removed_or_replaced(
    connection: Connection, statement: str
) -> None:
    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    connection.rollback()
    connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
    connection.exec_driver_sql("INSERT INTO draw_event (draw_id, n, line, at) VALUES ('d', 1, '{}', 0)")
    with pytest.raises(IntegrityError, match="draw_event-append-only"):
        connection.exec_driver_sql(statement)


def test_there_are_guards_for_both_databases_and_for_no_other() -> None:
    assert {guard.table for guard in guards("postgresql")} == {guard.table for guard in guards("sqlite")}
    assert BOOKING_OVERLAP in {guard.name for guard in guards("postgresql")}
    with pytest.raises(ValueError, match="mysql"):
        guards("mysql")


def test_the_service_books_through_the_guard(database: Database) -> None:
    with database.transaction() as session:
        (offer,) = service.offers(session, START, END, NOW)
        service.reserve(
            session, NOW, evaluation_id="e", seat_ids=[offer.seats[0].seat_id], start=START, end=END
        )
    with database.engine.connect() as connection, pytest.raises(IntegrityError, match=BOOKING_OVERLAP):
        connection.exec_driver_sql(
            "INSERT INTO booking SELECT 'x', seat_id, 'f', start_at, end_at, 1, 0 FROM booking"
        )
