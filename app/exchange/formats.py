"""How things are written down for others: the document about a draw that has ended, and tables as files."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from app.core.canonical import Canonical
from app.core.cells import as_text

FORMAT = "yuanping-filing/1"
Cell = str | int | datetime | None


def filing(
    *,
    number: str,
    state: str,
    center_id: str,
    center_code: str,
    lines: int,
    first: str,
    head: str,
    committed_at: datetime,
    closed_at: datetime,
) -> Mapping[str, Canonical]:
    """The document (抽取备案) about one draw. state: `closed` or `void`; first, head: hashes of the record's first and last line."""
    return {
        "format": FORMAT,
        "type": f"draw.{state}",
        "timestamp": _written(closed_at),
        "data": {
            "center": {"code": center_code, "id": center_id},
            "closed_at": _written(closed_at),
            "committed_at": _written(committed_at),
            "draw": number,
            "first": first,
            "head": head,
            "lines": lines,
            "state": state,
        },
    }


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A CSV file (RFC 4180) in UTF-8 with the mark by which spreadsheets know it; no cell is taken for a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _cell(cell: Cell) -> str:
    if isinstance(cell, datetime):
        return _written(cell)
    if isinstance(cell, str):
        return as_text(cell)
    return "" if cell is None else str(cell)


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
