"""Checks the record of a draw from beginning to end without trusting whoever wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.core.errors import YuanpingError
from expert_draw.engine.history import History
from expert_draw.engine.lines import Event, check_place, read_event
from expert_draw.engine.record import DrawRecord
from expert_draw.engine.wording import RecordBroken


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. line: from 1. message: Chinese catalogue text with `{name}` parameters."""

    line: int
    code: str
    message: str
    params: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Summary:
    """What the record shows as far as it could be checked.

    state: "empty", "open", "closed" or "void". lines: how many of all were checked in full. drawn: over all rounds.
    head: hash of the last line checked. holders: (kind, slot, code).
    """

    draw: str
    state: str
    lines: int
    rounds: int
    drawn: int
    head: str
    holders: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check (校验结论): ok, or everything found, the earliest line first."""

    ok: bool
    findings: tuple[Finding, ...]
    summary: Summary


def verify_record(text: bytes, head: str | None = None) -> Verdict:
    """Checks every byte, hash, promise, draw and answer of a record; never raises, whatever the bytes are.

    head: the published hash of the last line, if known; without it a record whose end was cut off at a line passes as
    the shorter record it then is (its state says "open").
    After the first line that breaks a rule of the draw, later lines are checked for their hashes only.
    """
    findings: list[Finding] = []
    record: DrawRecord = DrawRecord((), History())
    last: Event | None = None
    lines = text.split(b"\n")
    rest = lines.pop()
    if not text:
        findings.append(_finding(1, RecordBroken("record.empty")))
    for number, line in enumerate(lines, start=1):
        before, last = last, None
        try:
            last = read_event(line)
            if not findings:
                record = record.after(last)
            elif before is not None:
                check_place(last, before)
        except YuanpingError as refusal:
            findings.append(_finding(number, refusal))
    if rest:
        findings.append(_finding(len(lines) + 1, RecordBroken("record.no_newline")))
    if not findings and head is not None and record.head != head:
        findings.append(_finding(len(lines), RecordBroken("record.wrong_head")))
    return Verdict(not findings, tuple(findings), _summary(record))


def _finding(line: int, refusal: YuanpingError) -> Finding:
    return Finding(line, refusal.code, refusal.message, dict(refusal.params))


def _summary(record: DrawRecord) -> Summary:
    history = record.history
    return Summary(
        draw=history.draw,
        state=history.state,
        lines=len(record.events),
        rounds=history.round_no,
        drawn=len(history.holders) + len(history.vacated),
        head=record.head,
        holders=history.seats(),
    )
