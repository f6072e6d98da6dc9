"""Hands acts out as a file, and records that it did."""

from pathlib import Path
from tempfile import mkdtemp

from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from app.accounts.access import Actor
from app.audit import bundle
from app.audit import service as audit
from app.audit.browsing import Chosen
from app.audit.house_log import HouseLog
from app.audit.tags import Tag
from app.core.clock import Clock
from app.core.database import Database
from app.exchange.audit_scope import within_reach


def handed_out(
    database: Database,
    clock: Clock,
    log: HouseLog,
    actor: Actor,
    chosen: Chosen,
    comparable: int | None = None,
) -> FileResponse:
    """Whatever is new is signed for first, so that exactly what is asked for can be in it. comparable: as `bundle.write` has it."""
    log.sequencer.advance(at_once=True)
    target = Path(mkdtemp(prefix="yuanping-audit-")) / "audit.zip"
    try:
        with database.reading() as session:
            bundle.write(session, target, log.key, log.proofs, within_reach(actor, chosen), comparable)
        with database.transaction() as session:
            audit.record(
                session,
                clock.now(),
                case="house",
                tag=Tag.audit_exported,
                actor=actor.id,
                subject="audit",
                data=chosen.told(),
            )
    except BaseException:
        _clear(target)
        raise
    return FileResponse(
        target,
        media_type="application/zip",
        filename="audit.zip",
        headers={"Cache-Control": "private, no-store"},
        background=BackgroundTask(_clear, target),
    )


def _clear(target: Path) -> None:
    target.unlink(missing_ok=True)
    target.parent.rmdir()
