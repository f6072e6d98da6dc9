"""Opens a spreadsheet file (.xlsx, .xls, .ods or .csv) and gives its cells as text."""

import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import datetime, time
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from app.core.errors import InvalidInput
from app.core.i18n import N_

CellTable = tuple[tuple[str, ...], ...]

_LARGEST = 32 * 1024 * 1024
_UNPACKED = 512 * 1024 * 1024
_BINARY = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
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
        if data.startswith(b"PK") and _unpacked(data) > _UNPACKED:
            raise InvalidInput(
                "sheet-too-large", N_("文件 {name} 展开后过大"), N_("只保留专家名单所在的工作表"), name=name
            )
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for sheet in workbook.sheet_names:
            rows = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            if rows:
                return tuple(tuple(_cell(value) for value in row) for row in rows)
    except (CalamineError, zipfile.BadZipFile) as error:
        raise InvalidInput(
            "sheet-unreadable",
            N_("文件 {name} 不是可以读取的表格"),
            N_("用表格软件另存为 .xlsx 或 .csv 后再导入；加密的文件先去掉密码"),
            name=name,
        ) from error
    return ()


def _unpacked(data: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return sum(item.file_size for item in archive.infolist())


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
            return tuple(
                tuple(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
            )
    raise InvalidInput(
        "sheet-unreadable",
        N_("文件 {name} 不是可以读取的表格"),
        N_("用表格软件另存为 .xlsx 或 .csv 后再导入；加密的文件先去掉密码"),
        name=name,
    )


def _delimiter(text: str) -> str:
    """The separator that the first lines use most."""
    start: Sequence[str] = text.splitlines()[:5]
    return max(",\t;", key=lambda letter: sum(line.count(letter) for line in start))
