"""What the roster in memory reads of the tables, and each expert's row in the tree of the roster."""

import hashlib
import hmac
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from expert_draw.engine.columns import NO_END, UNKNOWN_DAY, Unit
from expert_draw.models import Expert, ExpertSpecialty

CHINA = ZoneInfo("Asia/Shanghai")
ACTIVE = "active"
_AT_ONCE = 5000
_LEFT = re.compile(r"(.+)（至?(\d{4})[-年./](\d{1,2})(?:[-月./](\d{1,2}))?[日月]?(?:离职)?）")


@dataclass(frozen=True, slots=True)
class ExpertRow:
    """One expert as the tables have them; days as ordinals. `text`: the row in the tree of the roster."""

    id: str
    text: str
    active: bool
    region: int
    employer: Unit
    birth_year: int
    title: str
    years_in_field: int
    valid_until: int
    entered: int
    former: tuple[tuple[Unit, int], ...]
    declared: tuple[Unit, ...]
    specialties: tuple[str, ...]


def read_experts(session: Session, after: int | None = None) -> Iterator[ExpertRow]:
    """Everybody, or everybody whom a change of the roster later than number `after` has touched; by id."""
    held: defaultdict[str, list[str]] = defaultdict(list)
    specialties: Any = select(ExpertSpecialty.expert_id, ExpertSpecialty.code)
    experts: Any = select(*(col(getattr(Expert, name)) for name in _READ)).order_by(col(Expert.id))
    if after is not None:
        specialties = specialties.join(Expert, col(Expert.id) == col(ExpertSpecialty.expert_id)).where(
            col(Expert.revision) > after
        )
        experts = experts.where(col(Expert.revision) > after)
    for expert_id, code in session.execute(specialties, execution_options={"yield_per": _AT_ONCE}):
        held[expert_id].append(code)
    for row in session.execute(experts, execution_options={"yield_per": _AT_ONCE}):
        yield _expert(row, tuple(sorted(held.get(row[0], ()))))


def leaf_text(
    number: str, unit: str, region: str, state: str, specialties: tuple[str, ...], valid: str
) -> str:
    """The row of an expert in the tree of the roster: canonical JSON, see docs/draw-record.md, section 9."""
    return json.dumps(
        [number, unit, region, state, specialties, valid], ensure_ascii=False, separators=(",", ":")
    )


def leaf_salt(key: bytes, expert_id: str) -> bytes:
    """The salt of an expert's leaf: 32 bytes that only the house can make."""
    return hmac.digest(key, expert_id.encode(), "sha256")


def leaf_hash(salt: bytes, text: str) -> bytes:
    """The hash of an expert's leaf, which is its key in the tree, too."""
    return hashlib.sha256(b"\x00" + salt + text.encode()).digest()


def former_unit(text: str) -> tuple[Unit, int]:
    """A former employer as it was entered, with the last day there as an ordinal.

    某公司（2024-05-31） or 某公司（至2024年5月） name the day or the month; without it the employer always counts.
    """
    found = _LEFT.fullmatch(text)
    if found is None:
        return Unit(name=text), UNKNOWN_DAY
    year, month = int(found[2]), int(found[3])
    try:
        left = date(year, month, int(found[4])) if found[4] else _last_of_month(year, month)
    except ValueError:
        return Unit(name=found[1]), UNKNOWN_DAY
    return Unit(name=found[1]), left.toordinal()


_READ = (
    "id",
    "number",
    "region_code",
    "employer",
    "employer_code",
    "birth_year",
    "title",
    "years_in_field",
    "former_employers",
    "declared_avoidance",
    "valid_until",
    "entered_at",
    "state",
)


def _expert(row: Any, specialties: tuple[str, ...]) -> ExpertRow:
    id_, number, region, employer, code, birth, title, years, former, declared, valid, entered, state = row
    valid_day = None if valid is None else _day(valid)
    return ExpertRow(
        id=id_,
        text=leaf_text(
            number, code or employer, region, state, specialties, valid_day.isoformat() if valid_day else ""
        ),
        active=state == ACTIVE,
        region=int(region),
        employer=_unit(code, employer),
        birth_year=birth,
        title=title,
        years_in_field=years,
        valid_until=valid_day.toordinal() if valid_day else NO_END,
        entered=_day(entered).toordinal(),
        former=() if former == "[]" else tuple(former_unit(text) for text in json.loads(former)),
        declared=() if declared == "[]" else tuple(_unit("", name) for name in json.loads(declared)),
        specialties=specialties,
    )


@lru_cache(maxsize=1 << 16)
def _unit(code: str, name: str) -> Unit:
    return Unit(code, name)


@lru_cache(maxsize=1 << 14)
def _day(moment: datetime) -> date:
    return moment.astimezone(CHINA).date()


def _last_of_month(year: int, month: int) -> date:
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    return first_of_next - timedelta(days=1)
