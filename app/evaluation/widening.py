"""How conditions are widened rung by rung when the pool cannot fill the places: the ladder is declared in the rule pack."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from expert_draw.pooling import RegionAsked, SlotAsked

LADDER = "draw.widen_ladder"
SPECIALTY_PARENT, REGION = "specialty_parent", "region"
_TOP = len("A08")  # wider than the second level of the classification is no specialty any more
_LEVEL = 2


@dataclass(frozen=True, slots=True)
class Widened:
    """The conditions after one more rung; changes: (before, after) as people read them."""

    rung: str
    slots: tuple[SlotAsked, ...]
    bounds: tuple[RegionAsked, ...]
    changes: tuple[tuple[str, str], ...]


def vacant_groups(slots: Sequence[SlotAsked], seats: Collection[int]) -> frozenset[int]:
    """Which of the places asked for have a vacant seat; seats are numbered from 1 through all of them."""
    ends, found = 0, set()
    for number, slot in enumerate(slots):
        begins, ends = ends, ends + slot.count
        if any(begins < seat <= ends for seat in seats):
            found.add(number)
    return frozenset(found)


def next_rung(
    ladder: Sequence[str],
    used: Sequence[str],
    slots: tuple[SlotAsked, ...],
    bounds: tuple[RegionAsked, ...],
    vacant: Collection[int],
) -> Widened | None:
    """The next rung that changes something for the places that cannot be filled; None when the ladder has no further one.

    used: rungs taken before, in order. A rung is taken again while it changes something; none before it is.
    """
    from_ = ladder.index(used[-1]) if used and used[-1] in ladder else 0
    for rung in ladder[from_:]:
        widened = _RUNGS[rung](slots, bounds, vacant)
        if widened.changes:
            return widened
    return None


def _parents(
    slots: tuple[SlotAsked, ...], bounds: tuple[RegionAsked, ...], vacant: Collection[int]
) -> Widened:
    wider = tuple(
        replace(slot, specialty=slot.specialty[: max(_TOP, len(slot.specialty) - _LEVEL)])
        if number in vacant
        else slot
        for number, slot in enumerate(slots)
    )
    changes = tuple(
        (before.specialty, after.specialty)
        for before, after in zip(slots, wider, strict=True)
        if before != after
    )
    return Widened(SPECIALTY_PARENT, wider, bounds, changes)


def _anywhere(
    slots: tuple[SlotAsked, ...], bounds: tuple[RegionAsked, ...], vacant: Collection[int]
) -> Widened:
    wider = tuple(
        replace(slot, regions=()) if number in vacant else slot for number, slot in enumerate(slots)
    )
    gone = [region for number in sorted(vacant) for region in slots[number].regions]
    gone += [f"{bound.region} {bound.least}–{bound.most}" for bound in bounds]
    return Widened(REGION, wider, (), tuple((region, "") for region in gone))


_RUNGS = MappingProxyType({SPECIALTY_PARENT: _parents, REGION: _anywhere})
