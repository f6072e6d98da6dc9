"""The commands of the audit log, as the documents give them: tampering is shown, keys are made, witnesses go their rounds."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app import cli
from app.audit import service as audit
from app.audit.signed_note import COSIGNATURE, Signer, Verifier
from app.audit.tags import Tag
from app.cli import witness_round
from app.core.ground import Ground, lay
from app.core.settings import OwnSettings
from tests.support.audit_vectors import FOLDER
from tests.support.databases import furnish
from tests.support.environment import plain_environment
from tests.support.web import WebHouse, open_web, serving
from tests.support.world import START

ROOT = Path(__file__).resolve().parents[2]
DEMONSTRATION = (
    (ROOT / "docs" / "operations.md").read_text("utf-8").split("## The audit trail")[1].split("\n## ")[0]
)
BY_HAND = (ROOT / "docs" / "audit-log.md").read_text("utf-8").split("## By hand")[1].split("\n## ")[0]
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plain_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    """A data folder with five acts."""
    folder = tmp_path / "data"
    monkeypatch.setenv("YUANPING_DATA_DIR", str(folder))
    laid = lay(OwnSettings(data_dir=folder))
    furnish(laid.database)
    with laid.database.transaction() as session:
        for number in range(5):
            case = f"case-{number % 2}"
            audit.record(session, START, case=case, tag=Tag.sheet_saved, actor="li", subject=f"s{number}")
    yield laid
    laid.database.dispose()


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.main_command, list(map(str, arguments)))


def shell(script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Runs what a document says; `yuanping` is this program, and where there is no `sqlite3`, Python's own stands in."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    made = {"yuanping": f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m app "$@"\n'}
    if shutil.which("sqlite3") is None:
        made["sqlite3"] = (
            f"#!{sys.executable}\nimport sqlite3, sys\nd = sqlite3.connect(sys.argv[1])\n"
            "if sys.argv[2].startswith('SELECT'):\n    print(*d.execute(sys.argv[2]).fetchone())\n"
            "else:\n    d.executescript(sys.argv[2])\n"
        )
    for name, text in made.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", "-eu", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_demonstration_in_the_document_shows_the_tampering(ground: Ground, tmp_path: Path) -> None:
    ground.database.dispose()
    yesterday, attack, today = SHELL.findall(DEMONSTRATION)
    for step in (yesterday, attack):
        done = shell(step, tmp_path)
        assert done.returncode == 0, done.stderr
    done = shell(today, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "case-1#1 (place 1 of the log) was changed" in done.stdout


def test_what_the_document_computes_by_hand_stands_in_the_files() -> None:
    (script,) = SHELL.findall(BY_HAND)
    said = subprocess.run(
        ["sh", "-eu", "-c", script], cwd=FOLDER / "good-whole", capture_output=True, text=True, check=True
    ).stdout
    hash_, leaf, *text = said.splitlines()
    assert f'"prev":"{hash_.split()[0]}"' in (FOLDER / "good-whole" / "acts.jsonl").read_text("utf-8")
    assert (FOLDER / "good-whole" / "leaves.txt").read_text().splitlines()[1] == leaf.split()[0]
    assert text[:2] == ["vectors.example/audit", "8"]


def test_an_export_by_command_holds_what_was_asked_for(ground: Ground, tmp_path: Path) -> None:
    assert "5 acts exported" in run("audit", "export", tmp_path / "all.zip").output
    said = run(
        "audit",
        "export",
        tmp_path / "some.zip",
        "--case",
        "case-0",
        "--since",
        "2026-01-01",
        "--comparable",
        "5",
    )
    assert "3 acts exported" in said.output
    key = run("audit", "key").output.strip()
    for name in ("all.zip", "some.zip"):
        assert run("verify", "audit", tmp_path / name, "--key", key).exit_code == 0
    assert run("audit", "export", tmp_path / "none.zip", "--case", "x", "--comparable", "99").exit_code == 2


def test_where_nothing_was_recorded_there_is_nothing_to_hand_out(tmp_path: Path) -> None:
    furnish((laid := lay(OwnSettings(data_dir=tmp_path / "data"))).database)
    laid.database.dispose()
    for arguments in (("checkpoint",), ("export", "x.zip")):
        assert run("audit", *arguments, "--data", tmp_path / "data").exit_code == 2


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "witness.key"
    made = run("witness-key", file, "--name", "kunming.example")
    verifier = Verifier.parse(made.output)
    assert (verifier.name, verifier.kind) == ("kunming.example", COSIGNATURE)
    assert Signer.parse(file.read_text()).verifier == verifier
    assert file.stat().st_mode & 0o777 == 0o600
    kept = file.read_text()
    assert run("witness-key", file, "--name", "kunming.example").exit_code == 2
    assert run("witness-key", tmp_path / "other", "--name", "two words").exit_code == 2
    assert file.read_text() == kept
    assert not (tmp_path / "other").exists()


def test_a_witness_goes_its_rounds_over_the_network(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("witness-key", tmp_path / "own.key", "--name", "kunming.example")
    monkeypatch.setenv(
        "YUANPING_AUDIT__WITNESSES",
        f'["{Signer.parse((tmp_path / "own.key").read_text()).verifier.to_text()}"]',
    )
    with open_house(tmp_path / "house") as (house, address):
        with house.world.transaction() as session:
            audit.record(session, START, case="c", tag=Tag.sheet_saved, actor="a", subject="s")
        log = house.application.state.audit_log
        log.sequencer.advance(at_once=True)
        key, state = log.key.to_text(), tmp_path / "kept.note"
        arguments = ("witness", address, "--key", key, "--state", state)
        said = run(*arguments, "--sign", tmp_path / "own.key")
        assert said.exit_code == 0, said.output
        assert "Cosigned: kunming.example" in said.output
        state.write_bytes((FOLDER / "kept.note").read_bytes())
        assert run(*arguments).exit_code == 2  # not signed by that key
        said = run("witness", address, "--key", (FOLDER / "house.vkey"), "--state", tmp_path / "new.note")
        assert (said.exit_code, said.output.splitlines()[-1]) == (1, "altered")
        assert run(*arguments, "--sign", FOLDER / "kept.note").exit_code == 2
    assert run(*arguments[:-1], tmp_path / "away.note").exit_code == 2  # nobody is there any more
    assert witness_round.client().timeout.read == 30


def open_house(folder: Path) -> "Opened":
    folder.mkdir()
    return Opened(folder)


class Opened:
    """A house on a port of its own, whose settings are those of the surroundings."""

    def __init__(self, folder: Path) -> None:
        self._house = open_web(folder)
        self._serving = serving(self._house)

    def __enter__(self) -> tuple[WebHouse, str]:
        return self._house, self._serving.__enter__()

    def __exit__(self, *_: object) -> None:
        self._serving.__exit__(None, None, None)
        self._house.close()
