"""The second verifier as a program: one file in an empty folder, with nothing but Node, tells good from falsified."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.node import find_node, version
from tests.verifier.second import PROGRAM, second_opinions

VECTORS = Path(__file__).parents[1] / "vectors" / "draw"
GOOD = VECTORS / "good-closed.jsonl"
PUBLIC = VECTORS / "good-closed-public.jsonl"


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A folder with the verifier and nothing else."""
    shutil.copy(PROGRAM, tmp_path / "verify.js")
    return tmp_path


def run(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [find_node(), "verify.js", *map(str, words)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_passes_a_good_record_and_says_what_it_did_not_compute(alone: Path) -> None:
    said = run(alone, GOOD)
    assert (said.returncode, said.stderr) == (0, "")
    assert "in full" in said.stdout
    assert "key: " in said.stdout
    assert "feasible, chances, least, greatest, ten" in said.stdout
    assert "as far as disclosed" in run(alone, PUBLIC).stdout


def test_it_fails_a_falsified_record_and_names_the_line(alone: Path) -> None:
    text = GOOD.read_text("utf-8")
    (alone / "forged.jsonl").write_text(text.replace('"rounds":', '"rounds": ', 1), "utf-8")
    said = run(alone, "forged.jsonl")
    line = text[: text.index('"rounds":')].count("\n") + 1
    assert said.returncode == 1
    assert said.stdout.startswith(f"{line}: malformed: ")


def test_published_head_and_key_are_compared(alone: Path) -> None:
    last = [line for line in GOOD.read_text("utf-8").splitlines() if line.startswith('{"at"')][-1]
    head = re.findall(r'"hash":"([0-9a-f]{64})"', last)[-1]
    key = re.findall(r'"key":"([0-9a-f]{64})"', GOOD.read_text("utf-8"))[0]
    assert run(alone, GOOD, "--head", head, "--key", key).returncode == 0
    assert run(alone, f"--head={head}", f"--key={key}", GOOD).returncode == 0
    for name in ("head", "key"):
        for words in ([f"--{name}", "0" * 64], [f"--{name}={'0' * 64}"]):
            said = run(alone, GOOD, *words)
            assert said.returncode == 1, words
            assert f": {name}: " in said.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["--head"],
        ["--head="],
        ["--head", ""],
        ["--head", "--key", "0" * 64],
        ["--head", "0" * 64, "--head", "1" * 64],
        ["--kay", "0" * 64],
        ["-k"],
        [str(PUBLIC)],
    ],
)
def test_what_it_is_asked_beyond_its_options_is_refused_and_not_ignored(
    alone: Path, words: list[str]
) -> None:
    said = run(alone, GOOD, *words)
    assert (said.returncode, said.stdout) == (2, "")
    assert len(said.stderr.splitlines()) == 1, "a sentence, not a trace"


def test_what_cannot_be_read_is_not_called_falsified(alone: Path) -> None:
    said = run(alone, "nowhere.jsonl")
    assert said.returncode == 2
    assert "nowhere.jsonl" in said.stderr
    assert run(alone).returncode == 2


def test_without_means_to_check_signatures_nothing_passes() -> None:
    (said,) = second_opinions([GOOD], without_crypto=True)
    assert (said.ok, said.full, said.codes) == (False, False, ("unsigned",))


def test_it_imports_nothing_but_what_node_itself_has() -> None:
    source = PROGRAM.read_text("utf-8")
    assert set(re.findall(r"""import\(["']([^"']+)["']\)""", source)) <= {"node:fs", "node:url", "node:util"}
    assert not re.search(r"^\s*import\s", source, re.MULTILINE)
    assert "require(" not in source


def test_a_missing_or_old_node_is_an_error_and_not_a_skipped_test(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v18.19.0\n")
    old.chmod(0o755)
    assert version(str(old)) == (18, 19)
    monkeypatch.setenv("YUANPING_NODE", str(old))
    monkeypatch.setattr("tests.support.node.ROOT", tmp_path)
    with pytest.raises(RuntimeError, match=r"no Node 20\.19"):
        find_node()
