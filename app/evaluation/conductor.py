"""Conducts an evaluation from booking to sealed recordings, by calling the draw, the venue and the recordings."""

from datetime import datetime

from sqlmodel import Session, col, select

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus, reasons_given
from app.core.database import in_turn
from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.i18n import N_
from app.core.ids import new_id, printed_number
from app.core.samples import TrackKey
from app.core.settings_calls import Provider
from app.evaluation import booking, cases, committee, convening
from app.evaluation.cases import Durable, House
from app.evaluation.lifecycle import EvaluationEvent, EvaluationState
from app.evaluation.models import Evaluation, ScoreSheet
from app.evaluation.recorded import expected
from app.evaluation.schemas import BookingIn
from app.rules import library
from expert_draw import ending, keeping, release
from expert_draw.roster_rows import CHINA


def book(session: Session, now: datetime, house: House, actor: Actor, wanted: BookingIn) -> Evaluation:
    """Enters the evaluation. InvalidInput names the first rule it breaks and how many more there are."""
    in_turn(session, "bookings")  # numbers have no holes, and a project is entered once
    if not actor.reaches(Permission.evaluation_book, *actor.at(wanted.host_center_id)):
        raise InvalidInput(
            "host-center-foreign",
            N_("只能以本中心为主场预约评标"),
            N_("主场中心选择您所在的中心，或由该中心的经办预约"),
        )
    if wanted.rehearsal and house.settings.notify.provider is not Provider.simulator:
        raise Conflict(
            "rehearsal-real-phones",
            N_("演练只能使用模拟电话，当前接通的是真实线路"),
            N_("用 yuanping rehearse 在单独的数据目录中演练"),
        )
    problems = [problem for problem in booking.check(session, now, house.rosters, wanted) if problem.blocks]
    if problems:
        first = problems[0]
        raise InvalidInput(first.code, first.message, first.remedy, rule=first.rule, **first.params)
    lot = booking.enter(session, now, wanted)
    rules = library.load(wanted.rule_pack)
    evaluation = Evaluation(
        id=new_id(now),
        number=_number(session, now),
        lot_id=lot.id,
        host_center_id=wanted.host_center_id,
        state=EvaluationState.booked,
        starts_at=wanted.starts_at,
        minutes=wanted.minutes,
        rehearsal=wanted.rehearsal,
        rule_pack=rules.id,
        rule_pack_version=rules.version,
        rule_pack_hash=rules.sha256,
        slots=booking.slots_text(wanted),
        conditions=booking.conditions_text(house.sealer, wanted),
        appointed=wanted.appointed,
        booked_by=actor.id,
        booked_at=now,
    )
    session.add(evaluation)
    session.flush()
    cases.note(session, now, evaluation, Tag.evaluation_booked, actor.id)
    bus.publish(session, "evaluations", "booked")
    return evaluation


def open_session(
    session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str, durable: Durable
) -> None:
    """Starts scoring. Conflict while a seat is empty or not safely recorded: no record, no evaluation."""
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.evaluation_conduct)
    if evaluation.state == EvaluationState.convened:
        _require_recorded(session, house, evaluation, durable)
    cases.move(session, evaluation, EvaluationEvent.open)
    evaluation.opened_at = (
        evaluation.opened_at or now
    )  # opened again after a member was replaced, it had begun before
    session.flush()
    cases.note(session, now, evaluation, Tag.evaluation_opened, actor.id)


def close_session(session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str) -> None:
    """Ends scoring once every sheet is in, and closes the draw record. The recordings are sealed right after."""
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.evaluation_conduct)
    if evaluation.state == EvaluationState.in_session:
        missing = [
            str(member.seat_no)
            for member in cases.members(session, evaluation.id)
            if (sheet := session.get(ScoreSheet, member.id)) is None or sheet.state != "submitted"
        ]
        if missing:
            raise Conflict(
                "sheets-missing",
                N_("还有席位未提交评分表：{seats}"),
                N_("等待这些席位提交后再关闭评标"),
                seats="、".join(missing),
            )
    cases.move(session, evaluation, EvaluationEvent.close)
    evaluation.closed_at = now
    session.flush()
    ending.close(session, now, house.sealer, keeping.load(session, str(evaluation.draw_id)))
    release.finish(session, now, house.sealer, evaluation.id)
    cases.note(session, now, evaluation, Tag.evaluation_closed, actor.id)


def give_up(
    session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str, reason: str
) -> None:
    """Ends an evaluation that cannot go on, for a reason that stays in the trail; it may be booked anew.

    Everyone who was asked is told, seats are let go, the draw record says `void`, and whatever was recorded is sealed.
    Parties that had been called and not yet revealed are named with it.
    """
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.evaluation_conduct)
    why = reasons_given.reason(reason)
    cases.move(session, evaluation, EvaluationEvent.give_up)
    evaluation.closed_at = now
    session.flush()
    missing = committee.give_up(session, now, house, evaluation)
    release.finish(session, now, house.sealer, evaluation.id)
    audit.record(
        session,
        now,
        case=evaluation.id,
        tag=Tag.evaluation_given_up,
        actor=actor.id,
        subject=f"evaluation:{evaluation.number}",
        data={"reason": why, "unrevealed": " ".join(missing)},
    )


def perform(
    session: Session,
    now: datetime,
    house: House,
    actor: Actor,
    evaluation_id: str,
    act: str,
    durable: Durable,
) -> None:
    """One act of staff by its name: commit, run, convene, open or close."""
    match act:
        case "commit":
            committee.commit_draw(session, now, house, actor, evaluation_id)
        case "run":
            committee.run_draw(session, now, house, actor, evaluation_id)
        case "convene":
            convening.convene(session, now, house, actor, evaluation_id)
        case "open":
            open_session(session, now, house, actor, evaluation_id, durable)
        case "close":
            close_session(session, now, house, actor, evaluation_id)
        case _:
            raise NotFound("act", N_("没有这个操作"), N_("从评标页面进入"))


def _require_recorded(session: Session, house: House, evaluation: Evaluation, durable: Durable) -> None:
    """durable: of what is being recorded now, as `recorded` tells."""
    sources, room_id = expected(house.settings.media), str(evaluation.room_id)
    bare = [
        str(member.seat_no)
        for member in cases.members(session, evaluation.id)
        if any(durable(TrackKey(room_id, member.seat_no, source)) is None for source in sources)
    ]
    if bare:
        raise Conflict(
            "seats-not-recorded",
            N_("以下席位还没有可靠的音视频记录：{seats}"),
            N_("请这些席位的专家检查摄像头、麦克风和屏幕共享；没有记录不得开始评标"),
            seats="、".join(bare),
        )


def _number(session: Session, now: datetime) -> str:
    year = now.astimezone(CHINA).year
    count = len(
        session.exec(select(Evaluation.id).where(col(Evaluation.number).startswith(f"PX-{year:04d}-"))).all()
    )
    return printed_number("PX", year, count + 1)
