"""Checks what the house keeps as proof: records and lists of draws, recordings, the audit trail, each by its own hashes."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sqlmodel import Session, col, select

from app.audit import service as audit
from app.core.i18n import N_, translate
from app.evaluation.binding import RECORDS
from app.evaluation.models import Evaluation
from app.evaluation.proofs import Checked, check_text, checked_list
from expert_draw import listing, stored_lines
from expert_draw.engine.register import RegisterVerdict, verify_register
from expert_draw.models import Draw, DrawListing
from recordings import service as recordings
from recordings.manifest import MANIFEST_FILE
from recordings.verify import verify_room
from venue.models import Center

ROOMS = "recordings"
_DISPOSED = frozenset({"events-differ", "file-missing", "gaps-differ"})
"""What a check finds of a recording whose files were deleted by decision, besides what may be wrong with its manifest."""
_ENDS = {"close": "closed", "void": "void"}


def check_path(
    path: Path, language: str, head: str | None = None, key: str | None = None
) -> Iterator[Checked]:
    """Checks a file of a draw, a room's recording, or everything below a data folder. Works without any database.

    head, key: for one file, the published hash of its last line and the house's public key; for one room, the key. Raises FileNotFoundError when there is nothing, or nothing that can be checked.
    """
    if path.is_file():
        yield _check_file(path, language, head, key)
        return
    if not path.is_dir():
        raise FileNotFoundError(path)
    if _is_room(path):
        yield check_room(path, language, key=key)
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


def check_room(
    room: Path,
    language: str,
    expected_sha256: str | None = None,
    key: str | None = None,
    *,
    disposed: bool = False,
) -> Checked:
    """Reads every byte of a room's recording; `expected_sha256` is its manifest's hash as kept elsewhere, `key` the house's
    public key. Of one that was disposed of only the manifest has to be there."""
    verdict = verify_room(room, expected_sha256, key)
    return Checked(
        "recording",
        room.name,
        f"{verdict.files} · {verdict.fragments} · {verdict.bytes}",
        tuple(
            finding.text(language)
            for finding in verdict.findings
            if not (disposed and finding.code in _DISPOSED and finding.file != MANIFEST_FILE)
        ),
        " · ".join(
            [
                *([] if verdict.key is None else [f"key {verdict.key[:16]}…"]),
                *([] if verdict.sha256 is None else [f"manifest {verdict.sha256}"]),
            ]
        ),
    )


def check_house(session: Session, data_dir: Path, language: str) -> Iterator[Checked]:
    """Checks all that the database vouches for: trails, draws against their files and the lists of their centers,
    recordings against their hashes.

    Of an evaluation that is sealed nothing may be missing: neither the file of its draw nor its room.
    """
    for case in audit.cases(session):
        broken = audit.check_case(session, case)
        faults = () if broken is None else (f"{case}#{broken.n} {translate(language, broken.reason)}",)
        yield Checked("trail", case, "", faults)
    if (log := audit.check_log(session)) is not None:
        size, amiss = log
        yield Checked(
            "audit log",
            "",
            str(size),
            tuple(f"{one.case}#{one.n} {translate(language, one.reason)}" for one in amiss),
        )
    evaluations = session.exec(
        select(Evaluation).where(col(Evaluation.manifest_sha256).is_not(None)).order_by(Evaluation.number)
    ).all()
    sealed = {evaluation.id for evaluation in evaluations}
    for draw in session.exec(select(Draw).order_by(Draw.number)).all():
        stored = stored_lines.text(session, draw, opened=True)
        yield check_text(draw.number, stored, language)
        file = data_dir / RECORDS / f"{draw.number}.jsonl"
        if not file.exists():
            if draw.evaluation_id in sealed:
                yield Checked("draw", file.name, "", (f"{file.name} {translate(language, N_('文件缺失'))}",))
        elif _read(file) != stored:
            checked = _check_file(file, language)
            differs = f"{file.name} {translate(language, N_('与数据库中的记录不同'))}"
            yield replace(checked, faults=(*checked.faults, differs))
    yield from check_lists(session, language)
    for evaluation in evaluations:
        row = recordings.of_evaluation(session, evaluation.id)
        yield check_room(
            data_dir / ROOMS / str(evaluation.room_id),
            language,
            evaluation.manifest_sha256,
            disposed=row is not None and row.disposed_at is not None,
        )


def check_lists(session: Session, language: str) -> Iterator[Checked]:
    """Checks every center's list of its draws, by itself and against the records: each draw stands in it, rightly."""
    draws: dict[str, list[Draw]] = {
        center_id: [] for center_id in session.exec(select(DrawListing.center_id).distinct()).all()
    }
    for draw in session.exec(select(Draw).order_by(Draw.number)).all():
        draws.setdefault(draw.center_id, []).append(draw)
    for center_id, own in sorted(draws.items()):
        center = session.get(Center, center_id)
        verdict = verify_register(listing.text(session, center_id))
        checked = checked_list(center.name if center else center_id, verdict, language)
        amiss = tuple(
            f"{number} {translate(language, reason)}" for number, reason in _unlike(session, verdict, own)
        )
        yield replace(checked, faults=(*checked.faults, *amiss))


def _unlike(session: Session, verdict: RegisterVerdict, draws: Sequence[Draw]) -> Iterator[tuple[str, str]]:
    """Where a center's list and its records differ: (number of the draw, what is wrong)."""
    for draw in draws:
        listed = verdict.draws.get(draw.number)
        if listed is None:
            yield draw.number, N_("没有登记在总账中")
            continue
        *stands, key = _stands(stored_lines.lines(session, draw))
        if listed != tuple(stands):
            yield draw.number, N_("总账所登记的与抽取记录不同")
        elif key != verdict.key:
            yield draw.number, N_("与总账不是同一密钥签名的")
    for number in sorted(set(verdict.draws) - {draw.number for draw in draws}):
        yield number, N_("登记在总账中，而数据库里没有它的记录")


def _stands(lines: Sequence[str]) -> tuple[str, str, str | None, str]:
    """How a record has to stand in the list: opened, closed or void, hash of its first and, ended, of its last line; and
    the key it is signed with. Empty texts where a line cannot be read; the check of the record itself says so."""
    try:
        first, last = json.loads(lines[0]), json.loads(lines[-1])
        event = _ENDS.get(last["type"], "opened")
        return event, first["hash"], None if event == "opened" else last["hash"], first["body"]["key"]
    except (IndexError, KeyError, TypeError, ValueError):
        return "", "", None, ""


def _check_file(file: Path, language: str, head: str | None = None, key: str | None = None) -> Checked:
    text = _read(file)
    if text is None:
        return Checked("draw", file.name, "", (f"{file.name} {translate(language, N_('文件无法读取'))}",))
    return check_text(file.name, text, language, head, key)


def _read(file: Path) -> bytes | None:
    """None when it cannot be read: a folder of that name, or no permission."""
    try:
        return file.read_bytes()
    except OSError:
        return None


def _is_room(folder: Path) -> bool:
    return (
        (folder / MANIFEST_FILE).exists()
        or any(folder.glob("*.index.jsonl"))
        or any(folder.glob("events-*.jsonl"))
    )
