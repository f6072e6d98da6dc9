"""The everyday verbs: run, rehearse, test, check, fix and the rest; the Makefile only lists them."""

import os
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.groundwork import (
    BIN,
    IN_CI,
    LOCK_DEV,
    LOCK_RUN,
    PYTHON,
    ROOT,
    Stop,
    chromium,
    follow_this_machine,
    run,
    say,
    set_up,
    uv,
)

Verb = Callable[[list[str]], int]
BENCHES = ("draw", "invitations", "media")
"""Programs in tests/bench; each prints a table and ends with status 1 when a target is missed."""
SLOWEST = ("--durations=8", "--durations-min=5")


def become(name: str, *arguments: str) -> int:
    """Turn into one of the programs in `.venv`, so that signals such as Ctrl-C reach it directly."""
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(BIN / name, [str(BIN / name), *arguments])  # noqa: S606 - our own environment, no shell


def run_house(arguments: list[str]) -> int:
    """Set everything up and serve on localhost, with sign-in links and, the first time, a live rehearsal"""
    set_up()
    return become("yuanping", "run", *arguments)


def rehearse(arguments: list[str]) -> int:
    """Conduct one whole evaluation unattended and report"""
    set_up()
    return become("yuanping", "rehearse", *arguments)


def migrate(arguments: list[str]) -> int:
    """Bring the database to the newest schema"""
    set_up(assets=False)
    return become("yuanping", "migrate", *arguments)


def without_browser() -> None:
    """Say loudly which tests will not run; in CI that is a failure."""
    asking = (
        "-m",
        "pytest",
        "-o",
        "addopts=--import-mode=importlib",
        "-q",
        "-m",
        "browser",
        "--collect-only",
    )
    asked = subprocess.run([PYTHON, *asking], cwd=ROOT, capture_output=True, text=True, check=False)
    if asked.returncode not in {0, 5}:  # 5: there is no such test
        raise Stop(f"The tests cannot be read:\n{asked.stdout}{asked.stderr}")
    names = [line for line in asked.stdout.splitlines() if "::" in line]
    say("\n" + "!" * 100)
    say(f"NO CHROMIUM: these {len(names)} browser tests will NOT run:")
    for name in names:
        say(f"  {name}")
    say(
        "Install Chromium (Debian: apt-get install chromium fonts-noto-cjk) or set YUANPING_CHROMIUM to its path."
    )
    say("!" * 100 + "\n")
    if IN_CI:
        raise Stop("CI runs every test, so it needs Chromium.")


def test(arguments: list[str]) -> int:
    """Run every test, in a real Chromium too; ARGS go to pytest"""
    set_up(dev=True, browser=True)
    found = chromium()
    if found is not None:
        os.environ["YUANPING_CHROMIUM"] = found
    say(f"Tests, a few at a time{'' if found is None else f', in {found}'} …")
    if arguments:
        if found is None:
            without_browser()
        return become("pytest", "-n", "2", "-m", "not soak", *arguments)
    # Measuring makes everything half as slow again, and only the pure modules must be covered: their own tests run by
    # themselves, measured, and all others unmeasured.
    own = tests_of_pure_modules()
    pure = run_tests(2, "not soak and not browser", "--cov", "--cov-report=", *own)
    rest = run_tests(3, "not soak and not browser", *SLOWEST, *(f"--ignore={path}" for path in own))
    if found is None:
        without_browser()
        return max(pure, rest)
    # The browser's tests keep an event loop running in their thread, beside which other tests could not start theirs.
    return max(pure, rest, run_tests(2, "browser and not soak", *SLOWEST))


def tests_of_pure_modules() -> tuple[str, ...]:
    """Where the tests of each module in the import contract `pure` lie; Stop names a module that has none."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    names = next(contract["source_modules"] for contract in contracts if contract["id"] == "pure")
    paths = []
    for name in names:
        *parents, last = name.split(".")
        folder = Path("tests", *parents)
        path = next((p for p in (folder / f"test_{last}.py", folder / last) if (ROOT / p).exists()), None)
        if path is None:
            raise Stop(f"The pure module {name} has no tests of its own: write {folder / f'test_{last}.py'}.")
        paths.append(str(path))
    return tuple(paths)


def run_tests(at_once: int, chosen: str, *options: str) -> int:
    """Run the tests of these marks, so many at a time; gives the exit status.

    Three share two cores where many wait for a clock, a browser or another process.
    """
    command = [str(BIN / "pytest"), "-n", str(at_once), "--dist", "worksteal", "-m", chosen, *options]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def soak(arguments: list[str]) -> int:
    """Run the long and the destructive tests"""
    set_up(dev=True, browser=True)
    return become("pytest", "-m", "soak", "-s", *arguments)


def bench(arguments: list[str]) -> int:
    """Measure what must stay fast, everything there is"""
    set_up(dev=True, assets=False, node=True)
    statuses = [measure(name, *arguments) for name in BENCHES]
    return max(statuses)


def bench_draw(arguments: list[str]) -> int:
    """Measure the draw against its targets and a peer; ARGS="--quick" leaves out the longest"""
    set_up(dev=True, assets=False, node=True)
    return measure("draw", *arguments)


def bench_invitations(arguments: list[str]) -> int:
    """Measure calls and texts against their targets; ARGS="--quick" takes smaller numbers"""
    set_up(dev=True)
    return measure("invitations", *arguments)


def bench_media(arguments: list[str]) -> int:
    """Measure recordings beside aiortc's recorder, Janus and the floor; ARGS="--quick" takes shorter runs"""
    set_up(dev=True, assets=False)
    return measure("media", *arguments)


def soak_media(arguments: list[str]) -> int:
    """Record through loss, outages, kills and attacks, and for an hour; takes a long time"""
    set_up(dev=True, assets=False)
    return measure("media_soak", *arguments)


def soak_trust(arguments: list[str]) -> int:
    """Attack the trail, look for names before their time, send 50,000 hostile requests; takes a long time"""
    set_up(dev=True)
    return measure("trust", *arguments)


def soak_invitations(arguments: list[str]) -> int:
    """Fill 10,000 places through a failing provider and killed nodes, on both databases; takes a long time"""
    set_up(dev=True)
    return measure("invitations_soak", *arguments)


def measure(name: str, *arguments: str) -> int:
    """Run one of the benches to its end; gives its exit status."""
    return subprocess.run([PYTHON, "-m", f"tests.bench.{name}", *arguments], cwd=ROOT, check=False).returncode


def screenshots(arguments: list[str]) -> int:
    """Photograph the pages in both languages into var/screenshots"""
    set_up(dev=True, browser=True)
    if not (ROOT / "tests" / "browser" / "screenshots.py").is_file():
        raise Stop("There is no tests/browser/screenshots.py to take them.")
    return become("python", "-m", "tests.browser.screenshots", *arguments)


@dataclass(frozen=True, slots=True)
class Lint:
    """One check: what it looks at and the command that looks."""

    title: str
    command: tuple[str, ...]


LINTS = (
    Lint("formatting", ("ruff", "format", "--check")),
    Lint("lint", ("ruff", "check")),
    Lint("types", ("mypy",)),
    Lint("import contracts", ("lint-imports", "--no-cache")),
    Lint("dependencies", ("deptry", ".")),
    Lint("Dockerfile", ("hadolint", "Dockerfile")),
    Lint("hygiene", ("python", "-m", "tools.hygiene")),
)


def look(lint: Lint) -> tuple[Lint, bool, str]:
    """Run one check; gives whether it is content, and what it said."""
    started = time.monotonic()
    command = [str(BIN / lint.command[0]), *lint.command[1:]]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    good = finished.returncode == 0
    verdict = f"{'ok    ' if good else 'FAILED'}  {lint.title} ({time.monotonic() - started:.1f} s)"
    return lint, good, verdict if good else f"{verdict}\n{(finished.stdout + finished.stderr).strip()}\n"


def check(arguments: list[str]) -> int:
    """Formatting, lint, types, import contracts, dependencies, Dockerfile, hygiene; reports all"""
    set_up(dev=True, assets=False)
    wanted = [
        lint for lint in LINTS if not arguments or lint.title in arguments or lint.command[0] in arguments
    ]
    failed = []
    with ThreadPoolExecutor(max_workers=2) as pair:
        for lint, good, report in pair.map(look, wanted):
            say(report)
            failed += [] if good else [lint.title]
    say(
        f"{len(wanted) - len(failed)} of {len(wanted)} checks passed"
        + (f"; failed: {', '.join(failed)}" if failed else "")
    )
    return 1 if failed else 0


def fix(arguments: list[str]) -> int:
    """Mend what can be mended by itself: formatting, simple lint, the generated settings page"""
    set_up(dev=True, assets=False)
    run(BIN / "ruff", "check", "--fix", "--exit-zero", "--quiet", *arguments)
    run(BIN / "ruff", "format", *arguments)
    run(PYTHON, "-m", "tools.settings_doc")
    run(PYTHON, "-m", "tools.disclosure_doc")
    run(PYTHON, "-m", "tools.permissions_doc")
    return 0


def pin(target: str, *wanted: str) -> None:
    """Resolve what is wanted for every platform and Python we support, and write it with hashes and without hosts."""
    run(uv(), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes",
        "--no-annotate", "--no-header", "--no-emit-index-url", *wanted, "-o", target)  # fmt: skip


def lock(arguments: list[str]) -> int:
    """Resolve the dependencies anew and pin them by hash; ARGS go to uv (--upgrade)"""
    follow_this_machine()
    project = ("pyproject.toml", "--group", "build")
    pin(LOCK_RUN.name, *project, *arguments)
    pin(
        LOCK_DEV.name,
        *project,
        "--group",
        "dev",
        "--extra",
        "aliyun",
        "--extra",
        "oidc",
        "--extra",
        "timestamps",
        "--constraint",
        LOCK_RUN.name,
        *arguments,
    )
    pin("tools/installer.lock", "--group", "installer", *arguments)
    pin("tools/node.lock", "--group", "assets", *arguments)
    return 0


def ci(arguments: list[str]) -> int:
    """Exactly what continuous integration runs"""
    os.execv(ROOT / ".ci" / "run", [".ci/run", *arguments])  # noqa: S606 - our own script, no shell


def clean(arguments: list[str]) -> int:  # noqa: ARG001 - every verb takes its arguments
    """Remove everything that was set up or built; the data in var/ stays"""
    names = [".venv", ".uv", ".node", "node_modules", "app/web/vendor", "build", "dist", "htmlcov", ".coverage",
             ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache"]  # fmt: skip
    for name in names:
        target = ROOT / name
        if target.is_dir():
            shutil.rmtree(target)
        target.unlink(missing_ok=True)
    say("Removed the environment, caches and builds. Data in var/ is untouched.")
    return 0


VERBS: dict[str, Verb] = {
    "run": run_house,
    "rehearse": rehearse,
    "test": test,
    "check": check,
    "fix": fix,
    "bench": bench,
    "bench-draw": bench_draw,
    "bench-invitations": bench_invitations,
    "bench-media": bench_media,
    "soak": soak,
    "soak-invitations": soak_invitations,
    "soak-media": soak_media,
    "soak-trust": soak_trust,
    "migrate": migrate,
    "ci": ci,
    "screenshots": screenshots,
    "lock": lock,
    "clean": clean,
}


def explain() -> str:
    """The list of verbs, one line each."""
    lines = [f"  {name:<18} {(verb.__doc__ or '').strip()}" for name, verb in VERBS.items()]
    return "\n".join(["make <verb> [ARGS='…'], or python3 tools/house.py <verb> […]", "", *lines])


def main(arguments: list[str]) -> int:
    """Run the verb named first; gives the exit status."""
    name, *rest = arguments or ["help"]
    if name in {"help", "-h", "--help"}:
        say(explain())
        return 0
    if name not in VERBS:
        say(f"There is no verb {shlex.quote(name)}.\n\n{explain()}")
        return 2
    try:
        return VERBS[name](rest)
    except Stop as reason:
        say(f"\nSTOPPED: {reason}")
        return 1
    except KeyboardInterrupt:
        say("\nstopped")
        return 130
