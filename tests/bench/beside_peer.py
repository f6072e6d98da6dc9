"""Avoidance, lists and draw beside the program that citizens' assemblies are drawn with, on the same list.

The peer is `legacy` of sortition-algorithms, which is under the GPL: it lives in an environment of its own under build/,
made when the bench runs, and nothing of it enters this project.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from expert_draw.engine.draw import pick
from expert_draw.engine.randomness import Stream
from tests.bench.measuring import cpu
from tests.bench.rosters import CITIES, NEEDS, Asked, asked
from tests.bench.table import Figure, at_least, left_out
from tools.groundwork import ROOT, Stop, answer, follow_this_machine, run, say, uv

PEER = "sortition-algorithms==0.12.15"
HOME = ROOT / "build" / "peer"
SCRIPT = Path(__file__).with_name("legacy_peer.py")
TARGETS = ((100_000, 2000, 3), (1_000_000, 4000, 1))
"""Experts, how many times faster it has to be, how often the peer is run."""
_OURS = 15


@dataclass(frozen=True, slots=True)
class Peers:
    """What the peer took: seconds of processor time of whole runs, and of the algorithm alone in the last of them."""

    seconds: tuple[float, ...]
    alone: float
    version: str


def figures(quick: bool) -> Iterator[Figure]:
    """How many times faster than the peer, at each size."""
    python = environment()
    for size, times, runs in TARGETS:
        name = f"avoidance + lists + draw, pool of {size:,}"
        if quick and size > TARGETS[0][0]:
            yield left_out(name, f"≥ {times:,}×", "left out by --quick")
            continue
        yield beside(python, name, asked(size), times, runs)


def beside(python: Path, name: str, roster: Asked, times: int, runs: int) -> Figure:
    """Ours before and after the peer's, so that both have met the machine in the same mood."""
    before = ours(roster, 0)
    theirs = peers(python, roster, runs)
    own, peer = median(before + ours(roster, _OURS)), median(theirs.seconds)
    left = int(np.count_nonzero(roster.grounds().free))
    told = (
        f"legacy {theirs.version} on the {left:,} left: {peer:,.3g} s, its algorithm alone {theirs.alone:,.3g} s; "
        f"ours {own * 1000:,.3g} ms (CPU)"
    )
    return at_least(name, peer / own, times, unit="× faster", beside=told)


def ours(roster: Asked, first_seed: int) -> list[float]:
    """Processor time of whole runs from the columns in memory to the committee, each with a seed of its own."""
    return [cpu(partial(_committee, roster, seed))[0] for seed in range(first_seed, first_seed + _OURS)]


def peers(python: Path, roster: Asked, runs: int) -> Peers:
    """What the peer took to draw from the people whom avoidance left; loading them is not counted."""
    free = np.flatnonzero(roster.grounds().free)
    cities = np.array([city for city, _, _ in CITIES])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "list.npz"
        np.savez(
            file,
            specialty=roster.specialty[free],
            city=np.searchsorted(cities, roster.view.region[free]),
            employer=roster.view.columns.employer_code[free],
            needs=np.array([need for _, need in NEEDS]),
            bounds=np.array([(least, most) for _, least, most in CITIES]),
        )
        done = subprocess.run([python, SCRIPT, file, str(runs)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Stop(f"the peer failed: {done.stderr.strip().splitlines()[-1]}")
    found = json.loads(done.stdout.splitlines()[-1])  # before it the peer talks
    if not found["seconds"]:
        raise Stop(f"the peer found no committee in {found['failures']} runs")
    return Peers(tuple(found["seconds"]), found["alone"], found["version"])


def environment() -> Path:
    """The Python of the peer's environment, made now if it is not there. Raises Stop when it cannot be installed."""
    python = HOME / "bin" / "python"
    if answer(python, "-c", "import sortition_algorithms") is None:
        say(f"      fetching {PEER} into {HOME.relative_to(ROOT)}, for this comparison only")
        follow_this_machine()
        remedy = "Without it nothing can be compared; check the network or the package mirror."
        run(uv(), "venv", "--quiet", "--clear", "--python", sys.executable, HOME, quiet=True, remedy=remedy)
        run(uv(), "pip", "install", "--quiet", "--python", python, PEER, quiet=True, remedy=remedy)
    return python


def _committee(roster: Asked, seed: int) -> None:
    ballot = roster.ballot(roster.grounds().free)
    picked = pick((ballot,), Stream(seed.to_bytes(32, "big")))
    if picked.method != "rejection":
        raise AssertionError(f"drew nothing: {picked}")
