"""Long sums and quotients of polynomials for thousands of blocks at once, in whole numbers of any length.

A block of candidates who share a capped value is a polynomial p: p[v] is the number (weight) of ways in which its
members can add the vector v. p[0] is 1. All blocks together are the product F of these polynomials. Numbers that do not
fit into 64 bits are kept as digits ("limbs") of fewer bits, carried after every step.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from expert_draw.engine.ballot import Integers
from expert_draw.engine.states import States

WIDEST = 50  # bits of the sum of all coefficients of one block
SPARE = 61  # of the 63 bits of a number
CELLS = 1 << 21  # numbers at work at once: enough to be quick, few enough to stay near the processor

Objects = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Blocks of which at most `room` members sit; blocks with the same polynomial stand here once.

    columns: int64, shape (vectors with 1 to room chosen, different blocks): p, by place of the vector from 1. times:
    int64 (different blocks,), how many blocks have that polynomial.
    """

    room: int
    columns: Integers
    times: Integers


def steps_of(family: Family, states: States, width: int) -> int:
    """How many products `slopes` and `tails` each add up. width: bits of the largest number to come."""
    sizes = [end - start for start, end in zip(states.starts, states.starts[1:], strict=False)]
    most = min(family.room, states.places)
    ways = sum(sum(sizes[: len(sizes) - more]) * sizes[more] for more in range(1, most + 1))
    return ways * len(family.times) * _Digits.holding(family.columns, 1 << width).limbs


def slopes(family: Family, states: States) -> list[int]:
    """By place: the sum over the blocks of the coefficients of θp/p, where θ multiplies by how many are chosen.

    θF/F is the sum of this over all families, so that F follows from it, see `grown`.
    """
    sums = [0] * len(states)
    steps: list[list[tuple[int, int]]] = [[] for _ in sums]
    for before, column, after in _ways(family, states):
        if before:
            steps[after].append((column, before))
    many = np.repeat(np.arange(states.places + 1), np.diff(states.starts)).tolist()
    for columns, blocks in _chunks(family, len(states)):
        digits, times = _Digits.holding(columns, _steepest(columns, states)), family.times[blocks]
        work = np.zeros((len(states), digits.limbs, len(times)), np.int64)
        for place in range(1, len(states)):
            own = work[place]
            if place <= len(columns):
                own[0] = columns[place - 1] * many[place]
            digits.take(own, columns, [(column, work[before]) for column, before in steps[place]])
            sums[place] += digits.total(own, times)
    return sums


def tails(family: Family, states: States, wanted: Sequence[int]) -> Objects:
    """Shape (vectors with 1 to room chosen, blocks): in how many ways all *other* blocks finish from that vector.

    wanted: by place v, the sum of F over all vectors that lead from v to a finished committee.
    """
    steps: list[list[tuple[int, int]]] = [[] for _ in wanted]
    for before, column, after in _ways(family, states):
        steps[before].append((column, after))
    found = np.zeros(family.columns.shape, np.object_)
    for columns, blocks in _chunks(family, len(states)):
        digits = _Digits.holding(columns, max(wanted))
        work = np.zeros((len(states), digits.limbs, len(blocks)), np.int64)
        for place in range(len(states) - 1, 0, -1):
            own = work[place]
            own += digits.split(wanted[place])[:, None]
            digits.take(own, columns, [(column, work[after]) for column, after in steps[place]])
        found[:, blocks] = digits.joined(work[1 : len(columns) + 1])
    return found


def grown(slope: Sequence[int], states: States) -> list[int]:
    """The coefficients of F, by place, from those of θF/F: n·F_n = Σ_j slope_j · F_(n−j), where n divides exactly."""
    product = [1] + [0] * (len(states) - 1)
    for many in range(1, states.places + 1):
        for other in range(1, many + 1):
            for start, step, end in states.pairs(many - other, other):
                product[end] += slope[step] * product[start]
        for place in range(*states.chosen(many).indices(len(states))):
            product[place] //= many
    return product


def _ways(family: Family, states: States) -> Iterator[tuple[int, int, int]]:
    """(place before, column of what a block adds, place after), for all that fits."""
    for more in range(1, min(family.room, states.places) + 1):
        for many in range(states.places - more + 1):
            for before, step, after in states.pairs(many, more):
                yield before, step - 1, after


def _chunks(family: Family, states: int) -> Iterator[tuple[Integers, Integers]]:
    """Blocks in portions (their columns, which they are), small blocks first: their numbers need fewer digits."""
    order = np.argsort(family.columns.sum(axis=0), kind="stable")
    size = max(16, CELLS // states)
    for start in range(0, len(order), size):
        own = order[start : start + size]
        yield np.ascontiguousarray(family.columns[:, own]), own


def _steepest(columns: Integers, states: States) -> int:
    """No coefficient of θp/p of these blocks is larger, whatever its sign."""
    sums = [0] * (states.places + 1)
    for many in range(1, states.places + 1):
        own = columns[states.starts[many] - 1 : states.starts[many + 1] - 1]
        sums[many] = int(own.sum(axis=0).max(initial=0))
    bounds = [0] * len(sums)
    for many in range(1, len(sums)):
        longer = (sums[more] * bounds[many - more] for more in range(1, many))
        bounds[many] = many * sums[many] + sum(longer)
    return max(bounds)


@dataclass(frozen=True, slots=True)
class _Digits:
    """Numbers as `limbs` digits of `bits` bits, lowest first; only the highest digit may be negative."""

    bits: int
    limbs: int

    @classmethod
    def holding(cls, columns: Integers, most: int) -> "_Digits":
        bits = SPARE - int(columns.sum(axis=0).max(initial=0)).bit_length()
        return cls(bits, (most.bit_length() + 1) // bits + 1)

    def split(self, number: int) -> Integers:
        mask = (1 << self.bits) - 1
        return np.array([number >> self.bits * at & mask for at in range(self.limbs)], np.int64)

    def take(self, own: Integers, columns: Integers, others: Sequence[tuple[int, Integers]]) -> None:
        """own −= Σ columns[c] · other, carried."""
        product = np.empty_like(own)
        for column, other in others:
            np.multiply(other, columns[column], out=product)
            own -= product
        for at in range(self.limbs - 1):
            carry = own[at] >> self.bits
            own[at] -= carry << self.bits
            own[at + 1] += carry

    def total(self, own: Integers, times: Integers) -> int:
        """Σ times · own, as one whole number."""
        half = self.bits // 2
        low, high = (own & (1 << half) - 1) @ times, (own >> half) @ times
        return sum(
            (int(one) + (int(other) << half)) << self.bits * at
            for at, (one, other) in enumerate(zip(low, high, strict=True))
        )

    def joined(self, work: Integers) -> Objects:
        """The numbers of shape (…, limbs, blocks) as whole numbers of any length."""
        whole = work[:, self.limbs - 1].astype(np.object_)
        for at in range(self.limbs - 2, -1, -1):
            whole = (whole << self.bits) + work[:, at]
        return whole
