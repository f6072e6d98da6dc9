"""Thousands of places filled through a provider that fails and nodes that are killed: is anything lost or doubled?

    python -m tests.bench.invitations_soak [--places 10000] [--database both] [--quick] [--seed 1] [--rate 0]

Prints one table, writes it to build/soak-invitations.json, and ends with status 1 when a promise is broken.

Two kinds of places are filled on each database. Ten thousand stand alone (tests.faults.places): the service's phones,
delivery and webhooks, and a table of places with the same conditional updates and the same partial unique index as
invitations have; ten thousand real draws would take longer than all else together. Some hundreds more are the committees
of real draws in the whole service, `python -m app serve`, which is killed in the middle of draws as well.
"""

import argparse
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.table import Figure, Verdict, exit_status, failed, told, write
from tests.bench.table import table as as_table
from tests.faults.chance import NONE, Ways
from tests.faults.fleet import Timers
from tests.faults.soak import Scenario, with_draws, with_places
from tests.faults.verdict import Verdict as Found
from tests.support.postgres import fresh, postgres
from tools.groundwork import ROOT, say

PLACES, QUICK_PLACES = 10_000, 500
DRAWN, QUICK_DRAWN = 500, 50
_LEAST_RATE, _MOST_RATE = 5.0, 80.0
_TRIED = 200
_SHARE, _DRAWN_SHARE = 0.6, 0.25
"""Of what the machine can do, so that what is measured is not its breathlessness; a real draw and its pages cost more."""
_PROMISES: tuple[tuple[str, Callable[[Found], int]], ...] = (
    ("places lost", lambda found: found.lost),
    ("places with two accepts", lambda found: found.two_accepts),
    ("attempts sent twice", lambda found: found.sent_twice),
    ("attempts under another one's provider id", lambda found: found.strangers),
    ("people told of a place that is not theirs", lambda found: found.in_vain),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One soak: what is filled, on which database, by how many nodes; how long people have to answer, and how long a node
    is left alone once it is up, in seconds: the whole service takes longer to start. tried_at: a database of the same kind,
    to find the machine's pace with; share: of that pace."""

    title: str
    fill: Callable[[Path, str, Scenario, Callable[[str], None]], Found]
    places: int
    nodes: int
    address: str
    tried_at: str
    window_s: int
    up_for_s: float
    share: float


def main(arguments: Sequence[str], folder: Path = ROOT / "build") -> int:
    """Fills, prints and writes; gives the exit status."""
    asked = argparse.ArgumentParser(
        prog="soak-invitations", description="Fill places under faults and kills."
    )
    asked.add_argument("--places", type=int, help=f"that stand alone; {PLACES:,} by default")
    asked.add_argument("--drawn", type=int, help=f"of real draws; {DRAWN} by default")
    asked.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    asked.add_argument(
        "--quick", action="store_true", help=f"{QUICK_PLACES} and {QUICK_DRAWN} places; no pass"
    )
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument(
        "--rate", type=float, help="calls a second; by default what this machine can do with some breath left"
    )
    given = asked.parse_args(arguments)
    alone = given.places if given.places is not None else QUICK_PLACES if given.quick else PLACES
    drawn = given.drawn if given.drawn is not None else QUICK_DRAWN if given.quick else DRAWN
    figures: list[Figure] = []
    with ExitStack() as stack:
        for run in _runs(stack, given.database, alone, drawn):
            rate = given.rate or min(max(capacity(run) * run.share, _LEAST_RATE), _MOST_RATE)
            say(f"{run.title}, {rate:.0f} calls a second, seed {given.seed} …")
            scenario = Scenario(
                run.places,
                nodes=run.nodes,
                seed=given.seed,
                timers=Timers(window_s=run.window_s, per_second=rate),
                up_for_s=run.up_for_s,
                least_kills=1,
            )
            figures += _judged(run, scenario)
    file = folder / "soak-invitations.json"
    write(figures, file)
    say(f"\n{as_table(figures)}\nAlso in {file.relative_to(folder.parent)}.")
    if alone < PLACES or given.database != "both":
        say("Smaller than what is promised, so this is no pass.")
    return exit_status(figures)


def capacity(run: Run) -> float:
    """About how many invitations a second this machine carries to their end just now, without faults and kills."""
    scenario = Scenario(
        _TRIED,
        nodes=run.nodes,
        kill_every_s=10**6,
        timers=Timers(window_s=120, per_second=500),
        faults=NONE,
        ways=_EAGER,
    )
    with _folder() as folder:
        found = with_places(folder, run.tried_at, scenario, lambda _text: None)
    return _TRIED / found.seconds


def _runs(stack: ExitStack, database: str, alone: int, drawn: int) -> Iterator[Run]:
    for fill, places, what, window_s, up_for_s, share in (
        (with_places, alone, f"{alone:,} places", 12, 1.5, _SHARE),
        (with_draws, drawn, f"{drawn:,} places of real draws", 20, 5.0, _DRAWN_SHARE),
    ):
        if not places:
            continue
        if database != "postgresql":
            folder = stack.enter_context(_folder())
            address, tried_at = (f"sqlite:///{folder / name}.db" for name in ("soak", "tried"))
            yield Run(f"{what}, SQLite", fill, places, 1, address, tried_at, window_s, up_for_s, share)
        if database != "sqlite":
            server = stack.enter_context(postgres())
            address, tried_at = (stack.enter_context(fresh(server)) for _ in range(2))
            title = f"{what}, PostgreSQL, two nodes"
            yield Run(title, fill, places, 2, address, tried_at, window_s, up_for_s, share)


def _judged(run: Run, scenario: Scenario) -> Iterator[Figure]:
    try:
        with _folder() as folder:
            found = run.fill(folder, run.address, scenario, say)
    except Exception as error:  # noqa: BLE001 - whatever breaks one run must not hide the others
        traceback.print_exc()
        yield failed(run.title, f"{type(error).__name__}: {error}".partition("\n")[0])
        return
    for name, count in _PROMISES:
        yield _none(f"{run.title}: {name}", count(found))
    yield Figure(
        f"{run.title}: provider accepts = attempts sent",
        f"{found.accepts:,} = {found.sent:,}"
        if found.accepts == found.sent
        else f"{found.accepts:,} ≠ {found.sent:,}",
        "equal",
        f"{found.invitations:,} invitations",
        Verdict.met if found.accepts == found.sent else Verdict.missed,
        found.sent,
        found.accepts,
    )
    yield told(
        f"{run.title}: what happened", f"{found.seconds:,.0f} s, {found.kills} kills", _happened(found)
    )


def _none(name: str, count: int) -> Figure:
    return Figure(name, f"{count:,}", "0", "", Verdict.missed if count else Verdict.met, count, 0)


def _happened(found: Found) -> str:
    counts = found.counts
    bad = sum(counts.get(kind, 0) for kind in _BAD)
    return (
        f"{counts['create']:,} creates, {bad:,} of them bad; {counts.get('look-up', 0):,} look-ups; "
        f"{counts.get('post', 0):,} posts, {counts.get('twice', 0):,} twice, {counts.get('lost', 0):,} lost, "
        f"{counts.get('in vain', 0):,} in vain while down; {counts.get('contrary', 0):,} contrary answers"
    )


_BAD = ("unavailable", "dropped", "too_many", "broken_taken", "cut_taken", "silent_taken")
_EAGER = Ways(nobody=0, engaged=0, accepts=1, declines=0, thinks_s=0.05, rings_s=0.05)


@contextmanager
def _folder() -> Iterator[Path]:
    """On this project's disk: what is in memory cannot be lost by a commit that never reached a disk."""
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=build, prefix="soak-") as own:
        yield Path(own)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
