"""What the interface of jobs, exports and filings gives."""

from datetime import datetime

from pydantic import BaseModel

from app.core.work import JobState, JobView
from app.exchange.filing import FilingState, state_of


class JobOut(BaseModel):
    """A job for those who look after them; `about` is the printed number of a draw or an evaluation."""

    id: str
    kind: str
    about: str
    state: JobState
    tries: int
    last_error: str | None
    due_at: datetime
    created_at: datetime
    done_at: datetime | None

    @classmethod
    def of(cls, job: JobView) -> "JobOut":
        return cls.model_validate(job, from_attributes=True)


class ExportOut(BaseModel):
    """A file that is built or ready; sha256 and bytes once it is `done`."""

    id: str
    state: JobState
    last_error: str | None
    created_at: datetime
    done_at: datetime | None
    sha256: str | None
    bytes: int | None

    @classmethod
    def of(cls, job: JobView) -> "ExportOut":
        return cls(
            id=job.id,
            state=job.state,
            last_error=job.last_error,
            created_at=job.created_at,
            done_at=job.done_at,
            sha256=job.result.get("sha256"),
            bytes=job.result.get("bytes"),
        )


class FilingOut(BaseModel):
    """How far a draw is filed; receipt_sha256 is the hash of what the platform answered."""

    draw: str
    state: FilingState
    job_id: str | None = None
    tries: int = 0
    last_error: str | None = None
    receipted_at: datetime | None = None
    receipt_sha256: str | None = None

    @classmethod
    def of(cls, number: str, job: JobView | None) -> "FilingOut":
        if job is None:
            return cls(draw=number, state=FilingState.none)
        return cls(
            draw=number,
            state=state_of(job),
            job_id=job.id,
            tries=job.tries,
            last_error=job.last_error,
            receipted_at=job.done_at,
            receipt_sha256=job.result.get("receipt_sha256"),
        )
