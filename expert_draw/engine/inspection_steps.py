"""Whether a further line is allowed where a campaign stands, and where it leaves it (docs/draw-record.md section 11)."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from expert_draw.engine.fixed_entries import Agree
from expert_draw.engine.inspection_entries import (
    Assigned,
    CampaignEntry,
    CloseCampaign,
    Inspectors,
    Leave,
    OpenCampaign,
    Sampled,
)
from expert_draw.engine.inspection_history import Campaign, CampaignPhase
from expert_draw.engine.lines import Event
from expert_draw.engine.round_entries import Beacon, Call, Reveal, Void
from expert_draw.engine.wording import RecordBroken

_ALLOWED: Mapping[CampaignPhase, tuple[type[CampaignEntry], ...]] = MappingProxyType(
    {
        "empty": (OpenCampaign,),
        "agreeing": (Agree, Void),
        "calling": (Call, Void),
        "revealing": (Reveal, Beacon, Void),
        "sampling": (Sampled, Void),
        "assigning": (Assigned, Void),
        "between": (Leave, Inspectors, Call, CloseCampaign, Void),
    }
)


def after(state: Campaign, entry: CampaignEntry, event: Event) -> Campaign:
    """The state once this line stands; RecordBroken if it may not.

    Whether a result is the one that the lists give is for `check_rolls` to say.
    """
    phase = state.phase
    if phase in ("closed", "void"):
        raise RecordBroken("record.finished", state=phase)
    if not isinstance(entry, _ALLOWED[phase]):
        raise _out_of_place(entry, phase)
    return _STEPS[type(entry)](state, entry, event)


def _opened(state: Campaign, entry: OpenCampaign, event: Event) -> Campaign:
    ceremony = state.ceremony.opened(entry.campaign, entry.suite, entry.parties, event.hash)
    return replace(state, opened=entry, ceremony=ceremony)


def _agreed(state: Campaign, entry: Agree, _: Event) -> Campaign:
    return replace(state, ceremony=state.ceremony.agree(entry))


def _called(state: Campaign, entry: Call, event: Event) -> Campaign:
    if state.chosen is not None and not state.vacancies:
        raise RecordBroken("inspection.nothing_needed")
    return replace(state, ceremony=state.ceremony.begin(entry, event))


def _revealed(state: Campaign, entry: Reveal, _: Event) -> Campaign:
    return replace(state, ceremony=state.ceremony.reveal(entry))


def _mixed(state: Campaign, entry: Beacon, _: Event) -> Campaign:
    return replace(state, ceremony=state.ceremony.mix(entry))


def _sampled(state: Campaign, entry: Sampled, _: Event) -> Campaign:
    if state.ceremony.careful and bytes.fromhex(entry.seed) != state.sample_seed():
        raise RecordBroken("inspection.wrong_seed", round=1)
    if len(entry.chosen) != state.opening.objects.number:
        raise RecordBroken("inspection.wrong_sample")
    return replace(state, chosen=entry.chosen)


def _assigned(state: Campaign, entry: Assigned, _: Event) -> Campaign:
    round_no = state.ceremony.round_no
    if entry.round_no != round_no:
        raise RecordBroken("record.wrong_round", expected=round_no, found=entry.round_no)
    if state.ceremony.careful and bytes.fromhex(entry.seed) != state.assign_seed():
        raise RecordBroken("inspection.wrong_seed", round=round_no)
    if not _plausible(state, entry):
        raise RecordBroken("inspection.wrong_pairs", round=round_no)
    return replace(state, pairs=state.pairs | set(entry.pairs), ceremony=state.ceremony.go_on(None))


def _plausible(state: Campaign, entry: Assigned) -> bool:
    """Whether the pairs fill exactly the vacancies, with nobody who left, nobody twice and nobody above the load."""
    if entry.method == "none":
        return not entry.pairs
    load = Counter(who for _, who in state.pairs)
    load.update(new := Counter(who for _, who in entry.pairs))
    return (
        Counter(thing for thing, _ in entry.pairs) == Counter(state.vacancies)
        and (state.pairs | state.parted).isdisjoint(entry.pairs)
        and state.left.isdisjoint(new)
        and all(load[who] <= state.inspectors[0].most for who in new)
    )


def _left(state: Campaign, entry: Leave, _: Event) -> Campaign:
    gone = {pair for pair in state.pairs if pair[1] == entry.inspector and entry.thing in (None, pair[0])}
    if not gone:
        raise RecordBroken("inspection.not_assigned", who=entry.inspector)
    left = state.left | {entry.inspector} if entry.thing is None else state.left
    return replace(state, pairs=state.pairs - gone, parted=state.parted | gone, left=left)


def _declared(state: Campaign, entry: Inspectors, event: Event) -> Campaign:
    if entry.terms.per_object != state.opening.inspectors.per_object:
        raise RecordBroken("inspection.per_object_changed")
    return replace(state, crew=(entry.terms, event.n))


def _closed(state: Campaign, entry: CloseCampaign, _: Event) -> Campaign:
    for thing in state.vacancies:
        raise RecordBroken("inspection.not_staffed", object=thing)
    if entry != CloseCampaign(state.ceremony.round_no, tuple(sorted(state.pairs))):
        raise RecordBroken("inspection.wrong_closing")
    return replace(state, ended="closed")


def _voided(state: Campaign, entry: Void, event: Event) -> Campaign:
    state.ceremony.check_void(entry, event)
    return replace(state, ended="void")


def _out_of_place(entry: CampaignEntry, phase: CampaignPhase) -> RecordBroken:
    if phase == "empty":
        return RecordBroken("record.not_opened")
    if isinstance(entry, OpenCampaign):
        return RecordBroken("record.opened_twice")
    return RecordBroken("record.out_of_place", type=entry.TYPE, phase=phase)


_STEPS: Mapping[type[CampaignEntry], Callable[..., Campaign]] = MappingProxyType(
    {
        OpenCampaign: _opened,
        Agree: _agreed,
        Call: _called,
        Reveal: _revealed,
        Beacon: _mixed,
        Sampled: _sampled,
        Assigned: _assigned,
        Leave: _left,
        Inspectors: _declared,
        CloseCampaign: _closed,
        Void: _voided,
    }
)
