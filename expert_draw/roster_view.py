"""The roster as it stood after one change, in columns: never altered, a later one is made out of it."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from expert_draw.engine.columns import NONE, Columns, Links, Mask, Small, Tokens
from expert_draw.roster_rows import ExpertRow, leaf_hash, leaf_salt

Leaves = NDArray[np.uint8]
LEAF_BYTES = 32
_MARK_OF_A_CODE = "="


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The numbers that texts have in the columns: units by their marks, titles, specialties. Shared by all views."""

    units: Tokens = field(default_factory=Tokens)
    titles: Tokens = field(default_factory=Tokens)
    specialties: Tokens = field(default_factory=Tokens)


@dataclass(frozen=True, slots=True, eq=False)
class RosterView:
    """All experts after change `n` of the roster (专家库快照); row i of every column is the expert `ids[i]`.

    mark: of that change; empty before the first. size: how many experts there are; who left keeps a row, but is in no
    list. root: of the tree with a leaf for each, in hex. recorded: whether the change was entered with this very root. own_code:
    tokens of employers' codes as they were entered. region: codes as whole numbers of six digits. leaves: (rows, 32)
    hashes, zeros for who left.
    """

    n: int
    mark: str
    root: str
    size: int
    recorded: bool
    ids: Sequence[str]
    texts: Sequence[str]
    columns: Columns
    own_code: Small
    region: Small
    leaves: Leaves
    words: Words
    _row: dict[str, int]
    _key: bytes
    _path: Callable[["RosterView", bytes], tuple[bytes, ...]]

    def row(self, expert_id: str) -> int | None:
        """The row of an expert, None for whom the roster does not have or no longer has."""
        row = self._row.get(expert_id)
        return row if row is not None and self.texts[row] else None

    def rows(self, expert_ids: Iterable[str]) -> frozenset[int]:
        """The rows of those among these experts whom the roster has."""
        found = (self.row(expert_id) for expert_id in expert_ids)
        return frozenset(row for row in found if row is not None)

    def text(self, expert_id: str) -> str:
        """The expert's row in the tree; KeyError for a stranger."""
        return self.texts[self._present(expert_id)]

    def salt(self, expert_id: str) -> bytes:
        """The salt of the expert's leaf; KeyError for a stranger."""
        self._present(expert_id)
        return leaf_salt(self._key, expert_id)

    def leaf(self, expert_id: str) -> bytes:
        """The hash of the expert's leaf; KeyError for a stranger."""
        return bytes(self.leaves[self._present(expert_id)])

    def proof(self, expert_id: str) -> tuple[bytes, ...]:
        """The path from the expert's leaf up to `root`; KeyError for a stranger."""
        return self._path(self, self.leaf(expert_id))

    def holding(self, specialty: str) -> Mask:
        """Who has a specialty whose code begins so."""
        mask = np.zeros(self.columns.size, dtype=np.bool_)
        mask[self.columns.specialties.rows(self.words.specialties.starting(specialty))] = True
        return mask

    def living(self, region: str) -> Mask:
        """Who lives in a region whose code begins so."""
        if not region:
            return np.ones(self.columns.size, dtype=np.bool_)
        width = 10 ** (6 - len(region))
        first = int(region) * width
        mask: Mask = self.region == first
        if width > 1:
            mask = (self.region >= first) & (self.region < first + width)
        return mask

    def employer(self, row: int) -> str:
        """What counts as one and the same employer: the code, or the name where no code is known."""
        code = int(self.columns.employer_code[row])
        if code != NONE:
            return self.words.units.text(code).removeprefix(_MARK_OF_A_CODE)
        name = int(self.columns.employer_name[row])
        return self.words.units.text(name) if name != NONE else ""

    def _present(self, expert_id: str) -> int:
        row = self.row(expert_id)
        if row is None:
            raise KeyError(expert_id)
        return row


@dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """The columns of a view with some experts entered, changed or gone, before its root is known."""

    ids: Sequence[str]
    texts: Sequence[str]
    columns: Columns
    own_code: Small
    region: Small
    leaves: Leaves
    row: dict[str, int]

    @property
    def size(self) -> int:
        return len(self.texts) - self.texts.count("")


def nobody() -> Grown:
    """A roster without experts."""
    none = Links.of(())
    small, whole = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64)
    columns = Columns(
        size=0,
        suspended=np.zeros(0, dtype=np.bool_),
        employer_code=small,
        employer_name=small,
        birth_year=small,
        title=small,
        years_in_field=small,
        valid_until=whole,
        entered=whole,
        former=Links.of((), ()),
        declared=none,
        specialties=none,
    )
    return Grown([], [], columns, small, small, np.zeros((0, LEAF_BYTES), dtype=np.uint8), {})


def grown(
    base: "RosterView | Grown", words: Words, key: bytes, entered: Iterable[ExpertRow], gone: Collection[str]
) -> Grown:
    """The columns after these experts were entered or changed and those have gone; `base` stays as it is."""
    known = base._row if isinstance(base, RosterView) else base.row  # noqa: SLF001 -- one thing in two states
    changes = _Changes(words, key, dict(known), list(base.ids), list(base.texts))
    for expert in entered:
        changes.enter(expert)
    for expert_id in gone:
        changes.leave(expert_id)
    return changes.over(base)


class _Changes:
    """Collects what becomes of single rows, then lays it over the columns as they were, all at once."""

    def __init__(
        self, words: Words, key: bytes, row: dict[str, int], ids: list[str], texts: list[str]
    ) -> None:
        self._words = words
        self._key = key
        self._row, self._ids, self._texts = row, ids, texts
        self._plain: list[tuple[int, ...]] = []
        self._leaves: list[bytes] = []
        self._former: list[tuple[int, int]] = []
        self._left: list[int] = []
        self._declared: list[tuple[int, int]] = []
        self._specialties: list[tuple[int, int]] = []
        self._gone: list[int] = []

    def enter(self, expert: ExpertRow) -> None:
        row = self._row.setdefault(expert.id, len(self._ids))
        if row == len(self._ids):
            self._ids.append(expert.id)
            self._texts.append("")
        self._texts[row] = expert.text
        self._leaves.append(leaf_hash(leaf_salt(self._key, expert.id), expert.text))
        units, words = self._words.units, self._words
        code, name = expert.employer.code, expert.employer.name
        self._plain.append(
            (
                row,
                not expert.active,
                units.enter(f"={code}") if code else NONE,
                units.enter(f"~{name}") if name else NONE,
                expert.birth_year,
                words.titles.enter(expert.title),
                expert.years_in_field,
                expert.valid_until,
                expert.entered,
                expert.region,
            )
        )
        for unit, left in expert.former:
            for mark in unit.marks:
                self._former.append((row, units.enter(mark)))
                self._left.append(left)
        for unit in expert.declared:
            self._declared.extend((row, units.enter(mark)) for mark in unit.marks)
        self._specialties.extend((row, words.specialties.enter(code)) for code in expert.specialties)

    def leave(self, expert_id: str) -> None:
        row = self._row.get(expert_id)
        if row is not None:
            self._texts[row] = ""
            self._gone.append(row)

    def over(self, base: "RosterView | Grown") -> Grown:
        before = base.columns
        table = np.array(self._plain, dtype=np.int64).reshape(-1, 10)
        rows, gone = table[:, 0], np.array(self._gone, dtype=np.int64)
        size = len(self._ids)
        touched = np.zeros(size, dtype=np.bool_)
        touched[rows] = touched[gone] = True

        def laid(column: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
            new = np.zeros((size, *column.shape[1:]), dtype=column.dtype)
            new[: len(column)] = column
            new[rows] = values
            return new

        suspended = laid(before.suspended, table[:, 1])
        suspended[gone] = True
        hashes = np.frombuffer(b"".join(self._leaves), dtype=np.uint8).reshape(-1, LEAF_BYTES)
        leaves = laid(base.leaves, hashes)
        leaves[gone] = 0
        own_code = laid(base.own_code, table[:, 2])
        name = laid(before.employer_name, table[:, 3])
        columns = Columns(
            size=size,
            suspended=suspended,
            employer_code=_codes_by_name(own_code, name),
            employer_name=name,
            birth_year=laid(before.birth_year, table[:, 4]),
            title=laid(before.title, table[:, 5]),
            years_in_field=laid(before.years_in_field, table[:, 6]),
            valid_until=laid(before.valid_until, table[:, 7]),
            entered=laid(before.entered, table[:, 8]),
            former=_relinked(before.former, touched, self._former, self._left),
            declared=_relinked(before.declared, touched, self._declared),
            specialties=_relinked(before.specialties, touched, self._specialties),
        )
        region = laid(base.region, table[:, 9])
        return Grown(self._ids, self._texts, columns, own_code, region, leaves, self._row)


def _relinked(
    links: Links, touched: Mask, entries: Sequence[tuple[int, int]], at: Sequence[int] = ()
) -> Links:
    stays = ~touched[links.row]
    new = Links.of(entries, at)
    return Links(
        np.concatenate((links.row[stays], new.row)),
        np.concatenate((links.token[stays], new.token)),
        np.concatenate((links.at[stays] if links.at.size else links.at, new.at)),
    )


def _codes_by_name(code: Small, name: Small) -> Small:
    """The codes, and for who has none that of the same name elsewhere in the roster, if all there agree on one."""
    coded = (code != NONE) & (name != NONE)
    of_name = np.full(int(name.max(initial=NONE)) + 2, NONE, dtype=np.int32)
    of_name[name[coded]] = code[coded]
    at_odds = name[coded & (of_name[name] != code)]
    of_name[at_odds] = NONE
    of_name[NONE] = NONE
    return np.where(code == NONE, of_name[name], code).astype(np.int32)
