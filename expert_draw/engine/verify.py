"""Checks the record of a draw from beginning to end without trusting whoever wrote it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from app.core.errors import YuanpingError
from expert_draw.engine.certificate import Thresholds, certify
from expert_draw.engine.entries import Entry, read_entry, terms_in
from expert_draw.engine.figures import lock_of
from expert_draw.engine.fixed_entries import Lock, Open
from expert_draw.engine.history import History
from expert_draw.engine.inspection_verify import CheckedCampaign, check_campaign, is_campaign
from expert_draw.engine.lines import Event
from expert_draw.engine.lists import OPENING, Listing, Terms, read_opening
from expert_draw.engine.pool import DrawKind
from expert_draw.engine.randomness import Suite
from expert_draw.engine.reading import read_lines
from expert_draw.engine.rerun import check_lengths, check_lists
from expert_draw.engine.signing import FORMAT
from expert_draw.engine.steps import after
from expert_draw.engine.wording import RecordBroken

At = tuple[int, DrawKind]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. line: of the file, from 1. message: Chinese catalogue text with `{name}` parameters."""

    line: int
    code: str
    message: str
    params: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Summary:
    """What the record shows as far as it could be checked.

    key: public key that it says the house signs with, to be compared with the published one. state: "empty", "open",
    "closed" or "void". lines: how many of all were checked wholly. drawn: over all rounds. head: hash of the last line
    checked. holders: (kind, slot, code).
    """

    draw: str
    key: str
    state: str
    lines: int
    rounds: int
    drawn: int
    head: str
    holders: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check (校验结论): ok, or everything found, the earliest line first.

    full: every list was opened and every draw run again; without it a record that is ok is so as far as disclosed.
    """

    ok: bool
    full: bool
    findings: tuple[Finding, ...]
    summary: Summary


@dataclass(slots=True)
class Checked:
    """A record taken apart: its lines, where they leave the draw, its opened lists, and all that is wrong."""

    findings: list[tuple[int, YuanpingError]] = field(default_factory=list)
    events: tuple[Event, ...] = ()
    history: History = field(default_factory=History)
    lists: dict[At, Listing] = field(default_factory=dict)

    def refuse(self, line: int, code: str, **params: object) -> None:
        self.findings.append((line, RecordBroken(code, **params)))


def verify_record(text: bytes, head: str | None = None, key: str | None = None) -> Verdict:
    """Checks every byte, hash, signature, promise, list, draw and answer of a record; never raises, whatever the bytes are.

    head: the published hash of the last line, if known; without it a record whose end was cut off at a line passes as
    the shorter record it then is (its state says "open"). key: the published public key of the house, if known.
    After the first line that breaks a rule of the draw, later lines are checked for hash, signature and place only.
    """
    found = check_campaign(text) if is_campaign(text) else check(text)
    opening = found.history.opened
    if not found.findings and opening is not None:
        if key is not None and opening.key != key:
            found.refuse(1, "record.wrong_key")
        if head is not None and found.events[-1].hash != head:
            found.refuse(len(found.events), "record.wrong_head")
    findings = tuple(
        Finding(line, refusal.code, refusal.message, dict(refusal.params))
        for line, refusal in sorted(found.findings, key=lambda finding: finding[0])
    )
    return Verdict(not findings, not findings and bool(found.lists), findings, _summary(found))


def check(text: bytes) -> Checked:
    """Takes a record apart and looks at all of it; nothing is raised, everything wrong is in `findings`."""
    found = Checked()
    lines = text.split(b"\n")
    rest = lines.pop()
    if rest:
        found.refuse(len(lines) + 1, "record.no_newline")
    elif not lines:
        found.refuse(1, "record.empty")
    if lines and (other := _another_format(lines[0])):
        found.refuse(1, "record.unknown_format", value=other)
        return found
    count = next((at for at, line in enumerate(lines) if line.startswith(OPENING)), len(lines))
    if lines and not count:
        found.refuse(1, "record.not_opened")
    read = read_lines(lines[:count], _suite_and_key, read_entry, found.findings)
    if read:
        disclosed = _read_openings(found, lines[count:], count, read)
        _run(found, read, disclosed=disclosed)
    return found


def _another_format(line: bytes) -> str | None:
    """What line 1 says its format is, if it is none that we read."""
    named = re.search(rb'"format":"([^"]{0,64})"', line)
    return named[1].decode(errors="replace") if named and named[1] != FORMAT.encode() else None


def _suite_and_key(event: Event) -> tuple[Suite, str]:
    """What line 1 says of how it is hashed and by whom it is signed."""
    if event.type != Open.TYPE:
        raise RecordBroken("record.not_opened")
    opening = Open.read(event.body)
    return opening.suite, opening.key


def _read_openings(
    found: Checked, lines: Sequence[bytes], before: int, read: Sequence[tuple[Event, Entry]]
) -> bool:
    """Whether lists are opened, and every one of them rightly."""
    opening = read[0][1]
    if not isinstance(opening, Open) or not lines:
        return False
    terms: dict[At, Terms] = {}
    for event, entry in read:
        if event.n == 1 or not isinstance(entry, Open):
            terms.update(terms_in(entry, event.n))
    places, last = {at: place for place, at in enumerate(terms)}, -1
    wrong: list[tuple[int, YuanpingError]] = []
    for number, line in enumerate(lines, start=before + 1):
        try:
            listing = read_opening(line, terms, opening.suite, weighted=opening.law == "weighted")
            place = places[listing.line, listing.kind]
            if place <= last:
                raise RecordBroken("record.opening_order")
            last = place
            found.lists[listing.line, listing.kind] = listing
        except YuanpingError as refusal:
            wrong.append((number, refusal))
    missing = [] if wrong else [at for at in terms if at not in found.lists]
    wrong += [(line, RecordBroken("record.opening_missing", kind=kind.value)) for line, kind in missing]
    found.findings += wrong
    return not wrong


def _run(found: Checked, read: Sequence[tuple[Event, Entry]], *, disclosed: bool) -> None:
    """Follows the draw line by line. disclosed: the lists are opened, so that results can be run again."""
    for event, entry in read:
        try:
            then = after(found.history, entry, event)
            if disclosed:
                check_lists(found.history, entry, found.lists)
                if isinstance(entry, Lock):
                    _check_figures(found, entry)
        except YuanpingError as refusal:
            found.findings.append((event.n, refusal))
            return
        found.history, found.events = then, (*found.events, event)


def _check_figures(found: Checked, entry: Lock) -> None:
    check_lengths(found.history, entry, found.lists)
    opening = found.history.opening
    experts = found.lists.get((1, DrawKind.expert))
    if experts is None:
        expected = Lock((), ())
    else:
        any_ = Thresholds(0, Fraction(1), Fraction(1))
        expected = lock_of(opening, certify(experts.pool, opening.law, any_), experts)
    if replace(entry, warnings=()) != replace(expected, warnings=()):
        raise RecordBroken("record.wrong_figures", where="lock")


def _summary(found: Checked | CheckedCampaign) -> Summary:
    if isinstance(found, CheckedCampaign):
        return _campaign_summary(found)
    history = found.history
    opening = history.opened
    return Summary(
        draw=opening.draw if opening else "",
        key=opening.key if opening else "",
        state=history.ended or ("open" if opening else "empty"),
        lines=len(found.events),
        rounds=history.round_no,
        drawn=len(history.holders) + len(history.vacated),
        head=found.events[-1].hash if found.events else "0" * 64,
        holders=history.seats(),
    )


def _campaign_summary(found: CheckedCampaign) -> Summary:
    """The same of a campaign of inspections: objects drawn, and holders ("inspector", object, inspector)."""
    history = found.history
    opening = history.opened
    return Summary(
        draw=opening.campaign if opening else "",
        key=opening.key if opening else "",
        state=history.ended or ("open" if opening else "empty"),
        lines=len(found.events),
        rounds=history.ceremony.round_no,
        drawn=len(history.chosen or ()),
        head=found.events[-1].hash if found.events else "0" * 64,
        holders=tuple(("inspector", thing, who) for thing, who in sorted(history.pairs)),
    )
