"""The roster sheet that is wrong on purpose: one error of every kind, each in a row of its own.

It also has what people really do and what must not count as an error: a title above the header, columns in
another order under other names, full-width digits, padded names, several kinds of separators.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from app.sample.people import Person, person
from expert_draw.identifiers import identity_check

FIRST = 9000
"""Pretend experts from this number on stand in the sheet; the sample roster ends before."""
HEADER_ROW = 3
TODAY = date(2026, 11, 21)
"""Some errors are matters of age; they hold from this day on."""

Cell = str | int | float | date | None
Row = dict[str, Cell]

_COLUMNS = (
    "专家姓名", "性别（选填）", "证件种类", "身份证号", "生日", "手机号码", "专家代码", "单位名称", "社会信用代码", "技术职称",
    "工作年限", "评标专业", "所在地区", "聘期至", "曾任职单位", "备注",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planted:
    """One error on purpose: spreadsheet row, header of its column, kind; some show only against the sample roster."""

    row: int
    header: str
    code: str
    needs_sample: bool = False


def dirty_rows() -> tuple[tuple[Cell, ...], ...]:
    """The whole sheet, title and header included."""
    rows = [_tolerated(index, person(FIRST + index)) for index in range(_PLAIN)]
    rows += [_spoil(index, fault) for index, fault in enumerate(_FAULTS)]
    return (
        ("评标专家入库信息表（示例：每一类错误各有一处）",),
        ("说明：本表中的人员、单位均为虚构",),
        _COLUMNS,
        *(tuple(row.get(name) for name in _COLUMNS) for row in rows),
    )


def planted() -> tuple[Planted, ...]:
    """Every error in the sheet, by row."""
    return tuple(
        Planted(HEADER_ROW + 1 + _PLAIN + index, fault.header, fault.code, fault.needs_sample)
        for index, fault in enumerate(_FAULTS)
        if fault.code
    )


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is done to an otherwise good row; without a code the row stays good and only serves another."""

    code: str
    header: str
    change: Callable[[Row, Person], Row]
    needs_sample: bool = False


_PLAIN = 12
_WIDE = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")
_SEPARATORS = ("、", "，", "；", ",", ";", " ", "　")


def _plain(expert: Person) -> Row:
    return {
        "专家姓名": expert.name,
        "性别（选填）": expert.gender,
        "证件种类": "居民身份证",
        "身份证号": expert.identity,
        "生日": expert.birth,
        "手机号码": expert.phone,
        "专家代码": expert.number,
        "单位名称": expert.employer.name,
        "社会信用代码": expert.employer.code,
        "技术职称": expert.title,
        "工作年限": expert.years,
        "评标专业": "、".join(expert.specialties),
        "所在地区": expert.region_code,
        "聘期至": expert.until,
        "曾任职单位": None,
        "备注": None,
    }


def _tolerated(index: int, expert: Person) -> Row:
    """A good row, written the way people write: every other one in full width, with another separator each."""
    row = _plain(expert)
    separator = _SEPARATORS[index % len(_SEPARATORS)]
    row["评标专业"] = separator.join((*expert.specialties, "A08"))
    row["所在地区"] = ("云南省昭通市", "昭通", "昭通市", "5306")[index % 4]
    row["生日"] = (
        expert.birth,
        f"{expert.birth:%Y/%m/%d}",
        f"{expert.birth:%Y年%m月%d日}",
        f"{expert.birth:%Y%m%d}",
    )[index % 4]
    if index % 2:
        for name in ("身份证号", "手机号码", "专家代码", "评标专业"):
            row[name] = str(row[name]).translate(_WIDE)
        row["专家姓名"] = "　".join(expert.name) if "·" not in expert.name else expert.name
    row["备注"] = "格式不同，内容无误"
    return row


def _spoil(index: int, fault: _Fault) -> Row:
    expert = person(FIRST + _PLAIN + index)
    return fault.change(_plain(expert), expert)


def _put(header: str, cell: Cell) -> Callable[[Row, Person], Row]:
    return lambda row, _: {**row, header: cell}


def _as(header: str, cell: Callable[[Person], Cell]) -> Callable[[Row, Person], Row]:
    return lambda row, expert: {**row, header: cell(expert)}


def _other_digit(text: str) -> str:
    """The same with a last digit that cannot be right."""
    return text[:-1] + ("1" if text[-1] != "1" else "2")


def _born(expert: Person, birth: date) -> Row:
    """The row of the same expert, born at another time; the identity number stays well-formed."""
    first = f"{expert.identity[:6]}{birth:%Y%m%d}{expert.identity[14:17]}"
    return _plain(replace(expert, identity=first + identity_check(first), birth=birth, years=20))


def _impossible_day(expert: Person) -> str:
    return f"{expert.identity[:10]}0230{expert.identity[14:]}"


_MODEL = person(FIRST + _PLAIN)
"""The expert of the first of these rows; later ones repeat what is theirs."""

(
    _NAME,
    _GENDER,
    _TYPE,
    _IDENTITY,
    _BIRTH,
    _PHONE,
    _NUMBER,
    _UNIT,
    _CREDIT,
    _TITLE,
    _YEARS,
    _SPECIALTY,
    _REGION,
    _UNTIL,
) = _COLUMNS[:14]

_FAULTS: tuple[_Fault, ...] = (
    _Fault("", "", lambda row, _: row),  # the model itself
    _Fault("value-missing", _PHONE, _put(_PHONE, None)),
    _Fault("value-too-long", _TITLE, _put(_TITLE, "高级工程师" * 7)),
    _Fault("number-form", _NUMBER, _put(_NUMBER, "昭专〔2024〕8号")),
    _Fault("number-twice", _NUMBER, _put(_NUMBER, _MODEL.number)),
    _Fault("number-taken", _NUMBER, _put(_NUMBER, person(0).number), needs_sample=True),
    _Fault("name-form", _NAME, _as(_NAME, lambda expert: f"{expert.name}2")),
    _Fault("gender-unknown", _GENDER, _put(_GENDER, "未说明")),
    _Fault("gender-mismatch", _GENDER, _as(_GENDER, lambda expert: "女" if expert.gender == "男" else "男")),
    _Fault("identity-type", _TYPE, _put(_TYPE, "护照")),
    _Fault("identity-form", _IDENTITY, _as(_IDENTITY, lambda expert: expert.identity[:-1])),
    _Fault("identity-rounded", _IDENTITY, _as(_IDENTITY, lambda expert: float(expert.identity[:17]) * 10)),
    _Fault("identity-date", _IDENTITY, _as(_IDENTITY, _impossible_day)),
    _Fault("identity-check", _IDENTITY, _as(_IDENTITY, lambda expert: _other_digit(expert.identity))),
    _Fault(
        "identity-twice",
        _IDENTITY,
        lambda row, _: {**row, _IDENTITY: _MODEL.identity, _GENDER: None, _BIRTH: None, _YEARS: 10},
    ),
    _Fault("birth-form", _BIRTH, _put(_BIRTH, "七六年春")),
    _Fault(
        "birth-mismatch", _BIRTH, _as(_BIRTH, lambda expert: expert.birth.replace(year=expert.birth.year - 1))
    ),
    _Fault("age-impossible", _IDENTITY, lambda _, expert: _born(expert, date(1938, 3, 14))),
    _Fault("age-high", _IDENTITY, lambda _, expert: _born(expert, date(1955, 6, 1))),
    _Fault("region-unknown", _REGION, _put(_REGION, "990600")),
    _Fault("region-broad", _REGION, _put(_REGION, "53")),
    _Fault("region-unnamed", _REGION, _put(_REGION, "659012")),
    _Fault("phone-form", _PHONE, _put(_PHONE, "0870-2123456")),
    _Fault("phone-twice", _PHONE, _put(_PHONE, _MODEL.phone)),
    _Fault("phone-taken", _PHONE, _put(_PHONE, person(1).phone), needs_sample=True),
    _Fault("employer-code-form", _CREDIT, _as(_CREDIT, lambda expert: f"{expert.employer.code[:-2]}OI")),
    _Fault("employer-code-check", _CREDIT, _as(_CREDIT, lambda expert: _other_digit(expert.employer.code))),
    _Fault(
        "employer-two-names",
        _UNIT,
        lambda row, _: {**row, _CREDIT: _MODEL.employer.code, _UNIT: f"{_MODEL.employer.name}第二分公司"},
    ),
    _Fault("title-not-senior", _TITLE, _put(_TITLE, "助理工程师")),
    _Fault("years-form", _YEARS, _put(_YEARS, "十几")),
    _Fault("years-impossible", _YEARS, _put(_YEARS, 66)),
    _Fault("years-few", _YEARS, _put(_YEARS, 3)),
    _Fault("specialty-near", _SPECIALTY, _put(_SPECIALTY, "A08O104")),
    _Fault("specialty-unknown", _SPECIALTY, _put(_SPECIALTY, "Z990000")),
    _Fault("until-form", _UNTIL, _put(_UNTIL, "三年")),
    _Fault("until-past", _UNTIL, _put(_UNTIL, date(2023, 12, 31))),
)
