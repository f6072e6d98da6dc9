"""What the keepers of a recording see of it: how long it is kept, what holds it, what waits for a second person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.accounts.access import Actor
from app.core import work
from app.core.settings_rooms import RecordingSettings
from app.evaluation import custody, joint_acts
from app.evaluation.joint_acts import JointKind
from app.evaluation.models import Evaluation, JointAct, LegalHold
from recordings import retention
from recordings import service as recordings
from recordings.retention import Standing
from recordings.service import Recording


@dataclass(frozen=True, slots=True)
class Held:
    """The hold in force: since when, and why."""

    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What waits for its second person. mine: whether this reader may be that one. lapsed: whether it waits no more."""

    id: str
    kind: JointKind
    reason: str
    asked_at: datetime
    mine: bool
    lapsed: bool


@dataclass(frozen=True, slots=True)
class Package:
    """An export two persons have agreed to. mine: whether this reader is one of the two. ready: None while it is built."""

    id: str
    agreed_at: datetime
    until: datetime
    mine: bool
    ready: bool
    size: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Disposed:
    """When a recording was disposed of, and the joint act that decided it."""

    at: datetime
    decision: str


@dataclass(frozen=True, slots=True)
class Custody:
    """A recording as its keepers see it. ends_at: when its time is over."""

    standing: Standing
    ends_at: datetime
    manifest_sha256: str | None
    held: Held | None
    disposed: Disposed | None
    asked: tuple[Asked, ...]
    packages: tuple[Package, ...]


def view(
    session: Session, now: datetime, settings: RecordingSettings, actor: Actor, evaluation: Evaluation
) -> Custody | None:
    """For this reader; None while the recording is not sealed."""
    row = recordings.of_evaluation(session, evaluation.id)
    if row is None or row.sealed_at is None:
        return None
    hold = custody.hold_of(session, evaluation.id)
    ends = custody.ends_at(settings, evaluation, row)
    return Custody(
        standing=_standing(now, ends, hold, row),
        ends_at=ends,
        manifest_sha256=row.manifest_sha256,
        held=Held(hold.set_at, hold.reason) if hold else None,
        disposed=disposed(session, evaluation.id),
        asked=tuple(
            Asked(
                act.id,
                JointKind(act.kind),
                act.reason,
                act.asked_at,
                joint_acts.may_settle(session, actor, evaluation, act),
                joint_acts.lapsed(session, now, evaluation, act) is not None,
            )
            for act in joint_acts.asked(session, evaluation.id, custody.KINDS)
        ),
        packages=tuple(
            _package(session, settings, actor, act)
            for act in session.exec(_done(evaluation.id, JointKind.recording_export)).all()
        ),
    )


def disposed(session: Session, evaluation_id: str) -> Disposed | None:
    """None while the recording is there."""
    row = recordings.of_evaluation(session, evaluation_id)
    if row is None or row.disposed_at is None:
        return None
    act = session.exec(_done(evaluation_id, JointKind.disposal)).one()
    return Disposed(row.disposed_at, act.id)


def _done(evaluation_id: str, kind: JointKind) -> SelectOfScalar[JointAct]:
    """Acts of this kind that two persons have agreed to, the latest first."""
    return (
        select(JointAct)
        .where(
            JointAct.evaluation_id == evaluation_id,
            JointAct.kind == kind,
            JointAct.state == joint_acts.DONE,
        )
        .order_by(col(JointAct.settled_at).desc(), col(JointAct.id).desc())
    )


def _standing(now: datetime, ends: datetime, hold: LegalHold | None, row: Recording) -> Standing:
    return retention.standing(now, ends, held=hold is not None, disposed=row.disposed_at is not None)


def _package(session: Session, settings: RecordingSettings, actor: Actor, act: JointAct) -> Package:
    job = work.of_key(session, custody.PACKAGE, act.id)
    ready = job is not None and job.state is work.JobState.done
    told: Mapping[str, object] = job.result if job is not None and ready else {}
    return Package(
        id=act.id,
        agreed_at=act.settled_at or act.asked_at,
        until=custody.until(settings, act),
        mine=actor.id in {act.asked_by, act.settled_by},
        ready=ready,
        size=int(str(told["bytes"])) if ready else None,
        sha256=str(told["sha256"]) if ready else None,
    )
