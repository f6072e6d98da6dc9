"""What is read from a roster sheet, and what is said about what cannot be."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.i18n import catalogue
from expert_draw.sheet import Sheet, parse_sheet
from expert_draw.sheet_columns import COLUMNS, Column, column_letter
from expert_draw.sheet_problems import KINDS, Severity
from expert_draw.sheet_row import SheetRow

TODAY = date(2026, 11, 21)
GOOD = {
    "专家编号": "53060020241000123",
    "姓名": "张三丰",
    "证件号码": "999001197503120019",
    "行政区域": "530602",
    "联系电话": "13900000001",
    "工作单位": "示例设计院有限公司",
    "统一社会信用代码": "91999002MA900002X8",
    "职称": "高级工程师",
    "从业年限": "20",
    "专业代码": "A080104",
}


def read(*changes: dict[str, str], order: list[str] | None = None, above: int = 0) -> Sheet:
    """A sheet with one row for each set of changes; new keys become new columns."""
    names = order or list(dict.fromkeys([*GOOD, *(key for change in changes for key in change)]))
    rows = [[{**GOOD, **change}.get(name, "") for name in names] for change in changes]
    return parse_sheet([*([["评标专家信息表"]] * above), names, *rows], TODAY)


def only(**changes: str) -> SheetRow:
    (row,) = read(changes).rows
    return row


def codes(sheet: Sheet) -> list[str]:
    return [problem.code for problem in sheet.problems]


def test_a_good_row_is_read_whole() -> None:
    row = only(
        性别="男",
        出生日期="1975-03-12",
        近三年任职单位="甲公司；乙（集团）公司",
        自报回避单位="无",
        有效期至="2027年12月31日",
    )
    assert row == SheetRow(
        row=2,
        number="53060020241000123",
        name="张三丰",
        gender="1",
        identity="999001197503120019",
        birth=date(1975, 3, 12),
        region_code="530602",
        phone="+8613900000001",
        employer="示例设计院有限公司",
        employer_code="91999002MA900002X8",
        title="高级工程师",
        years=20,
        specialties=("A080104",),
        former_employers=("甲公司", "乙（集团）公司"),
        declared_avoidance=(),
        valid_until=date(2027, 12, 31),
    )


@given(st.permutations(list(GOOD)))
def test_the_order_of_the_columns_changes_nothing(order: list[str]) -> None:
    assert read({}, order=order).rows == read({}).rows


@given(st.integers(0, 8))
def test_rows_are_numbered_as_in_the_spreadsheet_whatever_stands_above_the_header(above: int) -> None:
    other = {"证件号码": "999002197503120015", "专家编号": "ZJ-0002"}
    sheet = read({}, {**other, "联系电话": ""}, above=above)
    assert [row.row for row in sheet.rows] == [above + 2]
    assert [(problem.row, problem.column) for problem in sheet.problems] == [(above + 3, "E")]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.key)
def test_a_column_goes_by_any_of_its_names(column: Column) -> None:
    for alias in (column.name, *column.aliases):
        for spelling in (alias, f" {alias}：", f"*{alias}", f"{alias}（必填）", alias.upper()):
            names = [spelling if name == column.name else name for name in GOOD]
            if column.name not in GOOD:
                names.append(spelling)
            sheet = parse_sheet([names, [*GOOD.values(), ""]], TODAY)
            assert not sheet.errors, spelling
            assert sheet.header is not None
            assert not sheet.header.ignored


@pytest.mark.parametrize(
    ("header", "written", "field", "value"),
    [
        ("证件号码", "９９９００１１９７５０３１２００１９", "identity", "999001197503120019"),
        ("证件号码", "999001 19750312 0019", "identity", "999001197503120019"),
        ("证件号码", "99900119560601069x", "identity", "99900119560601069X"),
        ("联系电话", "１３９　０００００００１", "phone", "+8613900000001"),
        ("联系电话", "+86 139-0000-0001", "phone", "+8613900000001"),
        ("专家编号", "ＺＪ－0001", "number", "ZJ-0001"),
        ("姓名", " 张　三 ", "name", "张三"),
        ("姓名", "阿依•木果", "name", "阿依·木果"),
        ("姓名", "Anna  Li", "name", "Anna Li"),
        ("工作单位", "示例(云南)有限公司", "employer", "示例（云南）有限公司"),
        ("统一社会信用代码", "91999002ma900002x8", "employer_code", "91999002MA900002X8"),
        ("从业年限", "２０年", "years", 20),
        ("行政区域", "云南省 昭通市", "region_code", "530600"),
        ("专业代码", "A080104、A060101，A08；A0801,A05;A050101 A03　A04", "specialties",
         ("A080104", "A060101", "A08", "A0801", "A05", "A050101", "A03", "A04")),
        ("专业代码", "Ａ０８０１０４", "specialties", ("A080104",)),
        ("专业代码", "A080104土建工程；A080104", "specialties", ("A080104",)),
        ("专业代码", "A080104 土建工程", "specialties", ("A080104",)),
        ("近三年任职单位", "甲公司、乙公司；甲公司", "former_employers", ("甲公司", "乙公司")),
        ("有效期至", "长期", "valid_until", None),
        ("有效期至", "2027-12-31 00:00:00", "valid_until", date(2027, 12, 31)),
        ("有效期至", "20271231", "valid_until", date(2027, 12, 31)),
    ],
)  # fmt: skip
def test_what_people_write_is_understood(header: str, written: str, field: str, value: object) -> None:
    sheet = read({header: written})
    assert not sheet.errors, codes(sheet)
    assert getattr(sheet.rows[0], field) == value


@pytest.mark.parametrize(
    ("header", "written", "code"),
    [
        *((name, " ", "value-missing") for name in GOOD),
        ("姓名", "张三2", "name-form"),
        ("姓名", "张_三", "name-form"),
        ("姓名", "李" * 31, "value-too-long"),
        ("专家编号", "12", "number-form"),
        ("性别", "保密", "gender-unknown"),
        ("性别", "女", "gender-mismatch"),
        ("证件类型", "护照", "identity-type"),
        ("证件号码", "99900119750312001", "identity-form"),
        ("证件号码", "9.99001E+17", "identity-rounded"),
        ("证件号码", "999001197513120016", "identity-date"),
        ("证件号码", "999001197503120017", "identity-check"),
        ("证件号码", "999001193503120010", "age-impossible"),
        ("证件号码", "999001202003120016", "age-impossible"),
        ("证件号码", "99900119560601069X", "age-high"),
        ("出生日期", "昨天", "birth-form"),
        ("出生日期", "1975-02-30", "birth-form"),
        ("出生日期", "1975-03-13", "birth-mismatch"),
        ("行政区域", "990000", "region-unknown"),
        ("行政区域", "云南", "region-broad"),
        ("行政区域", "659012", "region-unnamed"),
        ("联系电话", "0870-2123456", "phone-form"),
        ("联系电话", "12900000001", "phone-form"),
        ("联系电话", "13900000001/13900000002", "phone-form"),
        ("统一社会信用代码", "91999002MA900002X", "employer-code-form"),
        ("统一社会信用代码", "91999002MA900002I8", "employer-code-form"),
        ("统一社会信用代码", "91999002MA900002X7", "employer-code-check"),
        ("职称", "工程师", "title-not-senior"),
        ("从业年限", "约二十", "years-form"),
        ("从业年限", "-3", "years-form"),
        ("从业年限", "45", "years-impossible"),
        ("从业年限", "7", "years-few"),
        ("专业代码", "A08O104", "specialty-near"),
        ("专业代码", "土建工程", "specialty-near"),
        ("专业代码", "Z9", "specialty-unknown"),
        ("有效期至", "三年", "until-form"),
        ("有效期至", "2026-11-20", "until-past"),
    ],
)
def test_what_cannot_be_right_is_named_in_its_column(header: str, written: str, code: str) -> None:
    sheet = read({header: written})
    assert codes(sheet) == [code]
    (problem,) = sheet.problems
    assert (problem.row, problem.header) == (2, header)
    names = [*GOOD] if header in GOOD else [*GOOD, header]
    assert problem.column == column_letter(names.index(header))
    assert bool(sheet.rows) == (problem.severity is Severity.warning)


def test_every_problem_of_a_row_is_found_in_one_go() -> None:
    sheet = read({"姓名": "", "联系电话": "1", "职称": "工人", "专业代码": "Z9、Z8", "从业年限": "x"})
    assert codes(sheet) == [
        "value-missing", "phone-form", "title-not-senior", "years-form", "specialty-unknown", "specialty-unknown",
    ]  # fmt: skip
    assert [problem.column for problem in sheet.problems] == ["B", "E", "H", "I", "J", "J"]


def test_repetitions_name_the_row_they_repeat() -> None:
    other = {"证件号码": "999002197503120015", "专家编号": "ZJ-0002", "联系电话": "13900000002"}
    sheet = read({}, {**other, "专家编号": GOOD["专家编号"]}, {**other, "联系电话": GOOD["联系电话"]})
    found = {(problem.row, problem.code): dict(problem.params)["other"] for problem in sheet.problems}
    assert found == {(3, "number-twice"): 2, (4, "identity-twice"): 3}
    sheet = read({}, {**other, "联系电话": GOOD["联系电话"]})
    assert codes(sheet) == ["phone-twice"]
    sheet = read({}, {**other, "工作单位": "示例设计院"})
    assert codes(sheet) == ["employer-two-names"]
    assert sheet.problems[0].message("zh") == "同一信用代码在第 2 行写作“示例设计院有限公司”"


def test_a_repetition_is_seen_even_when_another_cell_of_the_row_is_wrong() -> None:
    assert codes(read({"姓名": "1"}, {"专家编号": "ZJ-0002", "联系电话": "13900000002"})) == [
        "name-form",
        "identity-twice",
    ]


def test_a_sheet_without_a_header_says_so() -> None:
    assert codes(parse_sheet([], TODAY)) == ["header-missing"]
    assert codes(parse_sheet([["a", "b"], ["姓名", "c"]], TODAY)) == ["header-missing"]


def test_every_missing_or_repeated_column_is_named_and_no_row_is_read() -> None:
    names = [name for name in GOOD if name not in {"姓名", "职称"}]
    sheet = parse_sheet([[*names, "手机号"], ["x"] * 9], TODAY)
    assert sheet.rows == ()
    assert sorted(codes(sheet)) == ["column-missing", "column-missing", "column-twice"]
    assert {problem.header for problem in sheet.problems} == {"姓名", "职称", "手机号"}
    assert "技术职称" in next(problem.remedy("zh") for problem in sheet.problems if problem.header == "职称")


def test_a_sheet_with_a_header_only_says_so() -> None:
    assert codes(parse_sheet([list(GOOD), ["", " "]], TODAY)) == ["rows-missing"]


def test_blank_rows_are_passed_over_and_short_rows_lack_their_last_cells() -> None:
    sheet = parse_sheet([list(GOOD), [""] * 10, list(GOOD.values()), list(GOOD.values())[:3], []], TODAY)
    assert sheet.rows_seen == 2
    assert [row.row for row in sheet.rows] == [3]
    assert codes(sheet).count("value-missing") == 7


def test_columns_that_are_not_known_are_named_and_left_alone() -> None:
    sheet = read({"毕业院校": "某大学", "": ""})
    assert not sheet.problems
    assert sheet.header is not None
    assert sheet.header.ignored == ("毕业院校",)


def test_a_long_cell_is_quoted_in_part() -> None:
    (problem,) = read({"职称": "长" * 30}).problems
    assert problem.message("zh") == f"职称“{'长' * 24}…”看不出是高级"


def test_a_listing_never_repeats_a_name_a_phone_or_an_identity_number() -> None:
    sheet = read(
        {
            "姓名": "张三丰7",
            "联系电话": "13900000",
            "证件号码": "999001197503120017",
            "出生日期": "1999-01-01",
        },
        {"姓名": "张三丰8", "联系电话": "139000001234", "证件号码": "999001197502300016"},
    )
    said = "".join(
        problem.message(lang) + problem.remedy(lang) for problem in sheet.problems for lang in ("zh", "en")
    )
    for secret in ("张三丰", "139000", "1975", "1999", "99900119"):
        assert secret not in said


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    rows = [[str(number), *list(GOOD.values())[1:]] for number in range(1001)]
    parse_sheet([list(GOOD), *rows], TODAY, lambda done, total: told.append((done, total)))
    assert told == [(500, 1001), (1000, 1001), (1001, 1001)]


def test_everything_that_may_be_said_has_its_english() -> None:
    english = catalogue("en")
    for kind in KINDS.values():
        assert kind.message in english
        assert kind.remedy in english


@given(st.lists(st.lists(st.text(max_size=8), max_size=18), max_size=6))
def test_no_sheet_however_strange_breaks_the_reader(rows: list[list[str]]) -> None:
    sheet = parse_sheet([[column.name for column in COLUMNS], *rows], TODAY)
    for problem in sheet.problems:
        assert problem.message("zh")
        assert problem.remedy("en")


def test_columns_are_lettered_as_in_a_spreadsheet() -> None:
    assert [column_letter(index) for index in (0, 25, 26, 51, 52, 701, 702)] == [
        "A", "Z", "AA", "AZ", "BA", "ZZ", "AAA",
    ]  # fmt: skip
