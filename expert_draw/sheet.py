"""Reads a roster sheet: who is in it, and everything that has to be mended before it can be taken in."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from expert_draw.sheet_columns import Cells, Header, find_header
from expert_draw.sheet_problems import Problem, Severity
from expert_draw.sheet_row import RowReader, SheetRow

_STEP = 500
"""Rows between two reports of progress."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet as read: rows without an error, problems by row and column, and where the columns stand."""

    header: Header | None
    rows: tuple[SheetRow, ...]
    problems: tuple[Problem, ...]
    rows_seen: int

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.error)


def parse_sheet(cells: Cells, today: date, progress: Progress | None = None) -> Sheet:
    """Reads `cells`, where cells[0] is spreadsheet row 1; ages and validity count from `today`.

    Every problem of every row is found in one go. `progress` hears (rows read, rows in all).
    """
    header, problems = find_header(cells)
    if header is None or problems:
        return Sheet(header, (), problems, 0)
    body = cells[header.row :]
    readers: list[RowReader] = []
    for done, row in enumerate(body, 1):
        if any(cell.strip() for cell in row):
            readers.append(RowReader(header, header.row + done, row, today))
        if progress is not None and (done % _STEP == 0 or done == len(body)):
            progress(done, len(body))
    if not readers:
        return Sheet(header, (), (Problem(header.row, "A", "", "rows-missing"),), 0)
    _note_repeats(readers)
    return Sheet(
        header,
        tuple(expert for reader in readers if (expert := reader.row) is not None),
        in_order(problem for reader in readers for problem in reader.problems),
        len(readers),
    )


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """By row, then by column from the left."""
    return tuple(sorted(problems, key=lambda problem: (problem.row, len(problem.column), problem.column)))


def _note_repeats(readers: Sequence[RowReader]) -> None:
    """Notes what one row has in common with an earlier one and should not."""
    identities: dict[str, int] = {}
    numbers: dict[str, int] = {}
    phones: dict[str, int] = {}
    units: dict[str, tuple[int, str]] = {}
    for reader in readers:
        identity_twice = bool(reader.identity) and reader.identity in identities
        for seen, key, value, code in (
            (identities, "identity", reader.identity, "identity-twice"),
            (numbers, "number", reader.expert_number, "number-twice"),
            (phones, "phone", reader.phone, "phone-twice"),
        ):
            if not value:
                continue
            first = seen.setdefault(value, reader.number)
            # The same person entered twice naturally has the same phone; once is enough to say so.
            if first != reader.number and not (identity_twice and key == "phone"):
                reader.note(key, code, other=first)
        if reader.employer_code and reader.employer:
            row, name = units.setdefault(reader.employer_code, (reader.number, reader.employer))
            if name != reader.employer:
                reader.note("employer", "employer-two-names", other=row, name=name)
