"""Each import contract is seen to hold on the tree as it is, and to catch a violation planted in a copy of it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
CONTRACTS = {contract["id"]: contract for contract in SETTINGS["contracts"]}


def broken(tree: Path) -> tuple[set[str], str]:
    """The ids of the contracts that import-linter reports broken in a tree, and all it said."""
    finished = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=tree,
        env={**os.environ, "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = finished.stdout + finished.stderr
    verdicts = dict(re.findall(r"^(.+) (KEPT|BROKEN)\b", said, re.MULTILINE))
    assert set(verdicts) == {contract["name"] for contract in CONTRACTS.values()}, said
    names = {key for key, contract in CONTRACTS.items() if verdicts[contract["name"]] == "BROKEN"}
    assert (finished.returncode != 0) == bool(names), said
    return names, said


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of everything import-linter looks at."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in SETTINGS["root_packages"]:
        for source in (ROOT / package).rglob("*.py"):
            target = tmp_path / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return tmp_path


def file_of(tree: Path, module: str) -> Path:
    """The file of a module, be it a package or not."""
    path = tree / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def add_import(tree: Path, importer: str, imported: str) -> None:
    """Plant an import at the end of a module."""
    with file_of(tree, importer).open("a", encoding="utf-8") as file:
        file.write(f"\nimport {imported}\n")


def break_layers(tree: Path) -> None:
    """The draw looks into the venue."""
    add_import(tree, "expert_draw", "venue")


def break_exhaustive(tree: Path) -> None:
    """A part of app that nobody has given a place."""
    (tree / "app" / "nowhere").mkdir()
    (tree / "app" / "nowhere" / "__init__.py").touch()


def break_pure(tree: Path) -> None:
    """The engine takes chance from elsewhere than the committed seeds."""
    add_import(tree, "expert_draw.engine.draw", "secrets")


def break_lean(tree: Path) -> None:
    """A worker brings along the tables of numbers that only draws need."""
    add_import(tree, "app.media_worker", "numpy")


def break_acyclic(tree: Path) -> None:
    """Two modules of one part import each other."""
    (tree / "app" / "rules" / "egg.py").write_text("import app.rules.hen\n", encoding="utf-8")
    (tree / "app" / "rules" / "hen.py").write_text("import app.rules.egg\n", encoding="utf-8")


def break_protected(contract: str) -> Callable[[Path], None]:
    """A module that is high enough, but not invited, imports what is protected."""

    def plant(tree: Path) -> None:
        add_import(tree, "app.web", CONTRACTS[contract]["protected_modules"][0])

    return plant


BREAKS: dict[str, Callable[[Path], None]] = {
    "layers": break_layers,
    "rooms-of-app": break_exhaustive,
    "pure": break_pure,
    "lean-worker": break_lean,
    "acyclic": break_acyclic,
    **{key: break_protected(key) for key, contract in CONTRACTS.items() if contract["type"] == "protected"},
}


def test_the_tree_as_it_is_keeps_every_contract(tree: Path) -> None:
    names, said = broken(tree)
    assert not names, said


@pytest.mark.parametrize("contract", sorted(CONTRACTS))
def test_a_planted_violation_breaks_exactly_its_contract(contract: str, tree: Path) -> None:
    BREAKS[contract](tree)
    names, said = broken(tree)
    assert names == {contract}, said


def test_every_pure_module_is_watched(tree: Path) -> None:
    planted = CONTRACTS["pure"]["source_modules"]
    for module in planted:
        add_import(tree, module, "time")
    names, said = broken(tree)
    assert "pure" in names
    missed = [module for module in planted if not re.search(rf"{re.escape(module)}(\.\w+)* -> time\b", said)]
    assert not missed, said


def test_every_part_with_tables_protects_them() -> None:
    parts = {path.relative_to(ROOT).with_suffix("") for path in ROOT.glob("*/models.py")}
    parts |= {path.relative_to(ROOT).with_suffix("") for path in ROOT.glob("app/*/models.py")}
    protected = {
        module for contract in CONTRACTS.values() for module in contract.get("protected_modules", ())
    }
    assert {".".join(part.parts) for part in parts} <= protected
