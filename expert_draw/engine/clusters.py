"""Candidates who must not sit together join their blocks into one: few and small enough, it is counted choice by choice."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from expert_draw.engine.ballot import Flags, Integers
from expert_draw.engine.crowd import Crowd
from expert_draw.engine.families import Kinds
from expert_draw.engine.states import States

MOST_TIED = 12  # of one cluster, candidates in a conflict
MOST_CLUSTERS = 24

Polynomial = Mapping[int, int]
Taken = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Blocks that conflicts join. tied: rows in a conflict. blocks: the numbers of the joined blocks."""

    tied: tuple[int, ...]
    blocks: tuple[int, ...]


def clusters_of(crowd: Crowd, wide: Iterable[int]) -> tuple[Cluster, ...] | None:
    """What conflicts join, and every block in `wide` by itself; None when too much is tied together."""
    root: dict[int, int] = {}

    def find(one: int) -> int:
        while root.setdefault(one, one) != one:
            one = root[one]
        return one

    # A block is its number, a candidate without one is a number below 0.
    node = {
        row: int(crowd.block[row]) if crowd.block[row] >= 0 else -1 - row
        for pair in crowd.conflicts
        for row in pair
    }
    for one, other in crowd.conflicts:
        root[find(node[one])] = find(node[other])
    tied: dict[int, list[int]] = defaultdict(list)
    blocks: dict[int, set[int]] = defaultdict(set)
    for row, own in sorted(node.items()):
        tied[find(own)].append(row)
    for own in sorted({*(one for one in node.values() if one >= 0), *wide}):
        blocks[find(own)].add(own)
    found = tuple(Cluster(tuple(tied[one]), tuple(sorted(blocks[one]))) for one in sorted({*tied, *blocks}))
    if len(found) > MOST_CLUSTERS or any(len(one.tied) > MOST_TIED for one in found):
        return None
    return found


class ClusterCount:
    """The polynomial of a cluster, and of every one of its members the part in which that member sits."""

    def __init__(self, crowd: Crowd, states: States, kinds: Kinds, cluster: Cluster) -> None:
        self._states, self._cluster = states, cluster
        self._kind, self._singles = kinds.of_row, [dict(own) for own in kinds.singles]
        self._rooms = [int(crowd.room[block]) for block in cluster.blocks]
        self._rows = [
            np.setdiff1d(np.flatnonzero(crowd.block == block), cluster.tied) for block in cluster.blocks
        ]
        self._rest = [self._of_kinds(rows, room) for rows, room in zip(self._rows, self._rooms, strict=True)]
        self._tied: dict[Taken, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._with: dict[int, dict[Taken, dict[int, int]]] = {
            row: defaultdict(lambda: defaultdict(int)) for row in cluster.tied
        }
        at = {block: place for place, block in enumerate(cluster.blocks)}
        self._block = [at.get(int(crowd.block[row]), -1) for row in cluster.tied]
        self._enemies: dict[int, set[int]] = defaultdict(set)
        for one, other in crowd.conflicts:
            self._enemies[one].add(other)
            self._enemies[other].add(one)
        self._choose(0, (), (0,) * len(cluster.blocks), {0: 1})
        self.whole = self._completed(self._tied, {})

    def _of_kinds(self, rows: Integers, room: int) -> dict[int, int]:
        """The polynomial of so many members of each kind, of whom at most `room` sit."""
        product = {0: 1}
        kinds, counts = np.unique(self._kind[rows], return_counts=True)
        for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True):
            power, own = {0: 1}, {0: 1}
            for many in range(1, min(room, count) + 1):
                power = self._times(power, self._singles[kind])
                own = _plus(own, {place: ways * comb(count, many) for place, ways in power.items()})
            product = self._cut(self._times(product, own), room)
        return product

    def _choose(self, at: int, chosen: tuple[int, ...], taken: Taken, ways: dict[int, int]) -> None:
        """Every choice of members in a conflict, no two of whom are a pair."""
        if not ways or any(one > room for one, room in zip(taken, self._rooms, strict=True)):
            return
        if at == len(self._cluster.tied):
            for sums in (self._tied[taken], *(self._with[row][taken] for row in chosen)):
                for place, count in ways.items():
                    sums[place] += count
            return
        self._choose(at + 1, chosen, taken, ways)
        row = self._cluster.tied[at]
        if self._enemies[row].isdisjoint(chosen):
            own = tuple(one + (block == self._block[at]) for block, one in enumerate(taken))
            self._choose(at + 1, (*chosen, row), own, self._times(ways, self._singles[self._kind[row]]))

    def _completed(
        self, tied: Mapping[Taken, Polynomial], instead: Mapping[int, Polynomial]
    ) -> dict[int, int]:
        """The choices among those tied, with the others of their blocks; `instead`: member and rest of one block."""
        total: dict[int, int] = {}
        for taken, ways in tied.items():
            product = dict(ways)
            for block, (rest, room) in enumerate(zip(self._rest, self._rooms, strict=True)):
                product = self._times(product, self._cut(instead.get(block, rest), room - taken[block]))
            total = _plus(total, product)
        return total

    def counts(self, product: Sequence[int]) -> dict[int, int]:
        """Row → how many (what weight of) committees contain it. product: the coefficients of all blocks, by place."""
        tail = self._tail(product)
        found = {row: self._joined(self._completed(own, {}), tail) for row, own in self._with.items()}
        for block, rows in enumerate(self._rows):
            for kind in np.unique(self._kind[rows]).tolist():
                own = self._times(
                    self._without(self._rest[block], kind, self._rooms[block]), self._singles[kind]
                )
                count = self._joined(self._completed(self._tied, {block: own}), tail)
                found.update((row, count) for row in rows[self._kind[rows] == kind].tolist())
        return found

    def _without(self, rest: Polynomial, kind: int, room: int) -> dict[int, int]:
        """The polynomial of a block without one member of a kind: divided by 1 + X."""
        found: dict[int, int] = {}
        codes = self._states.codes
        for place in range(self._states.up_to(room).stop):
            found[place] = rest.get(place, 0)
            for step, weight in self._singles[kind].items():
                before = self._states.known.get(int(codes[place] - codes[step]))
                found[place] -= weight * found.get(before, 0) if before is not None else 0
        return found

    def _tail(self, product: Sequence[int]) -> list[int]:
        """By place: in how many ways all other blocks finish a committee from there."""
        states = self._states
        others, tail = list(product), [0] * len(states)
        for many in range(states.places + 1):
            for other in range(1, many + 1):
                for start, step, end in states.pairs(many - other, other):
                    others[end] -= self.whole.get(step, 0) * others[start]
        for many in range(states.places + 1):
            for start, step, _ in states.pairs(states.places - many, many):
                tail[step] += others[start]
        return tail

    def _joined(self, own: Polynomial, tail: Sequence[int]) -> int:
        return sum(ways * tail[place] for place, ways in own.items())

    def _times(self, one: Polynomial, other: Polynomial) -> dict[int, int]:
        product: dict[int, int] = defaultdict(int)
        codes, known = self._states.codes, self._states.known
        steps = [(int(codes[step]), ways) for step, ways in other.items()]
        for place, count in one.items():
            code = int(codes[place])
            for step, ways in steps:
                if (end := known.get(code + step)) is not None:
                    product[end] += count * ways
        return dict(product)

    def _cut(self, polynomial: Polynomial, room: int) -> dict[int, int]:
        end = self._states.up_to(room).stop if room > 0 else 1
        return {place: ways for place, ways in polynomial.items() if place < end}


def _plus(one: Polynomial, other: Polynomial) -> dict[int, int]:
    return {place: one.get(place, 0) + other.get(place, 0) for place in {**one, **other}}


def in_clusters(crowd: Crowd, clusters: Iterable[Cluster]) -> Flags:
    """Which rows are counted in a cluster."""
    found = np.isin(crowd.block, [block for cluster in clusters for block in cluster.blocks])
    found[[row for cluster in clusters for row in cluster.tied]] = True
    return found
