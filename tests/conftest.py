"""Tells at the end what kinds of tests ran, keeps the pure modules covered, and never lets a browser test go missing quietly."""

import fnmatch
import os
import tomllib
from collections import Counter
from collections.abc import Generator
from io import StringIO
from pathlib import Path

import coverage
import pytest
from hypothesis import settings

from tests.support.chromium import find_chromium

pytest_plugins = ["tests.support.databases"]

ROOT = Path(__file__).resolve().parents[1]
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
KIND = "kind of test"
UNCOVERED = pytest.StashKey[str]()

# How long an example takes depends on the machine, not on the code.
settings.register_profile("yuanping", deadline=None)
settings.load_profile("yuanping")


def kind_of(item: pytest.Item) -> str:
    """Story, browser test, property or other; a story through the browser counts as a story."""
    if item.get_closest_marker("story"):
        return "story in the browser" if item.get_closest_marker("browser") else "story"
    if item.get_closest_marker("browser"):
        return "browser"
    return "property" if getattr(getattr(item, "obj", None), "is_hypothesis_test", False) else "other"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note each test's kind where the process that reports can read it, and skip by name what has no browser."""
    without = None if find_chromium() else pytest.mark.skip(reason="no Chromium; see the README")
    for item in items:
        item.user_properties.append((KIND, kind_of(item)))
        if without and item.get_closest_marker("browser"):
            item.add_marker(without)


def pure_modules() -> list[str]:
    """Coverage patterns of the modules that the import contract calls pure."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    names = next(contract["source_modules"] for contract in contracts if contract["id"] == "pure")
    stems = [str(ROOT / name.replace(".", "/")) for name in names]
    return [f"{stem}{end}" for stem in stems for end in (".py", "/*.py")]


def uncovered_pure_lines() -> str:
    """A coverage report of pure modules that are not covered wholly; empty when all are."""
    measured = coverage.Coverage(data_file=ROOT / ".coverage", config_file=ROOT / "pyproject.toml")
    measured.load()
    wanted = pure_modules()
    if not any(
        fnmatch.fnmatch(name, pattern) for name in measured.get_data().measured_files() for pattern in wanted
    ):
        return ""
    text = StringIO()
    total = measured.report(include=wanted, skip_covered=True, show_missing=True, file=text)
    return "" if total == 100 else text.getvalue()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """After the whole run: a pure module that is not covered wholly fails it, and so does a missing browser in CI."""
    worker = hasattr(session.config, "workerinput")
    if not worker and session.exitstatus == pytest.ExitCode.OK:
        if session.config.getoption("cov_source", None):
            session.config.stash[UNCOVERED] = uncovered_pure_lines()
        if session.config.stash.get(UNCOVERED, ""):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the counts above pytest's own closing line."""
    say = terminalreporter.write_line
    ran: Counter[str] = Counter()
    missing: list[str] = []
    for outcome in ("passed", "failed", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            kind = dict(getattr(report, "user_properties", [])).get(KIND)
            if kind and outcome == "skipped":
                missing += [report.nodeid] if "browser" in kind else []
            elif kind:
                ran[kind] += 1
    uncovered = config.stash.get(UNCOVERED, "")
    if uncovered:
        terminalreporter.section("pure modules must be covered wholly", red=True, bold=True)
        say(uncovered)
    if missing:
        terminalreporter.section(f"{len(missing)} browser tests did NOT run", red=True, bold=True)
        for name in missing:
            say(name, red=True)
    if ran:
        both = ran["story in the browser"]
        stories, browser = ran["story"] + both, ran["browser"] + both
        say("")
        say(
            f"stories {stories} · browser tests {browser}{f' ({both} of them stories)' if both else ''} · "
            f"properties {ran['property']} · other tests {ran['other']}",
            bold=True,
        )
