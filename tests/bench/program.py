"""What every bench does: measure its parts one after another, print one table, write it to build/, end with a status."""

import argparse
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.table import Figure, exit_status, failed, table, write
from tools.groundwork import ROOT, say

Part = Callable[[bool], Iterator[Figure]]
"""Measures figures one after another; given whether it shall be quick."""


@dataclass(frozen=True, slots=True)
class Program:
    """One bench. quick: what is different when it shall be quick, as its readers are told."""

    name: str
    description: str
    quick: str
    parts: Mapping[str, Part]

    def main(self, arguments: Sequence[str], folder: Path = ROOT / "build") -> int:
        """Measures, prints and writes; gives the exit status: 1 when a target is missed or could not be measured."""
        asked = argparse.ArgumentParser(prog=self.name, description=self.description)
        asked.add_argument("--quick", action="store_true", help=self.quick)
        asked.add_argument(
            "parts", nargs="*", metavar="part", help=f"which to measure: {', '.join(self.parts)}"
        )
        given = asked.parse_args(arguments)
        if strange := sorted(set(given.parts) - set(self.parts)):
            asked.error(f"there is no part {', '.join(strange)}; there are {', '.join(self.parts)}")
        chosen = {name: part for name, part in self.parts.items() if not given.parts or name in given.parts}
        figures = measure(chosen, quick=given.quick)
        file = folder / f"{self.name}.json"
        write(figures, file)
        say(f"\n{table(figures)}\nAlso in {file.relative_to(folder.parent)}.")
        if len(chosen) < len(self.parts):
            say(f"Only a part was measured: {', '.join(chosen)}.")
        if given.quick:
            say(f"Quick: {self.quick}.")
        return exit_status(figures)


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
