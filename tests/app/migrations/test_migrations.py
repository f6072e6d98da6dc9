"""The steps of the schema lead to exactly the models, with every guard standing after each of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory

from app.core.database import Database
from app.core.errors import Unavailable
from app.core.guards import guards, missing_guards
from app.migrations import runner


@pytest.fixture
def database(any_fresh: str) -> Iterator[Database]:
    """Each kind in turn, without anything in it."""
    database = Database(any_fresh)
    yield database
    database.dispose()


def test_every_step_leaves_the_guards_standing_and_the_last_one_is_the_models(database: Database) -> None:
    steps = [step.revision for step in ScriptDirectory(str(Path(runner.__file__).parent)).walk_revisions()]
    for step in reversed(steps):
        runner.upgrade(database, step)
        with database.engine.connect() as connection:
            assert missing_guards(connection) == ()
    with database.engine.connect() as connection:
        command.check(runner.configuration(connection))
    runner.upgrade(database)
    runner.require_current(database)


def test_a_service_does_not_open_on_an_empty_or_unguarded_database(database: Database) -> None:
    with pytest.raises(Unavailable, match="schema-outdated"):
        runner.require_current(database)
    runner.upgrade(database)
    with database.engine.begin() as connection:
        connection.exec_driver_sql(guards(connection.dialect.name)[-1].removal)
    with pytest.raises(Unavailable, match="guards-missing"):
        runner.require_current(database)


def test_processes_that_start_at_once_bring_the_schema_up_one_after_the_other(pg_fresh: str) -> None:
    def start(_number: int) -> None:
        database = Database(pg_fresh)
        try:
            runner.upgrade(database)
            runner.require_current(database)
        finally:
            database.dispose()

    with ThreadPoolExecutor(3) as nodes:
        assert list(nodes.map(start, range(3))) == [None] * 3
