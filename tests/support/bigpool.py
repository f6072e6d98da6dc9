"""Pools of up to a million pretend experts, as columns: 600 specialties, employers with heavy tails, 16 cities."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from expert_draw.engine.ballot import Ballot, Bounded, Cap, Integers, Role

SPECIALTIES = 600
CITIES = 16
NEEDS = (3, 2, 2)


@dataclass(frozen=True, slots=True, eq=False)
class BigPool:
    """A roster in columns; the place of an expert is its index.

    employer, city: int64 (experts,). specialties: int64 (experts, 4), -1 where an expert has fewer than four.
    """

    employer: Integers
    city: Integers
    specialties: Integers

    def with_any(self, specialties: npt.ArrayLike) -> Integers:
        """Ascending indices of the experts who have one of these specialties."""
        return np.flatnonzero(np.isin(self.specialties, specialties).any(axis=1))


def big_pool(size: int, seed: int = 1) -> BigPool:
    """A roster of `size` experts, always the same for the same seed.

    Specialties follow Zipf's law, 1 to 4 for each expert; there are size // 8 employers, the largest with about one in
    a hundred experts; the largest of the 16 cities has about a quarter of all.
    """
    dice = np.random.default_rng(seed)
    many = dice.choice([1, 2, 3, 4], size, p=[0.4, 0.3, 0.2, 0.1])
    specialties = _zipf(dice, SPECIALTIES, (size, 4), 1.0)
    specialties[np.arange(4)[None, :] >= many[:, None]] = -1
    return BigPool(_zipf(dice, max(size // 8, 1), size, 0.8), _zipf(dice, CITIES, size, 0.9), specialties)


def overlapping(pool: BigPool) -> Ballot:
    """3 + 2 + 2 experts from three lists that overlap, one of an employer, two cities bounded; some 6 % are listed."""
    lists = (pool.with_any([30, 31, 32]), pool.with_any([32, 40]), pool.with_any([31, 50]))
    return _ballot(pool, lists, ((0, 1, 4), (3, 0, 2)))


def all_overlapping(pool: BigPool) -> Ballot:
    """The same with everyone on a list: specialties split in three, so that whoever has several is on several lists."""
    lists = tuple(pool.with_any(np.arange(third, SPECIALTIES, 3)) for third in range(3))
    return _ballot(pool, lists, ((0, 1, 4), (3, 0, 2)))


def like_for_like(pool: BigPool) -> Ballot:
    """What programs for citizens' assemblies can do too: everyone on one of three lists, four cities, all bounded."""
    lists = tuple(np.flatnonzero(pool.specialties[:, 0] % 3 == third) for third in range(3))
    four = BigPool(pool.employer, pool.city % 4, pool.specialties)
    return _ballot(four, lists, ((0, 1, 4), (1, 1, 3), (2, 0, 3), (3, 0, 3)))


def _ballot(pool: BigPool, lists: tuple[Integers, ...], bounds: tuple[tuple[int, int, int], ...]) -> Ballot:
    return Ballot(
        size=len(pool.city),
        roles=tuple(
            Role(members, ((str(at + 1), need),))
            for at, (members, need) in enumerate(zip(lists, NEEDS, strict=True))
        ),
        caps=(Cap(1, pool.employer),),
        bounds=tuple(Bounded(pool.city == city, least, most) for city, least, most in bounds),
    )


def _zipf(dice: np.random.Generator, values: int, shape: int | tuple[int, int], exponent: float) -> Integers:
    """Numbers from 0, the kth as likely as 1 / (k + 10) to the power of `exponent`."""
    heights = np.cumsum(1 / (np.arange(values) + 10.0) ** exponent)
    numbers: Integers = np.searchsorted(heights, dice.random(shape) * heights[-1], side="right").astype(
        np.int64
    )
    return numbers
