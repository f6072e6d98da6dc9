"""Measures calls and texts against their promises: prints one table, writes it to build/bench-invitations.json.

    python -m tests.bench.invitations [--quick] [part …]

Ends with status 1 when a target is missed or something could not be measured. --quick takes smaller numbers, and says so;
parts name what to measure, all by default. What is lost or doubled under faults and kills is shown by `soak-invitations`.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench import (
    invitations_calls,
    invitations_down,
    invitations_outbox,
    invitations_overload,
    invitations_webhooks,
)
from tests.bench.draw import Part, measure
from tests.bench.table import exit_status, table, write
from tools.groundwork import ROOT, say

PARTS: Mapping[str, Part] = {
    "webhooks": invitations_webhooks.figures,
    "outbox": invitations_outbox.figures,
    "processor": invitations_calls.processor,
    "promptness": invitations_calls.promptness,
    "down": invitations_down.figures,
    "overload": invitations_overload.figures,
}


def main(arguments: Sequence[str], parts: Mapping[str, Part] = PARTS, folder: Path = ROOT / "build") -> int:
    """Measures, prints and writes; gives the exit status."""
    asked = argparse.ArgumentParser(prog="bench-invitations", description="Measure calls and texts.")
    asked.add_argument("--quick", action="store_true", help="smaller numbers")
    asked.add_argument("parts", nargs="*", metavar="part", help=f"which to measure: {', '.join(parts)}")
    given = asked.parse_args(arguments)
    if strange := sorted(set(given.parts) - set(parts)):
        asked.error(f"there is no part {', '.join(strange)}; there are {', '.join(parts)}")
    chosen = {name: part for name, part in parts.items() if not given.parts or name in given.parts}
    figures = measure(chosen, quick=given.quick)
    file = folder / "bench-invitations.json"
    write(figures, file)
    say(f"\n{table(figures)}\nAlso in {file.relative_to(folder.parent)}.")
    if len(chosen) < len(parts):
        say(f"Only a part was measured: {', '.join(chosen)}.")
    if given.quick:
        say("With smaller numbers than promised.")
    return exit_status(figures)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
