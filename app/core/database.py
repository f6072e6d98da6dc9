"""One way to the database: a transaction that commits once, or a reading that changes nothing.

A request opens its transaction inside the endpoint, never in a dependency: a waiting writer then holds no
thread that the writer ahead of it needs.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Dialect, Engine, create_engine, event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import DateTime, TypeDecorator, TypeEngine
from sqlmodel import Session

from app.core import bus

_MICROSECOND = 1_000_000
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

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self._writing = threading.Lock()
        self._sqlite = self.engine.dialect.name == "sqlite"

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
