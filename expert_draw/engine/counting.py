"""The exact counting sampler: every committee has a number, and a number drawn says which committee it is."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from operator import add, le, lt, sub
from typing import Any, TypeVar

import numpy as np

from expert_draw.engine.ballot import Ballot, Flags, Integers

STATE_BOUND = 3_000_000
_MACHINE_WORD = 1 << 62

T = TypeVar("T")
Vector = tuple[int, ...]
Polynomial = dict[Vector, int]
Table = Any  # an array of whole numbers of any size; numpy's types do not know how to look up a vector in one
# What one candidate can become: (role, vector of it in that role) for each role on whose list it is, and its weight.
Options = tuple[tuple[tuple[int, Vector], ...], int]


@dataclass(frozen=True, slots=True)
class Block:
    """Candidates who share one value of a capped group, or a single one without.

    members: (index, options), ascending. ways: vector → in how many ways (with what weight) the block can give it.
    """

    members: tuple[tuple[int, Options], ...]
    ways: Mapping[Vector, int]


class Counting:
    """All committees of one ballot, numbered (docs/draw-record.md section 6).

    They are committees of roles: who sits for which list, not yet for which slot. Pairs in conflict are not looked at.
    total: Z, how many numbers there are; under "weighted" a committee has as many as its weight.
    """

    __slots__ = ("_blocks", "_roles", "_suffix", "_targets", "total")

    def __init__(self, ballot: Ballot, blocks: Sequence[Block]) -> None:
        needs = tuple(role.need for role in ballot.roles)
        self._roles = len(needs)
        self._blocks = tuple(blocks)
        self._suffix: Table = _suffixes(self._blocks, _box(ballot), _most(ballot))
        bounded = (range(bound.least, bound.most + 1) for bound in ballot.bounds)
        self._targets = tuple((*needs, *counts) for counts in product(*bounded))
        self.total: int = sum(self._left(0, target) for target in self._targets)

    def committee(self, number: int) -> tuple[tuple[int, ...], ...]:
        """The committee with that number, 0 ≤ number < total: for each role the indices of its members, ascending."""
        if not 0 <= number < self.total:
            raise ValueError(f"committees are numbered from 0 to {self.total - 1}, not {number}")
        left, number = _part([(target, self._left(0, target)) for target in self._targets], number)
        chosen: list[list[int]] = [[] for _ in range(self._roles)]
        at = 0
        while any(left):
            at, number = self._next_block(at, left, number)
            block = self._blocks[at]
            at += 1
            given, number = self._given(block, at, left, number)
            left = _less(left, given)
            within, number = divmod(number, self._left(at, left))
            for role, index in _members_of(block, given, within):
                chosen[role].append(index)
        return tuple(tuple(sorted(members)) for members in chosen)

    def _left(self, block: int, vector: Vector) -> int:
        return int(self._suffix[(block, *vector)])

    def _next_block(self, at: int, left: Vector, number: int) -> tuple[int, int]:
        """The next block that gives somebody. Giving nobody comes first in each block, so that blocks without can be
        leapt over: the counts of what remains never grow from block to block."""
        counts = self._suffix[(slice(None), *left)]
        passed = range(at, len(self._blocks))
        at += bisect_left(passed, True, key=lambda block: counts[block + 1] <= number)  # noqa: FBT003
        return at, number - int(counts[at + 1])

    def _given(self, block: Block, after: int, left: Vector, number: int) -> tuple[Vector, int]:
        fitting = [
            (given, ways) for given, ways in sorted(block.ways.items())[1:] if all(map(le, given, left))
        ]
        rests = (self._left(after, _less(left, given)) for given, _ in fitting)
        return _part(
            [(given, ways * rest) for (given, ways), rest in zip(fitting, rests, strict=True)], number
        )


def counting(ballot: Ballot, bound: int = STATE_BOUND) -> Counting | None:
    """The numbering of all committees of a ballot; None when counting them is not small enough by the specification."""
    if ballot.hopeless or any(bounded.most < 0 for bounded in ballot.bounds):
        return Counting(ballot, ())
    people = _anywhere(ballot)
    blocks = _block_numbers(ballot, people)
    if blocks is None or (int(blocks.max(initial=-1)) + 1) * prod(_box(ballot)) > bound:
        return None
    return Counting(ballot, _blocks(ballot, people, blocks))


def _box(ballot: Ballot) -> tuple[int, ...]:
    """How many values each element of a vector can have."""
    needs = (role.need + 1 for role in ballot.roles)
    return (*needs, *(max(bounded.most, 0) + 1 for bounded in ballot.bounds))


def _most(ballot: Ballot) -> int:
    """More than any number of ways there can be: every place from its whole list."""
    weights = np.ones(ballot.size, np.int64) if ballot.weights is None else ballot.weights
    return prod(max(int(weights[role.members].sum()), 1) ** role.need for role in ballot.roles)


def _anywhere(ballot: Ballot) -> Integers:
    """Ascending indices of everyone who is on any list."""
    return np.unique(np.concatenate([role.members for role in ballot.roles]))


def _block_numbers(ballot: Ballot, people: Integers) -> Integers | None:
    """For each of these people the number of its block, from 0, in order of least members.

    None when somebody has more than one value of the capped groups.
    """
    key = -1 - np.arange(len(people))  # each one a block of its own, until a token says otherwise
    shared = np.zeros(len(people), np.bool_)
    above = 0
    for cap in ballot.caps:
        token = cap.token[people]
        has = token >= 0
        if (has & shared).any() or (cap.more and not set(cap.more).isdisjoint(people.tolist())):
            return None
        key[has] = token[has] + above
        above += int(token.max(initial=-1)) + 1
        shared |= has
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[which]


def _blocks(ballot: Ballot, people: Integers, blocks: Integers) -> tuple[Block, ...]:
    options, rooms = _options(ballot, people), _rooms(ballot, people)
    order = np.argsort(blocks, kind="stable")
    ends = np.flatnonzero(np.diff(blocks[order], append=-1)) + 1
    box, roles = _box(ballot), len(ballot.roles)
    made, start = [], 0
    # Employers with the same kinds of people give the same; a region has few kinds of employers.
    known: dict[tuple[int, frozenset[tuple[Options, int]]], Polynomial] = {}
    for end in ends.tolist():
        own = order[start:end].tolist()
        start = end
        room = rooms[own[0]]
        alike = frozenset(Counter(options[at] for at in own).items())
        if (room, alike) not in known:
            known[room, alike] = _ways(alike, box, roles, room)
        made.append(Block(tuple((int(people[at]), options[at]) for at in own), known[room, alike]))
    return tuple(made)


def _rooms(ballot: Ballot, people: Integers) -> list[int]:
    rooms = [1] * len(people)
    for cap in ballot.caps:
        for at, token in enumerate(cap.token[people].tolist()):
            if token >= 0:
                rooms[at] = cap.most - cap.used.get(token, 0)
    return rooms


def _options(ballot: Ballot, people: Integers) -> list[Options]:
    """For each of these people what it can become."""
    on_list: list[Flags] = []
    for role in ballot.roles:
        flags = np.zeros(ballot.size, np.bool_)
        flags[role.members] = True
        on_list.append(flags[people])
    bounded = [bound.has[people] for bound in ballot.bounds]
    weights = [1] * len(people) if ballot.weights is None else ballot.weights[people].tolist()
    rows = np.stack([*on_list, *bounded], axis=1).tolist()
    roles = len(on_list)
    known: dict[Vector, tuple[tuple[int, Vector], ...]] = {}
    made: list[Options] = []
    for row, weight in zip(map(tuple, rows), weights, strict=True):
        if row not in known:
            units = tuple(tuple(int(role == other) for other in range(roles)) for role in range(roles))
            has = tuple(map(int, row[roles:]))
            known[row] = tuple((role, (*units[role], *has)) for role in range(roles) if row[role])
        made.append((known[row], weight))
    return made


def _ways(alike: Iterable[tuple[Options, int]], box: Vector, roles: int, room: int) -> Polynomial:
    """The vectors a block can give and in how many ways; alike: its members by what they can become, and how many."""

    def times(one: Polynomial, other: Polynomial) -> Polynomial:
        found: Polynomial = {}
        for (left, ways), (right, more) in product(one.items(), other.items()):
            both = tuple(map(add, left, right))
            if sum(both[:roles]) <= room and all(map(lt, both, box)):
                found[both] = found.get(both, 0) + ways * more
        return found

    if room < 0:
        return {}
    nobody: Polynomial = {(0,) * len(box): 1}
    total = nobody
    for (options, weight), count in alike:
        power = times(nobody, nobody | {vector: weight for _, vector in options})
        left = count
        while left:
            if left & 1:
                total = times(total, power)
            if left := left >> 1:
                power = times(power, power)
    return total


def _suffixes(blocks: Sequence[Block], box: Vector, most: int) -> Table:
    """S of the specification, shape (blocks + 1, *box): int64 while no number exceeds `most`, else of any size."""
    made: Table = np.zeros((len(blocks) + 1, *box), np.int64 if most < _MACHINE_WORD else object)
    made[(len(blocks), *(0,) * len(box))] = 1
    for at in range(len(blocks) - 1, -1, -1):
        for given, ways in blocks[at].ways.items():
            to = tuple(slice(amount, None) for amount in given)
            of = tuple(slice(0, size - amount) for amount, size in zip(given, box, strict=True))
            made[(at, *to)] += made[(at + 1, *of)] * ways
    return made


def _members_of(block: Block, given: Vector, number: int) -> Iterator[tuple[int, int]]:
    """The (role, index) of those who together are the way with that number in which the block gives that vector."""
    ways = {vector: count for vector, count in sorted(block.ways.items()) if all(map(le, vector, given))}
    for index, (options, weight) in block.members:
        if not any(given):
            return
        ways = _without(ways, options, weight)
        passed = ways.get(given, 0)
        if number < passed:
            continue
        number -= passed
        parts = [(one, weight * ways.get(_less(given, one[1]), 0)) for one in options]
        (role, vector), number = _part([part for part in parts if part[1]], number)
        given = _less(given, vector)
        number %= ways[given]
        yield role, index


def _part(parts: Sequence[tuple[T, int]], number: int) -> tuple[T, int]:
    """Into which of some parts of so many numbers each a number falls, and which one it is there."""
    for part, size in parts[:-1]:
        if number < size:
            return part, number
        number -= size
    return parts[-1][0], number


def _without(ways: Polynomial, options: Iterable[tuple[int, Vector]], weight: int) -> Polynomial:
    """The ways of a block without its first member: what remains when all ways with that member are taken off."""
    found: Polynomial = {}
    for vector, count in ways.items():  # ascending, so that smaller vectors are known already
        found[vector] = count - weight * sum(found.get(_less(vector, own), 0) for _, own in options)
    return found


def _less(one: Vector, other: Vector) -> Vector:
    return tuple(map(sub, one, other))
