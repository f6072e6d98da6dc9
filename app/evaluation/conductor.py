"""Conducts an evaluation from booking to sealed recordings, by calling the draw, the venue and the recordings."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from app.accounts import tickets
from app.accounts.access import Actor
from app.accounts.permissions import Role
from app.accounts.tickets import TicketKind
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.core.canonical import canonical_json
from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.i18n import N_
from app.core.ids import new_id, printed_number
from app.core.samples import Source, TrackKey
from app.core.sealing import Sealer
from app.core.settings import Provider, Settings
from app.evaluation import booking
from app.evaluation.lifecycle import OVER, EvaluationEvent, EvaluationState, advance
from app.evaluation.models import CommitteeMember, Evaluation, ScoreSheet
from app.evaluation.schemas import BookingIn
from app.notify import outbox, wording
from app.notify.wording import TemplateId
from app.rules import library
from expert_draw import service as draws
from expert_draw.engine.wording import DrawInfeasible
from expert_draw.models import Draw, Expert, Invitation
from expert_draw.placing import CHINA, FreeSeat, VenueOffer
from expert_draw.service import DrawOrder, Terms
from recordings import service as recordings
from venue import service as venues
from venue.models import OnlineRoom

Durable = Callable[[TrackKey], int | None]
SHORTEST_REASON = 4
_CODE_NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_IN_PROVINCE = ("host", "sister")


@dataclass(frozen=True, slots=True)
class House:
    """What every act of the conductor needs besides the session: settings and the sealer."""

    settings: Settings
    sealer: Sealer


def book(session: Session, now: datetime, house: House, actor: Actor, wanted: BookingIn) -> Evaluation:
    """Enters the evaluation. InvalidInput names the first rule it breaks and how many more there are."""
    if wanted.host_center_id != actor.center_id:
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
    problems = [problem for problem in booking.check(session, now, wanted) if problem.blocks]
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
        booked_by=actor.id,
        booked_at=now,
    )
    session.add(evaluation)
    session.flush()
    _record(session, now, evaluation, Tag.evaluation_booked, actor.id)
    bus.publish(session, "evaluations", "booked")
    return evaluation


def commit_draw(session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str) -> Draw:
    """Freezes the pool and publishes the commitment of the draw."""
    evaluation = load_for(session, actor, evaluation_id)
    _advance(session, evaluation, EvaluationEvent.commit)
    draw = draws.commit(
        session,
        now,
        house.sealer,
        actor.id,
        DrawOrder(
            number=draws.number(session, now.astimezone(CHINA).year),
            evaluation_id=evaluation.id,
            question=booking.question(session, evaluation),
        ),
        _offers(session, now, evaluation),
    )
    evaluation.draw_id = draw.id
    session.flush()
    return draw


def run_draw(session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str) -> None:
    """Runs the first round; seats are booked and invitations queued in the same transaction."""
    evaluation = load_for(session, actor, evaluation_id)
    _advance(session, evaluation, EvaluationEvent.run)
    _round(session, now, house, actor.id, evaluation)


def refill(session: Session, now: datetime, house: House, evaluation_id: str) -> None:
    """Moves an inviting evaluation on: vacated places are drawn again in a further round, a full one is ready."""
    evaluation = load(session, evaluation_id)
    if evaluation.state != EvaluationState.inviting or evaluation.draw_id is None:
        return
    draw = draws.load(session, evaluation.draw_id)
    if draws.slots_vacated(session, draw):
        _release_vacated(session, evaluation, draw)
        try:
            _round(session, now, house, "house", evaluation)
        except DrawInfeasible as refusal:
            _advance(session, evaluation, EvaluationEvent.exhaust)
            evaluation.short_reason = _written(refusal)
            _release_everybody(session, now, house, evaluation, "pool_exhausted")
            _record(session, now, evaluation, Tag.evaluation_short, "house")
    elif draws.filled(session, draw):
        _advance(session, evaluation, EvaluationEvent.fill)
        _record(session, now, evaluation, Tag.evaluation_ready, "house")


def waiting_to_move(session: Session) -> tuple[str, ...]:
    """Inviting evaluations for which `refill` would do something: a place is vacant, or all are filled."""
    found = []
    for evaluation in in_state(session, EvaluationState.inviting):
        draw = draws.load(session, str(evaluation.draw_id))
        if draws.slots_vacated(session, draw) or draws.filled(session, draw):
            found.append(evaluation.id)
    return tuple(found)


def give_up(
    session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str, reason: str
) -> None:
    """Ends an evaluation that cannot go on, for a reason that stays in the trail; it may be booked anew.

    Everyone who was asked is told, seats are let go, the draw record says `void`, and whatever was recorded is sealed.
    """
    evaluation = load_for(session, actor, evaluation_id)
    if len(reason.strip()) < SHORTEST_REASON:
        raise InvalidInput("reason-short", N_("终止的原因不足 4 个字"), N_("写明为什么无法继续"))
    _advance(session, evaluation, EvaluationEvent.give_up)
    evaluation.closed_at = now
    session.flush()
    _release_everybody(session, now, house, evaluation, "given_up")
    audit.record(
        session,
        now,
        case=evaluation.id,
        tag=Tag.evaluation_given_up,
        actor=actor.id,
        subject=f"evaluation:{evaluation.number}",
        data={"reason": reason},
    )


def convene(session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str) -> None:
    """Opens the online room for signing in and sends every member a seat code."""
    evaluation = load_for(session, actor, evaluation_id)
    _advance(session, evaluation, EvaluationEvent.convene)
    draw = draws.load(session, str(evaluation.draw_id))
    room = OnlineRoom(id=new_id(now), evaluation_id=evaluation.id, zero_at=now, state="open")
    session.add(room)
    session.flush()
    evaluation.room_id = room.id
    recordings.begin(session, now, room_id=room.id, evaluation_id=evaluation.id)
    for slot, invitation in draws.accepted(session, draw):
        member = CommitteeMember(
            id=new_id(now),
            evaluation_id=evaluation.id,
            seat_no=slot.seat_no,
            code_name=_CODE_NAMES[slot.seat_no - 1],
            expert_id=invitation.expert_id,
            invitation_id=invitation.id,
            center_id=invitation.center_id,
            seat_id=invitation.seat_id,
            state="confirmed",
        )
        session.add(member)
        session.flush()
        _send_seat_code(session, now, house, evaluation, member, invitation)
    _record(session, now, evaluation, Tag.evaluation_convened, actor.id)


def renew_seat_code(
    session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str, seat_no: int
) -> None:
    """Sends the member of this seat another code; the codes before it open nothing any more.

    For a text that never came, or a code that was used up at a machine that failed. Who then signs in takes the
    seat over from the earlier sign-in. Conflict unless the room is open, NotFound for a seat nobody has.
    """
    evaluation = load_for(session, actor, evaluation_id)
    if evaluation.state not in {EvaluationState.convened, EvaluationState.in_session}:
        raise Conflict(
            "seat-code-closed",
            N_("只有召集之后、评标结束之前可以重发席位码"),
            N_("按页面顶部的流程提示进行下一步"),
        )
    member = next((one for one in members(session, evaluation.id) if one.seat_no == seat_no), None)
    if member is None:
        raise NotFound("seat", N_("本次评标没有这个席位"), N_("从评标页面进入"))
    tickets.withdraw(session, now, kind=TicketKind.seat_code, subject=f"member:{member.id}")
    outbox.cancel_for(session, now, member.id)
    _send_seat_code(
        session, now, house, evaluation, member, session.get_one(Invitation, member.invitation_id)
    )
    audit.record(
        session,
        now,
        case=evaluation.id,
        tag=Tag.member_code_renewed,
        actor=actor.id,
        subject=f"seat:{member.seat_no}",
    )
    bus.publish(session, f"evaluation:{evaluation.id}", "members")


def open_session(
    session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str, durable: Durable
) -> None:
    """Starts scoring. Conflict while a seat is empty or not safely recorded: no record, no evaluation."""
    evaluation = load_for(session, actor, evaluation_id)
    if evaluation.state == EvaluationState.convened:
        _require_recorded(session, now, house, evaluation, durable)
    _advance(session, evaluation, EvaluationEvent.open)
    evaluation.opened_at = now
    session.flush()
    _record(session, now, evaluation, Tag.evaluation_opened, actor.id)


def close_session(session: Session, now: datetime, actor: Actor, evaluation_id: str) -> None:
    """Ends scoring once every sheet is in, and closes the draw record. The recordings are sealed right after."""
    evaluation = load_for(session, actor, evaluation_id)
    if evaluation.state == EvaluationState.in_session:
        missing = [
            str(member.seat_no)
            for member in members(session, evaluation.id)
            if (sheet := session.get(ScoreSheet, member.id)) is None or sheet.state != "submitted"
        ]
        if missing:
            raise Conflict(
                "sheets-missing",
                N_("还有席位未提交评分表：{seats}"),
                N_("等待这些席位提交后再关闭评标"),
                seats="、".join(missing),
            )
    _advance(session, evaluation, EvaluationEvent.close)
    evaluation.closed_at = now
    session.flush()
    draws.close(session, now, draws.load(session, str(evaluation.draw_id)))
    _record(session, now, evaluation, Tag.evaluation_closed, actor.id)


def seal(session: Session, now: datetime, evaluation_id: str, manifest_sha256: str) -> None:
    """Binds the closed recordings to the evaluation by the hash of their manifest."""
    evaluation = load(session, evaluation_id)
    if evaluation.state != EvaluationState.given_up:
        _advance(session, evaluation, EvaluationEvent.seal)
    evaluation.manifest_sha256 = manifest_sha256
    recordings.seal(session, now, room_id=str(evaluation.room_id), manifest_sha256=manifest_sha256)
    room = session.get(OnlineRoom, evaluation.room_id)
    if room is not None:
        room.state, room.closed_at = "closed", now
    session.flush()
    venues.release_all(session, evaluation.id)
    audit.record(
        session,
        now,
        case=evaluation.id,
        tag=Tag.evaluation_sealed,
        actor="house",
        subject=f"evaluation:{evaluation.number}",
        data={"manifest_sha256": manifest_sha256},
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
            commit_draw(session, now, house, actor, evaluation_id)
        case "run":
            run_draw(session, now, house, actor, evaluation_id)
        case "convene":
            convene(session, now, house, actor, evaluation_id)
        case "open":
            open_session(session, now, house, actor, evaluation_id, durable)
        case "close":
            close_session(session, now, actor, evaluation_id)
        case _:
            raise NotFound("act", N_("没有这个操作"), N_("从评标页面进入"))


def rooms_to_seal(session: Session) -> tuple[tuple[str, str], ...]:
    """(evaluation, room) of every evaluation that is over and whose room is not sealed yet."""
    rows = session.exec(
        select(Evaluation.id, OnlineRoom.id)
        .join(OnlineRoom, col(OnlineRoom.id) == col(Evaluation.room_id))
        .where(col(Evaluation.state).in_(OVER), OnlineRoom.state == "open")
        .order_by(Evaluation.id)
    ).all()
    return tuple((evaluation_id, room_id) for evaluation_id, room_id in rows)


def in_state(session: Session, state: EvaluationState) -> tuple[Evaluation, ...]:
    return tuple(
        session.exec(select(Evaluation).where(Evaluation.state == state).order_by(Evaluation.id)).all()
    )


def load(session: Session, evaluation_id: str) -> Evaluation:
    evaluation = session.get(Evaluation, evaluation_id)
    if evaluation is None:
        raise _unknown_evaluation()
    return evaluation


def load_for(session: Session, actor: Actor, evaluation_id: str) -> Evaluation:
    """The evaluation when it is this actor's: their own center hosts it, or they supervise. Else NotFound."""
    evaluation = load(session, evaluation_id)
    if actor.role is not Role.supervisor and actor.center_id != evaluation.host_center_id:
        raise _unknown_evaluation()
    return evaluation


def members(session: Session, evaluation_id: str) -> tuple[CommitteeMember, ...]:
    return tuple(
        session.exec(
            select(CommitteeMember)
            .where(CommitteeMember.evaluation_id == evaluation_id, CommitteeMember.state != "replaced")
            .order_by(col(CommitteeMember.seat_no))
        ).all()
    )


def _unknown_evaluation() -> NotFound:
    return NotFound("evaluation", N_("没有这次评标"), N_("从“今日”页面进入"))


def _round(session: Session, now: datetime, house: House, actor: str, evaluation: Evaluation) -> None:
    draw = draws.load(session, str(evaluation.draw_id))
    placed = draws.run_round(
        session,
        now,
        house.sealer,
        actor,
        draw,
        booking.question(session, evaluation),
        _offers(session, now, evaluation),
    )
    start, end = _span(evaluation)
    venues.reserve(
        session,
        now,
        evaluation_id=evaluation.id,
        seat_ids=[place.seat_id for place in placed],
        start=start,
        end=end,
    )
    for place in placed:
        draws.invite(
            session,
            now,
            house.sealer,
            draw,
            place,
            report_place=venues.describe_seat(session, place.seat_id),
            starts_at=evaluation.starts_at,
            minutes=evaluation.minutes,
            terms=_terms(house.settings, evaluation),
        )


def _offers(session: Session, now: datetime, evaluation: Evaluation) -> tuple[VenueOffer, ...]:
    """The province's centers as the draw takes them; one without a free seat only says where its city lies."""
    start, end = _span(evaluation)
    free = {offer.center_id: offer for offer in venues.offers(session, start, end, now)}
    found = []
    for center in venues.summaries(session, now):
        if center.kind not in _IN_PROVINCE:
            continue
        offer = free.get(center.center_id)
        seats = tuple(FreeSeat(seat.seat_id, seat.room_id) for seat in offer.seats) if offer else ()
        found.append(
            VenueOffer(
                center.center_id,
                center.region_code,
                center.latitude_e6,
                center.longitude_e6,
                seats,
                offer.capacity if offer else 0,
            )
        )
    return tuple(found)


def _release_vacated(session: Session, evaluation: Evaluation, draw: Draw) -> None:
    needed = draws.seats_in_use(session, draw)
    for seat_id in venues.booked_seats(session, evaluation.id):
        if seat_id not in needed:
            venues.release(session, evaluation.id, seat_id)


def _release_everybody(
    session: Session, now: datetime, house: House, evaluation: Evaluation, reason: str
) -> None:
    if evaluation.draw_id is not None:
        draws.give_up(session, now, house.sealer, draws.load(session, evaluation.draw_id), reason)
    venues.release_all(session, evaluation.id)


def _written(refusal: DrawInfeasible) -> str:
    """A refusal as it is kept, to be said later in any language."""
    return canonical_json(
        {"message": refusal.message, "params": {name: str(value) for name, value in refusal.params.items()}}
    ).decode()


def _send_seat_code(
    session: Session,
    now: datetime,
    house: House,
    evaluation: Evaluation,
    member: CommitteeMember,
    invitation: Invitation,
) -> None:
    expert = session.get_one(Expert, member.expert_id)
    _, end = _span(evaluation)
    code = tickets.issue(
        session,
        house.sealer,
        now,
        kind=TicketKind.seat_code,
        subject=f"member:{member.id}",
        lifetime=max(end - now, timedelta(hours=1)),
    )
    outbox.enqueue(
        session,
        now,
        house.sealer,
        subject=member.id,
        purpose=outbox.SEAT_CODE,
        channel=outbox.SMS,
        to=house.sealer.unseal(expert.phone_sealed),
        template=TemplateId.seat_code_sms,
        variables={
            "code": code,
            "place": invitation.report_place,
            "time": wording.time_words(evaluation.starts_at.astimezone(CHINA), "zh"),
        },
        due_at=now,
    )


def _require_recorded(
    session: Session, now: datetime, house: House, evaluation: Evaluation, durable: Durable
) -> None:
    room = session.get_one(OnlineRoom, evaluation.room_id)
    room_ms = int((now - room.zero_at).total_seconds() * 1000)
    oldest = room_ms - house.settings.recording.stale_after_ms
    bare = [
        str(member.seat_no)
        for member in members(session, evaluation.id)
        if any(
            (reached := durable(TrackKey(room.id, member.seat_no, source))) is None or reached < oldest
            for source in Source
        )
    ]
    if bare:
        raise Conflict(
            "seats-not-recorded",
            N_("以下席位还没有可靠的音视频记录：{seats}"),
            N_("请这些席位的专家检查摄像头和麦克风；没有记录不得开始评标"),
            seats="、".join(bare),
        )


def _terms(settings: Settings, evaluation: Evaluation) -> Terms:
    timers = settings.rehearsal if evaluation.rehearsal else settings.invitation
    return Terms(
        window_s=timers.reply_window_s,
        ring_s=timers.ring_s,
        sms_after_s=timers.sms_after_s,
        second_call_after_s=timers.second_call_after_s,
        hotline=settings.notify.hotline,
    )


def _span(evaluation: Evaluation) -> tuple[datetime, datetime]:
    return evaluation.starts_at, evaluation.starts_at + timedelta(minutes=evaluation.minutes)


def _number(session: Session, now: datetime) -> str:
    year = now.astimezone(CHINA).year
    count = len(
        session.exec(select(Evaluation.id).where(col(Evaluation.number).startswith(f"PX-{year:04d}-"))).all()
    )
    return printed_number("PX", year, count + 1)


def _advance(session: Session, evaluation: Evaluation, event: EvaluationEvent) -> None:
    evaluation.state = advance(EvaluationState(evaluation.state), event)
    session.add(evaluation)
    session.flush()
    bus.publish(session, f"evaluation:{evaluation.id}", "state", state=evaluation.state)
    bus.publish(session, "evaluations", "state")


def _record(session: Session, now: datetime, evaluation: Evaluation, tag: Tag, actor: str) -> None:
    audit.record(
        session, now, case=evaluation.id, tag=tag, actor=actor, subject=f"evaluation:{evaluation.number}"
    )
