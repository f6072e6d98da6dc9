"""A page of the documentation that is made from the program, so that it cannot say anything else than the program does."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


@dataclass(frozen=True, slots=True)
class MadePage:
    """One page. name: of its file in `docs/`. make: gives its whole text."""

    name: str
    make: Callable[[], str]

    def is_current(self) -> bool:
        return (DOCS / self.name).read_text(encoding="utf-8") == self.make()

    def main(self) -> int:
        """Writes the page; with --check only says, by its status, whether it is current."""
        if "--check" in sys.argv[1:]:
            return 0 if self.is_current() else 1
        (DOCS / self.name).write_text(self.make(), encoding="utf-8")
        return 0
