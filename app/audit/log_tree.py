"""A Merkle log (RFC 9162, 2.1): one root pins every entry so far, and short proofs show that an entry is in it and that a
later log holds an earlier one unchanged (透明日志).

Pure. Hashes are 32 bytes of SHA-256. A log of n entries is told by its frontier: the roots of its full subtrees, largest first.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

EMPTY_ROOT = sha256(b"").digest()
HASH_BYTES = 32

Subtree = Callable[[int, int], bytes]
"""The root over the leaves from..to (to excluded)."""


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The log so far: `size` entries, and the root of each full subtree, one for every bit that is set in `size`."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def extended(self, leaves: Iterable[bytes]) -> "Frontier":
        """With these leaf hashes added: about two hashes each."""
        growing = Growing(self)
        for leaf in leaves:
            growing.add(leaf)
        return growing.frontier

    @property
    def root(self) -> bytes:
        if not self.peaks:
            return EMPTY_ROOT
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = node_hash(peak, node)
        return node

    def to_text(self) -> str:
        """Hex digits of the peaks with spaces between; the size stands elsewhere."""
        return " ".join(peak.hex() for peak in self.peaks)

    @classmethod
    def parse(cls, size: int, text: str) -> Self:
        """Raises ValueError when these are not the peaks of a log of that size."""
        peaks = tuple(bytes.fromhex(word) for word in text.split())
        if len(peaks) != size.bit_count() or any(len(peak) != HASH_BYTES for peak in peaks):
            raise ValueError("not the frontier of a log of that size")
        return cls(size, peaks)


class Growing:
    """A log that is read through leaf by leaf."""

    def __init__(self, start: Frontier) -> None:
        self.size = start.size
        self._peaks = list(start.peaks)

    def add(self, leaf: bytes) -> None:
        node, bits, peaks = leaf, self.size, self._peaks
        while bits & 1:
            node, bits = node_hash(peaks.pop(), node), bits >> 1
        peaks.append(node)
        self.size += 1

    @property
    def frontier(self) -> Frontier:
        return Frontier(self.size, tuple(self._peaks))


def split(size: int) -> int:
    """How many of `size` leaves stand on the left: the largest power of two below."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_proof(index: int, size: int, subtree: Subtree) -> tuple[bytes, ...]:
    """The siblings from the leaf up to the root. ValueError when the log has no such entry."""
    if not 0 <= index < size:
        raise ValueError("there is no such entry")
    start, end = 0, size
    path: list[bytes] = []
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start = middle
    return tuple(reversed(path))


def consistency_proof(first: int, second: int, subtree: Subtree) -> tuple[bytes, ...]:
    """That the log of `second` entries begins with the log of `first`. Empty when either is trivial."""
    if not 0 <= first <= second:
        raise ValueError("an earlier log is not larger")
    if first in {0, second}:
        return ()
    start, end, whole = 0, second, True
    path: list[bytes] = []
    while first != end:
        middle = start + split(end - start)
        if first <= middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start, whole = middle, False
    if not whole:
        path.append(subtree(start, end))
    return tuple(reversed(path))


def root_by_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root of a log of that size in which the leaf stands there by this proof; None when the proof has another shape."""
    if not 0 <= index < size:
        return None
    number, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if number & 1 or number == last:
            node = node_hash(sibling, node)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        number, last = number >> 1, last >> 1
    return node if last == 0 else None


def is_consistent(
    first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the proof shows that the second log begins with the first (RFC 9162, 2.1.4.2)."""
    if first == second:
        return not proof and first_root == second_root
    if first == 0:
        return not proof and first_root == EMPTY_ROOT
    if not 0 < first < second or not proof:
        return False
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    number, last = first - 1, second - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root
