"""Work that is ordered in a transaction and done after it: exports, and what other platforms are told.

A job is a row. It is claimed by one conditional update, for as long as a lease; whoever has lost the lease can report
nothing any more, and a job whose holder was killed is claimed again. So a job may be done twice, never not at all.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, func, select

from app.core.canonical import Canonical, canonical_json
from app.core.ids import new_id
from app.core.models import Job

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 10, 3600
LOST = "lease-expired"
_NO_SYNC = {"synchronize_session": False}


class JobState(StrEnum):
    queued = "queued"  # waits for its time: new, put back after a failure, or set going again
    running = "running"  # somebody holds it until the lease ends
    done = "done"  # what came of it stands in its result
    dead = "dead"  # tried as often as it may be; now people decide


class Failed(Exception):
    """The work could not be done this time.

    reason: a few words of ours that people are shown. most_tries: when trying often will hardly help.
    """

    def __init__(self, reason: str, most_tries: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.most_tries = most_tries


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in somebody's hands; `tries` counts this time, too."""

    id: str
    kind: str
    payload: Mapping[str, Any]
    epoch: int
    tries: int


Result = Mapping[str, Canonical]


def untold(_session: Session, _now: datetime, _held: Claim, _what: Result | str) -> None:
    """For kinds of which nothing is told beyond the job's own row."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How jobs of one kind are done.

    run: does it, and may be called again for the same job; raises Failed. at_once: so many in one process. most_tries:
    then the job is dead. done, died: write what came of it into the trail, in the transaction that says so.
    """

    name: str
    run: Callable[[Claim], Awaitable[Result]]
    at_once: int
    timeout_s: float
    most_tries: int
    done: Callable[[Session, datetime, Claim, Result], None] = untold
    died: Callable[[Session, datetime, Claim, str], None] = untold


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as it stands. `about` is the printed number of what it concerns."""

    id: str
    kind: str
    about: str
    state: JobState
    tries: int
    last_error: str | None
    due_at: datetime
    created_at: datetime
    done_at: datetime | None
    payload: Mapping[str, Any]
    result: Mapping[str, Any]


class Ordered(NamedTuple):
    id: str
    new: bool


def enqueue(session: Session, now: datetime, *, kind: str, unique_key: str, payload: Result) -> Ordered:
    """Orders work in the caller's transaction; the same kind and key once, however often and by whomever it is ordered.

    payload: what is needed to do it, no personal data; its `about` is shown to people.
    """
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    # On PostgreSQL an insert does not count its rows; what it returns is certain.
    fresh = session.exec(
        insert(Job)
        .values(
            id=new_id(now),
            kind=kind,
            unique_key=unique_key,
            payload=canonical_json(payload).decode(),
            result="{}",
            state=JobState.queued.value,
            due_at=now,
            epoch=0,
            tries=0,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["kind", "unique_key"])
        .returning(col(Job.id))
    ).first()
    if fresh is not None:
        return Ordered(fresh[0], new=True)
    known = session.exec(select(Job.id).where(Job.kind == kind, Job.unique_key == unique_key)).one()
    return Ordered(known, new=False)


def anything_due(session: Session, now: datetime, kind: str) -> bool:
    return session.exec(select(Job.id).where(Job.kind == kind, _due(now)).limit(1)).first() is not None


def claim(session: Session, now: datetime, kind: str, *, most: int, lease: timedelta) -> tuple[Claim, ...]:
    """Takes jobs that are due, oldest first: queued ones, and those whose holder let the lease run out."""
    # On PostgreSQL other nodes skip the rows this one holds; on SQLite there is one writer, and the clause is left out.
    wanted = session.exec(
        select(Job.id)
        .where(Job.kind == kind, _due(now))
        .order_by(col(Job.due_at), col(Job.id))
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()
    rows = session.exec(
        update(Job)
        .where(col(Job.id).in_(wanted), _due(now))
        .values(
            state=JobState.running.value,
            lease_until=now + lease,
            epoch=col(Job.epoch) + 1,
            tries=col(Job.tries) + 1,
        )
        .returning(col(Job.id), col(Job.payload), col(Job.epoch), col(Job.tries)),
        execution_options=_NO_SYNC,
    ).all()
    taken = {row[0]: Claim(row[0], kind, json.loads(row[1]), row[2], row[3]) for row in rows}
    return tuple(taken[job_id] for job_id in wanted if job_id in taken)


def bury(session: Session, now: datetime, kind: str, most_tries: int) -> tuple[Claim, ...]:
    """Declares dead what was tried often enough and whose holder never reported: it may be what kills its holders."""
    rows = session.exec(
        update(Job)
        .where(col(Job.kind) == kind, _abandoned(now), col(Job.tries) >= most_tries)
        .values(state=JobState.dead.value, lease_until=None, last_error=LOST)
        .returning(col(Job.id), col(Job.payload), col(Job.epoch), col(Job.tries)),
        execution_options=_NO_SYNC,
    ).all()
    return tuple(Claim(row[0], kind, json.loads(row[1]), row[2], row[3]) for row in rows)


def finish(session: Session, now: datetime, held: Claim, result: Result) -> bool:
    """Notes that it is done; False when the lease was lost and somebody else has the job."""
    return _report(
        session,
        held,
        state=JobState.done.value,
        result=canonical_json(result).decode(),
        last_error=None,
        done_at=now,
    )


def fail(session: Session, now: datetime, held: Claim, reason: str, most_tries: int) -> JobState | None:
    """Puts the job back for later, or declares it dead; None when the lease was lost and nothing was noted."""
    if held.tries >= most_tries:
        noted = _report(session, held, state=JobState.dead.value, last_error=reason)
        return JobState.dead if noted else None
    again = now + pause_after(held.tries)
    noted = _report(session, held, state=JobState.queued.value, last_error=reason, due_at=again)
    return JobState.queued if noted else None


def pause_after(tries: int) -> timedelta:
    """How long to wait after so many failures: 10, 20, 40 … seconds, an hour at most."""
    return timedelta(seconds=min(_FIRST_PAUSE_S << (tries - 1), _LONGEST_PAUSE_S))


def revive(session: Session, now: datetime, job_id: str) -> bool:
    """Sets a dead or waiting job going again at once, with all its tries; False when it is neither."""
    result = session.exec(
        update(Job)
        .where(col(Job.id) == job_id, col(Job.state).in_([JobState.dead.value, JobState.queued.value]))
        .values(state=JobState.queued.value, due_at=now, tries=0)
    )
    return result.rowcount == 1


def find(session: Session, job_id: str) -> JobView | None:
    job = session.get(Job, job_id, populate_existing=True)
    return _view(job) if job is not None else None


def of_key(session: Session, kind: str, unique_key: str) -> JobView | None:
    job = session.exec(select(Job).where(Job.kind == kind, Job.unique_key == unique_key)).first()
    return _view(job) if job is not None else None


def listed(session: Session, state: JobState | None, most: int) -> tuple[JobView, ...]:
    """The jobs in that state, or all, the latest first."""
    wanted = select(Job).order_by(col(Job.created_at).desc(), col(Job.id).desc()).limit(most)
    if state is not None:
        wanted = wanted.where(Job.state == state.value)
    return tuple(_view(job) for job in session.exec(wanted).all())


def ended(session: Session, kind: str, beginning: str) -> int:
    """How many jobs whose key begins so are done or dead."""
    return session.exec(
        select(func.count())
        .select_from(Job)
        .where(
            Job.kind == kind,
            col(Job.unique_key).startswith(beginning, autoescape=True),
            col(Job.state).in_([JobState.done.value, JobState.dead.value]),
        )
    ).one()


def not_ordered(kind: str, key: Mapped[str]) -> ColumnElement[bool]:
    """For a query of another part: there is no job of this kind whose unique key is the value of that column."""
    return ~exists().where(col(Job.kind) == kind, col(Job.unique_key) == key)


def _due(now: datetime) -> ColumnElement[bool]:
    waiting = and_(col(Job.state) == JobState.queued.value, col(Job.due_at) <= now)
    return or_(waiting, _abandoned(now))


def _abandoned(now: datetime) -> ColumnElement[bool]:
    return and_(col(Job.state) == JobState.running.value, col(Job.lease_until) <= now)


def _report(session: Session, held: Claim, **values: Any) -> bool:
    """Only the holder of the latest claim may say what came of it."""
    result = session.exec(
        update(Job)
        .where(
            col(Job.id) == held.id,
            col(Job.state) == JobState.running.value,
            col(Job.epoch) == held.epoch,
        )
        .values(lease_until=None, **values)
    )
    return result.rowcount == 1


def _view(job: Job) -> JobView:
    payload = json.loads(job.payload)
    return JobView(
        id=job.id,
        kind=job.kind,
        about=str(payload.get("about", "")),
        state=JobState(job.state),
        tries=job.tries,
        last_error=job.last_error,
        due_at=job.due_at,
        created_at=job.created_at,
        done_at=job.done_at,
        payload=payload,
        result=json.loads(job.result),
    )
