"""The expert's side of an evaluation: who sits where, and the score sheet that never loses an acknowledged entry."""

import json
from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session, col, select, update

from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.core.canonical import canonical_json, digest
from app.core.database import in_turn
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.evaluation import alarms, disclosing, scoring
from app.evaluation.alarms import AlarmKind
from app.evaluation.disclosure import Field
from app.evaluation.lifecycle import EvaluationState
from app.evaluation.models import CommitteeMember, Evaluation, ScoreSheet
from app.evaluation.schemas import DeskOut, NamedOut, SheetIn, SheetOut
from app.projects import service as projects
from app.projects.service import PartyRole
from venue.models import OnlineRoom
from venue.room.ports import SeatHolder

_ADMITS = (
    EvaluationState.convened,
    EvaluationState.in_session,
    EvaluationState.replacing,
    EvaluationState.short,
    EvaluationState.closed,
)


class CommitteeAdmissions:
    """Tells the online room who may take which seat, and hears who did (implements venue.room.ports.Admissions)."""

    def holder(self, session: Session, member_id: str) -> SeatHolder | None:
        """The seat of a member while their evaluation has its room open."""
        found = session.exec(
            select(CommitteeMember, Evaluation, OnlineRoom)
            .join(Evaluation, col(Evaluation.id) == col(CommitteeMember.evaluation_id))
            .join(OnlineRoom, col(OnlineRoom.id) == col(Evaluation.room_id))
            .where(CommitteeMember.id == member_id)
        ).first()
        if found is None:
            return None
        member, evaluation, room = found
        return SeatHolder(
            member_id=member.id,
            evaluation_id=evaluation.id,
            room_id=room.id,
            seat_no=member.seat_no,
            code_name=member.code_name,
            zero_at=room.zero_at,
            admitted=member.left_at is None and evaluation.state in _ADMITS,
            evaluation_state=evaluation.state,
        )

    def seated(self, session: Session, now: datetime, holder: SeatHolder) -> None:
        """The member's media has arrived; their seat counts as taken from now on."""
        in_turn(session, holder.evaluation_id)
        changed = session.exec(
            update(CommitteeMember)
            .where(col(CommitteeMember.id) == holder.member_id, col(CommitteeMember.state) == "signed_in")
            .values(state="seated")
        )
        if changed.rowcount:
            audit.record(
                session,
                now,
                case=holder.evaluation_id,
                tag=Tag.member_seated,
                actor=f"member:{holder.member_id}",
                subject=f"seat:{holder.seat_no}",
            )
        bus.publish(session, f"evaluation:{holder.evaluation_id}", "members")

    def contested(self, session: Session, now: datetime, holder: SeatHolder) -> None:
        """Another page has taken the member's seat while the first one was connected: a supervisor hears of it."""
        in_turn(session, holder.evaluation_id)
        member = session.get(CommitteeMember, holder.member_id)
        if member is not None:
            alarms.raise_alarm(session, now, member, AlarmKind.second_join, connection=True)

    def left(self, session: Session, now: datetime, holder: SeatHolder) -> None:  # noqa: ARG002 -- the port's form
        """The member's connection ended; they stay seated and may come back."""
        bus.publish(session, f"evaluation:{holder.evaluation_id}", "members")


def enter(session: Session, now: datetime, member_id: str) -> CommitteeMember | None:
    """The member, now signed in; None when they are no longer on the committee. Whether they may, `entering` has asked."""
    member = _held(session, member_id)
    if member is None or member.left_at is not None:
        return None
    if member.state == "confirmed":
        member.state = "signed_in"
    member.signed_in_at = now
    session.flush()
    audit.record(
        session,
        now,
        case=member.evaluation_id,
        tag=Tag.member_signed_in,
        actor=f"member:{member.id}",
        subject=f"seat:{member.seat_no}",
    )
    bus.publish(session, f"evaluation:{member.evaluation_id}", "members")
    return member


def desk(session: Session, member_id: str) -> DeskOut:
    """All that the member's desk shows. Bidders appear once the session is open."""
    member, evaluation = _member(session, member_id)
    shown = disclosing.of_member(evaluation).shows(Field.bidder_list)
    bidders = projects.parties(session, evaluation.lot_id, [PartyRole.bidder]) if shown else ()
    sheet = session.get(ScoreSheet, member_id)
    return DeskOut(
        evaluation_number=evaluation.number,
        evaluation_state=evaluation.state,
        starts_at=evaluation.starts_at,
        minutes=evaluation.minutes,
        seat_no=member.seat_no,
        code_name=member.code_name,
        room_id=evaluation.room_id,
        bidders=tuple(NamedOut(id=bidder.id, name=bidder.name) for bidder in bidders),
        criteria=tuple(
            NamedOut(id=criterion.id, name=criterion.name, max=criterion.max_hundredths)
            for criterion in projects.criteria(session, evaluation.lot_id)
        ),
        sheet=_out(sheet),
    )


def save(session: Session, now: datetime, member_id: str, sheet: SheetIn) -> SheetOut:
    """Stores the sheet as the next revision. Conflict when it was based on an older one or is already submitted."""
    member, evaluation = _member(session, member_id)
    _require_open(evaluation)
    scoring.check(sheet.scores, allowed(session, evaluation), complete=False)
    row = session.get(ScoreSheet, member_id)
    if row is None:
        row = ScoreSheet(member_id=member_id, evaluation_id=evaluation.id, saved_at=now)
        session.add(row)
    if row.state == "submitted":
        raise Conflict("sheet-submitted", N_("评分表已提交，不能再修改"), N_("需要更正时请联系监督人员"))
    if row.revision != sheet.revision:
        raise Conflict(
            "sheet-moved-on",
            N_("评分表已在别处更新到第 {revision} 版"),
            N_("载入最新一版后再继续填写"),
            revision=row.revision,
        )
    row.revision += 1
    row.scores = canonical_json(sheet.scores).decode()
    row.note = sheet.note
    row.saved_at = now
    session.flush()
    # The trail keeps the digest, not the scores: a supervisor can prove what stood there without reading it here.
    audit.record(
        session,
        now,
        case=evaluation.id,
        tag=Tag.sheet_saved,
        actor=f"member:{member_id}",
        subject=f"seat:{member.seat_no}",
        data={"revision": row.revision, "sha256": digest({"note": sheet.note, "scores": sheet.scores})},
    )
    return _out(row)


def submit(session: Session, now: datetime, member_id: str) -> SheetOut:
    """Hands the sheet in for good; it must be complete. Submitting twice changes nothing."""
    member, evaluation = _member(session, member_id)
    row = session.get(ScoreSheet, member_id)
    if row is not None and row.state == "submitted":
        return _out(row)
    _require_open(evaluation)
    scores = _scores(row)
    scoring.check(scores, allowed(session, evaluation), complete=True)
    if row is None:
        raise Conflict("sheet-empty", N_("还没有评分表可以提交"), N_("先填写评分"))
    row.state = "submitted"
    member.state = "submitted"
    session.flush()
    audit.record(
        session,
        now,
        case=evaluation.id,
        tag=Tag.sheet_submitted,
        actor=f"member:{member_id}",
        subject=f"seat:{member.seat_no}",
        data={"revision": row.revision, "sha256": digest({"note": row.note, "scores": scores})},
    )
    bus.publish(session, f"evaluation:{evaluation.id}", "members")
    return _out(row)


def allowed(session: Session, evaluation: Evaluation) -> scoring.Allowed:
    """What a sheet of this evaluation may hold."""
    return scoring.Allowed(
        bidders=tuple(row.id for row in projects.parties(session, evaluation.lot_id, [PartyRole.bidder])),
        criteria=tuple((row.id, row.max_hundredths) for row in projects.criteria(session, evaluation.lot_id)),
    )


def _held(session: Session, member_id: str) -> CommitteeMember | None:
    """The member; who is going to write has their evaluation to themselves from here on."""
    member = session.get(CommitteeMember, member_id)
    if member is not None and in_turn(session, member.evaluation_id):
        session.refresh(member)
    return member


def _member(session: Session, member_id: str) -> tuple[CommitteeMember, Evaluation]:
    member = _held(session, member_id)
    evaluation = session.get(Evaluation, member.evaluation_id) if member else None
    if member is None or member.left_at is not None or evaluation is None:
        raise NotFound("seat-gone", N_("您的席位已不在本次评标中"), N_("请联系现场工作人员"))
    return member, evaluation


def _require_open(evaluation: Evaluation) -> None:
    if evaluation.state == EvaluationState.replacing:
        raise Conflict(
            "session-replacing",
            N_("有成员正在递补，评分暂停，已填的内容原样保留"),
            N_("等待主场重新开启评标"),
        )
    if evaluation.state != EvaluationState.in_session:
        raise Conflict(
            "session-not-open", N_("评标尚未开始或已经结束，评分表不可填写"), N_("等待主场开启评标")
        )


def _scores(row: ScoreSheet | None) -> Mapping[str, Mapping[str, int]]:
    scores: Mapping[str, Mapping[str, int]] = json.loads(row.scores) if row else {}
    return scores


def _out(row: ScoreSheet | None) -> SheetOut:
    if row is None:
        return SheetOut(revision=0, scores={}, note="", state="draft", saved_at=None)
    return SheetOut(
        revision=row.revision,
        scores=json.loads(row.scores),
        note=row.note,
        state=row.state,
        saved_at=row.saved_at,
    )
