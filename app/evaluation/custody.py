"""Custody of a recording (录音录像保管): legal hold, retention, export and disposal; what cannot be undone takes two persons."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select, update

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import reasons_given, work
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.core.ids import new_id
from app.core.settings_rooms import RecordingSettings
from app.core.work import JobView
from app.evaluation import cases, joint_acts
from app.evaluation.joint_acts import RULES, JointKind
from app.evaluation.models import Evaluation, JointAct, LegalHold
from app.rules import library
from app.rules.shapes import CalendarSpan
from recordings import retention
from recordings import service as recordings
from recordings.service import Recording

DISPOSAL, PACKAGE = "recording_disposal", "recording_package"
"""Kinds of jobs, done beside the service once two persons have agreed."""
KINDS = (JointKind.hold_release, JointKind.recording_export, JointKind.disposal)
_RETENTION = ("records.av_retention", "records.file_retention")


def ends_at(settings: RecordingSettings, evaluation: Evaluation, row: Recording) -> datetime:
    """When the time of this recording is over: the longest that its rule pack asks for, else what is set."""
    rules = library.load(evaluation.rule_pack)
    spans = [rules.span(path) for path in _RETENTION if rules.has(path)]
    years = [span.count for span in spans if isinstance(span, CalendarSpan) and span.unit == "years"]
    from_ = evaluation.closed_at or row.sealed_at or row.started_at
    return retention.ends_at(from_, max(years, default=settings.retention_years))


def hold(session: Session, now: datetime, actor: Actor, evaluation_id: str, reason: str) -> None:
    """One person with a reason is enough to keep it; Conflict while it is held already, NotFound once it is disposed of."""
    evaluation, _ = _load(session, actor, evaluation_id, Permission.recording_hold)
    why = reasons_given.reason(reason)
    row = LegalHold(id=new_id(now), evaluation_id=evaluation.id, reason=why, set_by=actor.id, set_at=now)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise Conflict("held-already", N_("这份录制已被封存保全"), N_("刷新页面查看最新状态")) from error
    _record(session, now, evaluation, Tag.recording_held, actor.id, {"reason": why})


def ask(
    session: Session,
    now: datetime,
    settings: RecordingSettings,
    actor: Actor,
    evaluation_id: str,
    kind: JointKind,
    reason: str,
) -> JointAct:
    """Asks for a second person. Conflict where it could not be done if somebody agreed."""
    evaluation, row = _load(session, actor, evaluation_id, RULES[kind].asks)
    _require_possible(session, now, settings, evaluation, row, kind)
    subject = f"evaluation:{evaluation.number}"
    return joint_acts.ask(session, now, actor, evaluation, kind, subject=subject, why=reason, detail={})


def settle(
    session: Session,
    now: datetime,
    settings: RecordingSettings,
    actor: Actor,
    evaluation_id: str,
    kind: JointKind,
    act_id: str,
    reason: str,
    *,
    confirm: bool,
) -> None:
    """The second person refuses, or agrees: then the hold is gone at once, and files are dealt with beside the service."""
    evaluation, row = _load(session, actor, evaluation_id, RULES[kind].settles)
    act = joint_acts.settle(
        session, now, actor, evaluation, act_id, confirm=confirm, kinds={kind}, why=reason
    )
    if not confirm:
        return
    _require_possible(session, now, settings, evaluation, row, kind)
    match kind:
        case JointKind.hold_release:
            session.exec(
                update(LegalHold)
                .where(col(LegalHold.evaluation_id) == evaluation.id, col(LegalHold.released_at).is_(None))
                .values(released_at=now, released_act=act.id)
            )
            _record(session, now, evaluation, Tag.recording_released, actor.id, {"act": act.id})
        case JointKind.recording_export:
            _order(session, now, PACKAGE, evaluation, row, act)
        case _:
            recordings.dispose(session, now, row)
            data = {"act": act.id, "manifest": row.manifest_sha256 or ""}
            _record(session, now, evaluation, Tag.recording_disposed, actor.id, data)
            _order(session, now, DISPOSAL, evaluation, row, act)


def package(
    session: Session,
    now: datetime,
    settings: RecordingSettings,
    actor: Actor,
    evaluation_id: str,
    act_id: str,
) -> JobView:
    """The finished package, for the two who agreed to it and no longer than it may be fetched; each time is in the trail."""
    evaluation, _ = _load(session, actor, evaluation_id, Permission.recording_export)
    act = session.get(JointAct, act_id)
    agreed = act is not None and (act.evaluation_id, act.kind, act.state) == (
        evaluation.id,
        JointKind.recording_export,
        joint_acts.DONE,
    )
    if act is None or not agreed or actor.id not in {act.asked_by, act.settled_by}:
        raise NotFound("package", N_("没有这份导出包"), N_("从评标的保管页面进入"))
    if now >= until(settings, act):
        raise NotFound("package-over", N_("导出包的领取期限已过"), N_("需要时重新由两人办理导出"))
    job = work.of_key(session, PACKAGE, act.id)
    if job is None or job.state is not work.JobState.done:
        raise Conflict("package-not-ready", N_("导出包还没有生成"), N_("稍候再下载"))
    data = {"act": act.id, "sha256": str(job.result["sha256"])}
    _record(session, now, evaluation, Tag.recording_handed_out, actor.id, data)
    return job


def _load(
    session: Session, actor: Actor, evaluation_id: str, permission: Permission
) -> tuple[Evaluation, Recording]:
    evaluation = cases.load_for(session, actor, evaluation_id, permission)
    row = recordings.of_evaluation(session, evaluation.id)
    if row is None or row.sealed_at is None:
        raise Conflict("recording-not-sealed", N_("录制还没有封存"), N_("评标结束并封存之后再办理"))
    recordings.require_there(row)
    return evaluation, row


def _require_possible(
    session: Session,
    now: datetime,
    settings: RecordingSettings,
    evaluation: Evaluation,
    row: Recording,
    kind: JointKind,
) -> None:
    hold = hold_of(session, evaluation.id)
    if kind is JointKind.hold_release and hold is None:
        raise Conflict("not-held", N_("这份录制没有被封存保全"), N_("刷新页面查看最新状态"))
    if kind is not JointKind.disposal:
        return
    if hold is not None:
        raise Conflict("held", N_("录制在封存保全期间不得处置"), N_("先由两人解除封存保全"))
    ends = ends_at(settings, evaluation, row)
    if now < ends:
        raise Conflict(
            "retention-runs",
            N_("录制的保存期限到 {ends} 才届满，此前不得处置"),
            N_("期限届满之后再办理"),
            ends=ends.date().isoformat(),
        )


def hold_of(session: Session, evaluation_id: str) -> LegalHold | None:
    """The hold in force."""
    return session.exec(
        select(LegalHold).where(
            LegalHold.evaluation_id == evaluation_id, col(LegalHold.released_at).is_(None)
        )
    ).first()


def until(settings: RecordingSettings, act: JointAct) -> datetime:
    """How long what two persons agreed to export may be fetched."""
    return (act.settled_at or act.asked_at) + timedelta(hours=settings.package_hours)


def _order(
    session: Session, now: datetime, kind: str, evaluation: Evaluation, row: Recording, act: JointAct
) -> None:
    work.enqueue(
        session,
        now,
        kind=kind,
        unique_key=act.id,
        payload={
            "about": evaluation.number,
            "evaluation_id": evaluation.id,
            "manifest": row.manifest_sha256,
            "room_id": row.room_id,
        },
    )


def _record(
    session: Session, now: datetime, evaluation: Evaluation, tag: Tag, actor: str, data: Mapping[str, str]
) -> None:
    subject = f"evaluation:{evaluation.number}"
    audit.record(session, now, case=evaluation.id, tag=tag, actor=actor, subject=subject, data=data)
