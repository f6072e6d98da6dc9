"""Databases to test on: SQLite in a file, PostgreSQL on a server that lives as long as the tests of this process.

The fixtures here are known to every test. What must hold on both takes `any_database`; what is about PostgreSQL
alone, `pg_database`; and who changes tables or guards there, `pg_fresh`, so that nobody after them is surprised.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlmodel import SQLModel

from app.core.database import Database
from app.core.guards import guards, install_guards
from app.migrations.metadata import metadata
from tests.support.postgres import fresh, postgres

SQLITE, POSTGRESQL = "sqlite", "postgresql"
_PATIENCE_S = 20


def furnish(database: Database) -> Database:
    """The database, with every table and every guard. A SQLite file that is not there yet is a copy of one furnished before."""
    file = database.engine.url.database
    if database.engine.dialect.name == SQLITE and file and not Path(file).exists():
        Path(file).write_bytes(_furnished_file())
        return database
    return _furnished(database)


@cache
def _furnished_file() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "furnished.db"
        _furnished(Database(f"sqlite:///{file}")).dispose()
        return file.read_bytes()


def _furnished(database: Database) -> Database:
    _ = metadata()
    SQLModel.metadata.create_all(database.engine)
    with database.engine.begin() as connection:
        install_guards(connection)
    return database


def empty(database: Database) -> None:
    """Takes every row out of a PostgreSQL database, past its guards; faster than making it anew.

    Waits for no one: who still has a transaction open there was not ended properly.
    """
    tables = [f'"{table.name}"' for table in SQLModel.metadata.sorted_tables]
    questions = (f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {table})" for table in tables)  # noqa: S608 -- our own names
    guarded = {f'"{guard.table}"' for guard in guards(POSTGRESQL)}
    with database.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
        filled = set(connection.exec_driver_sql(" UNION ALL ".join(questions)).scalars().all())
        for table in sorted(filled & guarded):
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for table in reversed(tables):
            if table in filled:
                connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
        for table in sorted(filled & guarded):
            connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def until_somebody_waits(database: Database) -> None:
    """Returns once a transaction of this PostgreSQL database waits for another one; AssertionError when none ever does."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with database.engine.connect() as connection:
        for _ in range(_PATIENCE_S * 100):
            if connection.exec_driver_sql(asked).scalar_one():
                return
            connection.rollback()  # what the server does is told as of the beginning of a transaction
            connection.exec_driver_sql("SELECT pg_sleep(0.01)")
            connection.rollback()
    raise AssertionError("nobody waits for anybody")


@pytest.fixture(scope="session")
def pg_server() -> Iterator[str]:
    """The address of a PostgreSQL server on which databases may be made; one for each process of the tests."""
    with postgres() as address:
        yield address


@pytest.fixture(scope="session")
def pg_url(pg_server: str) -> Iterator[str]:
    """The address of the one furnished database of this process; `pg_database` empties it before each use."""
    with fresh(pg_server) as address:
        furnish(Database(address)).dispose()
        yield address


@pytest.fixture
def pg_database(pg_url: str) -> Iterator[Database]:
    """PostgreSQL with all tables and guards, and no rows."""
    database = Database(pg_url)
    empty(database)
    yield database
    database.dispose()


@pytest.fixture
def pg_fresh(pg_server: str) -> Iterator[str]:
    """The address of a database of one's own, without anything in it."""
    with fresh(pg_server) as address:
        yield address


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def any_fresh(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database of one's own of each kind in turn, without anything in it."""
    if request.param == POSTGRESQL:
        return str(request.getfixturevalue("pg_fresh"))
    return f"sqlite:///{tmp_path / 'fresh.db'}"


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def any_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Each kind of database in turn, with all tables and guards, and no rows."""
    if request.param == POSTGRESQL:
        database: Database = request.getfixturevalue("pg_database")
        yield database
        return
    database = furnish(Database(f"sqlite:///{tmp_path / 'any.db'}"))
    yield database
    database.dispose()
