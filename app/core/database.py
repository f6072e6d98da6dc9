"""One way to the database: a transaction that commits once, or a reading that changes nothing.

A request opens its transaction inside the endpoint, never in a dependency: a waiting writer then holds no
thread that the writer ahead of it needs.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Dialect, Engine, MetaData, create_engine, event, literal, select
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool
from sqlalchemy.types import DateTime, TypeDecorator, TypeEngine
from sqlmodel import Session

from app.core import bus

_MICROSECOND = 1_000_000
_OWN = frozenset({"alembic_version", "key_check"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: `timestamptz` on PostgreSQL, whole microseconds on SQLite. Refuses naive values."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        if dialect.name == "sqlite":
            span = value - _EPOCH
            return (span.days * 86_400 + span.seconds) * _MICROSECOND + span.microseconds
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name == "sqlite":
            return datetime.fromtimestamp(value // _MICROSECOND, UTC).replace(
                microsecond=value % _MICROSECOND
            )
        instant: datetime = value
        return instant.astimezone(UTC)


class Database:
    """The engine and the two ways to use it."""

    def __init__(self, url: str, engine: Engine | None = None) -> None:
        self.url = url
        self.engine = engine or _engine(url)
        self._writing = threading.Lock()
        self._sqlite = self.engine.dialect.name == "sqlite"

    @classmethod
    def read_only(cls, file: Path) -> "Database":
        """An SQLite file for reading alone; nothing beside it is made or changed either."""
        return cls(f"sqlite:///{file}", _reading_engine(file))

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A writing session: one commit at the end, then its messages leave; any error and nothing was written."""
        if self._sqlite:
            # SQLite lets one writer in; queueing here is fair, its busy handler is not.
            with self._writing:
                session = self._open("BEGIN IMMEDIATE")
                with _committing(session):
                    yield session
        else:
            session = self._open(None)
            with _committing(session):
                yield session
        bus.deliver(session)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one moment and is rolled back at the end."""
        session = self._open("BEGIN" if self._sqlite else None)
        try:
            yield session
        finally:
            session.close()

    def holds_rows(self) -> bool:
        """Whether anything at all has been stored, apart from what the house notes about itself."""
        with self.reading() as session:
            connection = session.connection()
            known = MetaData()
            known.reflect(connection)
            return any(
                connection.execute(select(literal(1)).select_from(table).limit(1)).first() is not None
                for table in known.tables.values()
                if table.name not in _OWN
            )

    def dispose(self) -> None:
        self.engine.dispose()

    def _open(self, begin: str | None) -> Session:
        session = Session(self.engine, expire_on_commit=False)
        if begin is not None:
            try:
                session.connection(execution_options={"yuanping_begin": begin})
            except BaseException:
                session.close()  # a writer elsewhere kept us waiting too long; the connection goes back to the pool
                raise
        return session


@contextmanager
def _committing(session: Session) -> Iterator[None]:
    try:
        yield
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.close()


def _engine(url: str) -> Engine:
    # Parameters hold names and numbers of people, and an error's text ends up in logs.
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, pool_size=20, max_overflow=30, hide_parameters=True)
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": 10},
        pool_size=20,
        max_overflow=30,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        begin = connection.get_execution_options().get("yuanping_begin", "BEGIN IMMEDIATE")
        connection.exec_driver_sql(str(begin))

    return engine


def _reading_engine(file: Path) -> Engine:
    def connect() -> sqlite3.Connection:
        # Beside a running service lies its journal, which must be read too. Without one nobody has the file open, and
        # SQLite is told so: otherwise it would want to make a journal, even only to read.
        kept = file.with_name(f"{file.name}-wal").exists()
        address = f"{file.resolve().as_uri()}?mode=ro{'' if kept else '&immutable=1'}"
        return sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine
