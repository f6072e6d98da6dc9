"""Writes the next step of the database schema by comparing the models with the steps so far.

Usage: python tools/new_migration.py 0002 "what changes"
"""

import sys
import tempfile
from pathlib import Path

from alembic import command

from app.core.database import Database
from app.migrations.runner import configuration


def main(number: str, message: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'empty.db'}")
        with database.engine.connect() as connection:
            config = configuration(connection)
            command.upgrade(config, "head")
            command.revision(config, message=message, autogenerate=True, rev_id=number)
        database.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:3])
