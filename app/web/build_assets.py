"""Fetches the two ready-made browser files (htmx, Tabler) with npm and copies them beside our own pages.

Run as a program it fetches and copies; as a build hook it sees to it that a wheel never leaves the house without them.
Nothing here runs while the service runs, and the pages stay usable when the two files are missing.

A wheel build fails without the files. An editable install leaves them alone, so that setting up a development machine
never depends on npm.
"""

import argparse
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "app" / "web" / "vendor"
# (file inside node_modules, its name beside our pages)
FILES = (
    ("htmx.org/dist/htmx.min.js", "htmx.min.js"),
    ("@tabler/core/dist/css/tabler.min.css", "tabler.min.css"),
)
# One quick second try: whoever is offline should read so within seconds, not minutes.
FETCH = (
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
)


class AssetsMissing(Exception):
    """The browser files could not be fetched or copied; the text says why."""


def fetch(npm: tuple[str, ...] = ("npm",)) -> None:
    """Install the locked npm packages into `node_modules`; `npm` is the command line to use. Raises AssetsMissing."""
    if shutil.which(npm[0]) is None:
        raise AssetsMissing(f"there is no command {npm[0]!r}")
    finished = subprocess.run([*npm, *FETCH], cwd=ROOT, capture_output=True, text=True, check=False)
    if finished.returncode:
        last_words = "\n".join((finished.stderr or finished.stdout).strip().splitlines()[-8:])
        raise AssetsMissing(f"npm ended with status {finished.returncode}:\n{last_words}")


def copy() -> None:
    """Copy the files out of `node_modules`. Raises AssetsMissing when npm has not been there."""
    VENDOR.mkdir(parents=True, exist_ok=True)
    for source, name in FILES:
        origin = ROOT / "node_modules" / source
        if not origin.is_file():
            raise AssetsMissing(f"node_modules/{source} is not there; run npm first")
        shutil.copyfile(origin, VENDOR / name)


def complete() -> bool:
    """Whether both files stand beside our pages."""
    return all((VENDOR / name).is_file() for _, name in FILES)


class AssetHook(BuildHookInterface[BuilderConfig]):
    """Puts the browser files into what is being built."""

    PLUGIN_NAME = "yuanping-assets"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Called by hatchling before each build; `version` is "standard" or "editable"."""
        if self.target_name != "wheel" or version == "editable" or complete():
            return
        fetch()
        copy()


def main() -> int:
    """Fetch and copy; 0 when both files are in place, 1 with the reason otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--npm", default="npm", help="the npm command line, such as 'node /path/npm-cli.js'")
    options = parser.parse_args()
    try:
        fetch(tuple(shlex.split(options.npm)))
        copy()
    except AssetsMissing as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
