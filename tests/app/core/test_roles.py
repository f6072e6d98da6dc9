"""The role of the service adds and reads; what is written once it can neither change nor unguard, whatever it tries."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from app.core.clock import ManualClock
from app.core.database import Database
from app.core.errors import InvalidInput
from app.core.roles import append_only, give_rights
from tests.support.databases import furnish
from tests.support.trail_attacks import Trail
from tests.support.world import START


@contextmanager
def service_role(owner: Database) -> Iterator[tuple[str, Database]]:
    """A role of the service's own, with the rights that the command gives it."""
    name = f"service_of_{make_url(owner.url).database}"
    with owner.engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN")
        # Wider rights, as older instructions gave them, are taken back.
        connection.exec_driver_sql(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}")
        # As hardened houses have it: nobody runs a function that they were not given.
        connection.exec_driver_sql("REVOKE EXECUTE ON FUNCTION audit_head(text) FROM PUBLIC")
    with owner.engine.begin() as connection:
        give_rights(connection, name)
    engine = create_engine(make_url(owner.url).set(username=name))
    try:
        yield name, Database(owner.url, engine)
    finally:
        engine.dispose()
    with owner.engine.begin() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {name}")
        connection.exec_driver_sql(f"DROP ROLE {name}")


def refused(service: Database, statement: str) -> bool:
    with service.engine.connect() as connection:
        try:
            connection.exec_driver_sql(statement)
        except ProgrammingError as error:
            return getattr(error.orig, "sqlstate", "") == "42501"
    return False


def test_the_service_records_and_signs_but_is_refused_whatever_would_change_the_past(pg_fresh: str) -> None:
    owner = furnish(Database(pg_fresh))
    with service_role(owner) as (name, service):
        trail = Trail(service, ManualClock(START))
        trail.fill(3)
        assert trail.sequencer.advance() == 3
        assert {"audit_event", "audit_leaf", "audit_checkpoint", "draw_event"} <= append_only()
        allowed = []
        for table in sorted(append_only()):
            allowed += [
                statement
                for statement in (
                    f'UPDATE {table} SET "{_column(owner, table)}" = NULL',  # noqa: S608 -- a table of ours
                    f"DELETE FROM {table}",  # noqa: S608 -- likewise
                    f"TRUNCATE {table} CASCADE",
                    f"ALTER TABLE {table} DISABLE TRIGGER USER",
                    f"DROP TRIGGER {table}_no_change ON {table}",
                    f"DROP TABLE {table} CASCADE",
                )
                if not refused(service, statement)
            ]
        assert allowed == []
        assert refused(
            service, "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger AS '' LANGUAGE sql"
        )
        assert refused(service, "SET session_replication_role = replica")
        with owner.engine.begin() as connection:
            give_rights(connection, name)  # again, as after each migration
        trail.fill(1)
        with service.transaction() as session:
            session.connection().exec_driver_sql("UPDATE job SET tries = 1")
            session.connection().exec_driver_sql("DELETE FROM job")
    owner.dispose()


def _column(owner: Database, table: str) -> str:
    with owner.engine.connect() as connection:
        asked = "SELECT attname FROM pg_attribute WHERE attrelid = %(table)s::regclass AND attnum = 2"
        return str(connection.exec_driver_sql(asked, {"table": table}).scalar_one())


@pytest.mark.parametrize("role", ["nobody_there", "postgres", "Robert'); DROP TABLE students;--"])
def test_a_role_that_cannot_be_the_services_is_refused(pg_database: Database, role: str) -> None:
    with pg_database.engine.begin() as connection, pytest.raises(InvalidInput, match="no-such-role"):
        give_rights(connection, role)


@pytest.mark.parametrize("any_database", ["sqlite"], indirect=True)
def test_sqlite_has_no_roles(any_database: Database) -> None:
    with any_database.engine.begin() as connection, pytest.raises(InvalidInput, match="no-roles"):
        give_rights(connection, "service")
