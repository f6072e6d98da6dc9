"""One way to the database: a transaction that commits once, or a reading that changes nothing.

A request opens its transaction inside the endpoint, never in a dependency: a waiting writer then holds no
thread that the writer ahead of it needs.

SQLite lets one writer in at a time. PostgreSQL lets many in, and each statement sees what others have committed
by then; who reads something in order to write something else therefore takes its turn at it first (`in_turn`).
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Dialect,
    Engine,
    MetaData,
    bindparam,
    create_engine,
    event,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.engine import Connection, ExceptionContext, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection
from sqlalchemy.types import DateTime, TypeDecorator, TypeEngine
from sqlmodel import Session

from app.core import bus
from app.core.errors import Conflict
from app.core.i18n import N_

_MICROSECOND = 1_000_000
_OWN = frozenset({"alembic_version", "field_key", "key_check"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_READS = "yuanping_reads"
_ONE_MOMENT: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_WAITED_LONG = "55P03"
_RESTED_SINCE = "yuanping_rested_since"
_RESTS_S = 1.0
"""A connection that has lain unused for so long is asked whether it is still there."""
_TURN = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("matter"), 0)))
_PATIENCE = (
    "SET lock_timeout = '10s'",  # as long as SQLite waits for the writer before
    "SET idle_in_transaction_session_timeout = '5min'",  # a process cut off from us holds nobody up for ever
)


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
        self.url = driven(url)
        self.engine = engine or _engine(self.url)
        self._writing = threading.Lock()
        self._sqlite = self.engine.dialect.name == "sqlite"

    @classmethod
    def read_only(cls, file: Path) -> "Database":
        """An SQLite file for reading alone; nothing beside it is made or changed either."""
        return cls(f"sqlite:///{file}", _reading_engine(file))

    @contextmanager
    def transaction(self, *, patient: bool = True) -> Iterator[Session]:
        """A writing session: one commit at the end, then its messages leave; any error and nothing was written.

        patient=False: on PostgreSQL gives up, with an error, where it would have to wait for another writer longer than a
        moment. For who can do the same work in smaller parts, or later.
        """
        if self._sqlite:
            # SQLite lets one writer in; queueing here is fair, its busy handler is not.
            with self._writing:
                session = self._open({"yuanping_begin": "BEGIN IMMEDIATE"})
                with _committing(session):
                    yield session
        else:
            session = self._open()
            with _committing(session):
                if not patient:
                    session.execute(text("SET LOCAL lock_timeout = '50ms'"))
                yield session
        bus.deliver(session)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one moment and is rolled back at the end."""
        session = self._open({"yuanping_begin": "BEGIN"} if self._sqlite else _ONE_MOMENT)
        session.info[_READS] = True
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

    def _open(self, options: dict[str, Any] | None = None) -> Session:
        session = Session(self.engine, expire_on_commit=False)
        if options is not None:
            try:
                session.connection(execution_options=options)
            except BaseException:
                session.close()  # a writer elsewhere kept us waiting too long; the connection goes back to the pool
                raise
        return session


def time_of(session: Session) -> datetime | None:
    """The time by the database's own clock, this moment; None for SQLite, which has none but ours."""
    if session.get_bind().dialect.name != "postgresql":
        return None
    told: datetime = session.connection().exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    return told.astimezone(UTC)


def in_turn(session: Session, matter: str) -> bool:
    """Waits until no other writer is at this matter, and keeps it until the transaction ends.

    matter: the id of an evaluation, or a word for what all of them share. To be taken before anything is changed, an
    evaluation's turn before a shared one, so that no two writers ever wait for each other. False where there is nothing to
    wait for: SQLite has one writer, and who reads does not wait. After True, rows read before may have changed.
    Raises Conflict `turn-taken` when it takes too long.
    """
    if session.info.get(_READS) or session.get_bind().dialect.name != "postgresql":
        return False
    with awaiting_turn():
        session.connection().execute(_TURN, {"matter": matter})
    return True


@contextmanager
def awaiting_turn() -> Iterator[None]:
    """For a statement that takes a turn by itself: raises Conflict `turn-taken` where the database tires of waiting."""
    try:
        yield
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != _WAITED_LONG:
            raise
        raise Conflict(
            "turn-taken", N_("同一事项正由他人办理，未能等到"), N_("稍后重试；本次没有写入任何内容")
        ) from error


def held_up(error: BaseException) -> bool:
    """Whether somebody else was in the way, so that the same may succeed a moment later."""
    return isinstance(error, OperationalError) or (isinstance(error, Conflict) and error.code == "turn-taken")


def driven(url: str) -> str:
    """The address with the driver that speaks to PostgreSQL here: operators write `postgresql://` or `postgres://`."""
    kind, mark, rest = url.partition("://")
    return f"postgresql+psycopg{mark}{rest}" if kind in {"postgresql", "postgres"} else url


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
        return _server_engine(url)
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


def _server_engine(url: str) -> Engine:
    engine = create_engine(url, pool_size=20, max_overflow=30, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for setting in _PATIENCE:
            cursor.execute(setting)
        cursor.close()
        connection.commit()  # a setting of a transaction that is rolled back is forgotten

    @event.listens_for(engine, "checkin")
    def _rest(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        entry.info[_RESTED_SINCE] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _still_there(
        connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
    ) -> None:
        # Asked before every transaction, as the pool can by itself, a writer would wait for the server once more each time.
        since = entry.info.get(_RESTED_SINCE)
        if since is None or time.monotonic() - since < _RESTS_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    @event.listens_for(engine, "handle_error")
    def _keep_rows_out(context: ExceptionContext) -> None:
        # What PostgreSQL adds to an error tells the whole row, names and all.
        error, shown = context.original_exception, context.sqlalchemy_exception
        said = getattr(getattr(error, "diag", None), "message_primary", None)
        if said is not None and shown is not None:
            error.args = (said,)
            shown.args = (f"({type(error).__module__}.{type(error).__name__}) {said}",)

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
