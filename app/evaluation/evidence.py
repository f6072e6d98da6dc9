"""Checks what the house keeps as proof: draw records, recordings and the audit trail, each by its own hashes."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sqlmodel import Session, col, select

from app.audit import service as audit
from app.core.i18n import N_, translate
from app.evaluation.models import Evaluation
from expert_draw import keeping
from expert_draw.engine.verify import verify_record
from expert_draw.models import Draw
from recordings.manifest import MANIFEST_FILE
from recordings.verify import verify_room

RECORDS, ROOMS = "draws", "recordings"


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was checked. `faults` name the file or line and what is wrong; none means it stands."""

    kind: str
    name: str
    detail: str
    faults: tuple[str, ...]


def check_path(path: Path, language: str) -> Iterator[Checked]:
    """Checks a draw record, a room's recording, or everything below a data folder. Works without any database.

    Raises FileNotFoundError when there is nothing, or nothing that can be checked.
    """
    if path.is_file():
        yield _check_file(path, language)
        return
    if not path.is_dir():
        raise FileNotFoundError(path)
    if _is_room(path):
        yield check_room(path, language)
        return
    found = False
    for record in sorted((path / RECORDS).glob("*.jsonl")):
        found = True
        yield _check_file(record, language)
    rooms = path / ROOMS if (path / ROOMS).is_dir() else path
    for room in sorted(folder for folder in rooms.iterdir() if folder.is_dir() and _is_room(folder)):
        found = True
        yield check_room(room, language)
    if not found:
        raise FileNotFoundError(path)


def is_house(path: Path) -> bool:
    """Whether this is a folder with more than the recording of one room."""
    return path.is_dir() and not _is_room(path)


def check_record(name: str, text: bytes, language: str, head: str | None = None) -> Checked:
    """Runs a draw record again; `head` is the hash of its last line as published, if known."""
    verdict = verify_record(text, head)
    summary = verdict.summary
    return Checked(
        "draw",
        name,
        f"{summary.draw} · {summary.rounds} / {summary.drawn} · {summary.state}",
        tuple(
            f"{name}:{finding.line} {translate(language, finding.message, **finding.params)}"
            for finding in verdict.findings
        ),
    )


def check_room(room: Path, language: str, expected_sha256: str | None = None) -> Checked:
    """Reads every byte of a room's recording; `expected_sha256` is its manifest's hash as kept elsewhere."""
    verdict = verify_room(room, expected_sha256)
    return Checked(
        "recording",
        room.name,
        f"{verdict.files} · {verdict.fragments} · {verdict.bytes}",
        tuple(finding.text(language) for finding in verdict.findings),
    )


def check_house(session: Session, data_dir: Path, language: str) -> Iterator[Checked]:
    """Checks all that the database vouches for: trails, draws against their files, recordings against their hashes.

    Of an evaluation that is sealed nothing may be missing: neither the file of its draw nor its room.
    """
    for case in audit.cases(session):
        broken = audit.check_case(session, case)
        faults = () if broken is None else (f"{case}#{broken.n} {translate(language, broken.reason)}",)
        yield Checked("trail", case, "", faults)
    evaluations = session.exec(
        select(Evaluation).where(col(Evaluation.manifest_sha256).is_not(None)).order_by(Evaluation.number)
    ).all()
    sealed = {evaluation.id for evaluation in evaluations}
    for draw in session.exec(select(Draw).order_by(Draw.number)).all():
        stored = keeping.text(session, draw, opened=True)
        yield check_record(draw.number, stored, language)
        file = data_dir / RECORDS / f"{draw.number}.jsonl"
        if not file.exists():
            if draw.evaluation_id in sealed:
                yield Checked("draw", file.name, "", (f"{file.name} {translate(language, N_('文件缺失'))}",))
        elif _read(file) != stored:
            checked = _check_file(file, language)
            differs = f"{file.name} {translate(language, N_('与数据库中的记录不同'))}"
            yield replace(checked, faults=(*checked.faults, differs))
    for evaluation in evaluations:
        yield check_room(data_dir / ROOMS / str(evaluation.room_id), language, evaluation.manifest_sha256)


def export_record(session: Session, evaluation_id: str, data_dir: Path) -> Path:
    """Writes the draw record as a file that stands on its own, whole or not at all; returns its path."""
    draw = session.exec(select(Draw).where(Draw.evaluation_id == evaluation_id)).one()
    folder = data_dir / RECORDS
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{draw.number}.jsonl"
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(keeping.text(session, draw, opened=True))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return path


def _check_file(file: Path, language: str) -> Checked:
    text = _read(file)
    if text is None:
        return Checked("draw", file.name, "", (f"{file.name} {translate(language, N_('文件无法读取'))}",))
    return check_record(file.name, text, language)


def _read(file: Path) -> bytes | None:
    """None when it cannot be read: a folder of that name, or no permission."""
    try:
        return file.read_bytes()
    except OSError:
        return None


def _is_room(folder: Path) -> bool:
    return (folder / MANIFEST_FILE).exists() or any(folder.glob("*.index.jsonl"))
