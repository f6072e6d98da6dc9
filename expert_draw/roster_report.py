"""Prints what an import found: the counts, and every problem by row and column with how to mend it."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.core.i18n import N_, translate
from expert_draw.roster import ImportReport
from expert_draw.sheet_problems import Severity

_COLOURS = {Severity.error: "red", Severity.warning: "yellow"}
_WORDS = {Severity.error: N_("错误"), Severity.warning: N_("提醒")}
_HEADINGS = (N_("行"), N_("列"), N_("程度"), N_("问题"), N_("怎样改正"))


def print_report(console: Console, report: ImportReport, language: str) -> None:
    """The listing of problems first, then one line that says what happened."""
    if report.problems:
        table = Table(*(translate(language, heading) for heading in _HEADINGS), show_lines=False)
        for problem in report.problems:
            colour = _COLOURS[problem.severity]
            table.add_row(
                str(problem.row),
                escape(f"{problem.column} {problem.header}".strip()),
                f"[{colour}]{translate(language, _WORDS[problem.severity])}[/]",
                escape(problem.message(language)),
                escape(problem.remedy(language)),
            )
        console.print(table)
    if report.ignored_columns:
        names = "、".join(report.ignored_columns)
        console.print(escape(translate(language, N_("没有用到的列：{names}"), names=names)))
    console.print(escape(outcome(report, language)))


def outcome(report: ImportReport, language: str) -> str:
    """What happened, in one sentence."""
    counts = {
        "rows": report.rows,
        "new": report.new,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "errors": len(report.errors),
        "warnings": len(report.warnings),
    }
    if report.errors:
        text = N_("{rows} 行中有 {errors} 处错误、{warnings} 处提醒；一行也没有导入，改正后再导入一次")
    elif report.dry_run:
        text = N_(
            "试导入：{rows} 行可以导入，新增 {new}、更新 {changed}、不变 {unchanged}，提醒 {warnings} 处；未写入"
        )
    else:
        text = N_("已导入 {rows} 行：新增 {new}、更新 {changed}、不变 {unchanged}，提醒 {warnings} 处")
    return translate(language, text, **counts)
