"""Random inspections (双随机): which objects are inspected, drawn by tier or by risk points with chances known exactly."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from expert_draw.engine.randomness import Stream
from expert_draw.engine.wording import InspectionInfeasible, misplanned

Method = Literal["tiers", "systematic"]
Target = tuple[tuple[str, int], ...] | int
METHODS: tuple[Method, ...] = ("tiers", "systematic")
MOST_POINTS = 1 << 24
_KEYS = 1 << 63


@dataclass(frozen=True, slots=True)
class InspectionObject:
    """Who or what may be inspected (检查对象). tier: "" when drawn by points; points: 0 when drawn by tier.

    units: the units it belongs to or deals with; an inspector of one of them does not inspect it. grounds: why it must
    not be drawn now (closed, inspected this year); empty for what can be.
    """

    id: str
    tier: str = ""
    points: int = 0
    units: tuple[str, ...] = ()
    grounds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspector:
    """Who inspects (检查人员). units: where the inspector has an interest. grounds: why not to be drawn."""

    id: str
    units: tuple[str, ...] = ()
    grounds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """The objects drawn (抽中对象), ascending. tries: how often keys were given; 1 unless two of them were equal."""

    chosen: tuple[str, ...]
    tries: int


def check_plan(method: Method, target: Target, objects: Sequence[InspectionObject]) -> None:
    """Refuses a plan that the list cannot serve, naming what to mend: InvalidInput, or InspectionInfeasible (a Conflict).

    target: under `tiers` (tier, how many), ascending; under `systematic` how many in all.
    """
    _check_rows(method, target, objects)
    wanted = dict(target) if isinstance(target, tuple) else {"": target}
    found = Counter(one.tier for one in _drawable(method, objects))
    for tier, number in wanted.items():
        if number > found[tier]:
            code = "inspection.tier_short" if method == "tiers" else "inspection.points_short"
            raise InspectionInfeasible(code, tier=tier, wanted=number, found=found[tier])


def draw_objects(
    method: Method, target: Target, objects: Sequence[InspectionObject], stream: Stream
) -> Sample:
    """Draws as docs/draw-record.md section 11 says. The plan must have passed `check_plan`; order of `objects` is nothing.

    Each object has exactly the chance that `chances` gives.
    """
    drawable = sorted(_drawable(method, objects), key=lambda one: one.id)
    if isinstance(target, int):
        points = np.array([one.points for one in drawable], dtype=np.int64)
        drawn, tries = draw_by_points(points, target, stream)
        return Sample(tuple(drawable[index].id for index in drawn), tries)
    members: dict[str, list[str]] = {tier: [] for tier, _ in target}
    for one in drawable:
        members[one.tier].append(one.id)
    chosen = [members[tier][i] for tier, n in target for i in draw_some(len(members[tier]), n, stream)]
    return Sample(tuple(sorted(chosen)), 1)


def chances(method: Method, target: Target, objects: Sequence[InspectionObject]) -> dict[str, Fraction]:
    """The exact chance of every object to be drawn, by id; 0 for one with grounds or without points."""
    exact = {one.id: Fraction(0) for one in objects}
    drawable = sorted(_drawable(method, objects), key=lambda one: one.id)
    if isinstance(target, int):
        certain, left, number = certainty([one.points for one in drawable], target)
        total = sum(drawable[index].points for index in left)
        exact.update((drawable[index].id, Fraction(1)) for index in certain)
        if number:
            exact.update(
                (drawable[index].id, Fraction(number * drawable[index].points, total)) for index in left
            )
        return exact
    found = Counter(one.tier for one in drawable)
    wanted = dict(target)
    exact.update((one.id, Fraction(wanted[one.tier], found[one.tier])) for one in drawable)
    return exact


def draw_some(size: int, number: int, stream: Stream) -> list[int]:
    """`number` distinct whole numbers below `size` in the order drawn; every such order is equally likely.

    Swaps element i with element i + below(size - i). Only what was swapped is kept: memory is O(number).
    """
    moved: dict[int, int] = {}
    drawn: list[int] = []
    for i in range(number):
        other = i + stream.below(size - i)
        drawn.append(moved.get(other, other))
        moved[other] = moved.pop(i, i)
    return drawn


def draw_by_points(points: NDArray[np.int64], number: int, stream: Stream) -> tuple[list[int], int]:
    """Systematic sampling in random order: (indices ascending, how often keys were given).

    points: int64, all at least 1, in the order of the list; 0 ≤ number ≤ len(points). Index i is drawn with the chance
    number · points[i] / sum exactly, or for certain where that is 1 or more (and so on for what is left).
    """
    certain, left, rest = certainty(points, number)
    if not rest:
        return sorted(certain), 1
    order, tries = _random_order(len(left), stream)
    sizes = points[left]
    start = stream.below(int(sizes.sum()))
    hit = take_stretches(sizes[order], rest, start)
    return sorted([*certain, *(left[index] for index in order[hit].tolist())]), tries


def certainty(points: Sequence[int] | NDArray[np.int64], number: int) -> tuple[list[int], list[int], int]:
    """Who is drawn for certain, round by round: (certain indices, indices left, how many are still to be drawn)."""
    sizes = np.asarray(points, dtype=np.int64)
    open_ = np.ones(len(sizes), dtype=bool)
    while number:
        sure = open_ & (number * sizes >= sizes[open_].sum())
        if not sure.any():
            break
        open_ &= ~sure
        number -= int(sure.sum())
    return np.flatnonzero(~open_).tolist(), np.flatnonzero(open_).tolist(), number


def take_stretches(sizes: NDArray[np.int64], number: int, start: int) -> NDArray[np.intp]:
    """Places, in this order, whose stretch of number · size whole numbers contains start + j · sum for some j < number.

    number ≥ 1, 0 ≤ start < sum, number · size < sum. Computed without the product number · sum, which can pass 64 bits.
    """
    ends = np.cumsum(sizes)
    # start + j·total lies before number·end just when (start + j·total) div number lies before end.
    whole, part = divmod(int(ends[-1]), number)
    j = np.arange(number, dtype=np.int64)
    return np.searchsorted(ends, j * whole + (start + j * part) // number, side="right")


def bands_of(rows: Iterable[Mapping[str, object]]) -> dict[str, tuple[Fraction, Fraction]]:
    """Tier → least and most share, from the rows of the rule `inspection.tiers` (whole percentages)."""
    return {
        str(row["tier"]): (
            Fraction(str(row["least_percent"])) / 100,
            Fraction(str(row["most_percent"])) / 100,
        )
        for row in rows
    }


def tier_sizes(
    ratios: Mapping[str, Fraction],
    counts: Mapping[str, int],
    bands: Mapping[str, tuple[Fraction, Fraction]],
) -> tuple[tuple[str, int], ...]:
    """How many of each tier are drawn: (tier, whole number), ascending, as the record's `target` takes it.

    ratios: share of each tier to be inspected. counts: how many of it can be drawn. bands: the shares allowed, least and
    most, from the rule pack. Rounds up; where that would pass the band, to the greatest number inside it; a tier so small
    that no whole number lies inside gets the number rounded up. Refuses (InvalidInput) a share outside its band.
    """
    sizes: list[tuple[str, int]] = []
    for tier, ratio in sorted(ratios.items()):
        if tier not in bands:
            raise misplanned("inspection.tier_unknown", tier=tier, tiers=", ".join(sorted(bands)))
        least, most = bands[tier]
        if not least <= ratio <= most:
            raise misplanned("inspection.ratio_outside", tier=tier, ratio=_percent(ratio), least=_percent(least), most=_percent(most))  # fmt: skip
        size = counts.get(tier, 0)
        up, inside = ceil(ratio * size), floor(most * size)
        sizes.append((tier, inside if inside < up and inside >= least * size else up))
    return tuple(sizes)


def _check_rows(method: Method, target: Target, objects: Sequence[InspectionObject]) -> None:
    tiers = [tier for tier, _ in target] if isinstance(target, tuple) else []
    if (method == "tiers") != isinstance(target, tuple) or (method == "tiers" and not tiers):
        raise misplanned("inspection.target_unfit", method=method)
    if any(left >= right for left, right in pairwise(tiers)):
        raise misplanned("inspection.target_order")
    if any(number < 0 for number in _numbers(target)):
        raise misplanned("inspection.target_negative")
    known = set(tiers) or {""}
    for one in objects:
        if one.tier not in known:
            raise misplanned("inspection.object_tier", object=one.id, tier=one.tier)
        if not 0 <= one.points <= (MOST_POINTS if method == "systematic" else 0):
            raise misplanned("inspection.object_points", object=one.id, points=one.points, most=MOST_POINTS)


def _numbers(target: Target) -> Iterable[int]:
    return [target] if isinstance(target, int) else [number for _, number in target]


def _drawable(method: Method, objects: Iterable[InspectionObject]) -> list[InspectionObject]:
    return [one for one in objects if not one.grounds and (method == "tiers" or one.points)]


def _random_order(size: int, stream: Stream) -> tuple[NDArray[np.intp], int]:
    """All orders are equally likely: everyone gets a key, and equal keys are all given anew."""
    tries = 1
    while True:
        keys = np.array([stream.below(_KEYS) for _ in range(size)], dtype=np.int64)
        order = np.argsort(keys)
        ranked = keys[order]
        if not (ranked[1:] == ranked[:-1]).any():
            return order, tries
        tries += 1


def _percent(ratio: Fraction) -> str:
    return f"{float(100 * ratio):g} %"
