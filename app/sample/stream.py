"""Numbers for sample data that are the same on every machine and in every year: SHA-256 of a name and a counter."""

import hashlib
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeVar

Item = TypeVar("Item")

_SPAN = 1 << 64


class Stream:
    """A sequence of unbiased integers that depends on nothing but its name."""

    def __init__(self, name: str) -> None:
        self._name = name.encode()
        self._count = 0

    def below(self, limit: int) -> int:
        """An integer from 0 up to, but not including, `limit` (1 to 2**64)."""
        largest = _SPAN - _SPAN % limit
        while True:
            block = hashlib.sha256(self._name + b"/%d" % self._count).digest()
            self._count += 1
            value = int.from_bytes(block[:8], "big")
            if value < largest:
                return value % limit

    def chance(self, percent: int) -> bool:
        return self.below(100) < percent

    def pick(self, items: Sequence[Item]) -> Item:
        return items[self.below(len(items))]

    def weighted(self, items: Sequence[Item], weights: Sequence[int]) -> Item:
        """One of `items`, each as likely as its weight says."""
        at = self.below(sum(weights))
        return next(item for item, upto in zip(items, accumulate(weights), strict=True) if at < upto)

    def shuffled(self, items: Sequence[Item]) -> tuple[Item, ...]:
        rest = list(items)
        for last in range(len(rest) - 1, 0, -1):
            other = self.below(last + 1)
            rest[last], rest[other] = rest[other], rest[last]
        return tuple(rest)
