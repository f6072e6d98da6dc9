"""Rules that the database itself keeps: no seat is booked twice, and no line of a record is changed or removed.

They are installed after every migration, because a migration that rebuilds a table on SQLite silently
drops its triggers; the service refuses to start while one is missing.
"""

from dataclasses import dataclass
from textwrap import dedent

from sqlalchemy import inspect
from sqlalchemy.engine import Connection

BOOKING_OVERLAP = "booking-overlap"
"""What the refusal of an overlapping booking contains, on SQLite and on PostgreSQL alike."""


@dataclass(frozen=True, slots=True)
class Guard:
    """One rule: its name, the table it stands on and the statement that sets it up."""

    name: str
    table: str
    statement: str


def guards(dialect: str) -> tuple[Guard, ...]:
    """Every guard a database of that kind (`sqlite` or `postgresql`) must carry."""
    if dialect == "sqlite":
        return _SQLITE
    if dialect == "postgresql":
        return _POSTGRESQL
    raise ValueError(f"no guards are written for {dialect}")


def install_guards(connection: Connection) -> None:
    """Sets up every guard that is missing or altered; doing it again changes nothing."""
    dialect = connection.dialect.name
    if dialect == "postgresql":
        for statement in _POSTGRESQL_GROUND:
            connection.exec_driver_sql(statement)
    missing = set(missing_guards(connection))
    for guard in guards(dialect):
        if guard.name not in missing:
            continue
        if dialect == "sqlite":
            connection.exec_driver_sql(f'DROP TRIGGER IF EXISTS "{guard.name}"')
        connection.exec_driver_sql(guard.statement)


def missing_guards(connection: Connection) -> tuple[str, ...]:
    """Names of the guards that are not there, are switched off, or say something else than they should.

    A table that an earlier step of the schema does not have yet needs no guard.
    """
    dialect = connection.dialect.name
    tables = set(inspect(connection).get_table_names())
    wanted = [guard for guard in guards(dialect) if guard.table in tables]
    if dialect == "sqlite":
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
        present = {str(name): str(sql) for name, sql in rows}
        return tuple(guard.name for guard in wanted if present.get(guard.name) != guard.statement)
    names = set(connection.exec_driver_sql(_POSTGRESQL_PRESENT).scalars().all())
    return tuple(guard.name for guard in wanted if guard.name not in names)


# ruff: noqa: S608 -- the statements below are put together from the names written here, never from input
_OVERLAPS = "seat_id = NEW.seat_id AND active AND start_at < NEW.end_at AND NEW.start_at < end_at"


def _sqlite(name: str, table: str, when: str, body: str) -> Guard:
    # The text is compared with what SQLite keeps, so it is written exactly as SQLite keeps it.
    return Guard(name, table, f'CREATE TRIGGER "{name}" {when} ON {table} BEGIN {body} END')


def _append_only(table: str, same_key: str) -> tuple[Guard, ...]:
    refusal = f"SELECT RAISE(ABORT, '{table}-append-only')"
    return (
        _sqlite(f"{table}_no_update", table, "BEFORE UPDATE", f"{refusal};"),
        _sqlite(f"{table}_no_delete", table, "BEFORE DELETE", f"{refusal};"),
        # INSERT OR REPLACE removes the old row without asking the guard against deletion.
        _sqlite(
            f"{table}_no_replace",
            table,
            "BEFORE INSERT",
            f"{refusal} WHERE EXISTS (SELECT 1 FROM {table} WHERE {same_key});",
        ),
    )


_SQLITE: tuple[Guard, ...] = (
    _sqlite(
        "booking_no_overlap_on_insert",
        "booking",
        "BEFORE INSERT",
        "SELECT RAISE(ABORT, 'booking-backwards') WHERE NEW.end_at <= NEW.start_at; "
        f"SELECT RAISE(ABORT, '{BOOKING_OVERLAP}') WHERE NEW.active"
        f" AND EXISTS (SELECT 1 FROM booking WHERE {_OVERLAPS});",
    ),
    _sqlite(
        "booking_no_overlap_on_update",
        "booking",
        "BEFORE UPDATE",
        "SELECT RAISE(ABORT, 'booking-backwards') WHERE NEW.end_at <= NEW.start_at; "
        f"SELECT RAISE(ABORT, '{BOOKING_OVERLAP}') WHERE NEW.active"
        f" AND EXISTS (SELECT 1 FROM booking WHERE id <> OLD.id AND {_OVERLAPS});",
    ),
    *_append_only("audit_event", 'id = NEW.id OR ("case" = NEW."case" AND n = NEW.n)'),
    *_append_only("draw_event", "draw_id = NEW.draw_id AND n = NEW.n"),
    *_append_only("draw_listing", "center_id = NEW.center_id AND n = NEW.n"),
    *_append_only("draw_opening", "draw_id = NEW.draw_id AND n = NEW.n"),
    *_append_only("roster_change", "n = NEW.n OR mark = NEW.mark"),
    *_append_only("roster_leaf", "expert_id = NEW.expert_id AND n = NEW.n"),
)

_POSTGRESQL_GROUND: tuple[str, ...] = (
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    dedent(
        """\
        CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || '-append-only',
                ERRCODE = 'integrity_constraint_violation';
        END $$"""
    ),
)

_POSTGRESQL_PRESENT = dedent(
    """\
    SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'
    AND tgrelid IN (to_regclass('audit_event'), to_regclass('draw_event'), to_regclass('draw_listing'),
        to_regclass('draw_opening'), to_regclass('roster_change'), to_regclass('roster_leaf'))
    UNION SELECT conname FROM pg_constraint WHERE conrelid = to_regclass('booking')"""
)


def _postgresql_append_only(table: str) -> tuple[Guard, ...]:
    return (
        Guard(
            f"{table}_no_change",
            table,
            f"CREATE OR REPLACE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        ),
        Guard(
            f"{table}_no_truncate",
            table,
            f"CREATE OR REPLACE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
        ),
    )


_POSTGRESQL: tuple[Guard, ...] = (
    Guard(
        BOOKING_OVERLAP,
        "booking",
        f'ALTER TABLE booking ADD CONSTRAINT "{BOOKING_OVERLAP}"'
        " EXCLUDE USING gist (seat_id WITH =, tstzrange(start_at, end_at, '[)') WITH &&) WHERE (active)",
    ),
    Guard(
        "booking-backwards",
        "booking",
        'ALTER TABLE booking ADD CONSTRAINT "booking-backwards" CHECK (start_at < end_at)',
    ),
    *_postgresql_append_only("audit_event"),
    *_postgresql_append_only("draw_event"),
    *_postgresql_append_only("draw_listing"),
    *_postgresql_append_only("draw_opening"),
    *_postgresql_append_only("roster_change"),
    *_postgresql_append_only("roster_leaf"),
)
