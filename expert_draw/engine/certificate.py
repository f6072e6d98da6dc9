"""What is known of the chances before there are any: written into the record before anyone reveals a share (抽取前公示)."""

from dataclasses import dataclass
from fractions import Fraction

from expert_draw.engine.ballot import ballots
from expert_draw.engine.count import Count, count
from expert_draw.engine.pool import Law, Pool, first_standing
from expert_draw.engine.quota import depths_of

LIKELIEST = 10


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a rule pack asks of a list.

    depth_ratio: candidates per place of a list, at least. greatest_chance: the greatest chance one candidate may have.
    ten_share: the greatest share of the places that the ten likeliest candidates may be expected to take.
    """

    depth_ratio: int
    greatest_chance: Fraction
    ten_share: Fraction


@dataclass(frozen=True, slots=True)
class Certificate:
    """The forecast of a draw (docs/draw-record.md section 4, `lock`): at the first level, before anything is drawn.

    feasible: the number (weight) of feasible committees. greatest, least: the chances of the likeliest and the least
    likely candidate on a list. ten: how many places the ten likeliest are expected to take. All four are None when they
    are not computed. lists: (slot, needed, candidates on its list), ascending. warnings: `chance_high`, `not_counted`,
    `pool_shallow`, `ten_share_high`, ascending. chance_rows: (code, number of committees with that candidate) for
    everyone on a list, ascending by code.
    """

    feasible: int | None
    greatest: Fraction | None
    least: Fraction | None
    ten: Fraction | None
    lists: tuple[tuple[str, int, int], ...]
    warnings: tuple[str, ...]
    chance_rows: tuple[tuple[str, int], ...] | None


def certify(pool: Pool, law: Law, thresholds: Thresholds) -> Certificate:
    """Counts what can be counted and compares it with the thresholds.

    Chances are not computed under "uniform-sets", for a pool that follows another, and where `count` gives up.
    """
    ballot = ballots(pool, first_standing(pool), law)[0]
    counted = None if pool.follows else count(ballot)
    all_depths = depths_of(pool, ballot)
    lists = tuple((depth.slot, depth.needed, depth.available) for depth in all_depths)
    warnings = {"not_counted"} if counted is None else set()
    if any(depth.available < depth.together * thresholds.depth_ratio for depth in all_depths):
        warnings.add("pool_shallow")
    if counted is None:
        return Certificate(None, None, None, None, lists, tuple(sorted(warnings)), None)
    ten = counted.top(LIKELIEST)
    if counted.greatest > thresholds.greatest_chance:
        warnings.add("chance_high")
    if ten > thresholds.ten_share * ballot.places:
        warnings.add("ten_share_high")
    return Certificate(
        counted.feasible,
        counted.greatest,
        counted.least,
        ten,
        lists,
        tuple(sorted(warnings)),
        _rows(pool, counted),
    )


def _rows(pool: Pool, counted: Count) -> tuple[tuple[str, int], ...]:
    sums = counted.sums
    own = zip(pool.candidates, counted.of.tolist(), strict=True)
    return tuple((candidate.id, sums[class_]) for candidate, class_ in own if class_ >= 0)
