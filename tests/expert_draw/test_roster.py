"""A sheet enters the roster whole or not at all, and the roster tells how deep it is."""

import json
from datetime import UTC, date, datetime
from io import StringIO

import pytest
from rich.console import Console
from sqlmodel import col, select

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.database import Database
from app.core.sealing import Sealer
from app.sample.sheets import good_rows
from expert_draw import roster
from expert_draw.models import Expert, ExpertSpecialty
from expert_draw.personal import identity_of, name_of, phone_of
from expert_draw.roster import ImportReport
from expert_draw.roster_report import outcome, print_report
from expert_draw.roster_rows import CHINA
from tests.support.halls import NOW

SEALER = Sealer(bytes(range(32)))
Cells = tuple[tuple[str, ...], ...]


@pytest.fixture
def database(any_database: Database) -> Database:
    return any_database


def sheet(count: int = 12) -> Cells:
    return tuple(tuple("" if cell is None else str(cell) for cell in row) for row in good_rows(count))


def changed(cells: Cells, row: int, **changes: str) -> Cells:
    """The sheet with some cells of one spreadsheet row written anew."""
    fields = dict(zip(cells[0], cells[row - 1], strict=True)) | changes
    return (*cells[: row - 1], tuple(fields[name] for name in cells[0]), *cells[row:])


def take_in(database: Database, cells: Cells, *, dry_run: bool = False) -> ImportReport:
    with database.transaction() as session:
        return roster.import_sheet(session, SEALER, NOW, cells, actor="account:a", dry_run=dry_run)


def counts(report: ImportReport) -> tuple[int, int, int, bool]:
    return report.new, report.changed, report.unchanged, report.applied


def experts(database: Database) -> dict[str, Expert]:
    with database.reading() as session:
        return {expert.number: expert for expert in session.exec(select(Expert)).all()}


def test_a_good_sheet_is_taken_in_and_everything_personal_is_sealed(database: Database) -> None:
    cells = sheet()
    assert counts(take_in(database, cells)) == (12, 0, 0, True)
    row = dict(zip(cells[0], cells[1], strict=True))
    expert = experts(database)[row["专家编号"]]
    assert name_of(SEALER, expert) == row["姓名"]
    assert phone_of(SEALER, expert) == f"+86{row['联系电话']}"
    assert identity_of(SEALER, expert) == row["证件号码"]
    assert expert.phone_fingerprint == SEALER.fingerprint(f"+86{row['联系电话']}")
    assert (expert.birth_year, expert.region_code) == (int(row["出生日期"][:4]), row["行政区域"])
    assert json.loads(expert.declared_avoidance) == [row["自报回避单位"]]
    assert expert.valid_until == datetime(2035, 12, 31, 15, 59, 59, tzinfo=UTC)
    with database.reading() as session:
        held = session.exec(select(ExpertSpecialty.code).where(ExpertSpecialty.expert_id == expert.id)).all()
    assert sorted(held) == sorted(row["专业代码"].split("、"))
    stored = "".join(str(value) for value in expert.model_dump().values())
    for secret in (row["姓名"], row["联系电话"], row["证件号码"]):
        assert secret not in stored


def test_the_same_sheet_again_changes_nothing(database: Database) -> None:
    take_in(database, sheet())
    before = experts(database)
    assert counts(take_in(database, sheet())) == (0, 0, 12, True)
    assert experts(database) == before


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("姓名", "改名"),
        ("联系电话", "13812340000"),
        ("行政区域", "530100"),
        ("职称", "正高级会计师"),
        ("专业代码", "C050200"),
        ("专家编号", "ZJ-0001"),
        ("有效期至", "2031-01-01"),
        ("近三年任职单位", "示例新单位"),
    ],
)
def test_a_known_expert_is_recognised_by_identity_and_updated(
    database: Database, column: str, cell: str
) -> None:
    take_in(database, sheet())
    before = {expert.identity_fingerprint: expert.id for expert in experts(database).values()}
    cells = changed(sheet(), 3, **{column: cell})
    assert counts(take_in(database, cells)) == (0, 1, 11, True)
    assert {expert.identity_fingerprint: expert.id for expert in experts(database).values()} == before
    assert counts(take_in(database, cells)) == (0, 0, 12, True)


def test_what_changed_is_what_the_sheet_says(database: Database) -> None:
    take_in(database, sheet())
    cells = changed(sheet(), 3, 专业代码="C050200；C06", 姓名="改名", 专家编号="ZJ-0001")
    take_in(database, cells)
    expert = experts(database)["ZJ-0001"]
    assert name_of(SEALER, expert) == "改名"
    with database.reading() as session:
        held = session.exec(select(ExpertSpecialty.code).where(ExpertSpecialty.expert_id == expert.id)).all()
    assert sorted(held) == ["C050200", "C06"]


def test_a_single_error_keeps_the_whole_sheet_out(database: Database) -> None:
    report = take_in(database, changed(sheet(), 7, 联系电话="12345"))
    assert [(problem.row, problem.code) for problem in report.errors] == [(7, "phone-form")]
    assert not report.applied
    assert experts(database) == {}
    with database.reading() as session:
        assert audit.cases(session) == ()


def test_a_warning_keeps_nobody_out(database: Database) -> None:
    report = take_in(database, changed(sheet(), 7, 职称="工程师"))
    assert [problem.code for problem in report.warnings] == ["title-not-senior"]
    assert report.applied
    assert len(experts(database)) == 12


def test_a_dry_run_tells_what_would_happen_and_writes_nothing(database: Database) -> None:
    take_in(database, sheet(5))
    report = take_in(database, changed(sheet(9), 2, 职称="正高级会计师"), dry_run=True)
    assert counts(report) == (4, 1, 4, False)
    assert report.dry_run
    assert len(experts(database)) == 5
    with database.reading() as session:
        assert [event.tag for event in audit.trail(session, "house")] == [
            Tag.roster_changed,
            Tag.roster_imported,
        ]


def test_a_dry_run_works_where_nothing_can_be_written(database: Database) -> None:
    with database.reading() as session:
        report = roster.import_sheet(session, SEALER, NOW, sheet(), actor="a", dry_run=True)
    assert report.new == 12


def test_a_number_that_belongs_to_somebody_else_is_refused_and_a_shared_phone_is_pointed_out(
    database: Database,
) -> None:
    take_in(database, sheet(3))
    known = dict(zip(sheet(3)[0], sheet(3)[1], strict=True))
    fresh = (sheet(5)[0], *sheet(5)[4:])
    report = take_in(
        database, changed(changed(fresh, 2, 专家编号=known["专家编号"]), 3, 联系电话=known["联系电话"])
    )
    found = [(problem.row, problem.column, problem.code) for problem in report.problems]
    assert found == [(2, "A", "number-taken"), (3, "G", "phone-taken")]
    assert not report.applied


def test_a_phone_that_moves_from_one_expert_of_the_sheet_to_another_is_no_conflict(
    database: Database,
) -> None:
    take_in(database, sheet(2))
    phones = [row[sheet(2)[0].index("联系电话")] for row in sheet(2)[1:]]
    swapped = changed(changed(sheet(2), 2, 联系电话=phones[1]), 3, 联系电话=phones[0])
    report = take_in(database, swapped)
    assert (report.problems, report.changed) == ((), 2)


def test_a_sheet_without_a_header_is_reported_and_not_taken_in(database: Database) -> None:
    report = take_in(database, (("a", "b"),))
    assert [problem.code for problem in report.problems] == ["header-missing"]
    assert counts(report) == (0, 0, 0, False)


def test_an_import_leaves_its_trace_without_any_name(database: Database) -> None:
    take_in(database, sheet())
    with database.reading() as session:
        _, event = audit.trail(session, "house")
        assert audit.check_case(session, "house") is None
    assert (event.tag, event.actor) == (Tag.roster_imported, "account:a")
    data = json.loads(event.data)
    assert {name: data[name] for name in ("rows", "new", "changed", "unchanged")} == {
        "rows": 12, "new": 12, "changed": 0, "unchanged": 0,
    }  # fmt: skip
    assert sheet()[1][1] not in event.data


def test_progress_goes_from_reading_to_the_end_and_never_back(database: Database) -> None:
    told: list[tuple[int, int]] = []
    with database.transaction() as session:
        roster.import_sheet(
            session,
            SEALER,
            NOW,
            sheet(1200),
            actor="a",
            progress=lambda done, total: told.append((done, total)),
        )
    assert told == sorted(told)
    assert told[0][0] < 500
    assert told[-1] == (1000, 1000)


def test_the_summary_counts_a_specialty_with_all_below_it(database: Database) -> None:
    take_in(database, changed(changed(sheet(12), 2, 专业代码="A080104、A080105"), 3, 专业代码="A0802"))
    with database.transaction() as session:
        gone = session.exec(select(Expert).order_by(col(Expert.number).desc())).first()
        assert gone is not None
        gone.state = "suspended"
        session.add(gone)
    with database.reading() as session:
        summary = roster.summary(session)
        held: dict[str, set[str]] = {}
        for expert, code in session.exec(select(ExpertSpecialty.expert_id, ExpertSpecialty.code)).all():
            held.setdefault(expert, set()).add(code)
        held.pop(gone.id)
    assert (summary.experts, summary.active) == (12, 11)
    assert sum(count for _, count in summary.by_city) == 11
    assert all(len(city) == 4 for city, _ in summary.by_city)
    for item in summary.specialties:
        assert item.experts == sum(
            any(code.startswith(item.code) for code in codes) for codes in held.values()
        ), item.code
        assert 1 <= item.cities <= item.experts
        assert item.shallow == (item.experts < 10)


def test_the_printed_report_names_row_column_problem_and_remedy(database: Database) -> None:
    report = take_in(database, changed(sheet(), 7, 联系电话="12345", 职称="[工人]"))
    for language, words in (
        ("zh", ("联系电话不是手机号码", "错误")),
        ("en", ("not a mobile number", "Error")),
    ):
        written = StringIO()
        print_report(Console(file=written, width=200, no_color=True), report, language)
        text = written.getvalue()
        for word in ("7", "G 联系电话", "[工人]", *words):
            assert word in text
        assert text.rstrip().endswith(outcome(report, language))


def test_the_outcome_is_one_sentence_for_each_way_it_can_end(database: Database) -> None:
    refused = take_in(database, changed(sheet(), 7, 联系电话="12345"))
    tried = take_in(database, sheet(), dry_run=True)
    done = take_in(database, sheet())
    assert outcome(refused, "en").startswith("1 errors and 0 warnings in 12 rows; nothing was imported")
    assert outcome(tried, "en").startswith("Dry run: 12 rows can be imported, 12 new")
    assert outcome(done, "zh") == "已导入 12 行：新增 12、更新 0、不变 0，提醒 0 处"


def test_columns_that_were_not_used_are_named(database: Database) -> None:
    cells = sheet(2)
    wider = ((*cells[0], "毕业院校"), *((*row, "某大学") for row in cells[1:]))
    report = take_in(database, wider)
    written = StringIO()
    print_report(Console(file=written, width=200), report, "zh")
    assert "没有用到的列：毕业院校" in written.getvalue()


def test_the_last_day_of_an_appointment_still_counts() -> None:
    assert roster._last_moment(None) is None
    last = roster._last_moment(date(2026, 1, 1))
    assert last is not None
    assert last.astimezone(CHINA).date() == date(2026, 1, 1)


def test_thousands_of_rows_are_taken_in_at_once(database: Database) -> None:
    assert counts(take_in(database, sheet(3_000))) == (3_000, 0, 0, True)
    assert len(experts(database)) == 3_000
