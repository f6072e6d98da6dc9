"""Published weights that even out the chances of single candidates, as far as the limits of the draw allow."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import isqrt

import numpy as np

from expert_draw.engine.ballot import Ballot, Integers, ballots
from expert_draw.engine.count import Count, count
from expert_draw.engine.pool import MOST_WEIGHT, Pool, Standing, first_standing
from expert_draw.engine.wording import DrawInfeasible

PASSES = 60
PATIENCE = 8  # passes without a better least chance
EVEN = Fraction(99, 100)  # of an even share is even enough
FINE = 16  # bits kept behind the published weight while fitting


def equalised(pool: Pool, standing: Standing | None = None) -> dict[str, int]:
    """Code → weight 1 to 2**24 for everyone in the pool: the law "weighted" with these is as even as can be reached.

    Damped proportional fitting: count exactly, multiply everyone's weight by the square root of (aim / chance), count
    again, at the first level of the pool. Whoever is alike under the plain law keeps one weight in common. Of all
    passes the one counts in which the least chance comes closest to an even share (of the places of all lists that
    share candidates, over these candidates). Whole numbers only, so that everyone who fits them again finds
    the same; who cannot be chosen has weight 1. Raises DrawInfeasible when chances cannot be counted.
    """
    ballot = ballots(pool, standing or first_standing(pool), "uniform-labelled")[0]
    plain = count(ballot)
    if plain is None:
        raise DrawInfeasible("draw.not_counted")
    alike = [
        (class_, index)
        for class_, index in zip(
            *(part.tolist() for part in np.unique(plain.of, return_index=True)), strict=True
        )
        if plain.containing(index)
    ]
    weights = _fitted(ballot, plain, alike) if alike else {}
    return {
        candidate.id: weights.get(class_, 1)
        for candidate, class_ in zip(pool.candidates, plain.of.tolist(), strict=True)
    }


def _fitted(ballot: Ballot, plain: Count, alike: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Class of `plain` → weight. alike: (class, index of one of its candidates)."""
    part = _parts(ballot)
    many, places = Counter(part[np.isin(plain.of, [class_ for class_, _ in alike])].tolist()), Counter[int]()
    for role in ballot.roles:
        places[int(part[role.members[0]])] += role.need
    aims = {class_: Fraction(places[int(part[index])], many[int(part[index])]) for class_, index in alike}
    fine = dict.fromkeys(aims, MOST_WEIGHT << FINE)
    best, best_least, idle = dict.fromkeys(aims, MOST_WEIGHT), Fraction(0), 0
    for _ in range(PASSES):
        weights = {class_: max(one >> FINE, 1) for class_, one in fine.items()}
        counted = _weighed(ballot, plain, weights)
        if counted is None:
            break
        chances = {class_: counted.chance(index) for class_, index in alike}
        least = min(chances[class_] / aims[class_] for class_ in aims)
        idle = 0 if least > best_least else idle + 1
        if least > best_least:
            best, best_least = weights, least
        if idle > PATIENCE or least >= EVEN:
            break
        grown = {class_: fine[class_] * _root(aims[class_] / chances[class_]) for class_ in aims}
        most = Counter[int]()
        for class_, index in alike:
            most[int(part[index])] = max(most[int(part[index])], grown[class_])
        fine = {
            class_: max((grown[class_] * MOST_WEIGHT << FINE) // most[int(part[index])], 1)
            for class_, index in alike
        }
    return best


def _parts(ballot: Ballot) -> Integers:
    """Which part of the committee each candidate belongs to: lists that share nobody are parts that share no chances.

    Shape (candidates,), a number for each part; weights of one part are compared with one another only.
    """
    part = np.full(ballot.size, -1, np.int64)
    for role in ballot.roles:
        met = np.unique(part[role.members])
        least = int(role.members[0])
        part[role.members[part[role.members] < 0]] = least
        part[np.isin(part, met[met >= 0])] = least
    return part


def _weighed(ballot: Ballot, plain: Count, weights: dict[int, int]) -> Count | None:
    column = np.ones(len(plain.sums) + 1, np.int64)  # the last one is for those on no list, whose class is -1
    column[list(weights)] = list(weights.values())
    return count(replace(ballot, weights=column[plain.of], law="weighted"))


def _root(ratio: Fraction) -> int:
    """The square root in units of 2**-FINE, at least one."""
    return max(isqrt((ratio.numerator << 2 * FINE) // ratio.denominator), 1)
