"""The steps of the schema lead to exactly the models, with every guard standing after each of them."""

from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory

from app.core.database import Database
from app.core.errors import Unavailable
from app.core.guards import missing_guards
from app.migrations import runner


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path / 'fresh.db'}")


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
        connection.exec_driver_sql("DROP TRIGGER audit_event_no_update")
    with pytest.raises(Unavailable, match="guards-missing"):
        runner.require_current(database)
