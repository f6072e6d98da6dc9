"""Recognises what a file proves - a draw, random inspections, one expert's slip, a center's list of draws - and checks it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.core.errors import YuanpingError
from app.core.i18n import N_, translate
from expert_draw.engine.inspection_entries import FORMAT as INSPECTION_FORMAT
from expert_draw.engine.register import RegisterVerdict, verify_register
from expert_draw.engine.signing import FORMAT as DRAW_FORMAT
from expert_draw.engine.slip import FORMAT as SLIP_FORMAT
from expert_draw.engine.slip import verify_slip
from expert_draw.engine.verify import verify_record
from expert_draw.engine.wording import RecordBroken

_FORMAT = re.compile(rb'"format":"([^"]{0,64})"')
_LISTED = re.compile(rb'"type":"listed"}$')

PASSES = N_("完全通过")
AS_DISCLOSED = N_("公开部分通过")
FAILS = N_("不通过")
ANOTHER_DRAW = N_("凭条首行的哈希不是公布的承诺，它属于另一次抽取或被改动过")
_STATES = {
    "closed": N_("已封闭"),
    "empty": N_("空"),
    "open": N_("进行中"),
    "void": N_("已作废"),
}
_KINDS = {DRAW_FORMAT: "draw", INSPECTION_FORMAT: "inspection", SLIP_FORMAT: "slip"}


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was checked. `faults` name the file or line and what is wrong; none means it stands.

    detail: what it is about, and how far it passes. marks: what to compare with what was published.
    """

    kind: str
    name: str
    detail: str
    faults: tuple[str, ...]
    marks: str = ""


def kind_of(text: bytes) -> str:
    """draw, inspection, slip or list, by what the first line says of itself; what says nothing is taken for a draw."""
    first = text.partition(b"\n")[0]
    if _LISTED.search(first):
        return "list"
    named = _FORMAT.search(first)
    return _KINDS.get(named[1].decode(errors="replace"), "draw") if named else "draw"


def check_text(
    name: str, text: bytes, language: str, head: str | None = None, key: str | None = None
) -> Checked:
    """Checks the bytes of a file. head, key: the published hash of the last line, and the house's public key, if known."""
    match kind_of(text):
        case "slip":
            return _check_slip(name, text, language, head, key)
        case "list":
            return check_list(name, text, language, head, key)
        case kind:
            return _check_record(kind, name, text, language, head, key)


def check_list(
    name: str, text: bytes, language: str, head: str | None = None, key: str | None = None
) -> Checked:
    """Checks a center's chained list of its draws by itself."""
    return checked_list(name, verify_register(text, key), language, head)


def checked_list(name: str, verdict: RegisterVerdict, language: str, head: str | None = None) -> Checked:
    """The verdict on a center's list in words."""
    found = list(verdict.findings)
    if head is not None and verdict.ok and verdict.head != head:
        found.append((verdict.lines, RecordBroken("record.wrong_head")))
    still_open = sum(last is None for _, _, last in verdict.draws.values())
    told = translate(
        language, N_("{count} 次抽取，{open} 次进行中"), count=len(verdict.draws), open=still_open
    )
    return Checked(
        "list",
        name,
        f"{translate(language, FAILS if found else PASSES)} · {told}",
        _said(name, found, language),
        _marks(language, verdict.key, verdict.head),
    )


def _check_record(
    kind: str, name: str, text: bytes, language: str, head: str | None, key: str | None
) -> Checked:
    verdict = verify_record(text, head, key)
    summary = verdict.summary
    passes = (PASSES if verdict.full else AS_DISCLOSED) if verdict.ok else FAILS
    told = translate(
        language,
        N_("{state}，{rounds} 轮，抽出 {drawn}"),
        state=translate(language, _STATES[summary.state]),
        rounds=summary.rounds,
        drawn=summary.drawn,
    )
    return Checked(
        kind,
        name,
        " · ".join(filter(None, (translate(language, passes), summary.draw, told))),
        tuple(
            f"{name}:{finding.line} {translate(language, finding.message, **finding.params)}"
            for finding in verdict.findings
        ),
        _marks(language, summary.key, summary.head),
    )


def _check_slip(name: str, text: bytes, language: str, head: str | None, key: str | None) -> Checked:
    slip, findings = verify_slip(text, key)
    faults = _said(name, [(1, refusal) for refusal in findings], language)
    if slip is not None and head is not None and slip.head != head:
        faults = (f"{name}:1 {translate(language, ANOTHER_DRAW)}",)
    if slip is None or faults:
        return Checked("slip", name, translate(language, FAILS), faults)
    told = (
        translate(language, N_("在名单中，回避事由：{grounds}"), grounds=", ".join(slip.grounds))
        if slip.grounds
        else translate(language, N_("在名单中，可以被抽取"))
    )
    if slip.chance is not None:
        told += " · " + translate(language, N_("第一轮中签机会 {chance}"), chance=slip.chance)
    return Checked(
        "slip",
        name,
        f"{translate(language, PASSES)} · {slip.draw} · {slip.roster[0]} · {told}",
        (),
        _marks(language, slip.house, slip.head),
    )


def _said(name: str, found: Iterable[tuple[int, YuanpingError]], language: str) -> tuple[str, ...]:
    return tuple(
        f"{name}:{line} {translate(language, refusal.message, **refusal.params)}" for line, refusal in found
    )


def _marks(language: str, key: str, head: str) -> str:
    """What can be compared with what was published: the beginning of the house's key, and the hash of the last line."""
    if not key:
        return ""
    return translate(language, N_("公钥 {key}… · 哈希 {head}"), key=key[:16], head=head)
