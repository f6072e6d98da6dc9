"""The rules that the database keeps by itself, on each kind of database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, create_engine, insert, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlmodel import SQLModel, col

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.database import Database
from app.core.errors import Unavailable
from app.core.guards import BOOKING_OVERLAP, guards, install_guards, missing_guards
from app.migrations.runner import require_current, upgrade
from tests.support.databases import POSTGRESQL, SQLITE
from tests.support.halls import END, NOW, START, center, enter
from venue import service
from venue.models import Booking, Seat

# ruff: noqa: S608 -- the statements below are put together from names of ours
MICROSECOND = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
EVERY_GUARD = [(kind, guard.name) for kind in (SQLITE, POSTGRESQL) for guard in guards(kind)]
ROWS: dict[str, dict[str, object]] = {
    "audit_alarm": {"id": 1, "size": 1, "reason": "r", "at": NOW},
    "audit_checkpoint": {
        "size": 1,
        "root": "r",
        "frontier": "f",
        "note": "n",
        "milestone": False,
        "at": NOW,
    },
    "audit_cosignature": {"size": 1, "key_id": "k", "witness": "w", "line": "l", "at": NOW},
    "audit_event": {
        "id": 1,
        "case": "c",
        "n": 1,
        "at": NOW,
        "tag": "t",
        "actor": "a",
        "subject": "s",
        "data": "{}",
        "prev": "p",
        "hash": "h",
    },
    "audit_leaf": {"position": 0, "event_id": 1, "hash": "h"},
    "audit_stamp": {"size": 1, "token": "t", "stamped_at": NOW, "at": NOW},
    "draw_event": {"draw_id": "d", "n": 1, "line": "{}", "at": NOW},
    "draw_listing": {"center_id": "c", "n": 1, "line": "{}", "at": NOW},
    "draw_opening": {"draw_id": "d", "n": 1, "text": "{}"},
    "identity_check": {
        "id": "i",
        "evaluation_id": "e",
        "member_id": "m",
        "center_id": "c",
        "outcome": "matched",
        "phone_deposited": True,
        "badge": True,
        "checked_by": "a",
        "checked_at": NOW,
    },
    "message_event": {"key": "k", "message_id": "m", "kind": "taken", "payload": "{}", "at": NOW},
    "name_release": {"invitation_id": "i", "cause": "over", "at": NOW, "released_by": "house"},
    "performance_fact": {
        "id": "f",
        "invitation_id": "i",
        "evaluation_id": "e",
        "kind": "late",
        "at": NOW,
    },
    "role_change": {
        "id": "r",
        "account_id": "a",
        "before": "b",
        "after": "c",
        "reason": "because",
        "changed_by": "x",
        "changed_at": NOW,
    },
    "roster_change": {"n": 1, "mark": "m", "root": "r", "size": 1, "at": NOW},
    "roster_leaf": {"expert_id": "x", "n": 1, "row": "r"},
    "sent_document": {
        "id": "s",
        "message_id": "m",
        "kind": "call",
        "at": NOW,
        "sha256": "h",
        "body_sealed": "b",
    },
}
"""A row of every table to which rows are only ever added."""
WRITTEN_ONCE = [(kind, table) for kind in (SQLITE, POSTGRESQL) for table in ROWS]


def test_every_table_that_is_only_added_to_is_tried_below() -> None:
    for kind in (SQLITE, POSTGRESQL):
        assert {guard.table for guard in guards(kind)} - {"booking"} == set(ROWS)


@pytest.fixture
def database(any_database: Database) -> Database:
    enter(any_database, center("530100", 2))
    return any_database


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """Whatever is done on it, to guards too, is undone at the end."""
    with database.engine.connect() as opened:
        yield opened


@contextmanager
def refused(connection: Connection, why: str) -> Iterator[None]:
    """The database refuses what is tried inside, and can be used on."""
    with pytest.raises(IntegrityError, match=why), connection.begin_nested():
        yield


def kind_of(connection: Connection) -> str:
    return str(connection.dialect.name)


def seats(connection: Connection) -> list[str]:
    return list(connection.execute(select(col(Seat.id)).order_by(col(Seat.label))).scalars())


def book(connection: Connection, id_: str, start: datetime, end: datetime, **changes: object) -> None:
    fields: dict[str, object] = {
        "id": id_,
        "seat_id": seats(connection)[0],
        "evaluation_id": "e",
        "start_at": start,
        "end_at": end,
        "active": True,
        "created_at": NOW,
    }
    connection.execute(insert(Booking).values(**{**fields, **changes}))


def change(connection: Connection, id_: str, **values: object) -> None:
    connection.execute(update(Booking).where(col(Booking.id) == id_).values(**values))


def definitions(connection: Connection) -> list[object]:
    asked = {
        SQLITE: "SELECT name, sql FROM sqlite_master ORDER BY name",
        POSTGRESQL: "SELECT tgname, oid, xmin FROM pg_trigger ORDER BY oid",
    }
    return list(connection.exec_driver_sql(asked[kind_of(connection)]).all())


def test_a_guarded_database_misses_nothing_and_guarding_it_again_changes_nothing(
    connection: Connection,
) -> None:
    before = definitions(connection)
    assert missing_guards(connection) == ()
    install_guards(connection)
    assert definitions(connection) == before


@pytest.mark.parametrize(("any_database", "name"), EVERY_GUARD, indirect=["any_database"])
def test_a_dropped_guard_is_missed_by_name_and_put_back(connection: Connection, name: str) -> None:
    (guard,) = (guard for guard in guards(kind_of(connection)) if guard.name == name)
    connection.exec_driver_sql(guard.removal)
    assert missing_guards(connection) == (name,)
    install_guards(connection)
    assert missing_guards(connection) == ()


WEAKENED = {
    SQLITE: [
        'DROP TRIGGER "booking_no_overlap_on_insert"',
        'CREATE TRIGGER "booking_no_overlap_on_insert" BEFORE INSERT ON booking BEGIN SELECT 1; END',
    ],
    POSTGRESQL: [
        f'ALTER TABLE booking DROP CONSTRAINT "{BOOKING_OVERLAP}"',
        f'ALTER TABLE booking ADD CONSTRAINT "{BOOKING_OVERLAP}" CHECK (true)',
    ],
}


def test_a_guard_that_was_rewritten_to_let_everything_through_counts_as_missing(
    connection: Connection,
) -> None:
    for statement in WEAKENED[kind_of(connection)]:
        connection.exec_driver_sql(statement)
    assert len(missing_guards(connection)) == 1
    install_guards(connection)
    book(connection, "a", START, END)
    with refused(connection, BOOKING_OVERLAP):
        book(connection, "b", START, END)


@pytest.mark.parametrize(
    ("statement", "missed"),
    [
        ("ALTER TABLE audit_event DISABLE TRIGGER audit_event_no_change", {"audit_event_no_change"}),
        ("ALTER TABLE audit_event ENABLE REPLICA TRIGGER audit_event_no_change", {"audit_event_no_change"}),
        (
            (
                "CREATE OR REPLACE TRIGGER audit_event_no_change BEFORE DELETE OR UPDATE ON audit_event"
                " FOR EACH ROW WHEN (OLD.n > 1) EXECUTE FUNCTION refuse_change()"
            ),
            {"audit_event_no_change"},
        ),
        (
            (
                "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
                " $$BEGIN RETURN NEW; END$$"
            ),
            {guard.name for guard in guards(POSTGRESQL) if guard.table != "booking"} - {"audit_head"},
        ),
        (
            (
                "CREATE OR REPLACE FUNCTION audit_head(of_case text) RETURNS TABLE(n integer, hash text)"
                " LANGUAGE plpgsql AS $$BEGIN RETURN QUERY SELECT 0, ''; END$$"
            ),
            {"audit_head"},
        ),
    ],
)
def test_a_guard_of_postgresql_that_is_switched_off_or_hollowed_out_counts_as_missing(
    pg_database: Database, statement: str, missed: set[str]
) -> None:
    with pg_database.engine.connect() as connection:
        connection.exec_driver_sql(statement)
        assert set(missing_guards(connection)) == missed
        install_guards(connection)
        assert missing_guards(connection) == ()


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (START, END),
        (START - HOUR, START + MICROSECOND),
        (END - MICROSECOND, END + HOUR),
        (START + HOUR, START + 2 * HOUR),
        (START - HOUR, END + HOUR),
    ],
)
def test_no_overlapping_booking_gets_in(connection: Connection, start: datetime, end: datetime) -> None:
    book(connection, "a", START, END)
    with refused(connection, BOOKING_OVERLAP):
        book(connection, "b", start, end)


def test_bookings_that_only_touch_and_those_that_were_let_go_do_not_overlap(connection: Connection) -> None:
    book(connection, "a", START, END)
    book(connection, "b", END, END + HOUR)
    book(connection, "c", START - HOUR, START)
    book(connection, "d", START, END, active=False)
    with refused(connection, BOOKING_OVERLAP):
        change(connection, "d", active=True)


def test_no_change_of_a_booking_makes_it_overlap_another(connection: Connection) -> None:
    first, second = seats(connection)
    book(connection, "a", START, END)
    book(connection, "b", END, END + HOUR)
    book(connection, "c", START, END, seat_id=second)
    with refused(connection, BOOKING_OVERLAP):
        change(connection, "b", start_at=END - HOUR)
    with refused(connection, BOOKING_OVERLAP):
        change(connection, "c", seat_id=first)


def test_a_booking_may_be_moved_within_its_own_time(connection: Connection) -> None:
    book(connection, "a", START, END)
    change(connection, "a", end_at=END - MICROSECOND, active=True)


@pytest.mark.parametrize(("start", "end"), [(END, START), (START, START)])
def test_a_booking_that_ends_before_it_starts_is_refused(
    connection: Connection, start: datetime, end: datetime
) -> None:
    # PostgreSQL's own word for it comes first where the range itself would run backwards.
    with pytest.raises(Exception, match=r"booking-backwards|range lower bound"), connection.begin_nested():
        book(connection, "a", start, end)


@pytest.mark.parametrize(("any_database", "name"), WRITTEN_ONCE, indirect=["any_database"])
def test_what_was_written_once_is_never_changed_removed_or_replaced(
    any_database: Database, name: str
) -> None:
    table = SQLModel.metadata.tables[name]
    column = list(table.c)[-1].name
    ways = [f"UPDATE {name} SET {column} = {column}", f"DELETE FROM {name}"]
    if any_database.engine.dialect.name == POSTGRESQL:
        ways.append(f"TRUNCATE {name} CASCADE")
        keys = ", ".join(f'"{key.name}"' for key in table.primary_key)
        ways.append(
            f"INSERT INTO {name} SELECT * FROM {name} ON CONFLICT ({keys}) DO UPDATE SET {column} = EXCLUDED.{column}"
        )
    elif name != "message_event":
        ways.append(f"INSERT OR REPLACE INTO {name} SELECT * FROM {name}")
    with _with_loose_ends(any_database) as connection:
        connection.execute(insert(table).values(**ROWS[name]))
        for way in ways:
            with refused(connection, f"{name}-append-only"):
                connection.exec_driver_sql(way)
        assert len(connection.execute(select(table)).all()) == 1


@contextmanager
def _with_loose_ends(database: Database) -> Iterator[Connection]:
    """A connection on which a row may lean on others that are not there; nothing of it is kept."""
    with database.engine.connect() as connection:
        if kind_of(connection) == SQLITE:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute("PRAGMA foreign_keys=OFF")
        else:
            _forget_foreign_keys(connection)
        yield connection
        connection.rollback()
        if kind_of(connection) == SQLITE:
            connection.invalidate()


def _forget_foreign_keys(connection: Connection) -> None:
    for table, name in connection.exec_driver_sql(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f'"
    ).all():
        connection.exec_driver_sql(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')


REPLACE_BY_NUMBER = """
INSERT OR REPLACE INTO audit_event (id, "case", n, at, tag, actor, subject, data, prev, hash)
SELECT 99, "case", n, at, tag, actor, subject, '{}', prev, hash FROM audit_event
"""


@pytest.mark.parametrize("any_database", [SQLITE], indirect=True)
def test_an_act_cannot_be_replaced_by_another_with_its_number(any_database: Database) -> None:
    with any_database.transaction() as session:
        audit.record(session, NOW, case="house", tag=Tag.sample_loaded, actor="a", subject="s")
    with any_database.engine.connect() as connection, refused(connection, "audit_event-append-only"):
        connection.exec_driver_sql(REPLACE_BY_NUMBER)


def test_there_are_guards_for_both_databases_and_for_no_other() -> None:
    assert {guard.table for guard in guards(POSTGRESQL)} == {guard.table for guard in guards(SQLITE)}
    assert BOOKING_OVERLAP in {guard.name for guard in guards(POSTGRESQL)}
    with pytest.raises(ValueError, match="mysql"):
        guards("mysql")


def test_the_service_books_through_the_guard(database: Database) -> None:
    with database.transaction() as session:
        (offer,) = service.offers(session, START, END, NOW)
        service.reserve(
            session, NOW, evaluation_id="e", seat_ids=[offer.seats[0].seat_id], start=START, end=END
        )
    with database.engine.connect() as connection, refused(connection, BOOKING_OVERLAP):
        book(connection, "x", START, END, seat_id=offer.seats[0].seat_id)


def test_a_service_that_owns_nothing_works_and_cannot_switch_a_guard_off(pg_fresh: str) -> None:
    owner = Database(pg_fresh)
    upgrade(owner, "0001")
    with _as_clerk(owner) as engine:
        clerk = Database(pg_fresh, engine)
        with pytest.raises(Unavailable, match="schema-rights"):
            upgrade(clerk)
        upgrade(owner)
        upgrade(clerk)
        require_current(clerk)
        with clerk.transaction() as session:
            audit.record(session, NOW, case="house", tag=Tag.sample_loaded, actor="a", subject="s")
        for forbidden in (
            "ALTER TABLE audit_event DISABLE TRIGGER USER",
            "DROP TRIGGER audit_event_no_change ON audit_event",
            "TRUNCATE audit_event",
            "SET session_replication_role = replica",
        ):
            with clerk.engine.connect() as connection, pytest.raises(ProgrammingError):
                connection.exec_driver_sql(forbidden)
    owner.dispose()


@contextmanager
def _as_clerk(owner: Database) -> Iterator[Engine]:
    """Connections of a role of the service's own, with the wide rights that older instructions gave it."""
    clerk = f"clerk_of_{make_url(owner.url).database}"
    with owner.engine.begin() as connection:
        for statement in (
            f"CREATE ROLE {clerk} LOGIN",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {clerk}",
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {clerk}",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {clerk}",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {clerk}",
        ):
            connection.exec_driver_sql(statement)
    engine = create_engine(make_url(owner.url).set(username=clerk))
    yield engine
    engine.dispose()
    with owner.engine.begin() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {clerk}")
        connection.exec_driver_sql(f"DROP ROLE {clerk}")
