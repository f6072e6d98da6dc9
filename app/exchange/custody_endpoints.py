"""Where a recording leaves the house: the package that two persons have agreed to, for these two."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import FileResponse

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.core.dependencies import ClockDep, DatabaseDep, SettingsDep
from app.core.errors import NotFound
from app.core.i18n import N_
from app.evaluation import custody

router = APIRouter(prefix="/api", tags=["custody"])


@router.get("/evaluations/{evaluation_id}/packages/{act_id}/file")
def package(
    evaluation_id: str,
    act_id: str,
    actor: Annotated[Actor, Requires(Permission.recording_export)],
    database: DatabaseDep,
    clock: ClockDep,
    settings: SettingsDep,
) -> FileResponse:
    """The package while it may be fetched. Who may have it is asked, and noted, at every download."""
    with database.transaction() as session:
        job = custody.package(session, clock.now(), settings.recording, actor, evaluation_id, act_id)
        file = settings.exports_dir / str(job.result["file"])
        if not file.is_file():
            raise NotFound("package-gone", N_("导出包已经清理"), N_("需要时重新由两人办理导出"))
    return FileResponse(
        file,
        media_type="application/zip",
        filename=f"{job.about}.zip",
        headers={"Cache-Control": "private, no-store"},
    )
