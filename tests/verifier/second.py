"""The second verifier, run by Node over many files at once."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.node import find_node

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "app" / "web" / "static" / "js" / "verify.js"
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Second:
    """What it says of one file; `line` is the first wrong line, None when nothing is wrong."""

    ok: bool
    full: bool
    line: int | None
    codes: tuple[str, ...]
    summary: Mapping[str, object] | None


def second_opinions(paths: list[Path], *, without_crypto: bool = False) -> list[Second]:
    """One verdict for each file, in their order; `without_crypto` as on a page that came over plain http."""
    words = [
        find_node(),
        str(HERE / "batch.mjs"),
        str(PROGRAM),
        *(["without-crypto"] if without_crypto else []),
    ]
    said = subprocess.run(
        words, input="\n".join(map(str, paths)), capture_output=True, text=True, check=True, timeout=300
    )
    return [_opinion(json.loads(line)) for line in said.stdout.splitlines()]


def _opinion(said: dict[str, object]) -> Second:
    findings = said["findings"]
    summary = said["summary"]
    assert isinstance(findings, list)
    assert summary is None or isinstance(summary, dict)
    lines = [finding["line"] for finding in findings]
    codes = tuple(finding["code"] for finding in findings)
    return Second(bool(said["ok"]), bool(said["full"]), lines[0] if lines else None, codes, summary)


def numbers(requests: object) -> list[list[str]]:
    """What its streams give; see numbers.mjs for the questions."""
    said = subprocess.run(
        [find_node(), str(HERE / "numbers.mjs"), str(PROGRAM)],
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answer: list[list[str]] = json.loads(said.stdout)
    return answer
