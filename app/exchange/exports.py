"""Builds files that staff ask for, beside the service, and hands them out to those who may have them."""

import os
from datetime import datetime
from pathlib import Path

from anyio import to_thread
from sqlmodel import Session

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import work
from app.core.canonical import sha256_hex
from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.core.sealing import Sealer
from app.core.work import Claim, JobState, JobView, Kind, Result
from app.evaluation import cases, terminal
from app.evaluation.disclosing import NOBODY
from app.exchange import formats, invitation_log

EXPORT = "export"
_AT_ONCE, _TIMEOUT_S, _TRIES = 2, 120.0, 5


def order(session: Session, now: datetime, actor: Actor, evaluation_id: str) -> JobView:
    """Orders the invitation log of an evaluation; while one is being built, that one is given to everybody who asks."""
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.invitation_export)
    beginning = f"{evaluation.id}:"
    ordered = work.enqueue(
        session,
        now,
        kind=EXPORT,
        unique_key=f"{beginning}{work.ended(session, EXPORT, beginning)}",
        payload={"about": evaluation.number, "evaluation_id": evaluation.id},
    )
    job = find(session, actor, evaluation_id, ordered.id)
    if ordered.new:
        _note(session, now, evaluation.id, Tag.export_ordered, actor.id, job, {})
    return job


def find(session: Session, actor: Actor, evaluation_id: str, export_id: str) -> JobView:
    """The export, for those whose evaluation it is; NotFound for everybody else, and for any other job."""
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.invitation_export)
    job = work.find(session, export_id)
    if job is None or job.kind != EXPORT or job.payload["evaluation_id"] != evaluation.id:
        raise NotFound("export", N_("没有这份导出文件"), N_("重新导出一次"))
    return job


def hand_out(
    session: Session, now: datetime, actor: Actor, folder: Path, evaluation_id: str, export_id: str
) -> Path:
    """The finished file, whose handing out stays in the trail. Conflict until it is finished; NotFound once it was cleared away."""
    job = find(session, actor, evaluation_id, export_id)
    if job.state is not JobState.done:
        raise Conflict(
            "export-not-ready", N_("导出文件还没有生成"), N_("稍候再下载；若一直没有生成，请重新导出")
        )
    file = folder / str(job.result["file"])
    if not file.is_file():
        raise NotFound("export-gone", N_("导出文件已经清理"), N_("重新导出一次"))
    _note(session, now, evaluation_id, Tag.export_handed_out, actor.id, job, {"sha256": job.result["sha256"]})
    return file


def kind(database: Database, clock: Clock, sealer: Sealer, folder: Path) -> Kind:
    """How an export is built: read at one moment, written whole or not at all."""

    def build(claim: Claim) -> Result:
        with database.reading() as session:
            view = terminal.view(session, claim.payload["evaluation_id"], NOBODY)
            read_at = clock.now()
        rows = invitation_log.rows(view)
        content = formats.table(invitation_log.COLUMNS, rows)
        # Guessed by nobody without the key. Whoever has lost the lease writes beside, never over, the file that counts.
        name = f"{sealer.fingerprint(f'export {claim.id} {claim.epoch}')}.csv"
        _write(folder, name, content)
        return {
            "file": name,
            "sha256": sha256_hex(content),
            "bytes": len(content),
            "rows": len(rows),
            "read_at": read_at.isoformat(),
        }

    async def run(claim: Claim) -> Result:
        return await to_thread.run_sync(build, claim)

    return Kind(EXPORT, run, at_once=_AT_ONCE, timeout_s=_TIMEOUT_S, most_tries=_TRIES)


def _write(folder: Path, name: str, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = folder / f"{name}.part"
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / name)


def _note(
    session: Session, now: datetime, evaluation_id: str, tag: Tag, actor: str, job: JobView, data: Result
) -> None:
    audit.record(
        session,
        now,
        case=evaluation_id,
        tag=tag,
        actor=actor,
        subject=f"evaluation:{job.about}",
        data={"export": job.id, **data},
    )
