"""The page about OWASP ASVS has every number of the list once, names tests that are there, and counts itself rightly."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "asvs.md"
THREATS = ROOT / "docs" / "threats.md"
IDS = Path(__file__).with_name("asvs-5.0-ids.txt")
"""Number and level, one a line: levels 1 and 2 of all chapters, level 3 of V6, V7, V8, V11, V16 and V17."""
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
LEAST_REASON = 25


class Row(NamedTuple):
    id: str
    level: str
    asks: str
    here: str
    shown: str

    @property
    def kind(self) -> str:
        for mark, kind in (("**gap**: ", "gap"), ("*review*: ", "review"), ("*n/a*: ", "n/a")):
            if self.shown.startswith(mark):
                return kind
        return "test"


def wanted() -> dict[str, str]:
    return dict(line.split() for line in IDS.read_text(encoding="utf-8").splitlines())


def rows(text: str) -> list[Row]:
    return [
        Row(*(cell.strip() for cell in line.strip("|").split(" | ")))
        for line in text.splitlines()
        if re.match(r"\| \d+\.\d+\.\d+ ", line)
    ]


def counts(found: list[Row]) -> str:
    kinds = Counter(row.kind for row in found)
    return (
        f"{len(found)} requirements: {kinds['test']} shown by tests, {kinds['review']} by review, {kinds['gap']} gaps, "
        f"{kinds['n/a']} not applicable"
    )


@cache
def functions(path: str) -> frozenset[str]:
    """The functions of a file's first level; none where there is no such file."""
    if not (ROOT / path).is_file():
        return frozenset()
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


def unknown(text: str) -> list[str]:
    """The tests that a text names and that are not there."""
    return sorted({f"{path}::{name}" for path, name in TEST.findall(text) if name not in functions(path)})


def test_the_list_is_that_of_the_standard() -> None:
    levels = Counter(wanted().values())
    assert (levels["1"], levels["2"]) == (70, 183), "all of levels 1 and 2"
    assert {one.partition(".")[0] for one, level in wanted().items() if level == "3"} == {
        "6", "7", "8", "11", "16", "17",
    }  # fmt: skip


def test_every_requirement_stands_once_with_its_level() -> None:
    found = rows(PAGE.read_text(encoding="utf-8"))
    assert sorted(row.id for row in found) == sorted(wanted())
    assert {row.id: row.level for row in found} == wanted()


def test_every_test_that_is_named_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert unknown(text) == []
    assert [row.id for row in rows(text) if row.kind == "test" and not TEST.search(row.shown)] == []


def test_whatever_no_test_shows_says_why() -> None:
    found = rows(PAGE.read_text(encoding="utf-8"))
    assert [row.id for row in found if not row.asks or not row.here] == []
    explained = [row for row in found if row.kind in {"gap", "review"}]
    short = [row.id for row in explained if len(row.shown.partition(": ")[2]) < LEAST_REASON]
    assert short == []
    assert [row.id for row in found if row.kind == "n/a" and not row.shown.partition(": ")[2]] == []


def test_the_counts_are_right() -> None:
    text = PAGE.read_text(encoding="utf-8")
    head, *chapters = re.split(r"^## V\d+ ", text, flags=re.MULTILINE)
    assert f"**{counts(rows(text))}.**" in head
    assert len(chapters) == 17
    for chapter in chapters:
        assert f"{counts(rows(chapter))}." in chapter, chapter.splitlines()[0]


def test_every_threat_of_the_table_has_a_story_that_is_there() -> None:
    text = THREATS.read_text(encoding="utf-8")
    assert unknown(text) == []
    keyed = {
        line.split(" | ")[0].strip("| *"): line for line in text.splitlines() if line.startswith("| **T")
    }
    assert list(keyed) == [f"T{number}" for number in range(1, 19)]
    assert [key for key, line in keyed.items() if not TEST.search(line) and "*not here*" not in line] == []


def test_what_is_not_there_is_seen() -> None:
    assert unknown("`tests/architecture/test_asvs.py::test_the_counts_are_right`") == []
    assert (
        len(
            unknown("`tests/architecture/test_asvs.py::test_none` `tests/none.py::test_the_counts_are_right`")
        )
        == 2
    )
