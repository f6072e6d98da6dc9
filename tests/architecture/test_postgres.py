"""The PostgreSQL that tests start: found in order, never a stranger's to change, gone when the tests are."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from tests.support import postgres as support
from tests.support.postgres import PACKAGE, Way, fresh, postgres, stoppable

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30
HOLDS_ONE = """
import sys, time
from tests.support.postgres import postgres
with postgres() as address:
    print(address, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def own_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A short name, as a socket needs one, that the server's own user may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="yp-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def asked(address: str, question: str) -> str:
    engine = create_engine(address)
    try:
        with engine.connect() as connection:
            return str(connection.exec_driver_sql(question).scalar_one())
    finally:
        engine.dispose()


def folder_of(address: str) -> Path:
    return Path(str(make_url(address).query["host"]))


def until_gone(pid: int, folder: Path) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while folder.exists() or Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)  # other processes: there is no event to wait for
    return True


def test_the_packaged_postgresql_runs_with_what_the_guards_need_and_without_its_own_python() -> None:
    with postgres(Way.packaged) as server, fresh(server) as address:
        assert asked(address, "SELECT version()").startswith("PostgreSQL 18.")
        engine = create_engine(address)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE EXTENSION btree_gist")
        engine.dispose()
        assert asked(address, "SELECT extname FROM pg_extension WHERE extname = 'btree_gist'")
        folder, pid = (
            folder_of(server),
            int((folder_of(server) / "data/postmaster.pid").read_text().split()[0]),
        )
    assert until_gone(pid, folder)
    assert PACKAGE not in sys.modules


def test_a_server_of_ours_keeps_what_it_acknowledges_and_listens_to_nobody_else(pg_server: str) -> None:
    assert asked(pg_server, "SHOW fsync") == "on"
    assert asked(pg_server, "SHOW synchronous_commit") == "on"
    if "TEST_PG_URL" not in os.environ:
        assert asked(pg_server, "SHOW listen_addresses") == ""
        assert folder_of(pg_server).stat().st_mode & 0o077 == 0


def test_a_server_goes_with_its_folder_when_whoever_started_it_is_killed() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TEST_PG_URL"}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS_ONE], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout
        address = holder.stdout.readline().strip()
        folder = folder_of(address)
        pid = int((folder / "data/postmaster.pid").read_text().split()[0])
        with pytest.raises(
            OperationalError, match=r"terminat|closed"
        ):  # somebody being connected holds nothing up
            asked_while_killed(address, holder)
    assert until_gone(pid, folder)


def asked_while_killed(address: str, holder: "subprocess.Popen[str]") -> None:
    engine = create_engine(address)
    try:
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
            holder.kill()
            connection.exec_driver_sql(f"SELECT pg_sleep({PATIENCE_S})")
    finally:
        engine.dispose()


def test_a_keeper_that_is_told_to_stop_over_and_over_still_takes_everything_away() -> None:
    keeper = subprocess.Popen(
        [sys.executable, "-I", support.KEEPER, "--copy", "--installed", str(support._packaged())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with keeper:
        assert keeper.stdout
        said = json.loads(keeper.stdout.readline())
        while keeper.poll() is None:
            keeper.terminate()
            time.sleep(0.01)
    assert until_gone(said["pid"], Path(said["socket"]))


def test_a_server_that_is_named_is_used_as_it_is_and_left_as_it_was(
    pg_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database"
    before = asked(pg_server, known)
    monkeypatch.setenv("TEST_PG_URL", pg_server.replace("postgresql+psycopg", "postgresql"))
    with postgres() as address:
        assert address == pg_server
        with fresh(address) as database:
            assert str(make_url(database).database) in asked(pg_server, known)
    assert asked(pg_server, known) == before


def test_the_newest_postgresql_of_the_machine_is_taken_and_an_old_one_never(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def install(version: int) -> Path:
        programs = own_folder / str(version) / "bin"
        programs.mkdir(parents=True)
        (programs / "initdb").touch()
        (programs / "postgres").write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}.4 (Debian)'\n")
        (programs / "postgres").chmod(0o755)
        return programs

    monkeypatch.setattr(support, "INSTALLED", own_folder)
    monkeypatch.setenv("PATH", str(install(14)))
    assert support._system() is None
    install(16)
    install(15)
    assert support._system() == own_folder / "16"


def test_without_any_postgresql_the_tests_fail_and_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TEST_PG_URL", raising=False)
    monkeypatch.setattr(support, "_system", lambda: None)
    monkeypatch.setattr(support, "_packaged", lambda: None)
    with pytest.raises(RuntimeError, match=rf"TEST_PG_URL.*apt install postgresql.*{PACKAGE}"), postgres():
        raise AssertionError("there is none")


@pytest.mark.parametrize(
    ("program", "reason"), [("exit 3", "initdb.*ended with 3"), ("sleep 0", "does not open.*no such kind")]
)
def test_one_that_does_not_start_says_why_and_leaves_nothing_behind(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, program: str, reason: str
) -> None:
    programs = own_folder / "broken" / "bin"
    programs.mkdir(parents=True)
    for name, script in {"initdb": program, "postgres": "echo no such kind >&2; exit 1"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    temporary = own_folder / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(support, "_system", lambda: programs.parent)
    with pytest.raises(RuntimeError, match=f"(?s){reason}"), postgres(Way.system):
        raise AssertionError("it did not start")
    assert list(temporary.iterdir()) == []


def test_a_server_of_our_own_can_be_stopped_and_comes_back_with_all_that_was_committed() -> None:
    with stoppable() as server, fresh(server.address) as address:
        asked(address, "SELECT 1")
        server.stop()
        with pytest.raises(OperationalError):
            asked(address, "SELECT 1")
        server.start()
        assert asked(address, "SELECT current_database()") == make_url(address).database
