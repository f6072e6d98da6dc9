"""The interface of what leaves the house: files to ask for, how far a draw is filed, jobs that wait for people."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import FileResponse

from app.accounts.access import Actor, Requires
from app.accounts.permissions import Permission
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import work
from app.core.dependencies import ClockDep, DatabaseDep, SettingsDep
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.core.work import JobState
from app.evaluation import cases
from app.exchange import exports, filing
from app.exchange.schemas import ExportOut, FilingOut, JobOut

router = APIRouter(prefix="/api", tags=["exchange"])

_MOST_LISTED = 200
Exporter = Annotated[Actor, Requires(Permission.invitation_export)]
Keeper = Annotated[Actor, Requires(Permission.job_manage)]


@router.post("/evaluations/{evaluation_id}/exports", status_code=202)
def order_export(evaluation_id: str, actor: Exporter, database: DatabaseDep, clock: ClockDep) -> ExportOut:
    """Asks for the invitation log of an evaluation as a file; it is built beside the service."""
    with database.transaction() as session:
        return ExportOut.of(exports.order(session, clock.now(), actor, evaluation_id))


@router.get("/evaluations/{evaluation_id}/exports/{export_id}")
def read_export(evaluation_id: str, export_id: str, actor: Exporter, database: DatabaseDep) -> ExportOut:
    with database.reading() as session:
        return ExportOut.of(exports.find(session, actor, evaluation_id, export_id))


@router.get("/evaluations/{evaluation_id}/exports/{export_id}/file")
def export_file(
    evaluation_id: str,
    export_id: str,
    actor: Exporter,
    database: DatabaseDep,
    clock: ClockDep,
    settings: SettingsDep,
) -> FileResponse:
    """The file once it is done. Who may have it is asked at every download."""
    with database.transaction() as session:
        file = exports.hand_out(session, clock.now(), actor, settings.exports_dir, evaluation_id, export_id)
    return FileResponse(
        file,
        media_type="text/csv",
        filename="invitations.csv",
        headers={"Cache-Control": "private, no-store"},
    )


@router.get("/evaluations/{evaluation_id}/filing")
def read_filing(
    evaluation_id: str,
    actor: Annotated[Actor, Requires(Permission.draw_read)],
    database: DatabaseDep,
) -> list[FilingOut]:
    """How far each draw of this evaluation has been filed, and what stands in the way."""
    with database.reading() as session:
        cases.load_for(session, actor, evaluation_id, Permission.draw_read)
        return [FilingOut.of(number, job) for number, job in filing.jobs_of(session, evaluation_id)]


@router.get("/jobs")
def list_jobs(_actor: Keeper, database: DatabaseDep, state: JobState | None = None) -> list[JobOut]:
    """The latest jobs, or those in one state; `?state=dead` is what waits for people."""
    with database.reading() as session:
        return [JobOut.of(job) for job in work.listed(session, state, _MOST_LISTED)]


@router.post("/jobs/{job_id}/retry")
def retry_job(job_id: str, actor: Keeper, database: DatabaseDep, clock: ClockDep) -> JobOut:
    """Sets a dead or waiting job going again at once, with all its tries."""
    now = clock.now()
    with database.transaction() as session:
        job = work.find(session, job_id)
        if job is None:
            raise NotFound("job", N_("没有这项作业"), N_("从作业列表中选择"))
        if not work.revive(session, now, job_id):
            raise Conflict("job-busy", N_("这项作业正在执行或已经完成"), N_("刷新作业列表查看最新状态"))
        audit.record(
            session,
            now,
            case=str(job.payload.get("evaluation_id", "house")),
            tag=Tag.job_retried,
            actor=actor.id,
            subject=f"job:{job_id}",
            data={"kind": job.kind, "about": job.about, "tries": job.tries},
        )
        revived = work.find(session, job_id)
    return JobOut.of(revived or job)
