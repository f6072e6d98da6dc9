"""What was measured beside what was promised: a table for people, a file for programs, and an exit status."""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

HEADINGS = ("figure", "measured", "target", "peer or floor", "verdict")


class Verdict(StrEnum):
    """What becomes of one figure. `left out` is no pass: somebody chose not to measure it."""

    met = "met"
    missed = "MISSED"
    left_out = "NOT MEASURED"
    told = "for information"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: what was measured, what was promised, and beside what it stands.

    value, bound: the two numbers the verdict compares, None where none was measured or promised.
    """

    name: str
    measured: str
    target: str
    beside: str
    verdict: Verdict
    value: float | None = None
    bound: float | None = None


def at_most(name: str, value: float, bound: float, *, unit: str, beside: str = "") -> Figure:
    """A figure that must not be greater than its target; both in `unit`."""
    verdict = Verdict.met if value <= bound else Verdict.missed
    measured, target = (f"{_rounded(number)} {unit}".rstrip() for number in (value, bound))
    return Figure(name, measured, f"≤ {target}", beside, verdict, value, bound)


def at_least(name: str, value: float, bound: float, *, unit: str, beside: str = "") -> Figure:
    """A figure that must not be smaller than its target; both in `unit`."""
    verdict = Verdict.met if value >= bound else Verdict.missed
    return Figure(name, f"{value:,.0f}{unit}", f"≥ {bound:,g}{unit}", beside, verdict, value, bound)


def told(name: str, measured: str, beside: str = "") -> Figure:
    """A figure for information, without a target."""
    return Figure(name, measured, "", beside, Verdict.told)


def left_out(name: str, target: str, why: str) -> Figure:
    """A figure with a target that was not measured this time, and why."""
    return Figure(name, "–", target, why, Verdict.left_out)


def failed(name: str, why: str) -> Figure:
    """A figure that could not be measured although it should have been: as bad as a missed target."""
    return Figure(name, f"failed: {why}", "", "", Verdict.missed)


def exit_status(figures: Iterable[Figure]) -> int:
    """1 when a target is missed, else 0."""
    return int(any(one.verdict is Verdict.missed for one in figures))


def table(figures: Sequence[Figure]) -> str:
    """All figures as columns of text, with a closing line that counts the verdicts."""
    rows = [HEADINGS, *((one.name, one.measured, one.target, one.beside, one.verdict) for one in figures)]
    widths = [max(_width(row[at]) for row in rows) for at in range(len(HEADINGS))]
    lines = [
        "  ".join(_padded(cell, wide) for cell, wide in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    rule = "  ".join("─" * wide for wide in widths)
    return "\n".join((lines[0], rule, *lines[1:], rule, _closing(figures)))


def write(figures: Sequence[Figure], file: Path) -> None:
    """The same as JSON: `{"figures": [{name, measured, target, beside, verdict, value, bound}, …], "passed": bool}`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    passed = all(one.verdict in {Verdict.met, Verdict.told} for one in figures)
    whole = {"figures": [asdict(one) for one in figures], "passed": passed}
    file.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _rounded(number: float) -> str:
    """Three digits of a fraction, all of a whole number."""
    return f"{number:,.0f}" if number == int(number) else f"{number:,.3g}"


def _closing(figures: Sequence[Figure]) -> str:
    count = {verdict: sum(one.verdict is verdict for one in figures) for verdict in Verdict}
    said = f"{count[Verdict.met]} targets met, {count[Verdict.missed]} missed"
    if count[Verdict.left_out]:
        said += f"; {count[Verdict.left_out]} NOT measured, so this is no pass"
    return said


def _width(text: str) -> int:
    """Columns on the screen: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _padded(text: str, wide: int) -> str:
    return text + " " * (wide - _width(text))
