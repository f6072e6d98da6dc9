"""Binds to an evaluation that is over what proves it: the records of its draws as files, and the recording of its room."""

import os
from datetime import datetime
from pathlib import Path

from sqlmodel import Session, col, select

from app.accounts import sessions
from app.audit import service as audit
from app.audit.tags import Tag
from app.evaluation import cases
from app.evaluation.lifecycle import EvaluationEvent, EvaluationState
from expert_draw import stored_lines
from expert_draw.models import Draw
from recordings import service as recordings
from venue import service as venues
from venue.models import OnlineRoom

RECORDS = "draws"
"""The folder of the records of draws, in the data folder."""


def export_records(session: Session, evaluation_id: str, data_dir: Path) -> tuple[Path, ...]:
    """Writes the record of every draw of the evaluation, the last one last, as files that stand on their own, each whole
    or not at all; returns their paths."""
    draws = session.exec(
        select(Draw).where(Draw.evaluation_id == evaluation_id).order_by(col(Draw.committed_at), Draw.number)
    ).all()
    folder = data_dir / RECORDS
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return tuple(_export(session, draw, folder) for draw in draws)


def _export(session: Session, draw: Draw, folder: Path) -> Path:
    path = folder / f"{draw.number}.jsonl"
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(stored_lines.text(session, draw, opened=True))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return path


def seal(session: Session, now: datetime, evaluation_id: str, manifest_sha256: str) -> None:
    """Binds the closed recordings to the evaluation by the hash of their manifest; the room is closed, and who sat there signed out."""
    evaluation = cases.load(session, evaluation_id)
    if evaluation.state != EvaluationState.given_up:
        cases.move(session, evaluation, EvaluationEvent.seal)
    evaluation.manifest_sha256 = manifest_sha256
    recordings.seal(session, now, room_id=str(evaluation.room_id), manifest_sha256=manifest_sha256)
    room = session.get(OnlineRoom, evaluation.room_id)
    if room is not None:
        room.state, room.closed_at = "closed", now
    session.flush()
    venues.release_all(session, evaluation.id)
    sessions.end_for_evaluation(session, now, evaluation.id)
    audit.record(
        session,
        now,
        case=evaluation.id,
        tag=Tag.evaluation_sealed,
        actor="house",
        subject=f"evaluation:{evaluation.number}",
        data={"manifest_sha256": manifest_sha256},
    )
