"""How long something takes: processor time of this process, the same thing several times over."""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import TypeVar

T = TypeVar("T")


def cpu(act: Callable[[], T]) -> tuple[float, T]:
    """Seconds of processor time (all threads of this process), and what came out."""
    started = time.process_time()
    outcome = act()
    return time.process_time() - started, outcome


def wall(act: Callable[[], T]) -> tuple[float, T]:
    """Seconds on the clock, and what came out."""
    started = time.perf_counter()
    outcome = act()
    return time.perf_counter() - started, outcome


def median_cpu(act: Callable[[], object], runs: int) -> float:
    """The median processor time of so many runs in seconds, after one that is not counted."""
    act()
    return median(cpu(act)[0] for _ in range(runs))


def percentile(sample: Sequence[float], percent: int) -> float:
    """The smallest value of the sample that `percent` of it do not exceed."""
    return sorted(sample)[-(-len(sample) * percent // 100) - 1]
