"""Measures the draw against its promises and its peers: prints one table, writes it to build/bench-draw.json.

    python -m tests.bench.draw [--quick] [part …]

Ends with status 1 when a target is missed or something could not be measured. --quick leaves out the pool of a million
beside the peer, which takes minutes, and says so; parts name what to measure, all by default.
"""

import argparse
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.bench import beside_peer, exactness, service_path, speed, tampering, verifier
from tests.bench.table import Figure, exit_status, failed, table, write
from tools.groundwork import ROOT, say

Part = Callable[[bool], Iterator[Figure]]
"""Measures figures one after another; given whether it shall be quick."""

PARTS: Mapping[str, Part] = {
    "draw": speed.draw_alone,
    "count": speed.exact_count,
    "exactness": exactness.figures,
    "tampering": tampering.figures,
    "verifier": verifier.figures,
    "service": service_path.figures,
    "lists": speed.lists_and_chances,
    "peer": beside_peer.figures,
}


def measure(parts: Mapping[str, Part], *, quick: bool) -> list[Figure]:
    """All figures of these parts; a part that breaks becomes a missed figure, and the others are still measured."""
    figures: list[Figure] = []
    for name, part in parts.items():
        say(f"{name} …")
        try:
            for figure in part(quick):
                say(f"  {figure.name}: {figure.measured}  [{figure.verdict}]")
                figures.append(figure)
        except Exception as error:  # noqa: BLE001 - whatever breaks one measurement must not hide the others
            traceback.print_exc()
            figures.append(failed(name, f"{type(error).__name__}: {error}".partition("\n")[0]))
    return figures


def main(arguments: Sequence[str], parts: Mapping[str, Part] = PARTS, folder: Path = ROOT / "build") -> int:
    """Measures, prints and writes; gives the exit status."""
    asked = argparse.ArgumentParser(prog="bench-draw", description="Measure the draw against its targets.")
    asked.add_argument("--quick", action="store_true", help="leave out the peer's pool of a million")
    asked.add_argument("parts", nargs="*", metavar="part", help=f"which to measure: {', '.join(parts)}")
    given = asked.parse_args(arguments)
    if strange := sorted(set(given.parts) - set(parts)):
        asked.error(f"there is no part {', '.join(strange)}; there are {', '.join(parts)}")
    chosen = {name: part for name, part in parts.items() if not given.parts or name in given.parts}
    figures = measure(chosen, quick=given.quick)
    file = folder / "bench-draw.json"
    write(figures, file)
    say(f"\n{table(figures)}\nAlso in {file.relative_to(folder.parent)}.")
    if len(chosen) < len(parts):
        say(f"Only a part was measured: {', '.join(chosen)}.")
    return exit_status(figures)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
