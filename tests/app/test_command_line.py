"""What the commands leave alone: a check changes nothing, and whatever is written is for its owner."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from shutil import copytree

import pytest
from typer.testing import CliRunner, Result

from app import cli, wiring
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.database import Database
from app.core.ground import lay
from app.core.settings import OwnSettings
from app.evaluation import evidence
from expert_draw.engine.verify import verify_record
from tests.support.environment import plain_environment
from tests.support.world import START

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "tests" / "vectors" / "draw" / "good-closed.jsonl"


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plain_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one act in its trail and one exported record; only ever copied."""
    data = tmp_path_factory.mktemp("filled") / "data"
    with pytest.MonkeyPatch.context() as patch:
        plain_environment(patch)
        laid = lay(OwnSettings(data_dir=data))
    wiring.raise_up(laid)
    with laid.database.transaction() as session:
        audit.record(session, START, case="case-1", tag=Tag.draw_closed, actor="x", subject="x")
    laid.database.dispose()
    (data / "draws").mkdir()
    (data / "draws" / RECORD.name).write_bytes(RECORD.read_bytes())
    return data


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    """A copy of one's own."""
    return Path(copytree(filled, tmp_path / "data"))


def verify(*paths: Path) -> Result:
    return CliRunner().invoke(cli.main_command, ["verify", *map(str, paths)])


def everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_verifying_a_data_folder_reads_its_own_database_and_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YUANPING_DATABASE_URL", f"sqlite:///{folder.parent / 'another.db'}")
    (folder / "secret.key").unlink()
    before = everything(folder.parent)
    said = verify(folder)
    assert said.exit_code == 0, said.output
    assert "case-1" in said.output
    assert RECORD.name in said.output
    assert everything(folder.parent) == before


def test_what_a_running_service_has_not_yet_put_into_the_file_is_verified_too(folder: Path) -> None:
    running = Database(f"sqlite:///{folder / 'yuanping.db'}")
    with running.transaction() as session:
        audit.record(session, START, case="case-2", tag=Tag.draw_closed, actor="x", subject="x")
    assert (folder / "yuanping.db-wal").stat().st_size > 0
    assert "case-2" in verify(folder).output
    running.dispose()


def test_without_a_path_the_configured_database_is_the_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "yuanping.db").rename(tmp_path / "elsewhere.db")
    monkeypatch.setenv("YUANPING_DATA_DIR", str(folder))
    monkeypatch.setenv("YUANPING_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    said = verify()
    assert "case-1" in said.output
    assert "no database" not in said.output


def test_a_folder_without_a_database_says_what_was_not_checked(folder: Path) -> None:
    (folder / "yuanping.db").unlink()
    said = verify(folder)
    assert said.exit_code == 0
    assert "has no database" in said.output
    assert RECORD.name in said.output
    assert "no database" not in verify(folder / "draws" / RECORD.name).output


def test_where_there_is_nothing_verifying_fails_and_makes_nothing(tmp_path: Path) -> None:
    assert verify().exit_code == 1
    assert verify(tmp_path / "nowhere").exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_an_altered_trail_is_named_in_the_readers_language(folder: Path) -> None:
    with sqlite3.connect(folder / "yuanping.db") as forged:
        (trigger,) = forged.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'audit_event_no_update'"
        ).fetchone()
        forged.execute("DROP TRIGGER audit_event_no_update")
        forged.execute("UPDATE audit_event SET actor = 'y'")
        forged.execute(trigger)
    forged.close()
    said = verify(folder)
    assert said.exit_code == 1
    assert "case-1#1 was changed" in said.output
    with Database.read_only(folder / "yuanping.db").reading() as session:
        (checked,) = evidence.check_house(session, folder, "zh")
    assert checked.faults == ("case-1#1 内容被改动",)


def published(name: str) -> tuple[Path, str, str]:
    """A good vector with what was published of it: file, hash of its last line, key of the house."""
    file = RECORD.with_name(name)
    summary = verify_record(file.read_bytes()).summary
    return file, summary.head, summary.key


def test_what_passes_is_said_with_how_far_and_what_to_compare() -> None:
    file, head, key = published("good-closed.jsonl")
    said = verify(file)
    assert said.exit_code == 0
    assert (
        "✓ draw       good-closed.jsonl  Passes in full · CQ-2026-000124 · Closed, rounds: 2" in said.output
    )
    assert f"key {key[:16]}… · head {head}" in said.output
    said = verify(RECORD.with_name("good-closed-public.jsonl"))
    assert "Passes as far as disclosed · CQ-2026-000124" in said.output
    inspected = ROOT / "tests" / "vectors" / "inspection" / "good-closed.jsonl"
    said = verify(inspected)
    assert "✓ inspection good-closed.jsonl  Passes in full · CC-2026-000007" in said.output


def test_a_file_is_held_against_what_was_published_of_it() -> None:
    file, head, key = published("good-closed.jsonl")
    assert command("verify", file, "--head", head, "--key", key).exit_code == 0
    for option, value, word in (("--head", "0" * 64, "last line"), ("--key", "1" * 64, "key")):
        said = command("verify", file, option, value)
        assert said.exit_code == 1
        assert "✗ draw       good-closed.jsonl  Fails" in said.output
        assert word in said.output
    said = command("verify", file, "--head", head[:16])
    assert said.exit_code == 2
    assert f"{head[:16]} is not 64 small hex digits" in said.output
    for paths in ((file, file), (file.parent,), ()):
        said = command("verify", *paths, "--key", key)
        assert said.exit_code == 2
        assert "speak of one file" in said.output


ROOMS = ROOT / "tests" / "vectors" / "recordings"


def test_a_recording_is_held_against_the_key_of_the_house(tmp_path: Path) -> None:
    told = json.loads((ROOMS / "good" / "verdict.json").read_text())
    room, key = ROOMS / "good" / "room-1", tmp_path / "house.key"
    key.write_text(told["key"] + "\n")
    for given in (told["key"], key):
        said = command("verify", "recording", room, "--key", given)
        assert said.exit_code == 0
        assert f"key {told['key'][:16]}… · manifest {told['expected_sha256']}" in said.output
    said = command("verify", "recording", room, "--key", "1" * 64)
    assert said.exit_code == 1
    assert "manifest.sig.json: The seal is not signed with the published key" in said.output
    said = command("verify", "recording", room, "--head", "1" * 64)
    assert said.exit_code == 2


@pytest.mark.parametrize("case", ["good", "media-byte-flipped", "event-removed"])
def test_a_recording_that_was_changed_is_named_with_file_and_time(case: str) -> None:
    told = json.loads((ROOMS / case / "verdict.json").read_text())
    said = command("verify", "recording", ROOMS / case / "room-1")
    assert said.exit_code == (0 if told["ok"] else 1)
    for finding in told["findings"]:
        assert f"{finding['file']} [0:00:0" in said.output


def test_a_record_of_the_first_format_says_which_format_it_is() -> None:
    said = verify(RECORD.with_name("format-one.jsonl"))
    assert said.exit_code == 1
    assert "format-one.jsonl:1" in said.output
    assert "yuanping-draw/1" in said.output


def command(*words: str | Path) -> Result:
    said = CliRunner().invoke(cli.main_command, [*map(str, words)])
    assert said.exception is None or isinstance(said.exception, SystemExit), said.exception
    return said


@pytest.mark.parametrize("kind", ["garbage", "folder"])
def test_an_unreadable_database_is_said_and_the_files_are_verified_all_the_same(
    folder: Path, kind: str
) -> None:
    (folder / "yuanping.db").unlink()
    if kind == "folder":
        (folder / "yuanping.db").mkdir()
    else:
        (folder / "yuanping.db").write_bytes(b"garbage " * 1000)
    said = command("verify", folder)
    assert said.exit_code == 1
    assert "database cannot be read" in said.output
    assert f"✓ draw       {RECORD.name}" in said.output


def test_a_folder_named_like_a_record_is_a_fault_and_the_rest_is_verified(folder: Path) -> None:
    (folder / "draws" / "a.jsonl").mkdir()
    said = command("verify", folder)
    assert said.exit_code == 1
    assert "✗ draw       a.jsonl" in said.output
    assert f"✓ draw       {RECORD.name}" in said.output


def test_what_cannot_be_a_folder_fails_without_a_trace_and_the_next_path_is_verified(folder: Path) -> None:
    for odd in (Path(os.devnull), folder / ("x" * 300)):
        said = command("verify", odd, folder / "draws" / RECORD.name)
        assert said.exit_code == 1
        assert f"✓ draw       {RECORD.name}" in said.output


def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUANPING_DEMO", "true")
    monkeypatch.setattr("app.serving.set_up", lambda: None)
    monkeypatch.setattr("app.serving.listening", lambda _host, _port: nullcontext([]))
    (tmp_path / "file").write_text("x")
    for name in ("serve", "migrate"):
        said = command(name, "--data", tmp_path / "file")
        assert said.exit_code == 2
        assert "file cannot be used" in said.output


def test_a_damaged_database_is_to_be_restored(folder: Path) -> None:
    (folder / "yuanping.db").write_bytes(b"garbage " * 1000)
    said = command("migrate", "--data", folder)
    assert said.exit_code == 2
    assert "restore from backup" in said.output


def test_a_key_of_any_bytes_is_refused_as_a_key(folder: Path) -> None:
    (folder / "secret.key").write_bytes(bytes(range(128, 256)))
    said = command("migrate", "--data", folder)
    assert said.exit_code == 2
    assert "64 hex" in said.output


@pytest.mark.parametrize(("variable", "value"), [("YUANPING_SERVER__PORT", "abc"), ("YUANPING_SERVER", "{")])
def test_a_setting_that_cannot_be_is_named(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    for name in ("run", "serve", "migrate", "rehearse", "verify"):
        said = command(name)
        assert said.exit_code == 2
        assert variable.partition("__PORT")[0].removeprefix("YUANPING_").lower() in said.output.lower()


def test_what_a_command_writes_is_for_its_owner_alone(tmp_path: Path) -> None:
    data = tmp_path / "deep" / "data"
    subprocess.run(
        [sys.executable, "-m", "app", "migrate", "--data", data],
        cwd=ROOT,
        check=True,
        capture_output=True,
        umask=0o022,
    )
    for path in (data, *data.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
