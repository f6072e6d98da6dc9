"""Reads the booking form: what was typed, what it means, and what is still wrong with it field by field."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from app.core.i18n import N_
from app.evaluation.schemas import BookingIn
from app.web.pages.forms import Typed, instant, one, plain
from app.web.templating import CHINA

Row = tuple[str, str]
Errors = dict[str, str]
"""Field name (a row's with its number, as `slot_count-0`) → Chinese catalogue text."""

_SINGLE = (
    "project_number",
    "project_name",
    "lot_number",
    "lot_name",
    "host_center_id",
    "starts_at",
    "minutes",
    "appointed",
    "tenderee_name",
    "tenderee_code",
    "agency_name",
    "agency_code",
)
# A group of rows: its name in the booking, the two fields of a row in the form, and what the booking calls them.
_GROUPS = {
    "slots": (("slot_specialty", "specialty"), ("slot_count", "count")),
    "avoid": (("avoid_name", "name"), ("avoid_code", "credit_code")),
    "bidders": (("bidder_name", "name"), ("bidder_code", "credit_code")),
    "criteria": (("criterion_name", "name"), ("criterion_points", "max_hundredths")),
}
_FIRST_SLOTS: tuple[Row, ...] = (("", "3"), ("", "2"))
_FIRST_CRITERIA: tuple[Row, ...] = (
    (N_("商务部分"), "30"),
    (N_("技术部分"), "40"),
    (N_("报价部分"), "30"),
)
_BLANK: Row = ("", "")

_REQUIRED = N_("请填写")
_WHY = {
    "credit_code": N_("统一社会信用代码为 18 位数字或大写字母"),
    "starts_at": N_("请选择日期和时间"),
    "minutes": N_("请填写 10 至 10080 之间的整分钟数"),
    "appointed": N_("请填写 0 至 99 之间的整数"),
    "specialty": N_("请选择专业，或填写 A、B、C 开头的专业编码"),
    "count": N_("请填写 1 至 99 之间的整数"),
    "max_hundredths": N_("请填写大于 0 的分值，至多两位小数"),
}
_TOO_LONG = N_("内容过长")
_CONTROL = N_("不能含有控制字符，请重新填写")
_POINTS = re.compile(r"[0-9]{1,4}(\.[0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as it stands on the page."""

    single: dict[str, str]
    rows: dict[str, tuple[Row, ...]]
    errors: Errors = field(default_factory=dict)


def blank(now: datetime, host_center_id: str) -> Filled:
    """A fresh form: tomorrow at nine, three hours, five places, the usual three parts of a score."""
    tomorrow = (now.astimezone(CHINA) + timedelta(days=1)).replace(hour=9, minute=0)
    single = dict.fromkeys(_SINGLE, "") | {
        "host_center_id": host_center_id,
        "starts_at": tomorrow.strftime("%Y-%m-%dT%H:%M"),
        "minutes": "180",
        "appointed": "0",
    }
    rows = {
        "slots": _FIRST_SLOTS,
        "avoid": (_BLANK,),
        "bidders": (_BLANK, _BLANK, _BLANK),
        "criteria": _FIRST_CRITERIA,
    }
    return Filled(single, rows)


def read(typed: Typed) -> Filled:
    """What was typed, ready to be shown again."""
    rows: dict[str, tuple[Row, ...]] = {}
    for group, ((first, _), (second, _)) in _GROUPS.items():
        left, right = typed.get(first, ()), typed.get(second, ())
        rows[group] = tuple((a.strip(), b.strip()) for a, b in zip(left, right, strict=False)) or (_BLANK,)
    return Filled({name: one(typed, name) for name in _SINGLE}, rows)


def understand(filled: Filled) -> BookingIn | Errors:
    """The booking that was meant, or what is wrong by field. Rows left wholly empty do not count."""
    single = filled.single
    kept = {group: [n for n, row in enumerate(rows) if any(row)] for group, rows in filled.rows.items()}
    raw: dict[str, Any] = {
        name: single[name]
        for name in ("project_number", "project_name", "lot_number", "lot_name", "host_center_id")
    }
    raw["minutes"] = plain(single["minutes"])
    raw["appointed"] = plain(single["appointed"]) or 0
    raw["starts_at"] = instant(single["starts_at"]) or ""
    raw["tenderee"] = _unit(single["tenderee_name"], single["tenderee_code"])
    if single["agency_name"] or single["agency_code"]:
        raw["agency"] = _unit(single["agency_name"], single["agency_code"])
    raw["slots"] = [_slot(filled.rows["slots"][n]) for n in kept["slots"]]
    for group in ("avoid", "bidders"):
        raw[group] = [_unit(*filled.rows[group][n]) for n in kept[group]]
    raw["criteria"] = [
        {"name": name, "max_hundredths": _hundredths(points)}
        for name, points in (filled.rows["criteria"][n] for n in kept["criteria"])
    ]
    try:
        return BookingIn.model_validate(raw)
    except ValidationError as refusal:
        return {
            _field(item["loc"], kept): _why(item["loc"], item["type"])
            for item in reversed(refusal.errors(include_url=False))
        }


def _unit(name: str, code: str) -> dict[str, str | None]:
    return {"name": name, "credit_code": plain(code).upper() or None}


def _slot(row: Row) -> dict[str, str]:
    """`A08 市政工程` counts as its code: that is how the list offers it."""
    code = plain(row[0]).upper().split(maxsplit=1)
    return {"specialty": code[0] if code else "", "count": plain(row[1])}


def _hundredths(points: str) -> int | str:
    """Empty for what is no number of points: as typed it could pass for a number of hundredths."""
    written = plain(points)
    return int(Decimal(written) * 100) if _POINTS.fullmatch(written) else ""


def _field(loc: tuple[int | str, ...], kept: dict[str, list[int]]) -> str:
    group = str(loc[0])
    if group in _GROUPS:
        names = {there: here for here, there in _GROUPS[group]}
        if len(loc) == 1:
            return f"{_GROUPS[group][0][0]}-0"
        return f"{names[str(loc[2])]}-{kept[group][int(loc[1])]}"
    if group in {"tenderee", "agency"}:
        return f"{group}_{'code' if loc[-1] == 'credit_code' else 'name'}"
    return group


def _why(loc: tuple[int | str, ...], kind: str) -> str:
    if kind in {"missing", "string_too_short", "too_short"}:
        return _REQUIRED
    if kind in {"string_too_long", "too_long"}:
        return _TOO_LONG
    if kind == "string_pattern_mismatch" and loc[-1] not in _WHY:
        return _CONTROL
    return _WHY.get(str(loc[-1]), _REQUIRED)
