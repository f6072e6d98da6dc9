"""Proofs out of the log's rows: that an act is in it, and that a later checkpoint holds an earlier one unchanged."""

import threading

from sqlmodel import Session

from app.audit import log_rows
from app.audit.log_tree import Frontier, Subtree, consistency_proof, inclusion_proof, node_hash, split

_BLOCK = 256
_BLOCKS = 128


class Proofs:
    """Keeps the roots of full subtrees, which never change: the first proof reads the whole log, every further one little."""

    def __init__(self) -> None:
        self._full: dict[tuple[int, int], bytes] = {}
        self._blocks: dict[int, tuple[bytes, ...]] = {}
        self._guard = threading.Lock()

    def inclusion(self, session: Session, position: int, size: int) -> tuple[bytes, ...]:
        """ValueError when there is no such act in a log of that size."""
        return inclusion_proof(position, size, self._subtree(session))

    def consistency(self, session: Session, first: int, second: int) -> tuple[bytes, ...]:
        """ValueError when the first is larger."""
        return consistency_proof(first, second, self._subtree(session))

    def _subtree(self, session: Session) -> Subtree:
        def root(start: int, end: int) -> bytes:
            count = end - start
            if count <= _BLOCK:
                return Frontier().extended(self._leaves(session, start, end)).root
            full = count & (count - 1) == 0
            if full and (start, end) in self._full:
                return self._full[start, end]
            middle = start + split(count)
            node = node_hash(root(start, middle), root(middle, end))
            if full:
                self._full[start, end] = node
            return node

        return root

    def _leaves(self, session: Session, start: int, end: int) -> tuple[bytes, ...]:
        """Leaves within one block, which is kept once it is full."""
        first = start - start % _BLOCK
        found = self._blocks.get(first) or log_rows.leaves_between(session, first, first + _BLOCK)
        if len(found) == _BLOCK:
            with self._guard:  # requests ask beside each other, and the oldest goes once
                if first not in self._blocks and len(self._blocks) >= _BLOCKS:
                    self._blocks.pop(next(iter(self._blocks)))
                self._blocks[first] = found
        return found[start - first : end - first]
