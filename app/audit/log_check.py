"""Reads the log act by act and says what is not as it was signed: recomputes leaves, chains and roots from the acts themselves."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from app.audit.chain import GENESIS
from app.audit.log_tree import Frontier, Growing, leaf_hash, root_by_inclusion
from app.core.i18n import N_

MOST_FAULTS = 20
_FIELDS = frozenset({"actor", "at", "case", "data", "n", "prev", "subject", "tag"})


@dataclass(frozen=True, slots=True)
class Fault:
    """What does not hold. reason: a text of the catalogue. position: the place in the log, where there is one, and whose act.

    first, size: between which sizes of the log the fault lies, where only that is known. detail: of what else it is said.
    """

    kind: str
    reason: str
    position: int | None = None
    case: str = ""
    n: int = 0
    first: int = 0
    size: int = 0
    detail: str = ""


@dataclass(slots=True)
class _Faults:
    """The first ones, and how many there are."""

    count: int = 0
    kept: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        self.count += 1
        if len(self.kept) < MOST_FAULTS:
            self.kept.append(fault)


@dataclass(frozen=True, slots=True)
class _Act:
    case: str
    n: int
    prev: str


class LogCheck:
    """Goes through a log from its first act, or from a place for which somebody vouches.

    roots: what is known of the log, by size. Where roots differ, the range since the last one that agrees is named, with its
    first act.
    """

    def __init__(self, roots: Mapping[int, bytes], start: Frontier | None = None) -> None:
        self._log = Growing(start or Frontier())
        self._roots = roots
        self._whole = self._log.size == 0
        self._heads: dict[str, tuple[int, str]] = {}
        self._good = self._log.size
        self._since: _Act | None = None
        self._faults = _Faults()
        self._compare()

    @property
    def faults(self) -> tuple[Fault, ...]:
        return tuple(self._faults.kept)

    @property
    def count(self) -> int:
        """How many faults there are; only the first are kept."""
        return self._faults.count

    @property
    def frontier(self) -> Frontier:
        return self._log.frontier

    def see(self, entry: bytes | None, stored: bytes | None) -> None:
        """The next act as canonical JSON, None where it is gone; and its leaf as it was stored, where that is known."""
        position = self._log.size
        act = None if entry is None else _read(entry)
        leaf = stored if entry is None else leaf_hash(entry)
        if entry is None:
            self._faults.add(Fault("missing", N_("缺少这一条"), position))
        elif act is None:
            self._faults.add(Fault("malformed", N_("不是一条留痕"), position))
        else:
            self._since = self._since or act
            if stored is not None and stored != leaf:
                self._faults.add(Fault("changed", N_("内容被改动"), position, act.case, act.n))
            self._follow(position, act, entry)
        # Where a leaf was stored, the log goes on with it: the fault is named, and what comes after is not blamed for it.
        self._log.add(stored or leaf or b"")
        self._compare()

    def end(self) -> None:
        """Nothing more comes: whatever was signed beyond this is missing."""
        for size in sorted(self._roots):
            if size > self._log.size:
                self._faults.add(
                    Fault("cut", N_("末尾的记录被截去"), self._log.size, first=self._log.size, size=size)
                )

    def _follow(self, position: int, act: _Act, entry: bytes) -> None:
        known = self._heads.get(act.case)
        head = (0, GENESIS) if known is None else known
        self._heads[act.case] = (act.n, sha256(entry).hexdigest())
        if known is None and not self._whole:
            return
        if act.n > head[0] + 1:
            self._faults.add(Fault("missing", N_("缺少这一条"), position, act.case, head[0] + 1))
        elif act.n <= head[0]:
            self._faults.add(Fault("moved", N_("次序被改动"), position, act.case, act.n))
        elif act.prev != head[1]:
            self._faults.add(Fault("chain", N_("与前一条不衔接"), position, act.case, act.n))

    def _compare(self) -> None:
        size = self._log.size
        root = self._roots.get(size)
        if root is None:
            return
        if root == self._log.frontier.root:
            self._good, self._since = size, None
            return
        first = self._since
        self._faults.add(
            Fault(
                "root",
                N_("与当时签署的检查点不符"),
                self._good,
                first.case if first else "",
                first.n if first else 0,
                self._good,
                size,
            )
        )


class PartCheck:
    """Goes through chosen acts of a log, each with its proof against one root."""

    def __init__(self, size: int, root: bytes) -> None:
        self._size, self._root = size, root
        self._last = -1
        self._heads: dict[str, tuple[int, str]] = {}
        self._faults = _Faults()

    @property
    def faults(self) -> tuple[Fault, ...]:
        return tuple(self._faults.kept)

    @property
    def count(self) -> int:
        return self._faults.count

    def see(self, entry: bytes, position: int, proof: Sequence[bytes]) -> None:
        """One act as canonical JSON, its place in the log and the way up to the root."""
        act = _read(entry)
        if act is None:
            self._faults.add(Fault("malformed", N_("不是一条留痕"), position))
            return
        if root_by_inclusion(leaf_hash(entry), position, self._size, proof) != self._root:
            self._faults.add(Fault("changed", N_("内容被改动"), position, act.case, act.n))
        elif position <= self._last:
            self._faults.add(Fault("moved", N_("次序被改动"), position, act.case, act.n))
        else:
            n, head = self._heads.get(act.case, (0, GENESIS))
            if act.n == n + 1 and act.prev != head:
                self._faults.add(Fault("chain", N_("与前一条不衔接"), position, act.case, act.n))
        self._last = max(position, self._last)
        self._heads[act.case] = (act.n, sha256(entry).hexdigest())


def _read(entry: bytes) -> _Act | None:
    try:
        told = json.loads(entry)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.keys() != _FIELDS:
        return None
    case, n, prev = told["case"], told["n"], told["prev"]
    if not isinstance(case, str) or not isinstance(prev, str) or type(n) is not int:
        return None
    return _Act(case, n, prev)
