"""What is written down for others: the same bytes for the same draw, and tables in which nothing runs."""

import csv
import io
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.canonical import canonical_json
from app.core.cells import as_text
from app.exchange import formats

AT = datetime(2026, 11, 23, 9, 0, tzinfo=timezone(timedelta(hours=8)))
DANGEROUS = "=+-@\t\r\n"


def test_the_document_about_a_draw_is_written_one_way_only() -> None:
    document = formats.filing(
        number="CQ-2026-000001",
        state="closed",
        center_id="center",
        center_code="C5306",
        lines=9,
        first="ab",
        head="cd",
        committed_at=AT,
        closed_at=AT + timedelta(hours=2, microseconds=5),
    )
    assert canonical_json(document) == (
        b'{"data":{"center":{"code":"C5306","id":"center"},"closed_at":"2026-11-23T03:00:00.000005Z",'
        b'"committed_at":"2026-11-23T01:00:00.000000Z","draw":"CQ-2026-000001","first":"ab","head":"cd","lines":9,'
        b'"state":"closed"},"format":"yuanping-filing/1","timestamp":"2026-11-23T03:00:00.000005Z",'
        b'"type":"draw.closed"}'
    )


def test_a_table_is_what_spreadsheets_read() -> None:
    assert formats.table(("seat_no", "at", "note"), [(1, AT.astimezone(UTC), None), (-2, AT, "a,b")]) == (
        b"\xef\xbb\xbfseat_no,at,note\r\n"
        b"1,2026-11-23T01:00:00.000000Z,\r\n"
        b'-2,2026-11-23T01:00:00.000000Z,"a,b"\r\n'
    )


@pytest.mark.parametrize("beginning", DANGEROUS)
def test_no_cell_is_taken_for_a_formula(beginning: str) -> None:
    ((cell,),) = _read(formats.table(("x",), [(f"{beginning}1+1",)]))
    assert cell == f"'{beginning}1+1"


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2)))
def test_any_text_comes_back_from_a_table(rows: list[list[str]]) -> None:
    assert _read(formats.table(("a", "b"), rows)) == [[as_text(text) for text in row] for row in rows]


def _read(table: bytes) -> list[list[str]]:
    _, *rows = csv.reader(io.StringIO(table.decode("utf-8-sig"), newline=""))
    return rows
