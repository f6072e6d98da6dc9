"""Every text people read has its English, and the English names the same parameters."""

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from app.core.i18n import LANGUAGES, N_, catalogue, translate

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("app", "expert_draw", "venue", "recordings")
LOCALE = ROOT / "app" / "core" / "locale" / "en"


def texts_in_python(path: Path) -> Iterator[str]:
    """The arguments of N_ in a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "N_":
            (argument,) = node.args
            assert isinstance(argument, ast.Constant), f"{path}:{node.lineno}: N_ takes a plain text"
            yield str(argument.value)


def texts_in_template(path: Path) -> Iterator[str]:
    """The plain first arguments of _ in a template; others were marked where they come from."""
    for call in Environment().parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):  # noqa: S701 -- parsed only
        if (
            isinstance(call.node, nodes.Name)
            and call.node.name == "_"
            and isinstance(call.args[0], nodes.Const)
        ):
            yield str(call.args[0].value)


@cache
def texts() -> dict[str, str]:
    """Every marked text of the four packages, and where it stands."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            found |= dict.fromkeys(texts_in_python(path), str(path.relative_to(ROOT)))
    for path in sorted((ROOT / "app" / "web" / "templates").glob("*.html")):
        found |= dict.fromkeys(texts_in_template(path), str(path.relative_to(ROOT)))
    return found


def parameters(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def has_chinese(text: str) -> bool:
    return re.search(r"[一-鿿]", text) is not None


def has_latin(text: str) -> bool:
    return re.search(r"[A-Za-z]", text) is not None


def test_every_text_has_an_english_translation() -> None:
    english = catalogue("en")
    missing = [f"{where}: {text}" for text, where in texts().items() if text not in english]
    assert not missing, "\n".join(sorted(missing))


def test_english_names_the_same_parameters() -> None:
    wrong = {text: there for text, there in catalogue("en").items() if parameters(text) != parameters(there)}
    assert not wrong


def test_english_reads_as_english_even_where_it_quotes_chinese() -> None:
    assert not [
        there for text, there in catalogue("en").items() if has_chinese(text) and not has_latin(there)
    ]


@pytest.mark.parametrize("path", sorted(LOCALE.glob("*.po")), ids=lambda path: path.stem)
def test_no_catalogue_translates_one_text_twice_in_different_words(path: Path) -> None:
    with path.open("rb") as file:
        own = {str(one.id): str(one.string) for one in read_po(file) if one.id and one.string}
    english = catalogue("en")
    differing = {text: (there, english[text]) for text, there in own.items() if english[text] != there}
    assert not differing


def test_chinese_is_the_source_and_an_unknown_text_stays_as_it_is() -> None:
    assert LANGUAGES == ("zh", "en")
    assert translate("zh", "第 {number} 轮", number=2) == "第 2 轮"
    assert translate("en", "没有人翻译过的话") == "没有人翻译过的话"
    assert translate("en", "") == ""
    marked = "原文"
    assert [N_(text) for text in (marked,)] == [marked]
