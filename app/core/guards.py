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
    """One rule: its name, the table it stands on, the statement that sets it up and the one that takes it away.

    The statement is compared with what the database says of the rule, so it is written exactly as the database says it.
    """

    name: str
    table: str
    statement: str
    removal: str


def guards(dialect: str) -> tuple[Guard, ...]:
    """Every guard a database of that kind (`sqlite` or `postgresql`) must carry."""
    if dialect == "sqlite":
        return _SQLITE
    if dialect == "postgresql":
        return _POSTGRESQL
    raise ValueError(f"no guards are written for {dialect}")


def install_guards(connection: Connection) -> None:
    """Sets up every guard that is missing or altered; doing it again changes nothing, and needs no rights to."""
    dialect = connection.dialect.name
    if dialect == "postgresql" and missing_guards(connection):
        for statement in _POSTGRESQL_GROUND:
            connection.exec_driver_sql(statement)
    missing = set(missing_guards(connection))
    for guard in guards(dialect):
        if guard.name not in missing:
            continue
        connection.exec_driver_sql(guard.removal)
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
    else:
        rows = connection.exec_driver_sql(_POSTGRESQL_PRESENT, {"body": _REFUSAL}).all()
    present = {str(name): str(said) for name, said in rows}
    return tuple(guard.name for guard in wanted if present.get(guard.name) != guard.statement)


# ruff: noqa: S608 -- the statements below are put together from the names written here, never from input
_OVERLAPS = "seat_id = NEW.seat_id AND active AND start_at < NEW.end_at AND NEW.start_at < end_at"


def _sqlite(name: str, table: str, when: str, body: str) -> Guard:
    return Guard(
        name,
        table,
        f'CREATE TRIGGER "{name}" {when} ON {table} BEGIN {body} END',
        f'DROP TRIGGER IF EXISTS "{name}"',
    )


def _kept(table: str) -> tuple[Guard, ...]:
    refusal = f"SELECT RAISE(ABORT, '{table}-append-only');"
    return (
        _sqlite(f"{table}_no_update", table, "BEFORE UPDATE", refusal),
        _sqlite(f"{table}_no_delete", table, "BEFORE DELETE", refusal),
    )


def _append_only(table: str, same_key: str) -> tuple[Guard, ...]:
    refusal = f"SELECT RAISE(ABORT, '{table}-append-only')"
    return (
        *_kept(table),
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
    *_append_only("audit_alarm", "id = NEW.id"),
    *_append_only("audit_checkpoint", "size = NEW.size"),
    *_append_only("audit_cosignature", "size = NEW.size AND key_id = NEW.key_id"),
    *_append_only("audit_event", 'id = NEW.id OR ("case" = NEW."case" AND n = NEW.n)'),
    *_append_only("audit_leaf", "position = NEW.position OR event_id = NEW.event_id"),
    *_append_only("audit_stamp", "size = NEW.size"),
    *_append_only("draw_event", "draw_id = NEW.draw_id AND n = NEW.n"),
    *_append_only("draw_listing", "center_id = NEW.center_id AND n = NEW.n"),
    *_append_only("draw_opening", "draw_id = NEW.draw_id AND n = NEW.n"),
    *_append_only("identity_check", "id = NEW.id"),
    # Events are entered with ON CONFLICT DO NOTHING, before which a guard of inserts would be asked, too.
    *_kept("message_event"),
    *_append_only("name_release", "invitation_id = NEW.invitation_id AND cause = NEW.cause"),
    *_append_only(
        "performance_fact", "id = NEW.id OR (invitation_id = NEW.invitation_id AND kind = NEW.kind)"
    ),
    *_append_only("role_change", "id = NEW.id"),
    *_append_only("roster_change", "n = NEW.n OR mark = NEW.mark"),
    *_append_only("roster_leaf", "expert_id = NEW.expert_id AND n = NEW.n"),
    *_append_only("sent_document", "id = NEW.id"),
)

_REFUSAL = dedent(
    """
    BEGIN
        RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || '-append-only',
            ERRCODE = 'integrity_constraint_violation';
    END"""
)
_POSTGRESQL_GROUND: tuple[str, ...] = (
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    f"CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $${_REFUSAL}$$",
)

_POSTGRESQL_PRESENT = dedent(
    """\
    SELECT tgname, pg_get_triggerdef(pg_trigger.oid, true)
    FROM pg_trigger
    JOIN pg_class ON pg_class.oid = tgrelid AND relnamespace = current_schema()::regnamespace
    JOIN pg_proc ON pg_proc.oid = tgfoid AND prosrc = %(body)s
    WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')
    UNION
    SELECT conname, format('ALTER TABLE booking ADD CONSTRAINT %%I %%s', conname, pg_get_constraintdef(oid, true))
    FROM pg_constraint WHERE conrelid = to_regclass('booking')
    UNION
    SELECT proname, replace(pg_get_functiondef(oid), quote_ident(current_schema()) || '.', '')
    FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname = 'audit_head'"""
)
_AUDIT_HEAD = Guard(
    "audit_head",
    "audit_event",
    dedent(
        """\
        CREATE OR REPLACE FUNCTION audit_head(of_case text)
         RETURNS TABLE(n integer, hash text)
         LANGUAGE plpgsql
        AS $function$
        BEGIN
            PERFORM pg_advisory_xact_lock(hashtextextended(of_case, 0));
            RETURN QUERY SELECT last.n, last.hash::text FROM audit_event AS last
                WHERE last."case" = of_case ORDER BY last.n DESC LIMIT 1;
        END
        $function$
        """
    ),
    "DROP FUNCTION IF EXISTS audit_head(text)",
)
"""Waits for the turn at a case, as `in_turn` does, and only then looks for its last act; one question instead of two."""


def _postgresql_append_only(table: str) -> tuple[Guard, ...]:
    return (
        _trigger(f"{table}_no_change", table, "BEFORE DELETE OR UPDATE", "ROW"),
        _trigger(f"{table}_no_truncate", table, "BEFORE TRUNCATE", "STATEMENT"),
    )


def _trigger(name: str, table: str, when: str, each: str) -> Guard:
    return Guard(
        name,
        table,
        f"CREATE TRIGGER {name} {when} ON {table} FOR EACH {each} EXECUTE FUNCTION refuse_change()",
        f"DROP TRIGGER IF EXISTS {name} ON {table}",
    )


def _constraint(name: str, table: str, rule: str) -> Guard:
    return Guard(
        name,
        table,
        f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {rule}',
        f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{name}"',
    )


_POSTGRESQL: tuple[Guard, ...] = (
    _constraint(
        BOOKING_OVERLAP,
        "booking",
        "EXCLUDE USING gist (seat_id WITH =, tstzrange(start_at, end_at, '[)'::text) WITH &&) WHERE (active)",
    ),
    _constraint("booking-backwards", "booking", "CHECK (start_at < end_at)"),
    *_postgresql_append_only("audit_alarm"),
    *_postgresql_append_only("audit_checkpoint"),
    *_postgresql_append_only("audit_cosignature"),
    _AUDIT_HEAD,
    *_postgresql_append_only("audit_event"),
    *_postgresql_append_only("audit_leaf"),
    *_postgresql_append_only("audit_stamp"),
    *_postgresql_append_only("draw_event"),
    *_postgresql_append_only("draw_listing"),
    *_postgresql_append_only("draw_opening"),
    *_postgresql_append_only("identity_check"),
    *_postgresql_append_only("message_event"),
    *_postgresql_append_only("name_release"),
    *_postgresql_append_only("performance_fact"),
    *_postgresql_append_only("role_change"),
    *_postgresql_append_only("roster_change"),
    *_postgresql_append_only("roster_leaf"),
    *_postgresql_append_only("sent_document"),
)
