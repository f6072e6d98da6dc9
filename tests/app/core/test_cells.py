"""No cell of an export is taken for a formula, whatever its beginning looks like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.cells import as_text

BEGINNINGS = (
    "=", "+", "-", "@", "\t", "\r", "\n", "|", "%",
    "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "−", "–", "—", "‐", "⁺", "➕", "꞊",
    " =", "\u00a0=", "\u3000＝", "\ufeff=", "\u200b=", "\u2066=", "\x00=", "\u00ad+",
)  # fmt: skip


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_what_begins_like_a_formula_is_text_behind_an_apostrophe(beginning: str) -> None:
    formula = f"{beginning}HYPERLINK(1)"
    assert as_text(formula) == f"'{formula}"


@pytest.mark.parametrize("text", ["", " ", "张三", "a=b", "1-2", "'=1", "（已换）", "'", "\u200b"])
def test_what_does_not_stays_as_it_is(text: str) -> None:
    assert as_text(text) == text


@given(st.text())
def test_nothing_is_lost_and_the_first_sign_that_shows_is_no_operator(text: str) -> None:
    written = as_text(text)
    assert written in {text, f"'{text}"}
    assert not written.lstrip().startswith(("=", "+", "-", "@"))
