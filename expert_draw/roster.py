"""Takes a sheet of experts into the roster, all of it or nothing, and tells how deep the roster is."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import delete, func, insert, update
from sqlmodel import Session, col, select

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.canonical import digest
from app.core.database import in_turn
from app.core.ids import new_id
from app.core.sealed_columns import EXPERT_IDENTITY, EXPERT_NAME, EXPERT_PHONE
from app.core.sealing import Sealer
from expert_draw.models import Expert, ExpertSpecialty
from expert_draw.personal import name_of
from expert_draw.regions import city_of
from expert_draw.roster_rows import CHINA
from expert_draw.sheet import Progress, Sheet, in_order, parse_sheet
from expert_draw.sheet_columns import Cells, Header, problem_at
from expert_draw.sheet_problems import Problem, Severity
from expert_draw.sheet_row import SheetRow
from expert_draw.snapshot import Rosters
from expert_draw.specialties import SPECIALTIES

SHALLOW = 10
"""A specialty with fewer experts than this is called shallow."""

_BATCH = 500
_END_OF_DAY = time(23, 59, 59)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import found and did (导入结果); nothing was written unless `applied`."""

    rows: int
    new: int
    changed: int
    unchanged: int
    problems: tuple[Problem, ...]
    ignored_columns: tuple[str, ...]
    dry_run: bool
    applied: bool

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.error)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.warning)


@dataclass(frozen=True, slots=True)
class SpecialtyDepth:
    """How many active experts hold a specialty or one below it; `cities` is how many cities they live in."""

    code: str
    experts: int
    cities: int

    @property
    def shallow(self) -> bool:
        return self.experts < SHALLOW


@dataclass(frozen=True, slots=True)
class RosterSummary:
    """The roster in figures (专家库概况); never a name."""

    experts: int
    active: int
    by_city: tuple[tuple[str, int], ...]
    specialties: tuple[SpecialtyDepth, ...]


def import_sheet(
    session: Session,
    sealer: Sealer,
    now: datetime,
    cells: Cells,
    *,
    actor: str,
    dry_run: bool = False,
    progress: Progress | None = None,
    rosters: Rosters | None = None,
) -> ImportReport:
    """Takes in a sheet whose cells[0] is spreadsheet row 1.

    Experts are recognised by identity number: known ones are updated, others added. With a single error,
    or on a dry run, nothing is written and the report says everything. `progress` hears (done, in all): reading is the first
    half of the way, writing the second. rosters: of this process, which then already knows the change.
    """
    sheet = parse_sheet(cells, now.astimezone(CHINA).date(), _half(progress, 0))
    if sheet.header is None:
        return _refused(sheet, sheet.problems, dry_run=dry_run)
    if not dry_run:
        in_turn(session, "roster")
    work, against_roster = _compare(session, sealer, sheet.header, sheet.rows)
    report = replace(
        _refused(sheet, in_order((*sheet.problems, *against_roster)), dry_run=dry_run),
        new=sum(entry.kind == "new" for entry in work),
        changed=sum(entry.kind == "changed" for entry in work),
        unchanged=sum(entry.kind == "unchanged" for entry in work),
    )
    if report.errors or dry_run:
        return report
    if report.new or report.changed:
        snapshots = rosters or Rosters(sealer)
        change = snapshots.begin(session)
        _write(session, sealer, now, change.n, work, _half(progress, 1))
        snapshots.seal(session, now, change, actor=actor)
    audit.record(
        session,
        now,
        case="house",
        tag=Tag.roster_imported,
        actor=actor,
        subject="roster",
        data={
            "rows": report.rows,
            "new": report.new,
            "changed": report.changed,
            "unchanged": report.unchanged,
            "sheet": digest([list(row) for row in cells]),
        },
    )
    return replace(report, applied=True)


def summary(session: Session) -> RosterSummary:
    """Counts of the roster and how deep each specialty that anyone holds is, by code."""
    experts = session.exec(select(func.count()).select_from(Expert)).one()
    homes = dict(session.exec(select(Expert.id, Expert.region_code).where(Expert.state == "active")).all())
    holders: defaultdict[str, set[str]] = defaultdict(set)
    for expert_id, code in session.exec(select(ExpertSpecialty.expert_id, ExpertSpecialty.code)).all():
        if expert_id in homes:
            for end in range(3, len(code) + 1, 2):
                holders[code[:end]].add(expert_id)
    return RosterSummary(
        experts=experts,
        active=len(homes),
        by_city=tuple(sorted(Counter(city_of(region) for region in homes.values()).items())),
        specialties=tuple(
            SpecialtyDepth(code, len(who), len({city_of(homes[expert]) for expert in who}))
            for code, who in sorted(holders.items())
            if code in SPECIALTIES
        ),
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    """One row and what has to happen with it."""

    row: SheetRow
    fingerprint: str
    phone_fingerprint: str
    kind: str
    known: Expert | None


def _refused(sheet: Sheet, problems: tuple[Problem, ...], *, dry_run: bool) -> ImportReport:
    ignored = sheet.header.ignored if sheet.header else ()
    return ImportReport(sheet.rows_seen, 0, 0, 0, problems, ignored, dry_run, applied=False)


def _half(progress: Progress | None, which: int) -> Progress | None:
    """Tells of one half of the way, in thousandths of the whole."""
    if progress is None:
        return None
    return lambda done, in_all: progress(which * 500 + 500 * done // in_all, 1000)


def _compare(
    session: Session, sealer: Sealer, header: Header, rows: Sequence[SheetRow]
) -> tuple[list[_Entry], list[Problem]]:
    """What each row means for the roster as it is, and where the two contradict each other."""
    marked = [(row, sealer.fingerprint(row.identity), sealer.fingerprint(row.phone)) for row in rows]
    known = {
        expert.identity_fingerprint: expert
        for expert in _found(session, col(Expert.identity_fingerprint), [mark for _, mark, _ in marked])
    }
    numbers = {
        expert.number: expert.identity_fingerprint
        for expert in _found(session, col(Expert.number), [row.number for row in rows])
    }
    phones: defaultdict[str, set[str]] = defaultdict(set)
    for expert in _found(session, col(Expert.phone_fingerprint), [mark for _, _, mark in marked]):
        phones[expert.phone_fingerprint].add(expert.identity_fingerprint)
    held = _specialties(session, [expert.id for expert in known.values()])
    incoming = {identity for _, identity, _ in marked}
    work: list[_Entry] = []
    problems: list[Problem] = []
    for row, identity, phone in marked:
        if numbers.get(row.number, identity) != identity:
            problems.append(problem_at(header, row.row, "number", "number-taken"))
        # Somebody whose own row is in this sheet brings their number with them; only the others count.
        if phones[phone] - incoming - {identity}:
            problems.append(problem_at(header, row.row, "phone", "phone-taken"))
        before = known.get(identity)
        if before is None:
            kind = "new"
        elif held[before.id] == set(row.specialties) and _same(sealer, before, row, phone):
            kind = "unchanged"
        else:
            kind = "changed"
        work.append(_Entry(row, identity, phone, kind, before))
    return work, problems


def _found(session: Session, column: Any, values: Sequence[str]) -> Iterable[Expert]:
    for start in range(0, len(values), _BATCH):
        yield from session.exec(select(Expert).where(column.in_(values[start : start + _BATCH]))).all()


def _specialties(session: Session, expert_ids: Sequence[str]) -> defaultdict[str, set[str]]:
    held: defaultdict[str, set[str]] = defaultdict(set)
    for start in range(0, len(expert_ids), _BATCH):
        wanted = col(ExpertSpecialty.expert_id).in_(expert_ids[start : start + _BATCH])
        for expert_id, code in session.exec(
            select(ExpertSpecialty.expert_id, ExpertSpecialty.code).where(wanted)
        ).all():
            held[expert_id].add(code)
    return held


def _same(sealer: Sealer, expert: Expert, row: SheetRow, phone_fingerprint: str) -> bool:
    plain = _plain_fields(row)
    return (
        all(getattr(expert, name) == value for name, value in plain.items())
        and expert.phone_fingerprint == phone_fingerprint
        and name_of(sealer, expert) == row.name
    )


def _plain_fields(row: SheetRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "gender": row.gender,
        "birth_year": row.birth.year,
        "region_code": row.region_code,
        "employer": row.employer,
        "employer_code": row.employer_code,
        "title": row.title,
        "years_in_field": row.years,
        "former_employers": json.dumps(row.former_employers, ensure_ascii=False),
        "declared_avoidance": json.dumps(row.declared_avoidance, ensure_ascii=False),
        "valid_until": _last_moment(row.valid_until),
    }


def _last_moment(day: date | None) -> datetime | None:
    return datetime.combine(day, _END_OF_DAY, CHINA).astimezone(UTC) if day else None


def _write(
    session: Session,
    sealer: Sealer,
    now: datetime,
    revision: int,
    work: Sequence[_Entry],
    progress: Progress | None,
) -> None:
    pending = [entry for entry in work if entry.kind != "unchanged"]
    for start in range(0, len(pending), _BATCH):
        batch = pending[start : start + _BATCH]
        fresh = [(new_id(now), entry) for entry in batch if entry.known is None]
        if fresh:
            session.execute(
                insert(Expert),
                [{"revision": revision, **_new_fields(sealer, now, id_, entry)} for id_, entry in fresh],
            )
        renewed = [(entry.known.id, entry) for entry in batch if entry.known is not None]
        if renewed:
            # By primary key, one statement for all of them.
            session.execute(
                update(Expert),
                [
                    {"id": id_, "revision": revision, **_fields(sealer, now, id_, entry)}
                    for id_, entry in renewed
                ],
            )
            _drop_specialties(session, [id_ for id_, _ in renewed])
        held = [
            {"expert_id": id_, "code": code}
            for id_, entry in (*fresh, *renewed)
            for code in entry.row.specialties
        ]
        session.execute(insert(ExpertSpecialty), held)
        if progress is not None:
            progress(start + len(batch), len(pending))


def _new_fields(sealer: Sealer, now: datetime, id_: str, entry: _Entry) -> dict[str, Any]:
    identity = {
        "identity_sealed": sealer.seal(entry.row.identity, EXPERT_IDENTITY.at(id_)),
        "identity_fingerprint": entry.fingerprint,
    }
    return {"id": id_, "state": "active", "entered_at": now, **identity, **_fields(sealer, now, id_, entry)}


def _fields(sealer: Sealer, now: datetime, id_: str, entry: _Entry) -> dict[str, Any]:
    return {
        **_plain_fields(entry.row),
        "name_sealed": sealer.seal(entry.row.name, EXPERT_NAME.at(id_)),
        "phone_sealed": sealer.seal(entry.row.phone, EXPERT_PHONE.at(id_)),
        "phone_fingerprint": entry.phone_fingerprint,
        "imported_at": now,
    }


def _drop_specialties(session: Session, expert_ids: Sequence[str]) -> None:
    session.execute(delete(ExpertSpecialty).where(col(ExpertSpecialty.expert_id).in_(expert_ids)))
