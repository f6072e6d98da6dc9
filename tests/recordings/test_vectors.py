"""Recordings good and broken, with the verdict expected: anybody's verifier can be held against them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from recordings.verify import verify_room

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "recordings"


@pytest.mark.parametrize("case", sorted(path.name for path in VECTORS.iterdir() if path.is_dir()))
def test_a_recording_gets_the_verdict_it_was_filed_with(case: str) -> None:
    told = json.loads((VECTORS / case / "verdict.json").read_text())
    verdict = verify_room(VECTORS / case / "room-1", told["expected_sha256"], told["key"])
    assert (verdict.ok, verdict.sealed) == (told["ok"], told["sealed"])
    found = [
        {"file": one.file, "code": one.code, "from_ms": one.from_ms, "to_ms": one.to_ms}
        for one in verdict.findings
    ]
    assert found == told["findings"]


@pytest.mark.parametrize("case", sorted(path.name for path in VECTORS.iterdir() if path.is_dir()))
def test_the_verifier_printed_in_the_format_comes_to_the_same_verdict(case: str, tmp_path: Path) -> None:
    program = tmp_path / "verifier.py"
    text = (VECTORS.parents[2] / "docs" / "recording-format.md").read_text()
    program.write_text(text.split("```python\n")[1].split("```")[0])
    told = json.loads((VECTORS / case / "verdict.json").read_text())
    command = [
        sys.executable,
        str(program),
        str(VECTORS / case / "room-1"),
        told["expected_sha256"] or "",
        told["key"] or "",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode == 0) == told["ok"], ran.stderr
