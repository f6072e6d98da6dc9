"""What the rules may look at in the experts of a roster: one column for each fact, one row for each expert."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Small = NDArray[np.int32]
Mask = NDArray[np.bool_]

NONE = -1
"""The token of a unit that is not named."""
NO_END = 2**62
"""The end of what has none, as a day or as an instant."""
UNKNOWN_DAY = NO_END
"""When somebody left an employer, if nobody knows: such an employer always counts."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1 << 18)
def one_spelling(text: str) -> str:
    """The text as it is compared: full-width as half-width, capitals, and only letters and digits."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).upper() if sign.isalnum())


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit, by its unified social credit code (统一社会信用代码) and its name; either may be empty.

    Both are brought to one spelling: full-width or half-width, blanks, brackets and capitals make no difference.
    """

    code: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "code", one_spelling(self.code))
        object.__setattr__(self, "name", one_spelling(self.name))

    @property
    def marks(self) -> tuple[str, ...]:
        """By what it is recognised: its code, its name, or both."""
        return tuple(mark for mark in (f"={self.code}", f"~{self.name}") if len(mark) > 1)


class Tokens:
    """Gives every text a small whole number of its own, from 0, for good."""

    __slots__ = ("_known", "_texts")

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._texts: list[str] = []

    def __len__(self) -> int:
        return len(self._texts)

    def enter(self, text: str) -> int:
        """The number of a text, a new one if it was never seen."""
        token = self._known.setdefault(text, len(self._texts))
        if token == len(self._texts):
            self._texts.append(text)
        return token

    def find(self, text: str) -> int:
        """The number of a text, NONE if it was never seen."""
        return self._known.get(text, NONE)

    def text(self, token: int) -> str:
        """The text that has this number."""
        return self._texts[token]

    def starting(self, prefix: str) -> frozenset[int]:
        """The numbers of all texts seen so far that begin so."""
        return frozenset(token for token, text in enumerate(self._texts) if text.startswith(prefix))

    def units(self, units: Iterable[Unit]) -> frozenset[int]:
        """The numbers of all marks of these units that were ever seen; the others stand in nobody's row."""
        found = (self.find(mark) for unit in units for mark in unit.marks)
        return frozenset(token for token in found if token != NONE)


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Facts of which an expert may have several: value `token[i]` belongs to the expert in row `row[i]`.

    at: a day for each, where the fact has one, else empty.
    """

    row: Small
    token: Small
    at: Whole

    @classmethod
    def of(cls, entries: Sequence[tuple[int, int]], at: Sequence[int] = ()) -> "Links":
        """Out of (row, token), each with its day in `at` if there are days."""
        pairs = np.array(entries, dtype=np.int32).reshape(-1, 2)
        return cls(pairs[:, 0].copy(), pairs[:, 1].copy(), np.array(at, dtype=np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Times of experts: row `row[i]` from `begins[i]` up to, not including, `ends[i]`; instants in microseconds."""

    row: Whole
    begins: Whole
    ends: Whole

    @classmethod
    def of(cls, entries: Sequence[tuple[int, int, int]] = ()) -> "Spans":
        """Out of (row, begins, ends)."""
        table = np.array(entries, dtype=np.int64).reshape(-1, 3)
        return cls(table[:, 0], table[:, 1], table[:, 2])


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The facts of all experts (专家信息列), without a name or a phone number; every array has `size` rows.

    Days are proleptic ordinals (`date.toordinal`). employer_code and employer_name: tokens of the marks of the employer,
    NONE where not known. birth_year: 0 if not known. valid_until: last day of the entry, NO_END without one. entered: day
    of the first entry. former: tokens of former employers, with the last day there. declared: tokens of units an expert
    has asked to be kept from. specialties: tokens of codes of the national classification.
    """

    size: int
    suspended: Mask
    employer_code: Small
    employer_name: Small
    birth_year: Small
    title: Small
    years_in_field: Small
    valid_until: Whole
    entered: Whole
    former: Links
    declared: Links
    specialties: Links


def instant(moment: datetime) -> int:
    """Microseconds since 1970 in UTC; `moment` must be aware."""
    span = moment - _EPOCH
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


def years_before(day: date, years: int) -> date:
    """The same day so many years earlier; 28 February for 29 February where there is none."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)
