"""Brings the database to the schema of this version, then puts its guards back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import ProgrammingError

from app.core.database import Database
from app.core.errors import Unavailable
from app.core.guards import install_guards, missing_guards
from app.core.i18n import N_
from app.core.sealing import Sealer

_HERE = Path(__file__).parent
_NO_RIGHT = "42501"


def upgrade(database: Database, revision: str = "head", sealer: Sealer | None = None) -> None:
    """Runs every missing step; safe to run again. The guards are installed last, since a step may drop them.

    sealer: of the house, without which rows that say who was drawn cannot be taken over. Unavailable for a role of PostgreSQL that has no right to, when there is something to do.
    """
    try:
        with database.engine.connect() as connection, _apart(connection):
            _alone(connection)
            _require_whole(connection)
            command.upgrade(configuration(connection, sealer), revision)
            _require_whole(connection)
            connection.commit()
        with database.engine.begin() as connection:
            _alone(connection)
            install_guards(connection)
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _NO_RIGHT:
            raise
        raise Unavailable(
            "schema-rights",
            N_("当前数据库角色无权更新数据库结构"),
            N_("用数据库所有者的地址（YUANPING_DATABASE_URL）运行 yuanping migrate，再启动服务"),
        ) from error


def require_current(database: Database) -> None:
    """Unavailable while the schema is not this version's or a guard is missing: better closed than unguarded."""
    with database.engine.connect() as connection:
        at = MigrationContext.configure(connection).get_current_revision()
        head = ScriptDirectory(str(_HERE)).get_current_head()
        if at != head:
            raise Unavailable(
                "schema-outdated",
                N_("数据库结构版本为 {at}，需要 {head}"),
                N_("先运行 yuanping migrate"),
                at=at or "-",
                head=head or "-",
            )
        missing = missing_guards(connection)
    if missing:
        raise Unavailable(
            "guards-missing",
            N_("数据库缺少防护：{missing}"),
            N_("运行 yuanping migrate 重新安装"),
            missing=", ".join(missing),
        )


def configuration(connection: Connection, sealer: Sealer | None = None) -> Config:
    """Alembic's settings for an open connection; nothing is read from an ini file."""
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["connection"] = connection
    config.attributes["sealer"] = sealer
    return config


def _alone(connection: Connection) -> None:
    """Waits on PostgreSQL while another process brings the schema up, however long that takes."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("schema", 0))))


@contextmanager
def _apart(connection: Connection) -> Iterator[None]:
    """Lets a step make a table anew on SQLite although others lean on it.

    SQLite takes no notice of this setting inside a transaction, so it is said before the first one begins.
    """
    driver = connection.connection.driver_connection
    if connection.dialect.name != "sqlite" or driver is None:
        yield
        return
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        connection.rollback()
        driver.execute("PRAGMA foreign_keys=ON")


def _require_whole(connection: Connection) -> None:
    """Unavailable when a row leans on one that is not there: such a database is not taken further."""
    if connection.dialect.name != "sqlite":
        return
    loose = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if loose:
        raise Unavailable(
            "rows-loose",
            N_("数据库中有 {count} 行指向已不存在的数据"),
            N_("从备份恢复数据库后再升级"),
            count=len(loose),
        )
