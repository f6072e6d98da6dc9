"""The page about who may see what says exactly what the matrix says, and the program asks the matrix for all of it."""

import ast
from pathlib import Path

from app.evaluation.disclosure import MATRIX, Field, Moment, Step
from tools import disclosure_doc

ROOT = Path(__file__).parents[2]
PARTS = ("app", "expert_draw", "recordings", "venue")
ITSELF = ROOT / "app" / "evaluation" / "disclosure.py"


def steps_of(field: Field) -> list[Step]:
    return [step for cell in MATRIX[field].values() for step in cell]


def named(enum: str) -> set[str]:
    """The members of this enum of the matrix that product code outside the matrix speaks of."""
    found = set()
    for path in (path for part in PARTS for path in (ROOT / part).rglob("*.py") if path != ITSELF):
        text = path.read_text(encoding="utf-8")
        if "app.evaluation.disclosure import" not in text:
            continue
        found |= {
            node.attr
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == enum
        }
    return found


def test_the_disclosure_page_is_current() -> None:
    assert disclosure_doc.PAGE.is_current(), "docs/disclosure.md is out of date; run make fix"


def test_the_program_asks_the_matrix_for_every_field_that_it_is_said_to_show() -> None:
    said = {field.value for field in Field if any(step.built for step in steps_of(field))}
    assert said == named("Field"), "mark what is not built, or ask the matrix where it is shown"


def test_every_moment_from_which_something_is_shown_can_come() -> None:
    built = {step.moment for field in Field for step in steps_of(field) if step.built}
    assert {moment.value for moment in built - {Moment.always}} == named("Moment")


def test_what_is_not_built_stands_marked_on_the_page() -> None:
    page = disclosure_doc.page()
    unbuilt = [step for field in Field for step in steps_of(field) if not step.built]
    assert page.split("## ", 1)[1].count("†") == len(unbuilt)
    assert "| Witness (见证) | once their expert is admitted: masked † |" in page
