"""Spreadsheet files give up their cells as people see them, or say why not."""

import io
import zipfile
from datetime import date, datetime, time
from pathlib import Path

import pytest
from openpyxl import Workbook

from app.core.errors import InvalidInput
from expert_draw import spreadsheet
from expert_draw.spreadsheet import read_cells, read_sheet


def workbook(*rows: tuple[object, ...], empty_first: bool = False) -> bytes:
    book = Workbook()
    page = book.worksheets[0]
    if empty_first:
        page = book.create_sheet("名单")
    for row in rows:
        page.append(list(row))
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def test_cells_of_a_workbook_are_text_as_people_see_it() -> None:
    row = (
        "张三",
        12,
        12.5,
        True,
        date(1980, 5, 31),
        datetime.fromisoformat("2026-01-02 03:04"),
        None,
        999001197503120016,
    )
    assert read_cells(workbook(row), "a.xlsx") == (
        ("张三", "12", "12.5", "TRUE", "1980-05-31", "2026-01-02 03:04:00", "", "9.99001E+17"),
    )


def test_a_duration_or_a_time_is_text_too() -> None:
    ((cell,),) = read_cells(workbook((time(8, 30),)), "a.xlsx")
    assert cell == "08:30:00"


def test_rows_keep_their_numbers_when_the_first_ones_are_empty() -> None:
    book = Workbook()
    book.worksheets[0]["B3"] = "姓名"
    target = io.BytesIO()
    book.save(target)
    cells = read_cells(target.getvalue(), "a.xlsx")
    assert cells[2][1] == "姓名"
    assert len(cells) == 3


def test_the_first_sheet_that_has_cells_is_read() -> None:
    assert read_cells(workbook(("a", "b"), empty_first=True), "a.xlsx") == (("a", "b"),)
    assert read_cells(workbook(), "a.xlsx") == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_text_is_read_in_the_usual_encodings_and_with_the_usual_separators(
    encoding: str, separator: str
) -> None:
    text = separator.join(["姓名", "职称"]) + "\r\n" + separator.join(['"张三，四"', "高工"]) + "\r\n"
    assert read_cells(text.encode(encoding), "a.csv") == (("姓名", "职称"), ("张三，四", "高工"))


@pytest.mark.parametrize(
    "data",
    [b"PK\x03\x04 broken", b"\xd0\xcf\x11\xe0 broken", b"\xff\xff\x00", b"a\x00b", b"a," + b"x" * 200_000],
)
def test_what_is_no_spreadsheet_is_refused_with_what_to_do(data: bytes) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_cells(data, "名单.xlsx")
    assert refusal.value.code == "sheet-unreadable"
    assert refusal.value.params == {"name": "名单.xlsx"}
    assert refusal.value.remedy


def test_a_file_that_is_too_large_or_unpacks_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 5000)
    monkeypatch.setattr(spreadsheet, "_UNPACKED", 4999)
    with pytest.raises(InvalidInput, match="sheet-too-large"):
        read_cells(target.getvalue(), "a.xlsx")
    monkeypatch.setattr(spreadsheet, "_LARGEST", 10)
    with pytest.raises(InvalidInput, match="sheet-too-large"):
        read_cells(b"x" * 11, "a.csv")


def repacked(data: bytes, part: str, old: bytes, new: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as given, zipfile.ZipFile(target, "w") as archive:
        for name in given.namelist():
            text = given.read(name)
            archive.writestr(name, text.replace(old, new) if name == part else text)
    return target.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize("place", [b"XFD1048576", b"A60001", b"gs2"])
def test_a_small_file_with_a_far_away_cell_is_refused_before_it_is_opened(
    place: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = repacked(workbook(("a", "b")), SHEET, b'r="B1"', b'r="' + place + b'"')
    monkeypatch.setattr(spreadsheet, "CalamineWorkbook", None)
    with pytest.raises(InvalidInput, match="sheet-too-large"):
        read_cells(data, "a.xlsx")


def test_a_far_away_row_counts_for_cells_that_do_not_say_where_they_are() -> None:
    data = repacked(workbook(("a",)), SHEET, b'r="A1" ', b"")
    assert read_cells(data, "a.xlsx") == (("a",),)
    for row in (b"1048576", b"9" * 5000):
        far = repacked(data, SHEET, b'<row r="1"', b'<row r="' + row + b'"')
        with pytest.raises(InvalidInput, match="sheet-"):
            read_cells(far, "a.xlsx")


def test_a_far_away_cell_without_content_does_no_harm() -> None:
    data = repacked(
        workbook(("a",)), SHEET, b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"/></row></sheetData>'
    )
    assert read_cells(data, "a.xlsx") == (("a",),)


def test_a_sheet_that_hides_under_another_ending_and_other_formats_are_refused() -> None:
    hidden = repacked(workbook(("a",)), "xl/_rels/workbook.xml.rels", b"sheet1.xml", b"sheet1.png")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    for data in (hidden, target.getvalue()):
        with pytest.raises(InvalidInput, match="sheet-unreadable"):
            read_cells(data, "a.ods")


def test_a_file_is_read_by_its_path_and_a_missing_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("姓名\n张三\n", encoding="utf-8")
    assert read_sheet(path) == (("姓名",), ("张三",))
    with pytest.raises(InvalidInput, match="sheet-not-there"):
        read_sheet(tmp_path / "b.csv")


def packed(parts: dict[str, bytes], *, base: bytes = b"") -> bytes:
    """An archive with these parts, in place of or beside those of a workbook."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        if base:
            with zipfile.ZipFile(io.BytesIO(base)) as former:
                for part in former.namelist():
                    if part not in parts:
                        archive.writestr(part, former.read(part))
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"xl/vbaProject.bin": b"x"}, "sheet-macros"),
        ({"xl/macrosheets/sheet1.xml": b"<a/>"}, "sheet-macros"),
        ({"xl/media/image1.png": b"\0" * 8_000_000}, "sheet-too-large"),
        ({f"xl/media/{number}": b"x" for number in range(2_001)}, "sheet-too-large"),
        ({SHEET: b'<!DOCTYPE a [<!ENTITY b "boom">]><a>&b;</a>'}, "sheet-unreadable"),
        ({SHEET: b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'}, "sheet-unreadable"),
    ],
    ids=["macros", "macro sheets", "a bomb", "many parts", "entities", "outside entities"],
)
def test_what_a_roster_never_holds_is_refused_whatever_the_file_is_called(
    parts: dict[str, bytes], code: str
) -> None:
    hostile = packed(parts, base=workbook(("姓名",)))
    for name in ("a.xlsx", "a.csv", "a"):
        with pytest.raises(InvalidInput) as refused:
            read_cells(hostile, name)
        assert refused.value.code == code
        assert refused.value.remedy


@pytest.mark.parametrize("data", [b"," * 300, b"a\n" * 60_001], ids=["columns", "rows"])
def test_a_text_file_has_no_more_rows_and_columns_than_a_workbook(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="sheet-too-large"):
        read_cells(data, "a.csv")
