"""Hands acts out as a file, and records that it did."""

from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO

from fastapi.responses import StreamingResponse

from app.accounts.access import Actor
from app.audit import bundle
from app.audit import service as audit
from app.audit.browsing import Chosen
from app.audit.house_log import HouseLog
from app.audit.tags import Tag
from app.core.clock import Clock
from app.core.database import Database
from app.exchange.audit_scope import within_reach

_BLOCK = 256 * 1024


def handed_out(
    database: Database,
    clock: Clock,
    log: HouseLog,
    actor: Actor,
    chosen: Chosen,
    comparable: int | None = None,
) -> StreamingResponse:
    """Whatever is new is signed for first, so that exactly what is asked for can be in it. comparable: as `bundle.write` has it."""
    log.sequencer.advance(at_once=True)
    file = TemporaryFile(prefix="yuanping-audit-")  # noqa: SIM115 -- it lives as long as the answer, and has no name
    try:
        with database.reading() as session:
            bundle.write(session, file, log.key, log.proofs, within_reach(actor, chosen), comparable)
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
        file.close()
        raise
    size = file.tell()
    file.seek(0)
    return StreamingResponse(
        _pieces(file),
        media_type="application/zip",
        headers={
            "Cache-Control": "private, no-store",
            "Content-Disposition": 'attachment; filename="audit.zip"',
            "Content-Length": str(size),
        },
    )


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Nothing stays on the disk, also when the reader goes away in the middle."""
    with file:
        while piece := file.read(_BLOCK):
            yield piece
