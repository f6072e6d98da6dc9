"""Checks the record of a campaign of inspections from beginning to end without trusting whoever wrote it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.core.errors import YuanpingError
from expert_draw.engine.inspection_entries import FORMAT, CampaignEntry, OpenCampaign, read_campaign_entry
from expert_draw.engine.inspection_history import Campaign
from expert_draw.engine.inspection_lists import At, Roll, Terms, pinned_in, read_roll
from expert_draw.engine.inspection_rerun import check_rolls
from expert_draw.engine.inspection_steps import after
from expert_draw.engine.lines import Event
from expert_draw.engine.lists import OPENING
from expert_draw.engine.randomness import Suite
from expert_draw.engine.reading import Findings, read_lines
from expert_draw.engine.wording import RecordBroken

Read = tuple[Event, CampaignEntry]


@dataclass(slots=True)
class CheckedCampaign:
    """A record taken apart: its lines, where they leave the campaign, its opened lists, and all that is wrong."""

    findings: Findings = field(default_factory=list)
    events: tuple[Event, ...] = ()
    history: Campaign = field(default_factory=Campaign)
    lists: dict[At, Roll] = field(default_factory=dict)

    def refuse(self, line: int, code: str, **params: object) -> None:
        self.findings.append((line, RecordBroken(code, **params)))


def is_campaign(text: bytes) -> bool:
    """Whether the first line says that the file is the record of a campaign of inspections."""
    return f'"format":"{FORMAT}"'.encode() in text.split(b"\n", 1)[0]


def check_campaign(text: bytes) -> CheckedCampaign:
    """Takes a record apart and looks at all of it; nothing is raised, everything wrong is in `findings`."""
    found = CheckedCampaign()
    lines = text.split(b"\n")
    if lines.pop():
        found.refuse(len(lines) + 1, "record.no_newline")
    elif not lines:
        found.refuse(1, "record.empty")
    count = next((at for at, line in enumerate(lines) if line.startswith(OPENING)), len(lines))
    read = read_lines(lines[:count], _suite_and_key, read_campaign_entry, found.findings)
    if read:
        _read_openings(found, lines[count:], count, read)
        _run(found, read, opened=count < len(lines))
    return found


def _suite_and_key(event: Event) -> tuple[Suite, str]:
    """What line 1 says of how it is hashed and by whom it is signed."""
    if event.type != OpenCampaign.TYPE:
        raise RecordBroken("record.not_opened")
    opening = OpenCampaign.read(event.body)
    return opening.suite, opening.key


def _read_openings(found: CheckedCampaign, lines: Sequence[bytes], before: int, read: Sequence[Read]) -> None:
    suite, _ = _suite_and_key(read[0][0])
    pinned: dict[At, Terms] = {}
    for event, entry in read:
        pinned.update(pinned_in(entry, event.n))
    places = {at: place for place, at in enumerate(pinned)}
    last = -1
    for number, line in enumerate(lines, start=before + 1):
        try:
            roll = read_roll(line, pinned, suite)
            place = places[roll.line, roll.kind]
            if place <= last:
                raise RecordBroken("record.opening_order")
            last = place
            found.lists[roll.line, roll.kind] = roll
        except YuanpingError as refusal:
            found.findings.append((number, refusal))
    if lines and not found.findings:
        for line_no, kind in pinned:
            if (line_no, kind) not in found.lists:
                found.refuse(line_no, "record.opening_missing", kind=kind)


def _run(found: CheckedCampaign, read: Sequence[Read], *, opened: bool) -> None:
    """Follows the campaign line by line; results are looked at only when every list is opened rightly."""
    disclosed = opened and not found.findings
    for event, entry in read:
        try:
            then = after(found.history, entry, event)
            if disclosed:
                check_rolls(found.history, entry, found.lists)
        except YuanpingError as refusal:
            found.findings.append((event.n, refusal))
            return
        found.history, found.events = then, (*found.events, event)
