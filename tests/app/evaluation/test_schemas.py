"""Texts that people give hold no control characters; a note may have lines."""

import pytest
from pydantic import ValidationError

from app.evaluation.schemas import GiveUpIn, SheetIn, UnitIn


@pytest.mark.parametrize("letter", ["\0", "\x1b", "\x7f", "\x85", "\b"])
def test_control_characters_are_refused_in_every_text(letter: str) -> None:
    text = f"甲乙{letter}丙丁"
    for make in (
        lambda: UnitIn(name=text),
        lambda: GiveUpIn(reason=text),
        lambda: SheetIn(revision=0, scores={}, note=text),
    ):
        with pytest.raises(ValidationError, match="pattern"):
            make()


def test_a_note_may_have_lines_and_tabs_and_a_name_may_not() -> None:
    text = "第一行\r\n第二行\t完\n"
    assert SheetIn(revision=0, scores={}, note=text).note == text
    for broken in ("甲\n乙", "甲\t乙"):
        with pytest.raises(ValidationError, match="pattern"):
            UnitIn(name=broken)
    assert UnitIn(name=" 甲 乙\n").name == "甲 乙"
