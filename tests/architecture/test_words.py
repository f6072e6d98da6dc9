"""Every text a reader can meet has its English, with the same parameters; and the documents point at things that exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from app.core.i18n import catalogue

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("app", "expert_draw", "venue", "recordings")
CATALOGUES = sorted((ROOT / "app" / "core" / "locale" / "en").glob("*.po"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PARAMETER = re.compile(r"{(\w+)}")
# The first argument of _("…") in a template; texts are written in one piece, in either kind of quotes.
IN_TEMPLATE = re.compile(r"""\b_\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")


def marked_in_python() -> Iterator[tuple[str, str]]:
    """Every literal given to N_, with the file it stands in."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "N_":
                    (text,) = (ast.literal_eval(argument) for argument in node.args)
                    yield str(path.relative_to(ROOT)), text


def marked_in_templates() -> Iterator[tuple[str, str]]:
    """Every literal given to _ in a page, with the file it stands in."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.html")):
            for literal in IN_TEMPLATE.findall(path.read_text(encoding="utf-8")):
                yield str(path.relative_to(ROOT)), ast.literal_eval(literal)


def test_every_marked_text_has_its_english() -> None:
    english = catalogue("en")
    marked = [*marked_in_python(), *marked_in_templates()]
    assert len(marked) > 100
    missing = sorted({f"{where}: {text}" for where, text in marked if text and text not in english})
    assert not missing, "\n".join(missing)


def test_a_translation_keeps_the_parameters_of_its_text() -> None:
    bent = [
        text
        for text, english in catalogue("en").items()
        if sorted(set(PARAMETER.findall(text))) != sorted(set(PARAMETER.findall(english)))
    ]
    assert not bent, "\n".join(bent)


def test_no_text_has_two_different_translations() -> None:
    seen: dict[str, tuple[str, str]] = {}
    clashes = []
    for path in CATALOGUES:
        with path.open("rb") as file:
            for message in read_po(file):
                text, english = str(message.id), str(message.string)
                if text and seen.setdefault(text, (english, path.name))[0] != english:
                    clashes.append(f"{text}: {seen[text]} and {(english, path.name)}")
    assert not clashes, "\n".join(clashes)


def test_pages_leave_no_chinese_unmarked() -> None:
    unmarked = []  # the name of a language stands in that language, so 中文 needs no mark
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.html")):
            text = re.sub(
                r"{#.*?#}",
                lambda comment: "\n" * comment[0].count("\n"),
                path.read_text("utf-8"),
                flags=re.DOTALL,
            )
            for number, line in enumerate(
                IN_TEMPLATE.sub("", text).replace('"中文"', "").splitlines(), start=1
            ):
                if CHINESE.search(line):
                    unmarked.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not unmarked, "\n".join(unmarked)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_links_of_a_document_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8")):
        assert "://" in target or (document.parent / target).exists(), target


@pytest.mark.parametrize(
    "decision", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda path: path.stem
)
def test_a_decision_is_one_page_with_its_four_parts(decision: Path) -> None:
    text = decision.read_text(encoding="utf-8")
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+", decision.stem)
    assert text.startswith(f"# {int(decision.stem[:4])}. ")
    parts = ["**Context.**", "**Decision.**\n\n> ", "**Consequences.**", "**Alternatives.**"]
    places = [text.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    context = text[places[0] + len(parts[0]) : places[1]]
    assert len(re.findall(r"[.?!](?=\s)", context)) <= 4
    assert len(text.splitlines()) <= 60
