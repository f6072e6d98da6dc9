"""Keeps the two ends of a bench out of each other's way."""

import os


def pin(core: int | None) -> None:
    """Keeps the calling process on one of the cores it may use; None leaves it free."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        able = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {able[core % len(able)]})
