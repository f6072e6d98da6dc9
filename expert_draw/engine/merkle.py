"""Keyed hash trees: one root pins many leaves, a short path proves one of them and shows nothing of the others."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

Hash = Callable[[bytes], bytes]
Leaf = tuple[bytes, bytes]  # key, hash

EMPTY = bytes(32)
_INNER = b"\x01"
_IN_BUCKET = (
    8  # leaves that are hashed together; a change costs about this many hashes and one per level above
)


class Tree:
    """A tree that follows changes (散列树). Each change and each question costs O(log N) hashes, never the whole tree.

    hash_: 32 bytes out. Keys are 16 or 32 bytes, all of one length; ValueError for another length.
    Leaves lie in buckets by the first `_depth` bits of their key. Above them stands a heap of hashes and counts: node 1 is
    the root, node i has the children 2i and 2i + 1. Hashes of changed buckets are renewed when somebody asks.
    """

    __slots__ = ("_bits", "_buckets", "_counts", "_depth", "_dirty", "_hash", "_leaves", "_nodes")

    def __init__(self, hash_: Hash, leaves: Iterable[Leaf] = ()) -> None:
        self._hash = hash_
        found = list(leaves)
        self._leaves = {int.from_bytes(key, "big"): leaf for key, leaf in found}
        self._bits = _bits_of(found)
        if len(self._leaves) != len(found):
            raise ValueError("two leaves have the same key")
        self._grow()

    def __len__(self) -> int:
        return len(self._leaves)

    def put(self, key: bytes, leaf: bytes) -> None:
        """Adds the leaf, or replaces the one with this key."""
        self._bits = self._bits or 8 * len(key)
        place = self._place(key)
        new = place not in self._leaves
        self._leaves[place] = leaf
        at = self._bucket(place)
        self._dirty.add(at)
        if new:
            self._buckets[at].insert(bisect_left(self._buckets[at], place), place)
            if len(self._leaves) > 4 * _IN_BUCKET << self._depth:
                self._grow()

    def drop(self, key: bytes) -> None:
        """Takes the leaf with this key away; KeyError if there is none."""
        place = self._place(key)
        del self._leaves[place]
        at = self._bucket(place)
        self._buckets[at].remove(place)
        self._dirty.add(at)

    def root(self) -> bytes:
        """The hash that pins all leaves; 32 zero bytes when there are none."""
        self._renew()
        return self._nodes[1]

    def path(self, key: bytes) -> tuple[bytes, ...]:
        """The siblings on the way from this leaf up to the root, as `climb` takes them; KeyError without the leaf."""
        place = self._place(key)
        if place not in self._leaves:
            raise KeyError(key)
        self._renew()
        at = self._bucket(place)
        siblings = self._path_in(self._buckets[at], place)
        node = (1 << self._depth) + at
        while node > 1:
            # Where the leaf is alone below the parent, the parent is the leaf itself: there is no step.
            if self._counts[node >> 1] > 1:
                siblings.append(self._nodes[node ^ 1])
            node >>= 1
        return tuple(siblings)

    def _place(self, key: bytes) -> int:
        if 8 * len(key) != self._bits:
            raise ValueError("all keys of a tree are of one length")
        return int.from_bytes(key, "big")

    def _bucket(self, place: int) -> int:
        return place >> (self._bits - self._depth) if self._depth else 0

    def _grow(self) -> None:
        """Chooses as many buckets as fit the number of leaves, all to be hashed when asked for."""
        self._depth = max(0, (len(self._leaves) // _IN_BUCKET).bit_length() - 1)
        self._buckets: list[list[int]] = [[] for _ in range(1 << self._depth)]
        for place in sorted(self._leaves):
            self._buckets[self._bucket(place)].append(place)
        self._nodes = [EMPTY] * (2 << self._depth)
        self._counts = [0] * (2 << self._depth)
        self._dirty = set(range(1 << self._depth))

    def _renew(self) -> None:
        base, leaves = 1 << self._depth, self._leaves
        for at in self._dirty:
            members = self._buckets[at]
            self._counts[base + at] = len(members)
            self._nodes[base + at] = _node(
                self._hash, [(place, leaves[place]) for place in members], self._bits, self._depth
            )
        above = {(base + at) >> 1 for at in self._dirty} - {0}
        self._dirty = set()
        while above:
            for node in above:
                left, right = 2 * node, 2 * node + 1
                self._counts[node] = self._counts[left] + self._counts[right]
                self._nodes[node] = self._joined(self._nodes[left], self._nodes[right], self._counts[node])
            above = {node >> 1 for node in above} - {0}

    def _joined(self, left: bytes, right: bytes, count: int) -> bytes:
        if count > 1:
            return self._hash(_INNER + left + right)
        return right if left == EMPTY else left

    def _path_in(self, bucket: Sequence[int], place: int) -> list[bytes]:
        """The siblings inside a bucket, from the leaf up to the bucket."""
        siblings: list[bytes] = []
        depth = self._depth
        while len(bucket) > 1:
            shift = self._bits - 1 - depth
            beside = [other for other in bucket if (other ^ place) >> shift]
            bucket = [other for other in bucket if not (other ^ place) >> shift]
            depth += 1
            siblings.append(
                _node(self._hash, [(other, self._leaves[other]) for other in beside], self._bits, depth)
            )
        return siblings[::-1]


def root_of(hash_: Hash, leaves: Iterable[Leaf]) -> bytes:
    """The root of these leaves, computed once and nothing kept; ValueError when two have the same key."""
    found = list(leaves)
    bits = _bits_of(found)
    return _node(hash_, sorted((int.from_bytes(key, "big"), leaf) for key, leaf in found), bits, 0)


def climb(hash_: Hash, key: bytes, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """The root that a leaf has if these are its siblings; ValueError for a path longer than its key."""
    if len(path) > 8 * len(key):
        raise ValueError("a path is no longer than its key")
    place = int.from_bytes(key, "big") >> (8 * len(key) - len(path))
    for sibling in path:
        leaf = hash_(_INNER + sibling + leaf if place & 1 else _INNER + leaf + sibling)
        place >>= 1
    return leaf


def _bits_of(leaves: Sequence[Leaf]) -> int:
    lengths = {len(key) for key, _ in leaves}
    if len(lengths) > 1:
        raise ValueError("all keys of a tree are of one length")
    return 8 * lengths.pop() if lengths else 0


def _node(hash_: Hash, leaves: Sequence[tuple[int, bytes]], bits: int, depth: int) -> bytes:
    """The node at `depth` over leaves in ascending order that share their first `depth` bits.

    Goes through the leaves once. `waiting` holds finished left halves and the depth they stand at, until the right half
    beside them is finished, too.
    """
    if not leaves:
        return EMPTY
    waiting: list[tuple[int, bytes]] = []
    before, last = depth - 1, len(leaves) - 1
    for number, (key, leaf) in enumerate(leaves):
        after = depth - 1 if number == last else bits - (key ^ leaves[number + 1][0]).bit_length()
        if after == bits:
            raise ValueError("two leaves have the same key")
        node, at = leaf, max(before, after)
        while at > after:
            if waiting and waiting[-1][0] == at:
                node = hash_(_INNER + waiting.pop()[1] + node)
            elif key >> (bits - 1 - at) & 1:
                node = hash_(_INNER + EMPTY + node)
            else:
                node = hash_(_INNER + node + EMPTY)
            at -= 1
        waiting.append((at, node))
        before = after
    return waiting[0][1]
