"""How many committees are possible, exactly, and how many of them contain each candidate.

Employers with the same choice of candidates are merged into signatures (families.py); the number of committees is a
coefficient of a product of small polynomials, one for each employer (series.py). The whole product F follows degree by
degree from n·F_n = Σ_j D_j · F_(n−j) with D = Σ θp/p over the employers' polynomials p, in whole numbers, where every
division is exact. Committees that contain a member are those of F/p times what the rest of the employer adds.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from math import factorial, isqrt, prod

import numpy as np

from expert_draw.engine.ballot import Ballot, Integers
from expert_draw.engine.clusters import ClusterCount, clusters_of, in_clusters
from expert_draw.engine.crowd import Crowd, crowd_of, hopeless
from expert_draw.engine.families import (
    Kin,
    Kinds,
    adds_of,
    chances_of,
    kin_of,
    kinds_of,
    members_of,
    wide_blocks,
)
from expert_draw.engine.series import grown, slopes, steps_of, tails
from expert_draw.engine.states import States, states_of

WORK_BOUND = 2_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Count:
    """The exact number of feasible labelled committees (under "weighted": their total weight), and of whose.

    of: int64 (candidates of the ballot,), the class of each, -1 for who is on no list. sums: for each class how many
    committees contain one such candidate.
    """

    feasible: int
    of: Integers
    sums: tuple[int, ...]

    def containing(self, index: int) -> int:
        """How many (what weight of) feasible committees contain the candidate with this index."""
        own = int(self.of[index])
        return self.sums[own] if own >= 0 else 0

    def chance(self, index: int) -> Fraction:
        """The exact chance of one candidate to be drawn; 0 when there is no feasible committee."""
        return self._share(self.containing(index))

    @property
    def greatest(self) -> Fraction:
        """The greatest chance of a candidate on a list."""
        return self._share(max(self.sums, default=0))

    @property
    def least(self) -> Fraction:
        """The least chance of a candidate on a list."""
        return self._share(min(self.sums, default=0))

    def top(self, many: int) -> Fraction:
        """How many places the likeliest so many candidates are expected to take together."""
        members = np.bincount(self.of[self.of >= 0], minlength=len(self.sums)).tolist()
        total, left = 0, many
        for count, own in sorted(zip(self.sums, members, strict=True), reverse=True):
            total += count * min(own, left)
            left -= min(own, left)
        return self._share(total)

    def _share(self, count: int) -> Fraction:
        return Fraction(count, self.feasible) if self.feasible else Fraction(0)


def count(ballot: Ballot, bound: int = WORK_BOUND) -> Count | None:
    """Counts exactly all committees of a ballot and those with each candidate; None ("not computed") above the bound.

    None, too, under "uniform-sets", when somebody has two capped values that can both bind, and when more than 12
    candidates are tied together by conflicts or more than 24 groups of them exist.

    bound: how many products of machine words may be added up, about 3 ns each. With V states (vectors of how many are
    chosen for each list and have each bounded value), U different employers and totals of 50·d bits it takes about
    V² + d · U · V · lists · (bounded values + 1) of them; the standard bound is some six seconds. This is found out
    before anything is counted, so that no draw waits for a count in vain.
    """
    if ballot.law == "uniform-sets":
        return None
    return _Counting(ballot, bound).result(chances=True)


def committees(ballot: Ballot, bound: int = WORK_BOUND) -> int | None:
    """The number of feasible labelled committees, whatever the law; None above the bound, see `count`."""
    counted = _Counting(replace(ballot, weights=None), bound).result(chances=False)
    return None if counted is None else counted.feasible


class _Counting:
    def __init__(self, ballot: Ballot, bound: int) -> None:
        self._ballot, self._bound = ballot, bound

    def result(self, *, chances: bool) -> Count | None:
        """The count, with or without chances; None where it is beyond reach."""
        if hopeless(self._ballot):
            return self._none()
        crowd = crowd_of(self._ballot)
        return None if crowd is None else self._of_crowd(crowd, chances=chances)

    def _of_crowd(self, crowd: Crowd, *, chances: bool) -> Count | None:
        atoms = sorted({vector for vectors in adds_of(crowd)[1] for vector in vectors})
        states = states_of(crowd.needs, crowd.bounds, atoms, isqrt(self._bound) // 4)
        clusters = clusters_of(crowd, wide_blocks(crowd))
        if states is None or clusters is None:
            return None
        if not len(states):
            return self._none()
        kinds = kinds_of(crowd, states)
        families = kin_of(crowd, states, kinds, ~in_clusters(crowd, clusters))
        steps = len(states) ** 2 * (1 + 8 * len(clusters))
        if steps + sum(steps_of(kin.family, states, self._width) for kin in families) > self._bound:
            return None
        joined = [ClusterCount(crowd, states, kinds, cluster) for cluster in clusters]
        product = _product(states, families, joined)
        feasible = sum(product[place] for place in states.finished)
        if not chances or not feasible:
            return self._none(feasible * self._ways)
        return self._with_chances(crowd, states, kinds, families, joined, product, feasible)

    @property
    def _width(self) -> int:
        """Bits of a number that the total cannot exceed."""
        weights = self._ballot.weights
        heavy = (
            len(one.members) if weights is None else int(weights[one.members].sum())
            for one in self._ballot.roles
        )
        return sum(
            role.need * heaviest.bit_length()
            for role, heaviest in zip(self._ballot.roles, heavy, strict=True)
        )

    @property
    def _ways(self) -> int:
        """In how many ways the members of each list can be dealt to its slots."""
        return prod(
            factorial(role.need) // prod(factorial(need) for _, need in role.needs)
            for role in self._ballot.roles
        )

    def _listed(self) -> Integers:
        """0 for who is on a list, -1 for all others."""
        of = np.full(self._ballot.size, -1, np.int64)
        for role in self._ballot.roles:
            of[role.members] = 0
        return of

    def _none(self, feasible: int = 0) -> Count:
        return Count(feasible, self._listed(), (0,))

    def _with_chances(
        self,
        crowd: Crowd,
        states: States,
        kinds: Kinds,
        families: tuple[Kin, ...],
        joined: list[ClusterCount],
        product: list[int],
        feasible: int,
    ) -> Count:
        of, sums = self._listed(), [0]  # who is on a list and cannot be chosen is in class 0
        wanted = [0] * len(states)
        for many in range(states.places + 1):
            for start, step, _ in states.pairs(states.places - many, many):
                wanted[step] += product[start]
        for kin in families:
            tail = tails(kin.family, states, wanted)
            classes, members = members_of(kin, kinds.of_row)
            of[crowd.who[kin.rows]] = classes + len(sums)
            for kind, blocks in members:
                sums.extend(chances_of(kin, states, tail, kinds.singles[kind], blocks).tolist())
        for cluster in joined:
            for row, contained in cluster.counts(product).items():
                of[crowd.who[row]] = len(sums)
                sums.append(contained)
        if not (of == 0).any():
            of, sums = np.where(of > 0, of - 1, of), sums[1:]
        ways = self._ways
        return Count(feasible * ways, of, tuple([contained * ways for contained in sums]))


def _product(states: States, families: tuple[Kin, ...], joined: list[ClusterCount]) -> list[int]:
    slope = [0] * len(states)
    for kin in families:
        slope = [one + other for one, other in zip(slope, slopes(kin.family, states), strict=True)]
    product = grown(slope, states)
    for cluster in joined:
        longer = [0] * len(states)
        for many in range(states.places + 1):
            for other in range(many + 1):
                for start, step, end in states.pairs(many - other, other):
                    longer[end] += product[start] * cluster.whole.get(step, 0)
        product = longer
    return product
