"""The JavaScript verifier: that it is one small file without packages, and how long it takes over 64,000 candidates."""

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from expert_draw.engine.record import DrawRecord
from expert_draw.engine.verify import verify_record
from tests.bench.measuring import cpu
from tests.bench.speed import frozen_pool
from tests.bench.table import Figure, at_most, told
from tests.expert_draw.engine.samples import HOUSE, accepted, answered, later, played, ready
from tests.support.bigpool import all_overlapping, big_pool
from tests.support.node import find_node
from tests.verifier.second import PROGRAM

CANDIDATES = 64_000
RUNS = 7
LINES, SECONDS = 250, 0.5
_IMPORTED = re.compile(r"""\b(?:from|import|require)\s*\(?\s*["']([^"']+)["']""")


def figures(quick: bool) -> Iterator[Figure]:
    """Size and packages of the file, then the time of whole processes of Node."""
    source = PROGRAM.read_text(encoding="utf-8")
    yield at_most("verifier: lines of its one file", len(source.splitlines()), LINES, unit="")
    others = [name for name in _IMPORTED.findall(source) if not name.startswith("node:")]
    yield at_most(
        "verifier: packages or other files it needs", len(others), 0, unit="", beside=", ".join(others)
    )
    text = story().text(openings=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "record.jsonl"
        file.write_bytes(text)
        took = [process([find_node(), str(PROGRAM), str(file)]) for _ in range(RUNS)]
    floor = median(process([find_node(), "-e", "0"])[0] for _ in range(RUNS))
    size = f"{CANDIDATES:,} candidates, {len(text) / 1e6:.1f} MB, 2 rounds"
    yield at_most(
        f"verifier: {CANDIDATES:,} candidates",
        median(processor for processor, _ in took),
        SECONDS,
        unit="s",
        beside=f"CPU of the whole process; Node alone {floor:.2g} s",
    )
    yield told(
        "verifier: the same on the clock, whole process", f"{median(on for _, on in took):.3g} s", size
    )
    seconds, verdict = cpu(lambda: verify_record(text))
    if not (verdict.ok and verdict.full):
        raise AssertionError(f"yuanping verify refuses: {verdict.findings[:1]}")
    yield told("yuanping verify: the same, chances counted again", f"{seconds:.3g} s", size)


def story() -> DrawRecord:
    """Everybody listed; one declines and is replaced in a second round; everybody accepts."""
    pool = frozen_pool(roster := big_pool(CANDIDATES), all_overlapping(roster))
    record = answered(played(ready((pool,)), 10), 20, "2", "declined")
    return accepted(played(record, 60), 100).close(later(240), HOUSE)


def process(command: list[str]) -> tuple[float, float]:
    """Seconds of processor time and seconds on the clock of a whole process that ends well."""
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    clock = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise AssertionError(f"{command} ended with {child.returncode}")
    return used.ru_utime + used.ru_stime, clock
