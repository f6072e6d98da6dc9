"""What the rules may look at in the experts of a roster: one column for each fact, one row for each expert."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
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

_PLACE_BITS = 32
_PLACES = (1 << _PLACE_BITS) - 1
_NOBODY: Whole = np.zeros(0, dtype=np.int64)
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

    at: a day for each, where the fact has one, else empty. It sorts itself by token, so that whoever has one of a few
    values is found without looking at everybody. Rows are of the width that numpy looks up by.
    """

    row: Whole
    token: Small
    at: Whole
    _starts: list[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Token and place in one number: whole numbers are sorted many times faster than pairs.
        places = np.sort((self.token.astype(np.int64) << _PLACE_BITS) | np.arange(self.token.size)) & _PLACES
        object.__setattr__(self, "row", self.row[places])
        object.__setattr__(self, "token", self.token[places])
        object.__setattr__(self, "at", self.at[places] if self.at.size else self.at)
        object.__setattr__(self, "_starts", [0, *np.cumsum(np.bincount(self.token)).tolist()])

    @classmethod
    def of(cls, entries: Sequence[tuple[int, int]], at: Sequence[int] = ()) -> "Links":
        """Out of (row, token), each with its day in `at` if there are days."""
        pairs = np.array(entries, dtype=np.int32).reshape(-1, 2)
        return cls(pairs[:, 0].astype(np.int64), pairs[:, 1].copy(), np.array(at, dtype=np.int64))

    @property
    def tokens(self) -> range:
        """All values that may occur."""
        return range(len(self._starts) - 1)

    def rows(self, tokens: Iterable[int], since: int | None = None) -> Whole:
        """The rows that have one of these values, with the day `since` or a later one if it is given; some perhaps twice."""
        known = self.tokens
        spans = [slice(*self._starts[token : token + 2]) for token in tokens if token in known]
        if since is None:
            found = [self.row[span] for span in spans]
        else:
            found = [self.row[span][self.at[span] >= since] for span in spans]
        return found[0] if len(found) == 1 else np.concatenate((_NOBODY, *found))


@dataclass(frozen=True, slots=True, eq=False)
class Ranks:
    """Rows in the order of one fact: `row[i]` has `value[i]`, ascending. Finds a range without looking at everybody."""

    value: Whole
    row: Whole

    @classmethod
    def of(cls, column: Whole | Small) -> "Ranks":
        """Out of a column with a value for each row."""
        order = np.argsort(column)
        return cls(column[order].astype(np.int64), order)

    def rows(self, least: int, most: int) -> Whole:
        """The rows whose value lies from `least` to `most`, both included."""
        first = int(np.searchsorted(self.value, least, side="left"))
        return self.row[first : int(np.searchsorted(self.value, most, side="right"))]


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
    has asked to be kept from. specialties: tokens of codes of the national classification. The others are made of these:
    employers: who has a mark, be it code or name; titles: who has a title; away: the rows of the suspended; by_…: all rows
    in the order of that fact.
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
    employers: Links = field(init=False, repr=False)
    titles: Links = field(init=False, repr=False)
    away: Whole = field(init=False, repr=False)
    by_birth_year: Ranks = field(init=False, repr=False)
    by_years_in_field: Ranks = field(init=False, repr=False)
    by_valid_until: Ranks = field(init=False, repr=False)
    by_entered: Ranks = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rows, undated = np.arange(self.size), np.zeros(0, dtype=np.int64)
        marks = np.concatenate((self.employer_code, self.employer_name))
        named = marks != NONE
        employers = Links(np.concatenate((rows, rows))[named], marks[named], undated)
        object.__setattr__(self, "employers", employers)
        object.__setattr__(self, "titles", Links(rows, self.title, undated))
        object.__setattr__(self, "away", np.flatnonzero(self.suspended))
        object.__setattr__(self, "by_birth_year", Ranks.of(self.birth_year))
        object.__setattr__(self, "by_years_in_field", Ranks.of(self.years_in_field))
        object.__setattr__(self, "by_valid_until", Ranks.of(self.valid_until))
        object.__setattr__(self, "by_entered", Ranks.of(self.entered))


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
