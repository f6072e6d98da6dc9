"""Exports of the trail, good and deliberately broken, and the verdict on each; likewise as files that anyone can check."""

import contextlib
import json
import shutil
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from typer.testing import CliRunner, Result

from app import cli
from app.audit.bundle_check import NoBundle, check
from tests.support.audit_vectors import ACTS, FOLDER, HOUSE, KEPT, STRANGER, WITNESS, note, vectors
from tests.support.environment import plain_environment

EXPECTED: dict[str, list[str]] = json.loads((FOLDER / "expected.json").read_text("utf-8"))
KEPT_NOTE = FOLDER / "kept.note"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    plain_environment(monkeypatch)


def verify(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.main_command, ["verify", "audit", *map(str, arguments)])


def test_the_files_are_those_that_are_made() -> None:
    made = vectors()
    assert {name: kinds for name, (_, kinds) in made.items()} == EXPECTED
    for name, (files, _) in made.items():
        kept = {
            file.relative_to(FOLDER / name).as_posix(): file.read_bytes()
            for file in (FOLDER / name).rglob("*")
            if file.is_file()
        }
        assert kept == files, name


@pytest.mark.parametrize("name", EXPECTED)
def test_each_export_gets_its_verdict(name: str) -> None:
    verdict = check(FOLDER / name, HOUSE.verifier, [KEPT_NOTE.read_bytes()], [WITNESS.verifier])
    assert [fault.kind for fault in verdict.faults] == EXPECTED[name]
    assert verdict.count == len(EXPECTED[name])
    if not EXPECTED[name]:
        assert verdict.compared == (KEPT,)
        assert verdict.witnesses == (("witness.example",) if name == "good-whole" else ())


@pytest.mark.parametrize("name", [name for name, kinds in EXPECTED.items() if kinds])
def test_the_command_ends_with_1_for_each_that_is_broken(name: str) -> None:
    said = verify(
        FOLDER / name,
        "--key",
        FOLDER / "house.vkey",
        "--checkpoint",
        KEPT_NOTE,
        "--witness",
        FOLDER / "witness.vkey",
    )
    assert said.exit_code == 1, said.output


def test_every_flipped_byte_of_the_acts_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(FOLDER / "good-whole", folder)
    acts = bytearray((folder / "acts.jsonl").read_bytes())
    for place in range(0, len(acts), 37):
        acts[place] ^= 4
        (folder / "acts.jsonl").write_bytes(acts)
        with contextlib.suppress(NoBundle):  # a newline that moved may leave no bundle at all
            assert check(folder, HOUSE.verifier, []).count
        acts[place] ^= 4


def zipped(folder: Path, target: Path) -> Path:
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for file in folder.rglob("*"):
            if file.is_file():
                archive.write(file, file.relative_to(folder))
    return target


def test_the_command_says_what_holds(tmp_path: Path) -> None:
    said = verify(
        zipped(FOLDER / "good-whole", tmp_path / "good.zip"),
        "--key",
        HOUSE.verifier.to_text(),
        "--checkpoint",
        KEPT_NOTE,
        "--witness",
        WITNESS.verifier.to_text(),
    )
    assert said.exit_code == 0, said.output
    for words in ("good.zip  8 / 8", HOUSE.verifier.to_text(), "kept elsewhere: 5", "witness.example"):
        assert words in said.output
    assert "taken from the bundle" not in said.output
    said = verify(FOLDER / "good-part")
    assert said.exit_code == 0, said.output
    assert "none is left out" in said.output
    assert "taken from the bundle" in said.output


def test_the_command_names_the_first_act_that_is_not_as_it_was() -> None:
    said = verify(FOLDER / "whole-act-changed", "--checkpoint", KEPT_NOTE)
    assert said.exit_code == 1
    assert "case-b#1 (place 1 of the log) was changed" in said.output
    said = verify(FOLDER / "whole-rewritten-and-signed-again", "--checkpoint", KEPT_NOTE)
    assert "up to number 5" in said.output
    assert "case-a#1" in said.output


def test_another_key_than_the_published_one_is_said(tmp_path: Path) -> None:
    verdict = check(FOLDER / "good-whole", STRANGER.verifier, [])
    assert [fault.kind for fault in verdict.faults][:2] == ["signature", "signature"]
    forked = check(
        FOLDER / "good-whole", None, [note(ACTS[1:6]).to_bytes(), KEPT_NOTE.read_bytes(), b"no note"]
    )
    assert [fault.kind for fault in forked.faults][:2] == ["forked", "signature"]


@pytest.mark.parametrize("key", ["nonsense", "a+b+c"])
def test_what_is_no_key_is_refused(key: str) -> None:
    assert verify(FOLDER / "good-whole", "--key", key).exit_code == 2


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bundle.json", b"{}"),
        ("bundle.json", b"["),
        ("bundle.json", (FOLDER / "good-whole" / "bundle.json").read_bytes().replace(b"audit/1", b"audit/2")),
        ("acts.jsonl", b"a line without an end"),
        ("acts.jsonl", None),
        ("checkpoint.note", None),
    ],
)
def test_what_is_no_export_is_refused(tmp_path: Path, name: str, data: bytes | None) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(FOLDER / "good-whole", folder)
    if data is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(data)
    with pytest.raises(NoBundle):
        check(folder, None, [])
    said = verify(folder)
    assert said.exit_code == 1
    assert "no complete export" in said.output


def test_a_zip_that_was_cut_or_bent_and_no_zip_at_all_are_refused(tmp_path: Path) -> None:
    good = zipped(FOLDER / "good-whole", tmp_path / "good.zip").read_bytes()
    bad = tmp_path / "bad.zip"
    for data in (good[: len(good) // 2], b"", good[:60] + b"\xff\xff\xff\xff" + good[64:]):
        bad.write_bytes(data)
        with pytest.raises(NoBundle):
            check(bad, None, [])
    assert verify(tmp_path / "nowhere").exit_code == 1
