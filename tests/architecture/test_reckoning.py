"""The reckoning at the end of a test run: kinds are counted, nothing goes missing quietly, pure modules are covered wholly."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = """
import pytest
from hypothesis import given, strategies as st
from app.rules.pack import sign

@given(st.integers(min_value=0))
def test_a_property(n): assert sign(n) == 1

@pytest.mark.story
@pytest.mark.browser
def test_a_story(): pass

@pytest.mark.browser
def test_a_page(): pass

def test_another(): pass

def test_one_more(): pass
"""
PURE = "def sign(n: int) -> int:\n    if n < 0:\n        return -1\n    return 1\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A very small project with our configuration and our reckoning."""
    (tmp_path / "app" / "rules").mkdir(parents=True)
    (tmp_path / "app" / "__init__.py").touch()
    (tmp_path / "app" / "rules" / "__init__.py").touch()
    (tmp_path / "app" / "rules" / "pack.py").write_text(PURE, encoding="utf-8")
    (tmp_path / "tests" / "support").mkdir(parents=True)
    for name in ("pyproject.toml", "tests/conftest.py", "tests/support/chromium.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "tests" / "support" / "databases.py").touch()  # its fixtures are no part of the reckoning
    (tmp_path / "tests" / "test_small.py").write_text(TESTS, encoding="utf-8")
    return tmp_path


def run(project: Path, *arguments: str, chromium: str = sys.executable) -> tuple[int, list[str]]:
    """The status of a pytest run in a project of its own, and the lines it printed."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "COV_", "COVERAGE_"))
    }
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=project,
        env={**clean, "YUANPING_CHROMIUM": chromium},
        capture_output=True,
        text=True,
        check=False,
    )
    return finished.returncode, finished.stdout.splitlines()


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two at a time"])
def test_kinds_are_counted_above_the_closing_line(project: Path, workers: tuple[str, ...]) -> None:
    status, lines = run(project, *workers)
    assert status == 0
    assert lines[-2] == "stories 1 · browser tests 2 (1 of them stories) · properties 1 · other tests 2"
    assert lines[-1].startswith("5 passed")


def test_browser_tests_without_a_browser_are_named(project: Path) -> None:
    status, lines = run(project, chromium="no-such-browser")
    assert status == 0
    assert any("2 browser tests did NOT run" in line for line in lines)
    assert {"tests/test_small.py::test_a_story", "tests/test_small.py::test_a_page"} <= set(lines)
    assert lines[-2] == "stories 0 · browser tests 0 · properties 1 · other tests 2"


def test_a_whole_run_fails_while_a_line_of_a_pure_module_is_not_covered(project: Path) -> None:
    status, lines = run(project, "--cov", "--cov-report=")
    assert status == 1
    assert any("pure modules must be covered wholly" in line for line in lines)
    assert any(line.startswith("app/rules/pack.py") and line.endswith(" 3") for line in lines)


def test_a_whole_run_passes_when_the_pure_modules_are_covered(project: Path) -> None:
    with (project / "tests" / "test_small.py").open("a", encoding="utf-8") as file:
        file.write("\ndef test_below_zero(): assert sign(-2) == -1\n")
    status, lines = run(project, "-n", "2", "--cov", "--cov-report=")
    assert status == 0, lines
    assert lines[-1].startswith("6 passed")
