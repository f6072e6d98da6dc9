"""Carries out what two persons have agreed to about a recording: packs it to leave the house, or deletes what it consists of."""

import hashlib
import os
import zipfile
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from anyio import to_thread
from sqlmodel import Session

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.clock import Clock
from app.core.database import Database
from app.core.sealing import Sealer
from app.core.settings_rooms import RecordingSettings
from app.core.storage import ObjectStore
from app.core.work import Claim, Failed, Kind, Result
from app.evaluation.custody import DISPOSAL, PACKAGE
from recordings import disposal
from recordings.verify import verify_room

_TIMEOUT_S, _TRIES = 3600.0, 5
_BLOCK = 1 << 20


def packages(
    sealer: Sealer, clock: Clock, settings: RecordingSettings, recordings: Path, exports: Path
) -> Kind:
    """Packs a room as it is, after checking it: unpacked it is a folder that `yuanping verify recording` accepts.

    Packages that nobody may fetch any more are cleared away before the next is made, and every hour.
    """

    def build(claim: Claim) -> Result:
        clear(exports, clock.now() - timedelta(hours=settings.package_hours))
        room = recordings / str(claim.payload["room_id"])
        verdict = verify_room(room, claim.payload["manifest"])
        if not verdict.ok:
            raise Failed("recording-damaged", 1)
        name = f"{room.name}-{sealer.fingerprint(f'package {claim.id} {claim.epoch}')}.zip"
        size, sha256 = _pack(room, exports / name)
        return {"file": name, "sha256": sha256, "bytes": size, "files": verdict.files}

    async def run(claim: Claim) -> Result:
        return await to_thread.run_sync(build, claim)

    return Kind(PACKAGE, run, at_once=1, timeout_s=_TIMEOUT_S, most_tries=_TRIES)


def disposals(database: Database, recordings: Path, exports: Path, store: ObjectStore) -> Kind:
    """Deletes the files of a room, on disk, in the store and in packages. Killed in the middle, the next try goes on."""

    def remove(claim: Claim) -> Result:
        room_id = str(claim.payload["room_id"])
        for package in exports.glob(f"{room_id}-*"):
            package.unlink(missing_ok=True)
        gone = disposal.remove(recordings / room_id, store)
        with database.transaction() as session:
            disposal.forget(session, room_id)
        return {"files": gone}

    async def run(claim: Claim) -> Result:
        return await to_thread.run_sync(remove, claim)

    def done(session: Session, now: datetime, claim: Claim, result: Result) -> None:
        audit.record(
            session,
            now,
            case=str(claim.payload["evaluation_id"]),
            tag=Tag.recording_deleted,
            actor="house",
            subject=str(claim.payload["room_id"]),
            data=result,
        )

    return Kind(DISPOSAL, run, at_once=1, timeout_s=_TIMEOUT_S, most_tries=_TRIES, done=done)


def clear(exports: Path, before: datetime) -> None:
    """Takes away packages that are over, and what a try that was killed has left of one."""
    for package in exports.glob("*.zip*"):
        with suppress(FileNotFoundError):  # the house deletes them besides, with their recording
            if package.stat().st_mtime < before.timestamp():
                package.unlink()


def _pack(room: Path, target: Path) -> tuple[int, str]:
    """Writes the archive whole or not at all; its size and hash. Media are packed already: they are only put together."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = target.with_name(f"{target.name}.part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(room.iterdir()):
            if path.is_file():
                archive.write(path, f"{room.name}/{path.name}")
    told = hashlib.sha256()
    with part.open("rb") as file:
        while block := file.read(_BLOCK):
            told.update(block)
        os.fsync(file.fileno())
    size = part.stat().st_size
    part.replace(target)
    return size, told.hexdigest()
