"""What the opened lists say to a campaign: which objects and which pairs its seeds give, and which lines do not fit them."""

from expert_draw.engine.inspection import InspectionObject, Inspector, check_plan, draw_objects
from expert_draw.engine.inspection_assign import Staffing, assign, staffing
from expert_draw.engine.inspection_entries import Assigned, CampaignEntry, OpenCampaign, Sampled
from expert_draw.engine.inspection_history import Campaign
from expert_draw.engine.inspection_lists import Rolls
from expert_draw.engine.randomness import Stream
from expert_draw.engine.wording import RecordBroken


def next_sample(history: Campaign, rolls: Rolls) -> Sampled:
    """The `sample` line that has to come next in an open call."""
    opening, seed = history.opening, history.sample_seed()
    terms = opening.objects
    drawn = draw_objects(terms.method, terms.target, objects_of(rolls), Stream(seed, opening.suite))
    return Sampled(drawn.chosen, seed.hex(), drawn.tries)


def next_assignment(history: Campaign, rolls: Rolls) -> Assigned:
    """The `assign` line that has to come next in an open call."""
    seed = history.assign_seed()
    drawn = assign(staffing_of(history, rolls), Stream(seed, history.opening.suite))
    return Assigned(history.ceremony.round_no, seed.hex(), drawn.pairs, drawn.method, drawn.tries)


def staffing_of(history: Campaign, rolls: Rolls) -> Staffing:
    """What the next assignment starts from: the objects drawn that lack inspectors, and who may inspect them."""
    terms, line = history.inspectors
    vacant = history.vacancies
    return staffing(
        [one for one in objects_of(rolls) if one.id in vacant],
        _inspectors_at(rolls, line),
        terms.per_object,
        terms.most,
        present=history.pairs,
        parted=history.parted,
        left=history.left,
    )


def check_rolls(history: Campaign, entry: CampaignEntry, rolls: Rolls) -> None:
    """Whether a line fits the opened lists, `history` being the state before it; refuses (YuanpingError) if not."""
    if isinstance(entry, OpenCampaign):
        check_plan(entry.objects.method, entry.objects.target, objects_of(rolls))
    elif isinstance(entry, Sampled) and entry != next_sample(history, rolls):
        raise RecordBroken("inspection.wrong_sample")
    elif isinstance(entry, Assigned) and entry != next_assignment(history, rolls):
        raise RecordBroken("inspection.wrong_pairs", round=entry.round_no)


def objects_of(rolls: Rolls) -> tuple[InspectionObject, ...]:
    """The objects of line 1; RecordBroken when they are not opened here."""
    found = rolls.get((1, "object"))
    if found is None:
        raise RecordBroken("record.list_unopened", kind="object")
    return found.objects


def _inspectors_at(rolls: Rolls, line: int) -> tuple[Inspector, ...]:
    found = rolls.get((line, "inspector"))
    if found is None:
        raise RecordBroken("record.list_unopened", kind="inspector")
    return found.inspectors
