"""Opens a spreadsheet file (.xlsx or .csv) and gives its cells as text."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime, time
from pathlib import Path
from xml.parsers import expat

from python_calamine import CalamineError, CalamineWorkbook

from app.core.errors import InvalidInput
from app.core.i18n import N_

CellTable = tuple[tuple[str, ...], ...]

_LARGEST = 32 * 1024 * 1024
_UNPACKED = 512 * 1024 * 1024
_BINARY = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_MOST_ROWS, _MOST_COLUMNS = 60_000, 200
_MOST_PARTS = 2_000
_RATIO, _RATIO_FROM = 200, 4 * 1024 * 1024
"""A part that unpacks to more than so many times its size is a bomb, unless it is small."""
_PLACE = re.compile(r"([A-Za-z]{1,7})([0-9]{1,9})")
_OTHER_FORMATS = {"mimetype", "content.xml", "xl/workbook.bin"}
_MACROS = ("vbaproject.bin", "vbadata.xml")
_EXACT = 10**15
"""From here on a spreadsheet keeps a number only roughly."""


def read_sheet(path: Path) -> CellTable:
    """The cells of a file; InvalidInput when it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            "sheet-not-there", N_("打不开文件 {name}"), N_("检查文件名和读取权限"), name=path.name
        ) from error
    return read_cells(data, path.name)


def read_cells(data: bytes, name: str) -> CellTable:
    """The cells of the first sheet that has any; row 1 of the spreadsheet is item 0."""
    if len(data) > _LARGEST:
        raise InvalidInput(
            "sheet-too-large", N_("文件 {name} 超过 32 MB"), N_("删去图片和多余的工作表后再导入"), name=name
        )
    return _workbook(data, name) if data.startswith(_BINARY) else _text(data, name)


def _workbook(data: bytes, name: str) -> CellTable:
    try:
        _bound(data, name)
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for sheet in workbook.sheet_names:
            rows = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            if rows:
                return tuple(tuple(_cell(value) for value in row) for row in rows)
    except (CalamineError, zipfile.BadZipFile, expat.ExpatError, NotImplementedError, RuntimeError) as error:
        raise _unreadable(
            name
        ) from error  # zipfile answers the last two to a packing or password it cannot undo
    return ()


def _unreadable(name: str) -> InvalidInput:
    return InvalidInput(
        "sheet-unreadable",
        N_("文件 {name} 不是可以读取的表格"),
        N_("用表格软件另存为 .xlsx 或 .csv 后再导入；加密的文件先去掉密码"),
        name=name,
    )


def _bound(data: bytes, name: str) -> None:
    """Refuses what would not fit into memory.

    Two cells in opposite corners make a file of a kilobyte, yet the reader lays out all the cells between them. So
    every part is looked through first; and only .xlsx is opened, the one format that can be.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        if (
            len(parts) > _MOST_PARTS
            or sum(part.file_size for part in parts) > _UNPACKED
            or any(part.file_size > max(_RATIO_FROM, _RATIO * max(part.compress_size, 1)) for part in parts)
        ):
            raise InvalidInput(
                "sheet-too-large", N_("文件 {name} 展开后过大"), N_("只保留专家名单所在的工作表"), name=name
            )
        names = {part.filename.lower().replace("\\", "/") for part in parts}
        if names & _OTHER_FORMATS:
            raise _unreadable(name)
        if any(part.endswith(_MACROS) or "/macrosheets/" in part for part in names):
            raise InvalidInput(
                "sheet-macros",
                N_("文件 {name} 含有宏，不予读取"),
                N_("在表格软件中另存为不含宏的 .xlsx 或 .csv 后再导入"),
                name=name,
            )
        for part in parts:
            if part.filename.lower().endswith((".xml", ".rels")):
                extent = _Extent(name, book=part.filename.lower().endswith("workbook.xml.rels"))
                with archive.open(part) as file:
                    while block := file.read(1 << 16):
                        extent.parser.Parse(block, False)  # noqa: FBT003 -- takes no names
                extent.parser.Parse(b"", True)  # noqa: FBT003 -- as above


class _Extent:
    """Follows the cells of one part and refuses the first with content that lies too far out."""

    def __init__(self, name: str, *, book: bool) -> None:
        self.name = name
        self.book = book
        self.row = self.column = 0
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.StartDoctypeDeclHandler = self._declared

    def _declared(self, *_declared: object) -> None:
        """No spreadsheet declares a document type; what does so means to have entities unfolded or fetched."""
        raise _unreadable(self.name)

    def _start(self, tag: str, given: dict[str, str]) -> None:
        kind = tag.rpartition(":")[2]
        place = given.get("r")
        if kind == "row":
            self.row, self.column = self.row + 1 if place is None else _whole(place, self.name), 0
        elif kind == "c":
            self._cell(place)
        elif kind in {"v", "is", "f"}:
            if self.row > _MOST_ROWS or self.column > _MOST_COLUMNS:
                raise _too_far_out(self.name)
        elif kind == "Relationship" and self.book and not given.get("Target", "").lower().endswith(".xml"):
            # A sheet under another ending would be opened without having been looked through.
            raise _unreadable(self.name)

    def _cell(self, place: str | None) -> None:
        if place is None:
            self.column += 1
            return
        found = _PLACE.fullmatch(place)
        if found is None:
            return  # a chart and others name other things so
        self.column = 0
        for letter in found[1].upper():
            self.column = self.column * 26 + ord(letter) - ord("A") + 1
        self.row = int(found[2])


def _too_far_out(name: str) -> InvalidInput:
    return InvalidInput(
        "sheet-too-large",
        N_("文件 {name} 超出 {rows} 行或 {columns} 列"),
        N_("删去名单以外远处的单元格，或分成几个文件后再导入"),
        name=name,
        rows=_MOST_ROWS,
        columns=_MOST_COLUMNS,
    )


def _whole(text: str, name: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise _unreadable(name)
    return int(text)


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    return str(value)  # a date, a time of day or a length of time


def _number(value: float) -> str:
    if abs(value) >= _EXACT:
        return f"{value:.5E}"  # as the spreadsheet shows it: its last digits are lost
    return str(int(value)) if float(value).is_integer() else repr(value)


def _text(data: bytes, name: str) -> CellTable:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            try:
                return tuple(_bounded_rows(text, name))
            except csv.Error as error:  # a cell longer than any, as a quote that is never closed makes it
                raise _unreadable(name) from error
    raise _unreadable(name)


def _bounded_rows(text: str, name: str) -> Iterator[tuple[str, ...]]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    for number, row in enumerate(rows, 1):
        if number > _MOST_ROWS or len(row) > _MOST_COLUMNS:
            raise _too_far_out(name)
        yield tuple(row)


def _delimiter(text: str) -> str:
    """The separator that the first lines use most."""
    start: Sequence[str] = text.splitlines()[:5]
    return max(",\t;", key=lambda letter: sum(line.count(letter) for line in start))
