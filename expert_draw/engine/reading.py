"""Reads the lines of a record one by one, before anybody asks what they amount to."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from app.core.errors import YuanpingError
from expert_draw.engine.lines import Event, check_hash, check_place, check_signature, read_event
from expert_draw.engine.randomness import Suite

T = TypeVar("T")
MOST_FINDINGS = 1000
"""Of a file that is no record at all nobody reads more."""
Findings = list[tuple[int, YuanpingError]]


def read_lines(
    lines: Sequence[bytes],
    suite_and_key: Callable[[Event], tuple[Suite, str]],
    read_entry: Callable[[str, object], T],
    findings: Findings,
) -> list[tuple[Event, T]]:
    """All lines looked at one by one; given back are those before the first that is wrong in itself.

    suite_and_key: what line 1 says of how lines are hashed and signed. Whatever is wrong is added to `findings`.
    """
    read: list[tuple[Event, T]] = []
    suite: Suite = "sha256"
    key = ""
    last: Event | None = None
    for number, line in enumerate(lines, start=1):
        if len(findings) >= MOST_FINDINGS:
            break
        before, last = last, None
        try:
            event = read_event(line)
            if number == 1:
                suite, key = suite_and_key(event)
            check_hash(event, suite)
            check_signature(event, key)
            last = event
            if before is not None or number == 1:
                check_place(event, before)
            if not findings:
                read.append((event, read_entry(event.type, event.body)))
        except YuanpingError as refusal:
            findings.append((number, refusal))
    return read
