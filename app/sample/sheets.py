"""Writes the sample roster as spreadsheets: a good one, the same as text, and one with an error of every kind."""

import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

from openpyxl import Workbook

from app.sample.dirty import dirty_rows
from app.sample.people import Person, person

PEOPLE = 3000
GOOD, GOOD_TEXT, DIRTY = "experts.xlsx", "experts.csv", "experts-dirty.xlsx"

Cell = str | int | float | date | None

_HEADER = (
    "专家编号", "姓名", "性别", "证件号码", "出生日期", "行政区域", "联系电话", "工作单位", "统一社会信用代码", "职称",
    "从业年限", "专业代码", "近三年任职单位", "自报回避单位", "有效期至",
)  # fmt: skip
_WIDTHS = (20, 10, 6, 22, 12, 10, 14, 36, 22, 14, 10, 26, 36, 36, 12)
_DIRTY_WIDTHS = (10, 8, 14, 22, 16, 20, 24, 36, 24, 14, 10, 26, 14, 14)
_STAMP = (2026, 1, 1, 0, 0, 0)
_CREATED = "2026-01-01T00:00:00Z"
_TERMS = "{http://purl.org/dc/terms/}"


def good_rows(count: int = PEOPLE) -> tuple[tuple[Cell, ...], ...]:
    """The header and `count` experts."""
    return (_HEADER, *(_row(person(index)) for index in range(count)))


def write_good(path: Path, count: int = PEOPLE) -> None:
    """A sheet of `count` pretend experts without any error; 3,000 of them are the sample roster."""
    _write_workbook(path, good_rows(count), _WIDTHS)


def write_dirty(path: Path) -> None:
    """The sheet whose errors `app.sample.dirty.planted` lists."""
    _write_workbook(path, dirty_rows(), _DIRTY_WIDTHS)


def write_text(path: Path, count: int = PEOPLE) -> None:
    """The good sheet as comma-separated text with a byte-order mark, as spreadsheets expect it."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(
            ["" if cell is None else str(cell) for cell in row] for row in good_rows(count)
        )


def write_samples(folder: Path, count: int = PEOPLE) -> tuple[Path, ...]:
    """Writes all three sheets into the folder, which is made if need be; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    good, text, dirty = (folder / name for name in (GOOD, GOOD_TEXT, DIRTY))
    write_good(good, count)
    write_text(text, count)
    write_dirty(dirty)
    return good, text, dirty


def shipped(name: str = GOOD) -> Path:
    """The path of a sheet that is delivered with the program."""
    return Path(__file__).parent / "sheets" / name


def _row(expert: Person) -> tuple[Cell, ...]:
    return (
        expert.number,
        expert.name,
        expert.gender,
        expert.identity,
        expert.birth,
        expert.region_code,
        expert.phone,
        expert.employer.name,
        expert.employer.code,
        expert.title,
        expert.years,
        "、".join(expert.specialties),
        "；".join(expert.former) or None,
        "；".join(expert.avoid) or None,
        expert.until,
    )


def _write_workbook(path: Path, rows: Sequence[Sequence[Cell]], widths: Sequence[int]) -> None:
    workbook = Workbook(write_only=True)
    workbook.properties.creator = "Yuanping"
    page = workbook.create_sheet("专家名单")
    for index, width in enumerate(widths):
        page.column_dimensions[chr(ord("A") + index)].width = width
    for row in rows:
        page.append(row)
    packed = io.BytesIO()
    workbook.save(packed)
    path.write_bytes(_without_time(packed.getvalue()))


def _without_time(packed: bytes) -> bytes:
    """The same workbook with fixed times inside, so that the same rows give the same file."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as source, zipfile.ZipFile(result, "w") as target:
        for name in sorted(source.namelist()):
            data = source.read(name)
            if name == "docProps/core.xml":
                data = _fixed_properties(data)
            target.writestr(zipfile.ZipInfo(name, _STAMP), data, zipfile.ZIP_DEFLATED, 9)
    return result.getvalue()


def _fixed_properties(data: bytes) -> bytes:
    tree = ET.fromstring(data)  # noqa: S314 -- written by openpyxl a moment ago
    for name in ("created", "modified"):
        for element in tree.iter(_TERMS + name):
            element.text = _CREATED
    return ET.tostring(tree)
