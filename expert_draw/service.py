"""Runs a draw for an evaluation: freezes the pool, commits, draws each round, invites, writes the record."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert
from sqlmodel import Session, col, select

from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.core.errors import NotFound
from app.core.i18n import N_
from app.core.ids import new_id, printed_number
from app.core.sealing import Sealer
from app.notify import outbox, wording
from app.notify.wording import TemplateId
from expert_draw import placing, pooling
from expert_draw.engine.entries import RulePack as RecordedRules
from expert_draw.engine.pool import DrawKind, DrawRequest, Pool
from expert_draw.engine.quota import obstacles
from expert_draw.engine.randomness import SHARE_BYTES, chain_anchor, chain_share
from expert_draw.engine.record import DrawRecord, candidate_code, code_request
from expert_draw.invitation import ACTIVE, InvitationEvent, InvitationState, advance
from expert_draw.models import Draw, DrawCandidate, DrawEvent, DrawSlot, Expert, Invitation
from expert_draw.placing import Spread, VenueOffer
from expert_draw.pooling import PoolQuestion

CHAIN_LENGTH = 999
CENTER = "center"
RELEASED = "released"
_CODE_ROWS = 500


@dataclass(frozen=True, slots=True)
class DrawOrder:
    """What is to be drawn, when for, and whom to avoid. `number` is printed on the record."""

    number: str
    evaluation_id: str
    question: PoolQuestion

    @property
    def places(self) -> int:
        return sum(slot.count for slot in self.question.slots)


@dataclass(frozen=True, slots=True)
class Terms:
    """How people are reached: seconds to answer, to ring, until the text, until the second call; the hotline."""

    window_s: int
    ring_s: int
    sms_after_s: int
    second_call_after_s: int
    hotline: str


@dataclass(frozen=True, slots=True)
class Placed:
    """One place filled by a round: who, at which center, on which seat."""

    slot: DrawSlot
    expert_id: str
    code: str
    center_id: str
    seat_id: str


def commit(
    session: Session,
    now: datetime,
    sealer: Sealer,
    actor: str,
    order: DrawOrder,
    offers: Sequence[VenueOffer],
) -> Draw:
    """Freezes the pools and publishes the commitment; from here on no one can choose the outcome.

    Raises DrawInfeasible with what would have to give when the pool cannot fill the places.
    """
    salt, chain = secrets.token_bytes(SHARE_BYTES), secrets.token_bytes(SHARE_BYTES)
    anchor = chain_anchor(chain, CHAIN_LENGTH)
    rules = order.question.rules
    request = pooling.expert_request(session, order.question, offers)
    if blocked := obstacles(request):
        raise blocked[0]
    venues, seats = placing.requests(offers, order.places, Spread.over(offers, order.places))
    in_codes, people = code_request(request, salt)
    places, _ = _coded(venues, seats, salt)
    record = DrawRecord.open(
        now,
        number=order.number,
        rules=RecordedRules(rules.id, rules.version, rules.sha256),
        anchors={CENTER: anchor},
        pools=(Pool(in_codes), *places),
    )
    draw = Draw(
        id=new_id(now),
        number=order.number,
        evaluation_id=order.evaluation_id,
        state="committed",
        salt_sealed=sealer.seal(salt.hex()),
        chain_sealed=sealer.seal(chain.hex()),
        anchor=anchor.hex(),
        committed_at=now,
    )
    session.add(draw)
    session.flush()
    _remember_codes(session, draw, people)
    specialties = [slot.specialty for slot in order.question.slots for _ in range(slot.count)]
    session.add_all(
        DrawSlot(id=new_id(now), draw_id=draw.id, seat_no=seat_no, specialty=specialty, state="open")
        for seat_no, specialty in enumerate(specialties, 1)
    )
    _append(session, now, draw, record, known=0)
    audit.record(
        session,
        now,
        case=order.evaluation_id,
        tag=Tag.draw_committed,
        actor=actor,
        subject=f"draw:{draw.number}",
        data={"anchor": draw.anchor, "head": record.head},
    )
    return draw


def run_round(
    session: Session,
    now: datetime,
    sealer: Sealer,
    actor: str,
    draw: Draw,
    question: PoolQuestion,
    offers: Sequence[VenueOffer],
) -> tuple[Placed, ...]:
    """Draws every vacant place afresh: experts, then their venues, then their seats, all in one round.

    Whoever has become busy, gone on leave or been suspended since the pool was frozen is taken out first.
    Raises DrawInfeasible, with nothing written, when the pool cannot fill the places.
    """
    record = read(session, draw)
    known = len(record.events)
    salt = bytes.fromhex(sealer.unseal(draw.salt_sealed))
    lists = record.history.pools
    spread = Spread.of(lists[DrawKind.venue].request, lists[DrawKind.seat].request)
    venues, seats = placing.requests(offers, len(slots_of(session, draw)), spread)
    places, stands_for = _coded(venues, seats, salt)
    for pool in places:
        if record.history.pools[pool.request.kind] != pool:
            record = record.declare(now, pool)
    record = _without_unable(session, now, draw, question, record, salt)
    chain = bytes.fromhex(sealer.unseal(draw.chain_sealed))
    share = chain_share(chain, CHAIN_LENGTH, record.next_round)
    before = {holder.key for holder in record.holders}
    record = record.draw_round(now, {CENTER: share})
    draw.rounds = record.history.round_no
    draw.state = "running"
    _append(session, now, draw, record, known=known)
    fresh = {holder.key for holder in record.holders} - before
    placed = _placed(session, draw, fresh, stands_for)
    audit.record(
        session,
        now,
        case=draw.evaluation_id,
        tag=Tag.draw_round,
        actor=actor,
        subject=f"draw:{draw.number}",
        data={"head": record.head, "places": len(placed), "round": draw.rounds},
    )
    bus.publish(session, f"evaluation:{draw.evaluation_id}", "draw")
    return placed


def invite(
    session: Session,
    now: datetime,
    sealer: Sealer,
    draw: Draw,
    placed: Placed,
    *,
    report_place: str,
    starts_at: datetime,
    minutes: int,
    terms: Terms,
) -> Invitation:
    """Queues the invitation and its first call in the caller's transaction."""
    expert = session.get_one(Expert, placed.expert_id)
    invitation = Invitation(
        id=new_id(now),
        draw_id=draw.id,
        slot_id=placed.slot.id,
        expert_id=expert.id,
        phone_fingerprint=expert.phone_fingerprint,
        code=placed.code,
        round=draw.rounds,
        state=InvitationState.queued,
        center_id=placed.center_id,
        seat_id=placed.seat_id,
        report_place=report_place,
        starts_at=starts_at,
        minutes=minutes,
        window_s=terms.window_s,
        ring_s=terms.ring_s,
        sms_after_s=terms.sms_after_s,
        second_call_after_s=terms.second_call_after_s,
        hotline=terms.hotline,
        created_at=now,
    )
    session.add(invitation)
    placed.slot.state = "inviting"
    session.add(placed.slot)
    session.flush()
    contact(session, now, sealer, invitation, channel=outbox.VOICE, after_s=0)
    return invitation


def contact(
    session: Session, now: datetime, sealer: Sealer, invitation: Invitation, *, channel: str, after_s: int
) -> None:
    """Queues one call or text of an invitation; it does not leave once the window has closed."""
    expert = session.get_one(Expert, invitation.expert_id)
    voice = channel == outbox.VOICE
    outbox.enqueue(
        session,
        now,
        sealer,
        subject=invitation.id,
        purpose=outbox.INVITATION,
        channel=channel,
        to=sealer.unseal(expert.phone_sealed),
        template=TemplateId.invitation_voice if voice else TemplateId.invitation_sms,
        variables=notice(invitation),
        due_at=now + timedelta(seconds=after_s),
        expires_at=invitation.deadline,
        ring_s=invitation.ring_s,
    )


def notice(invitation: Invitation) -> dict[str, str]:
    """The few words an invitation may contain: when, where to report, how long, whom to call."""
    return {
        "duration": wording.duration_words(invitation.minutes, "zh"),
        "hotline": invitation.hotline,
        "place": invitation.report_place,
        "time": wording.time_words(invitation.starts_at.astimezone(placing.CHINA), "zh"),
    }


def record_outcome(
    session: Session, now: datetime, draw: Draw, invitation: Invitation, outcome: str, evidence: str
) -> None:
    """Writes what became of an invitation into the record, while the record is open."""
    if draw.closed_at is not None:
        return
    record = read(session, draw)
    slot = session.get_one(DrawSlot, invitation.slot_id)
    longer = record.outcome(now, DrawKind.expert, str(slot.seat_no), invitation.code, outcome, evidence)
    _append(session, now, draw, longer, known=len(record.events))


def close(session: Session, now: datetime, draw: Draw) -> None:
    """Ends the record: every place is filled and everyone has accepted."""
    record = read(session, draw)
    longer = record.close(now)
    _append(session, now, draw, longer, known=len(record.events))
    draw.state, draw.closed_at = "closed", now
    session.flush()
    audit.record(
        session,
        now,
        case=draw.evaluation_id,
        tag=Tag.draw_closed,
        actor="house",
        subject=f"draw:{draw.number}",
        data={"head": longer.head, "rounds": draw.rounds},
    )


def give_up(session: Session, now: datetime, sealer: Sealer, draw: Draw, reason: str) -> None:
    """Ends the draw without a committee, for ever visibly, and tells everyone who was asked that they need not come.

    reason: a code in small letters, such as `pool_exhausted`.
    """
    if draw.closed_at is not None:
        return
    record = read(session, draw)
    longer = record.void(now, reason)
    _append(session, now, draw, longer, known=len(record.events))
    draw.state, draw.closed_at = "void", now
    session.flush()
    asked = session.exec(
        select(Invitation).where(Invitation.draw_id == draw.id, col(Invitation.state).in_(ACTIVE))
    ).all()
    for invitation in asked:
        reached = invitation.state != InvitationState.queued
        invitation.state = advance(InvitationState(invitation.state), InvitationEvent.withdraw)
        session.flush()
        outbox.cancel_for(session, now, invitation.id)
        if reached:
            _tell_released(session, now, sealer, invitation)
    audit.record(
        session,
        now,
        case=draw.evaluation_id,
        tag=Tag.draw_voided,
        actor="house",
        subject=f"draw:{draw.number}",
        data={"head": longer.head, "reason": reason},
    )
    bus.publish(session, f"evaluation:{draw.evaluation_id}", "draw")


def load(session: Session, draw_id: str) -> Draw:
    draw = session.get(Draw, draw_id)
    if draw is None:
        raise NotFound("draw", N_("没有这次抽取"), N_("从评标页面进入"))
    return draw


def read(session: Session, draw: Draw) -> DrawRecord:
    """The record as it stands, every draw in it run again and found true."""
    lines = session.exec(
        select(DrawEvent.line).where(DrawEvent.draw_id == draw.id).order_by(col(DrawEvent.n))
    ).all()
    return DrawRecord.load(lines)


def text(session: Session, draw: Draw) -> bytes:
    """The record exactly as stored, without looking at it: what a verifier gets."""
    lines = session.exec(
        select(DrawEvent.line).where(DrawEvent.draw_id == draw.id).order_by(col(DrawEvent.n))
    ).all()
    return "".join(f"{line}\n" for line in lines).encode()


def slots_vacated(session: Session, draw: Draw) -> bool:
    return any(slot.state == "vacated" for slot in slots_of(session, draw))


def filled(session: Session, draw: Draw) -> bool:
    """Whether everyone who holds a place has accepted it."""
    return all(slot.state == "filled" for slot in slots_of(session, draw))


def accepted(session: Session, draw: Draw) -> tuple[tuple[DrawSlot, Invitation], ...]:
    """The places with the invitation that filled each, by seat number."""
    rows = session.exec(
        select(DrawSlot, Invitation)
        .join(Invitation, col(Invitation.slot_id) == col(DrawSlot.id))
        .where(DrawSlot.draw_id == draw.id, Invitation.state == InvitationState.accepted)
        .order_by(col(DrawSlot.seat_no))
    ).all()
    return tuple((slot, invitation) for slot, invitation in rows)


def seats_in_use(session: Session, draw: Draw) -> frozenset[str]:
    """Seats of those who are invited or have accepted."""
    rows = session.exec(
        select(Invitation.seat_id).where(Invitation.draw_id == draw.id, col(Invitation.state).in_(ACTIVE))
    ).all()
    return frozenset(rows)


def number(session: Session, year: int) -> str:
    """The next number on paper; numbers of one year have no holes."""
    count = len(session.exec(select(Draw.id).where(col(Draw.number).startswith(f"CQ-{year:04d}-"))).all())
    return printed_number("CQ", year, count + 1)


def slots_of(session: Session, draw: Draw) -> tuple[DrawSlot, ...]:
    """The places of the draw by seat number."""
    return tuple(
        session.exec(
            select(DrawSlot).where(DrawSlot.draw_id == draw.id).order_by(col(DrawSlot.seat_no))
        ).all()
    )


def _tell_released(session: Session, now: datetime, sealer: Sealer, invitation: Invitation) -> None:
    expert = session.get_one(Expert, invitation.expert_id)
    words = notice(invitation)
    outbox.enqueue(
        session,
        now,
        sealer,
        subject=invitation.id,
        purpose=RELEASED,
        channel=outbox.SMS,
        to=sealer.unseal(expert.phone_sealed),
        template=TemplateId.released_sms,
        variables={"hotline": words["hotline"], "time": words["time"]},
        due_at=now,
    )


def _without_unable(
    session: Session, now: datetime, draw: Draw, question: PoolQuestion, record: DrawRecord, salt: bytes
) -> DrawRecord:
    """The record with those excluded who cannot take part any more; people already drawn answer for themselves."""
    request = record.history.pools[DrawKind.expert].request
    drawn = session.exec(select(Invitation.expert_id).where(Invitation.draw_id == draw.id)).all()
    out = request.removed() | {candidate_code(salt, expert_id) for expert_id in drawn}
    codes = {
        row.expert_id: row.code
        for row in session.exec(select(DrawCandidate).where(DrawCandidate.draw_id == draw.id)).all()
        if row.code not in out
    }
    unable = pooling.newly_excluded(session, question, set(codes))
    if not unable:
        return record
    return record.exclude(now, DrawKind.expert, [(codes[id_], ground) for id_, ground in unable])


def _coded(venues: DrawRequest, seats: DrawRequest, salt: bytes) -> tuple[tuple[Pool, Pool], dict[str, str]]:
    """The lists of venues and seats in codes, and what each code stands for."""
    coded_venues, venue_of = code_request(venues, salt)
    coded_seats, seat_of = code_request(seats, salt)
    pools = (
        Pool(coded_venues, follows=(DrawKind.expert, placing.NEAR)),
        Pool(coded_seats, follows=(DrawKind.venue, placing.CENTER)),
    )
    return pools, {**venue_of, **seat_of}


def _placed(
    session: Session, draw: Draw, fresh: set[tuple[str, str, str]], stands_for: Mapping[str, str]
) -> tuple[Placed, ...]:
    """What this round's codes stand for inside the house."""
    drawn = {(kind, slot): code for kind, slot, code in fresh}
    placed = []
    for slot in slots_of(session, draw):
        key = str(slot.seat_no)
        code = drawn.get((DrawKind.expert.value, key))
        if code is None:
            continue
        candidate = session.get_one(DrawCandidate, (draw.id, code))
        placed.append(
            Placed(
                slot=slot,
                expert_id=candidate.expert_id,
                code=code,
                center_id=placing.center_of(stands_for[drawn[DrawKind.venue.value, key]]),
                seat_id=stands_for[drawn[DrawKind.seat.value, key]],
            )
        )
    return tuple(placed)


def _remember_codes(session: Session, draw: Draw, people: dict[str, str]) -> None:
    rows = [{"draw_id": draw.id, "code": code, "expert_id": id_} for code, id_ in sorted(people.items())]
    for start in range(0, len(rows), _CODE_ROWS):
        session.execute(insert(DrawCandidate), rows[start : start + _CODE_ROWS])


def _append(session: Session, now: datetime, draw: Draw, record: DrawRecord, *, known: int) -> None:
    """Stores the lines after the first `known`; two writers of one record meet at its primary key."""
    for event in record.events[known:]:
        session.add(DrawEvent(draw_id=draw.id, n=event.n, line=event.line.decode(), at=now))
    session.add(draw)
    session.flush()
