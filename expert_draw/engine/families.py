"""Employers with the same choice of candidates are one kind of block: a million candidates become some thousand kinds."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial, prod

import numpy as np

from expert_draw.engine.ballot import Flags, Integers
from expert_draw.engine.crowd import Crowd, numbered
from expert_draw.engine.series import WIDEST, Family, Objects
from expert_draw.engine.states import States

PACKED = 1 << 62


@dataclass(frozen=True, slots=True, eq=False)
class Kin:
    """A family of blocks and who belongs to which.

    rows: int64, rows of the crowd. block: int64, for each of them which of the different blocks of `family` is its own.
    """

    family: Family
    rows: Integers
    block: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Kinds:
    """Candidates alike but for their block are of one kind: the same lists, bounded values and weight.

    of_row: int64, the kind of each row of the crowd. singles: for each kind (place, weight) of every vector that one
    member can add and that leads to a committee.
    """

    of_row: Integers
    singles: tuple[tuple[tuple[int, int], ...], ...]


def adds_of(crowd: Crowd) -> tuple[Integers, tuple[tuple[tuple[int, ...], ...], ...]]:
    """(number of each row's shape, the shapes): the vectors that a member of that shape can add, one for each list."""
    of_row, shapes = numbered(crowd.roles << len(crowd.bounds) | crowd.has)
    mask = (1 << len(crowd.bounds)) - 1
    roles = range(len(crowd.needs))
    return of_row, tuple(
        tuple(crowd.adding(role, shape & mask) for role in roles if shape >> len(crowd.bounds) + role & 1)
        for shape in shapes.tolist()
    )


def kinds_of(crowd: Crowd, states: States) -> Kinds:
    """The kinds of a crowd and what each can add."""
    shape, shapes = adds_of(crowd)
    weight, weights = numbered(crowd.weight)
    of_row, kinds = numbered(shape * len(weights) + weight)
    places = [[states.place(vector) for vector in vectors] for vectors in shapes]
    return Kinds(
        of_row,
        tuple(
            tuple(
                (place, int(weights[kind % len(weights)]))
                for place in places[kind // len(weights)]
                if place is not None
            )
            for kind in kinds.tolist()
        ),
    )


def wide_blocks(crowd: Crowd) -> tuple[int, ...]:
    """The blocks whose polynomials have coefficients too large for a column."""
    blocks = crowd.block >= 0
    heavy = _summed(crowd.block[blocks], crowd.weight[blocks], len(crowd.room)) * len(crowd.needs)
    most = np.minimum(crowd.room, sum(crowd.needs)).tolist()
    return tuple(at for at, one in enumerate(heavy.tolist()) if most[at] * one ** most[at] >= 1 << WIDEST)


def kin_of(crowd: Crowd, states: States, kinds: Kinds, regular: Flags) -> tuple[Kin, ...]:
    """The families of all rows that are `regular`, by room.

    Who belongs to no block is alike with everyone of the same kind: such a kind is one different block of room 1.
    """
    families = []
    free = np.flatnonzero(regular & (crowd.block < 0))
    if len(free):
        block, different = numbered(kinds.of_row[free])
        columns = np.zeros((len(states.up_to(1)), len(different)), np.int64)
        for at, kind in enumerate(different.tolist()):
            for place, weight in kinds.singles[kind]:
                columns[place - 1, at] = weight
        families.append(Kin(Family(1, columns, np.bincount(block)), free, block))
    blocked = np.flatnonzero(regular & (crowd.block >= 0))
    room = crowd.room[crowd.block[blocked]]
    for most in numbered(room)[1].tolist():
        rows = blocked[room == most]
        block, different = numbered(crowd.block[rows])
        columns = block_columns(crowd, states, rows, block, len(different), most)
        merged, first = _alike(columns)
        family = Family(most, np.ascontiguousarray(columns[:, first]), np.bincount(merged))
        families.append(Kin(family, rows, merged[block]))
    return tuple(families)


def block_columns(
    crowd: Crowd, states: States, rows: Integers, block: Integers, blocks: int, room: int
) -> Integers:
    """Shape (vectors with 1 to room chosen, blocks): in how many ways (with what weight) a block adds each vector.

    By Newton's identities from the sums of powers of its members.
    """
    weight, room = crowd.weight[rows], min(room, states.places)
    columns = np.zeros((len(states.up_to(room)), blocks), np.int64)
    powers = np.zeros_like(columns)
    for at, vector in enumerate(states.vectors[1 : len(columns) + 1].tolist()):
        if (split := _power(crowd, vector)) is not None:
            roles, has, ways, many = split
            own = ((crowd.roles[rows] & roles) == roles) & (crowd.has[rows] == has)
            sign = ways if many % 2 else -ways
            powers[at] = _summed(block[own], weight[own] ** many, blocks) * sign
    for many in range(1, room + 1):
        layer = slice(states.starts[many] - 1, states.starts[many + 1] - 1)
        columns[layer] = powers[layer]
        for other in range(1, many):
            for start, step, end in states.pairs(many - other, other):
                columns[end - 1] += powers[step - 1] * columns[start - 1]
        columns[layer] //= many
    return columns


def _power(crowd: Crowd, vector: Sequence[int]) -> tuple[int, int, int, int] | None:
    """(roles, bounded values, ways, j) if members of one kind alone add this vector as the jth power; else None."""
    chosen, having = vector[: len(crowd.needs)], vector[len(crowd.needs) :]
    many = sum(chosen)
    if any(count not in {0, many} for count in having):
        return None
    roles = sum(1 << at for at, count in enumerate(chosen) if count)
    has = sum(1 << at for at, count in enumerate(having) if count)
    return roles, has, factorial(many) // prod(map(factorial, chosen)), many


def _summed(block: Integers, weight: Integers, blocks: int) -> Integers:
    sums = np.zeros(blocks, np.int64)
    np.add.at(sums, block, weight)
    return sums


def _alike(columns: Integers) -> tuple[Integers, Integers]:
    """(number of each block among the different ones, one example of each)."""
    numbers, count = np.zeros(columns.shape[1], np.int64), 1
    for row in columns:
        width = int(row.max(initial=0)) + 1
        if count * width >= PACKED:
            numbers, different = numbered(numbers)
            count = len(different)
        numbers, count = numbers * width + row, count * width
    numbers, different = numbered(numbers)
    first = np.zeros(len(different), np.int64)
    first[numbers] = np.arange(len(numbers))
    return numbers, first


def members_of(kin: Kin, of_row: Integers) -> tuple[Integers, list[tuple[int, Integers]]]:
    """(class of each row of `kin`, [(kind, different blocks)]): members of one kind in equal blocks are one class.

    Classes are numbered from 0: those of the first kind, by block, then those of the next.
    """
    blocks = len(kin.family.times)
    classes, different = numbered(of_row[kin.rows] * blocks + kin.block)
    own, starts = np.unique(different // blocks, return_index=True)
    return classes, list(zip(own.tolist(), np.split(different % blocks, starts[1:]), strict=True))


def chances_of(
    kin: Kin, states: States, tail: Objects, singles: Sequence[tuple[int, int]], blocks: Integers
) -> Objects:
    """For members of one kind in these different blocks: how many (what weight of) committees contain such a member.

    singles: what the member itself adds. The rest of its block adds up to room - 1 more: p/(1 + X), X the member.
    """
    columns = kin.family.columns[:, blocks]
    rest: dict[int, Integers] = {}
    total = np.zeros(len(blocks), np.object_)
    for place in range(states.starts[min(kin.family.room - 1, states.places) + 1]):
        own = columns[place - 1].copy() if place else np.ones(len(blocks), np.int64)
        for step, weight in singles:
            if (before := states.difference(place, step)) is not None:
                own -= weight * rest[before]
        rest[place] = own
        for step, weight in singles:
            if (after := states.sum(place, step)) is not None:
                total += own.astype(np.object_) * tail[after - 1, blocks] * weight
    return total
