"""How far a committee has got: how many are chosen for each list, and how many of them have each bounded value."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from expert_draw.engine.ballot import Integers

MOST_CODE = 1 << 62


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """All vectors (docs/draw-record.md section 6) that can be reached and from which a committee can be finished.

    A vector is also written as one whole number, its code; codes add up as vectors do. vectors: int64, shape (vectors,
    elements), by how many are chosen, then ascending by code. codes: int64. starts: at which place those with 0, 1, …
    chosen begin, and the end; the last ones are the finished committees. Without any vector none can be finished.
    strides: what one unit of each element adds to a code.
    """

    vectors: Integers
    codes: Integers
    starts: tuple[int, ...]
    strides: tuple[int, ...]
    known: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", {code: place for place, code in enumerate(self.codes.tolist())})

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def places(self) -> int:
        """How many a finished committee has."""
        return len(self.starts) - 2

    @property
    def finished(self) -> range:
        """Places of the vectors of finished committees."""
        return range(self.starts[-2], self.starts[-1])

    def chosen(self, many: int) -> slice:
        """Places of the vectors with so many chosen."""
        return slice(self.starts[many], self.starts[many + 1])

    def place(self, vector: Sequence[int]) -> int | None:
        """At which place a vector stands; None when it leads nowhere."""
        return self.known.get(sum(one * step for one, step in zip(vector, self.strides, strict=True)))

    def sum(self, one: int, other: int) -> int | None:
        """The place of the sum of the vectors at two places."""
        return self.known.get(int(self.codes[one] + self.codes[other]))

    def difference(self, one: int, other: int) -> int | None:
        """The place of the difference of the vectors at two places."""
        return self.known.get(int(self.codes[one] - self.codes[other]))

    def up_to(self, many: int) -> range:
        """Places of the vectors with 1 to so many chosen."""
        return range(self.starts[1], self.starts[min(many, self.places) + 1])

    def pairs(self, one: int, other: int) -> list[tuple[int, int, int]]:
        """Places (a, b, a + b) for all vectors a with `one` chosen and b with `other` chosen that fit together."""
        first, second, both = self.chosen(one), self.chosen(other), self.chosen(one + other)
        codes = self.codes[both]
        wanted = self.codes[first][:, None] + self.codes[second][None, :]
        at = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        rows, columns = np.nonzero(codes[at] == wanted)
        sums = at[rows, columns] + both.start
        return list(
            zip((rows + first.start).tolist(), (columns + second.start).tolist(), sums.tolist(), strict=True)
        )


def states_of(
    needs: Sequence[int], bounds: Sequence[tuple[int, int]], atoms: Sequence[tuple[int, ...]], most: int
) -> States | None:
    """The states of a committee with needs[r] from list r and bounds[j] = (least, most) of bounded value j.

    atoms: the different vectors that one member can add. None when there are more than `most` states.
    """
    limits = np.array([*needs, *(high for _, high in bounds)], np.int64)
    strides, width = [], 1
    for limit in limits.tolist():
        strides.append(width)
        width *= 2 * limit + 1  # wide enough for the sum of two vectors, so that no two sums look alike
    if width >= MOST_CODE:
        return None
    steps = np.array(strides, np.int64)
    adding = np.array(atoms, np.int64).reshape(len(atoms), len(limits))
    layers = _reached(limits, steps, adding, sum(needs), most)
    if layers is None:
        return None
    least = np.array([low for low, _ in bounds], np.int64)
    useful = [layers[-1][(layers[-1][:, len(needs) :] >= least).all(axis=1)]]
    for layer in reversed(layers[:-1]):
        before = (useful[-1] @ steps)[:, None] - (adding @ steps)[None, :]
        useful.append(layer[np.isin(layer @ steps, before)])
    useful.reverse()
    starts = np.concatenate(([0], np.cumsum([len(layer) for layer in useful])))
    vectors = np.concatenate(useful)
    return States(vectors, vectors @ steps, tuple(starts.tolist()), tuple(strides))


def _reached(
    limits: Integers, steps: Integers, atoms: Integers, places: int, most: int
) -> list[Integers] | None:
    """By how many are chosen: the vectors that members can add up to, ascending by code."""
    layers, size = [np.zeros((1, len(limits)), np.int64)], 1
    for _ in range(places):
        longer = (layers[-1][:, None, :] + atoms[None, :, :]).reshape(-1, len(limits))
        longer = longer[(longer <= limits).all(axis=1)]
        layers.append(longer[np.unique(longer @ steps, return_index=True)[1]])
        size += len(layers[-1])
        if size > most:
            return None
    return layers
