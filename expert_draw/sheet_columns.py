"""Which columns a roster sheet has, and the many names people give them."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from expert_draw.sheet_problems import Problem

Cells = Sequence[Sequence[str]]

_SEARCHED = 15
"""Titles and notes may stand above the header; it is looked for in this many rows."""
_LIKELY = 3
"""A row with this many known names is a header."""
_NOISE = re.compile(r"[\s*()（）:：/、_\-·“”\"'【】\[\]]")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the sheet: its name in our words, what else it may be called, whether it must be there."""

    key: str
    name: str
    aliases: tuple[str, ...]
    required: bool = True


COLUMNS: tuple[Column, ...] = (
    Column("number", "专家编号", ("编号", "专家代码", "专家证号", "入库编号", "专家ID", "Expert number")),
    Column("name", "姓名", ("专家姓名", "专家名称", "名字", "Name")),
    Column("gender", "性别", ("Gender", "Sex"), required=False),
    Column("identity_type", "证件类型", ("身份证件类型", "证件种类", "ID type"), required=False),
    Column(
        "identity",
        "证件号码",
        (
            "身份证号",
            "身份证号码",
            "公民身份号码",
            "身份证",
            "身份证件号码",
            "居民身份证号",
            "证件号",
            "ID number",
        ),
    ),
    Column("birth", "出生日期", ("出生年月日", "生日", "出生年月", "Birth date"), required=False),
    Column(
        "region",
        "行政区域",
        (
            "所在行政区域",
            "行政区域代码",
            "行政区划",
            "行政区划代码",
            "所在地区",
            "常住地",
            "所在地",
            "所属地区",
            "Region",
        ),
    ),
    Column(
        "phone",
        "联系电话",
        ("手机", "手机号", "手机号码", "移动电话", "联系方式", "电话", "联系手机", "Phone", "Mobile"),
    ),
    Column(
        "employer", "工作单位", ("单位", "单位名称", "所在单位", "工作单位名称", "现工作单位", "Employer")
    ),
    Column(
        "employer_code",
        "统一社会信用代码",
        (
            "单位统一社会信用代码",
            "社会信用代码",
            "信用代码",
            "单位信用代码",
            "单位代码",
            "USCC",
            "Credit code",
        ),
    ),
    Column("title", "职称", ("技术职称", "专业技术职称", "职称名称", "专业技术职务", "Title")),
    Column("years", "从业年限", ("工作年限", "专业年限", "从事专业年限", "从业年数", "Years")),
    Column(
        "specialties",
        "专业代码",
        (
            "专业分类码",
            "专业分类代码",
            "评标专业",
            "评标专业代码",
            "申报专业",
            "专业",
            "专业三级目录",
            "Specialties",
        ),
    ),
    Column(
        "former",
        "近三年任职单位",
        ("三年内任职单位", "曾任职单位", "近三年工作单位", "历史任职单位", "Former employers"),
        required=False,
    ),
    Column(
        "avoid",
        "自报回避单位",
        ("回避单位", "需回避单位", "应回避单位", "主动回避单位", "Units to avoid"),
        required=False,
    ),
    Column(
        "until", "有效期至", ("有效期", "聘期至", "聘任有效期", "有效截止日期", "Valid until"), required=False
    ),
)

NAMES: dict[str, str] = {column.key: column.name for column in COLUMNS}


@dataclass(frozen=True, slots=True)
class Header:
    """Where the columns stand: spreadsheet row of the header, key → position, what was written, what is unknown."""

    row: int
    positions: dict[str, int]
    written: dict[str, str]
    ignored: tuple[str, ...]


def find_header(cells: Cells) -> tuple[Header | None, tuple[Problem, ...]]:
    """The header row with most known names among the first rows, and what is wrong with it."""
    scored = [
        (sum(_key(cell) is not None for cell in row), -index) for index, row in enumerate(cells[:_SEARCHED])
    ]
    best, index = max(scored, default=(0, 0))
    if best < _LIKELY:
        return None, (Problem(1, "A", "", "header-missing"),)
    return _read_header(cells[-index], 1 - index)


def problem_at(header: Header, row: int, key: str, code: str, **params: object) -> Problem:
    """A problem in the column of that key; columns that are not there have no letter."""
    position = header.positions.get(key)
    letter = column_letter(position) if position is not None else ""
    return Problem(row, letter, header.written.get(key, NAMES[key]), code, tuple(params.items()))


def column_letter(position: int) -> str:
    """0 → A, 25 → Z, 26 → AA, as spreadsheets name columns."""
    letters = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _read_header(row: Sequence[str], number: int) -> tuple[Header, tuple[Problem, ...]]:
    positions: dict[str, int] = {}
    written: dict[str, str] = {}
    ignored: list[str] = []
    problems: list[Problem] = []
    for position, cell in enumerate(row):
        key = _key(cell)
        if key is None:
            if cell.strip():
                ignored.append(cell.strip())
        elif key in positions:
            twice = (("wanted", NAMES[key]),)
            problems.append(Problem(number, column_letter(position), cell.strip(), "column-twice", twice))
        else:
            positions[key] = position
            written[key] = cell.strip()
    for column in COLUMNS:
        if column.required and column.key not in positions:
            wanted = (("wanted", column.name), ("aliases", "、".join(column.aliases[:3])))
            problems.append(Problem(number, column_letter(len(row)), column.name, "column-missing", wanted))
    return Header(number, positions, written, tuple(ignored)), tuple(problems)


def _plain(text: str) -> str:
    return _NOISE.sub("", unicodedata.normalize("NFKC", text)).lower()


_KEYS: dict[str, str] = {
    _plain(name): column.key for column in COLUMNS for name in (column.name, *column.aliases)
}


def _key(cell: str) -> str | None:
    plain = _plain(cell)
    known = _KEYS.get(plain)
    if known is None:
        # Required columns are often marked, as in 姓名（必填）.
        known = _KEYS.get(plain.removesuffix("必填").removesuffix("选填"))
    return known
