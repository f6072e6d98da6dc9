"""Reads from the rows what the pages of an evaluation show, without a name in it."""

from collections import Counter
from datetime import datetime

from sqlmodel import Session, col, func, select

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.core.i18n import N_
from app.core.samples import Source, TrackKey
from app.core.sealing import Sealer
from app.evaluation import booking, cases, committee, disclosing, reasons, relations, result, shortage
from app.evaluation.cases import Durable
from app.evaluation.disclosing import ReadBy, Sight
from app.evaluation.disclosure import Field, Form
from app.evaluation.lifecycle import EvaluationEvent, EvaluationState, possible
from app.evaluation.models import CommitteeMember, Evaluation, ScoreSheet
from app.evaluation.schemas import EvaluationOut, FormerMemberOut, MemberOut
from app.evaluation.shown import (
    BookingForm,
    EvaluationCard,
    EvaluationView,
    FormerMember,
    Guide,
    MemberView,
    TimelineEvent,
    TodayView,
    WidenedView,
)
from app.notify import outbox
from app.notify.models import OutgoingMessage
from app.projects import service as projects
from app.projects.service import PartyRole
from expert_draw import inviting, release, specialties
from expert_draw.invitation import ACTIVE, InvitationState
from expert_draw.models import Draw, DrawSlot, Expert, ExpertSpecialty, Invitation
from venue import service as venues
from venue.models import Center, RoomEvent
from venue.room.events import EVENT_TEXTS, EventKind
from venue.service import SeatState

_LISTED = 200


_NEXT: dict[EvaluationState, tuple[str, str]] = {
    EvaluationState.booked: (N_("冻结专家库并公布抽取承诺"), N_("主场经办")),
    EvaluationState.committed: (N_("执行随机抽取"), N_("主场经办")),
    EvaluationState.inviting: (N_("等待专家答复，空缺自动补抽"), N_("系统")),
    EvaluationState.ready: (N_("发放席位码，召集专家"), N_("主场经办")),
    EvaluationState.convened: (N_("专家签到入席，全部录音录像后开启评标"), N_("专家、主场经办")),
    EvaluationState.in_session: (N_("专家提交评分表后关闭评标"), N_("专家、主场经办")),
    EvaluationState.closed: (N_("封存录音录像"), N_("系统")),
    EvaluationState.sealed: (N_("可回放与校验"), N_("监督人员")),
    EvaluationState.replacing: (N_("等待递补成员答复并入席，评分暂停"), N_("系统")),
    EvaluationState.short: (N_("放宽条件、直接确定或改期，由经办决定"), N_("主场经办")),
    EvaluationState.given_up: (N_("已终止，可以重新预约"), N_("主场经办")),
}
_SHORT_OF = {
    # (whether the draw is over, whether the room is open)
    (False, True): N_("直接确定递补专家，或终止后重新预约"),
    (True, False): N_("抽取已作废，改期重新抽取或终止后重新预约"),
    (True, True): N_("抽取已作废且评标室已开放，只能终止后重新预约"),
}
_OF_PARTIES = {"agreeing": N_("核对承诺并同意"), "revealing": N_("揭示本轮的份额")}
_BY_STAFF = (
    EvaluationEvent.commit,
    EvaluationEvent.run,
    EvaluationEvent.convene,
    EvaluationEvent.open,
    EvaluationEvent.close,
)


def today(session: Session, now: datetime, actor: Actor | None = None) -> TodayView:
    """Every evaluation that is not over, then those that are, latest first; and the house's counters.

    For an actor only the evaluations that they may read are listed.
    """
    listed = select(Evaluation).order_by(col(Evaluation.booked_at).desc()).limit(_LISTED)
    if actor is not None:
        listed = listed.where(relations.reached(actor, Permission.evaluation_read))
    rows = session.exec(listed).all()
    over = {EvaluationState.sealed, EvaluationState.given_up}
    ordered = sorted(rows, key=lambda row: row.state in over)
    boards = venues.seat_board(session, now)
    answers = Counter(
        session.exec(select(Invitation.state).where(col(Invitation.answered_at).is_not(None))).all()
    )
    answered = sum(answers.values())
    accepted = answered - answers[InvitationState.declined]  # whatever became of them afterwards
    seated = session.exec(
        select(CommitteeMember.center_id, Evaluation.host_center_id).join(
            Evaluation, col(Evaluation.id) == col(CommitteeMember.evaluation_id)
        )
    ).all()
    away = sum(center != host for center, host in seated)
    return TodayView(
        evaluations=tuple(card(session, row, disclosing.sight(session, actor, row)) for row in ordered),
        seats_in_use=sum(board.counts[SeatState.occupied] for board in boards),
        seats_total=sum(sum(board.counts.values()) for board in boards),
        remote_rate=_per_cent(away, len(seated)),
        accept_rate=_per_cent(accepted, answered),
        experts=session.exec(select(func.count()).select_from(Expert).where(Expert.state == "active")).one(),
    )


def evaluation_page(session: Session, durable: Durable, reader: ReadBy, evaluation_id: str) -> EvaluationView:
    """One evaluation with its committee by seat number; names and centers where the reader may see them."""
    evaluation = cases.load(session, evaluation_id)
    seen = disclosing.sight(session, reader.actor, evaluation)
    draw = session.get(Draw, evaluation.draw_id) if evaluation.draw_id else None
    return EvaluationView(
        card=card(session, evaluation, seen),
        members=members(session, durable, reader.sealer, seen, evaluation),
        room_id=evaluation.room_id,
        draw_number=draw.number if draw else None,
        rule_pack=f"{evaluation.rule_pack} {evaluation.rule_pack_version}",
        bidders=_bidders(session, seen, evaluation),
        short_reason=reasons.kept(evaluation),
        manifest_sha256=evaluation.manifest_sha256,
        standings=result.standings(session, seen, evaluation),
        acts=acts_of(evaluation),
        may_be_given_up=EvaluationEvent.give_up in possible(EvaluationState(evaluation.state)),
        former=former_members(session, evaluation),
        designated=designated_seats(session, evaluation),
        widened=tuple(WidenedView(one.rung, one.changes, one.draw) for one in shortage.steps(evaluation)),
    )


def _bidders(session: Session, seen: Sight, evaluation: Evaluation) -> int | None:
    """How many there are, for who may at least know that there is a list."""
    if seen.form(Field.bidder_list) is Form.nothing:
        return None
    return len(projects.parties(session, evaluation.lot_id, [PartyRole.bidder]))


def former_members(session: Session, evaluation: Evaluation) -> tuple[FormerMember, ...]:
    """Whoever has left the committee, with what became of their sheet."""
    found = []
    for member in cases.everybody(session, evaluation.id):
        if member.left_at is not None:
            sheet = session.get(ScoreSheet, member.id)
            state = sheet.state if sheet else None
            found.append(FormerMember(member.seat_no, member.code_name, member.left_at, state))
    return tuple(found)


def designated_seats(session: Session, evaluation: Evaluation) -> tuple[int, ...]:
    """The seats that were filled, or are being filled, by naming somebody."""
    return tuple(
        session.exec(
            select(DrawSlot.seat_no)
            .join(Invitation, col(Invitation.slot_id) == col(DrawSlot.id))
            .where(
                Invitation.draw_id == evaluation.draw_id,
                col(Invitation.designated),
                col(Invitation.state).in_(ACTIVE),
            )
            .order_by(col(DrawSlot.seat_no))
        ).all()
    )


def members(
    session: Session, durable: Durable, sealer: Sealer, seen: Sight, evaluation: Evaluation
) -> tuple[MemberView, ...]:
    """The committee by seat number, with how far each seat is safely recorded."""
    found = []
    there = cases.members(session, evaluation.id)
    released = release.causes(session, [member.invitation_id for member in there])
    for member in there:
        sheet = session.get(ScoreSheet, member.id)
        causes = released.get(member.invitation_id, frozenset())
        camera, microphone = (
            durable(TrackKey(str(evaluation.room_id), member.seat_no, source))
            for source in (Source.camera, Source.microphone)
        )
        found.append(
            MemberView(
                seat_no=member.seat_no,
                code_name=member.code_name,
                state=member.state,
                name=disclosing.name_of(session, sealer, seen, member, causes),
                center_name=disclosing.center_of(session, seen, member, causes),
                code_state=_code_state(session, member.id),
                camera_durable_ms=camera,
                microphone_durable_ms=microphone,
                sheet_state=sheet.state if sheet else None,
            )
        )
    return tuple(found)


def opens_lists(session: Session, actor: Actor, evaluation: Evaluation) -> bool:
    """Whether this actor may have the draw record with its lists now: their group sizes can tell centers and employers."""
    seen = disclosing.sight(session, actor, evaluation)
    lacking = relations.lacking(session, actor, evaluation, Permission.draw_read_lists)
    return not lacking and seen.shows(Field.draw_proof)


def timeline_events(session: Session, evaluation_id: str) -> tuple[TimelineEvent, ...]:
    """What happened in the room and to the evaluation, by room time, for the replay's timeline."""
    evaluation = cases.load(session, evaluation_id)
    if evaluation.room_id is None:
        return ()
    zero_at = venues.zero_of_room(session, evaluation.room_id)
    marks = ((evaluation.opened_at, N_("开启评标")), (evaluation.closed_at, N_("关闭评标")))
    acts = [
        TimelineEvent(round((at - zero_at).total_seconds() * 1000), None, text)
        for at, text in marks
        if at is not None
    ]
    acts += [
        TimelineEvent(round((one.left_at - zero_at).total_seconds() * 1000), one.seat_no, N_("成员离开"))
        for one in former_members(session, evaluation)
    ]
    seats = [
        TimelineEvent(event.room_ms, event.seat_no, EVENT_TEXTS[EventKind(event.kind)])
        for event in session.exec(
            select(RoomEvent).where(RoomEvent.room_id == evaluation.room_id).order_by(col(RoomEvent.room_ms))
        ).all()
    ]
    return tuple(sorted([*acts, *seats], key=lambda event: event.at_ms))


def booking_form(session: Session, center_id: str | None) -> BookingForm:
    """The booker's own center when it can host, and specialties with how many active experts have each."""
    counts = Counter(
        session.exec(
            select(ExpertSpecialty.code)
            .join(Expert, col(Expert.id) == col(ExpertSpecialty.expert_id))
            .where(Expert.state == "active")
        ).all()
    )
    hosts = session.exec(
        select(Center).where(Center.id == center_id, col(Center.kind).in_(["host", "sister"]))
    ).all()
    return BookingForm(
        centers=tuple((center.id, center.name) for center in hosts),
        specialties=tuple(
            (code, specialties.specialty_name(code), count) for code, count in sorted(counts.items())
        ),
    )


def summary(session: Session, durable: Durable, reader: ReadBy, evaluation_id: str) -> EvaluationOut:
    """The evaluation for programs."""
    evaluation = cases.load(session, evaluation_id)
    seen = disclosing.sight(session, reader.actor, evaluation)
    shown = card(session, evaluation, seen)
    draw = session.get(Draw, evaluation.draw_id) if evaluation.draw_id else None
    return EvaluationOut(
        id=evaluation.id,
        number=evaluation.number,
        state=evaluation.state,
        starts_at=evaluation.starts_at,
        minutes=evaluation.minutes,
        places=shown.places,
        confirmed=shown.confirmed,
        rounds=draw.rounds if draw else 0,
        room_id=evaluation.room_id,
        members=tuple(
            MemberOut(
                seat_no=member.seat_no,
                code_name=member.code_name,
                state=member.state,
                name=member.name,
                camera_durable_ms=member.camera_durable_ms,
                microphone_durable_ms=member.microphone_durable_ms,
                sheet_state=member.sheet_state,
            )
            for member in members(session, durable, reader.sealer, seen, evaluation)
        ),
        short_reason=reason.text.format(**reason.params) if (reason := reasons.kept(evaluation)) else None,
        former_members=tuple(
            FormerMemberOut(seat_no=one.seat_no, code_name=one.code_name, sheet_state=one.sheet_state)
            for one in former_members(session, evaluation)
        ),
        designated=designated_seats(session, evaluation),
        widened=tuple(one.rung for one in shortage.steps(evaluation)),
        manifest_sha256=evaluation.manifest_sha256,
    )


def acts_of(evaluation: Evaluation) -> tuple[str, ...]:
    """What staff can do next, read off the table of states."""
    return tuple(event.value for event in possible(EvaluationState(evaluation.state)) if event in _BY_STAFF)


def card(session: Session, evaluation: Evaluation, seen: Sight) -> EvaluationCard:
    """The line that stands for it everywhere, with what comes next; without the project for who may not know it."""
    lot, project = projects.lot_with_project(session, evaluation.lot_id)
    center = session.get_one(Center, evaluation.host_center_id)
    named = seen.shows(Field.project_identity)
    confirmed = session.exec(
        select(func.count())
        .select_from(Invitation)
        .where(Invitation.draw_id == evaluation.draw_id, inviting.holds_a_place())
    ).one()
    return EvaluationCard(
        id=evaluation.id,
        number=evaluation.number,
        project_name=project.name if named else "",
        lot_name=lot.name if named else "",
        host_center=center.name,
        state=evaluation.state,
        starts_at=evaluation.starts_at,
        minutes=evaluation.minutes,
        places=sum(slot.count for slot in booking.slots(evaluation)),
        confirmed=confirmed,
        rehearsal=evaluation.rehearsal,
        guide=_guide(session, evaluation),
    )


def _guide(session: Session, evaluation: Evaluation) -> Guide:
    """What comes next, and who has to do it: while the parties of the draw have to agree or to reveal, those missing."""
    step, actor = _NEXT[EvaluationState(evaluation.state)]
    draw = session.get(Draw, evaluation.draw_id) if evaluation.draw_id else None
    if draw is not None and evaluation.state == EvaluationState.short:
        step = _SHORT_OF.get((draw.closed_at is not None, evaluation.room_id is not None), step)
    missing = committee.waited_for(session, draw) if draw and draw.state in _OF_PARTIES else ()
    if draw is None or not missing:
        return Guide(evaluation.state, step, actor, evaluation.starts_at)
    due_at = draw.reveal_until or committee.agree_by(evaluation, draw)
    return Guide(evaluation.state, _OF_PARTIES[draw.state], actor, due_at, missing)


def _code_state(session: Session, member_id: str) -> str | None:
    return session.exec(
        select(OutgoingMessage.state)
        .where(OutgoingMessage.subject == member_id, OutgoingMessage.purpose == outbox.SEAT_CODE)
        .order_by(col(OutgoingMessage.created_at).desc(), col(OutgoingMessage.id).desc())
        .limit(1)
    ).first()


def _per_cent(part: int, whole: int) -> int | None:
    return round(100 * part / whole) if whole else None
