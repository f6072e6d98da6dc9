"""Who may open what is sealed about people: phone numbers only the sender of notices, names only through a release."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("app", "expert_draw", "venue", "recordings")

MAY_CALL = {
    # Whoever is invited is known in memory to who asks, fills places, and keeps people from being asked twice.
    "expert_draw.sealed": {
        "app/evaluation/booking.py",
        "app/evaluation/check_in.py",
        "app/evaluation/convening.py",
        "app/evaluation/designating.py",
        "app/evaluation/erasing.py",
        "app/evaluation/joint_views.py",
        "app/evaluation/second_phase.py",
        "expert_draw/answers.py",
        "expert_draw/avoiding.py",
        "expert_draw/designating.py",
        "expert_draw/holidays.py",
        "expert_draw/inviting.py",
        "expert_draw/opening.py",
        "expert_draw/release.py",
        "expert_draw/rounds.py",
        "expert_draw/slips.py",
        "expert_draw/standby.py",
    },
}
OPENS = {
    # The function that opens the field → the files that may call it; erasing clears what messages and pretend phones hold.
    "phone_of": {"app/evaluation/erasing.py", "expert_draw/unmasking.py"},
    "identity_of": {"expert_draw/unmasking.py"},
    # An import compares what a sheet says with what is known.
    "name_of": {"expert_draw/release.py", "expert_draw/roster.py", "expert_draw/unmasking.py"},
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> set[str]:
    """Modules that are imported, by their full names."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{one.name}" for one in node.names)
    return found


def opens(tree: ast.Module, name: str) -> bool:
    """Whether this function of `expert_draw.personal` is used, however it was imported."""
    return f"expert_draw.personal.{name}" in imports(tree) or any(
        isinstance(node, ast.Attribute)
        and node.attr == name
        and isinstance(node.value, ast.Name | ast.Attribute)
        and (node.value.id if isinstance(node.value, ast.Name) else node.value.attr) == "personal"
        for node in ast.walk(tree)
    )


@pytest.mark.parametrize("module", sorted(MAY_CALL))
def test_whom_a_draw_stands_for_is_opened_by_those_who_have_to_know(module: str) -> None:
    found = {path for path, tree in sources() if module in imports(tree)}
    assert found == MAY_CALL[module]


@pytest.mark.parametrize("function", sorted(OPENS))
def test_a_field_of_a_person_is_opened_in_few_places(function: str) -> None:
    found = {path for path, tree in sources() if opens(tree, function)}
    assert found <= OPENS[function], (
        "open it through the sender of notices, a release, or unmasking with a reason"
    )


def test_the_search_sees_imports_and_uses_of_every_shape() -> None:
    tree = ast.parse(
        "from expert_draw import sealed\nimport expert_draw.personal\nexpert_draw.personal.phone_of(a, b)\n"
        "from expert_draw.personal import name_of as told\nother.identity_of(a)\n"
    )
    assert {"expert_draw.sealed", "expert_draw.personal"} <= imports(tree)
    assert opens(tree, "phone_of")
    assert opens(tree, "name_of")
    assert not opens(tree, "identity_of")
