"""Runs a draw for an evaluation: freezes the lists, lets the parties agree and reveal, draws each round, writes the record."""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import insert
from sqlmodel import Session, col, select

from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.core.errors import Conflict
from app.core.i18n import N_
from app.core.ids import new_id
from app.core.sealing import Sealer
from expert_draw import inviting, keeping, listing, parties, placing, pooling
from expert_draw.engine.certificate import Certificate, Thresholds, certify
from expert_draw.engine.codes import candidate_code
from expert_draw.engine.pool import DrawKind, Law, Pool, first_standing
from expert_draw.engine.quota import obstacles
from expert_draw.engine.randomness import SHARE_BYTES, Suite
from expert_draw.engine.record import DrawRecord, RosterRoot, approve_signature
from expert_draw.engine.record import RulePack as RecordedRules
from expert_draw.engine.signing import Signer
from expert_draw.engine.weights import equalised
from expert_draw.engine.wording import DrawInfeasible, RecordBroken
from expert_draw.inviting import Placed
from expert_draw.models import Draw, DrawCandidate, DrawDeferred, DrawSlot
from expert_draw.placing import VenueOffer
from expert_draw.pooling import FrozenPool, PoolQuestion
from expert_draw.roster_view import RosterView
from expert_draw.snapshot import Rosters

_BUSY = frozenset({"revealing", "drawing", "stuck"})
"""While a round is open nothing else may be written."""

_LEAVES = frozenset({"declined", "expired", "unreachable"})
"""Answers after which somebody is not drawn again, whatever becomes of the place."""

_VACANT = frozenset({"open", "vacated"})

WITHHELD = "share_withheld"
EXHAUSTED = "pool_exhausted"
_CODE_ROWS = 5000


@dataclass(frozen=True, slots=True)
class Ground:
    """What every step of a draw stands on: the time, the sealer, the roster in memory."""

    now: datetime
    sealer: Sealer
    rosters: Rosters

    @property
    def house(self) -> Signer:
        return keeping.house_signer(self.sealer)


@dataclass(frozen=True, slots=True)
class Seating:
    """Where people can sit now: what centers offer, and the seats that are this evaluation's already."""

    offers: tuple[VenueOffer, ...]
    own_seats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DrawOrder:
    """What is to be drawn, for which lot of which center, by which law. `order`: expert_first or venue_first."""

    number: str
    evaluation_id: str
    center_id: str
    lot_id: str
    question: PoolQuestion
    offers: tuple[VenueOffer, ...]
    suite: Suite
    law: Law
    order: str
    reserve: int
    thresholds: Thresholds


def commit(session: Session, ground: Ground, actor: str, order: DrawOrder) -> Draw:
    """Freezes the lists and publishes the commitment; from here on no one can choose the outcome.

    Parties whose key lies with the service agree at once; when all have, the chances are locked. Raises DrawInfeasible
    with what would have to give when the pool cannot fill the places.
    """
    salt = secrets.token_bytes(SHARE_BYTES)
    view = ground.rosters.settle(session, ground.now)
    frozen = _frozen(session, view, order, salt)
    if blocked := obstacles(frozen.pool, order.law):
        raise blocked[0]
    placed = placing.pools(
        order.offers,
        order.question.places,
        salt=salt,
        suite=order.suite,
        order=order.order,
        rules=order.question.venue_rules,
        experts=frozen.pool,
    )
    pools: dict[DrawKind, Pool] = {DrawKind.expert: frozen.pool, **placed.pools}
    rules = order.question.rules
    record = DrawRecord.open(
        ground.now,
        ground.house,
        number=order.number,
        suite=order.suite,
        law=order.law,
        rules=RecordedRules(rules.id, rules.version, rules.sha256),
        parties=parties.committed(session, ground.now, ground.sealer, order.evaluation_id, order.suite),
        pools=tuple((pools[kind], secrets.token_bytes(SHARE_BYTES)) for kind in placing.ORDERS[order.order]),
        roster=RosterRoot(view.root, view.size),
        reserve=order.reserve,
        before=_before(session, order),
    )
    draw = Draw(
        id=new_id(ground.now),
        number=order.number,
        evaluation_id=order.evaluation_id,
        center_id=order.center_id,
        lot_id=order.lot_id,
        before=record.history.opening.before,
        suite=order.suite,
        law=order.law,
        order=order.order,
        state=record.phase,
        salt_sealed=ground.sealer.seal(salt.hex()),
        committed_at=ground.now,
    )
    session.add(draw)
    session.flush()
    _remember_codes(session, draw, frozen.people)
    specialties = [slot.specialty for slot in order.question.slots for _ in range(slot.count)]
    session.add_all(
        DrawSlot(id=new_id(ground.now), draw_id=draw.id, seat_no=seat_no, specialty=specialty, state="open")
        for seat_no, specialty in enumerate(specialties, 1)
    )
    for party, signature in parties.kept_agreements(session, ground.sealer, draw, record).items():
        record = record.agree(ground.now, ground.house, party, signature)
    record = _locked(ground, record, order.thresholds)
    keeping.append(session, ground.now, draw, record)
    listing.enter(session, ground.now, ground.sealer, draw, record, "opened")
    _noted(session, ground, draw, Tag.draw_committed, actor, {"head": record.events[0].hash})
    return draw


@dataclass(frozen=True, slots=True)
class Foresight:
    """How a draw would stand if it opened now. excluded: (ground, how many)."""

    obstacles: tuple[DrawInfeasible, ...]
    excluded: tuple[tuple[str, int], ...]
    certificate: Certificate


def foresee(session: Session, ground: Ground, order: DrawOrder) -> Foresight:
    """What the lists would be and what follows from them, without promising or writing anything."""
    salt = secrets.token_bytes(SHARE_BYTES)
    pool = _frozen(session, ground.rosters.current(session), order, salt).pool
    grounds = Counter(reason for one in pool.candidates for reason in one.grounds)
    return Foresight(
        obstacles(pool, order.law), tuple(sorted(grounds.items())), certify(pool, order.law, order.thresholds)
    )


def agree(
    session: Session, ground: Ground, draw: Draw, party: str, signature: str, thresholds: Thresholds
) -> None:
    """A party that keeps its own secret agrees to line 1; with the last of them the chances are locked."""
    before = keeping.read(session, draw)
    record = before.agree(ground.now, ground.house, party, signature)
    keeping.append(session, ground.now, draw, _locked(ground, record, thresholds), before)
    _noted(session, ground, draw, Tag.draw_agreed, f"party:{party}", {"party": party})


def approve(session: Session, ground: Ground, actor: str, draw: Draw, signature: str | None = None) -> None:
    """The supervisor accepts that thresholds are not met. signature: where the supervisor's key lies outside."""
    before = keeping.read(session, draw)
    if signature is None:
        signer = parties.kept_signer(session, ground.sealer, draw, parties.SUPERVISOR)
        signature = approve_signature(signer, before.events[-1].hash)
    keeping.append(session, ground.now, draw, before.approve(ground.now, ground.house, signature), before)
    _noted(session, ground, draw, Tag.draw_approved, actor, {})


def call(
    session: Session,
    ground: Ground,
    actor: str,
    draw: Draw,
    question: PoolQuestion,
    offers: Sequence[VenueOffer],
    within: timedelta,
) -> None:
    """Calls the parties to reveal for the next round. Lists of venues and seats are stated as they are now, and whoever
    has become busy, gone on leave or been suspended since the pool was frozen is taken out first.

    within: how long parties that keep their own secret have.
    """
    before = keeping.read(session, draw)
    record = before
    lists = {kind: record.pool(kind) for kind in DrawKind}
    placed = placing.pools(
        offers,
        question.places,
        salt=_salt(ground, draw),
        suite=_suite(draw),
        order=draw.order,
        rules=question.venue_rules,
        like=lists,
        held={holder.code for holder in record.holders},
    )
    for kind, pool in placed.pools.items():
        if lists[kind] != pool:
            record = record.declare(ground.now, ground.house, pool, secrets.token_bytes(SHARE_BYTES))
    if unable := _unable(session, ground, draw, question, record):
        record = record.exclude(ground.now, ground.house, DrawKind.expert, unable)
    draw.reveal_until = ground.now + within
    record = record.call(ground.now, ground.house, draw.reveal_until)
    keeping.append(session, ground.now, draw, record, before)
    _noted(session, ground, draw, Tag.draw_called, actor, {"head": record.head, "round": draw.rounds})


def reveal(session: Session, ground: Ground, draw: Draw, party: str, share: bytes, signature: str) -> None:
    """A party that keeps its own secret reveals its share of the open round."""
    before = keeping.read(session, draw)
    record = before.reveal(ground.now, ground.house, party, share, signature)
    keeping.append(session, ground.now, draw, record, before)
    _noted(session, ground, draw, Tag.draw_revealed, f"party:{party}", {"party": party, "share": share.hex()})


def waits_for(session: Session, draw: Draw) -> tuple[str, ...]:
    """Parties that keep their own secret and have yet to agree or to reveal."""
    own = {stand.name for stand in parties.stands(session, draw.evaluation_id) if stand.held == "own"}
    return tuple(party for party in keeping.read(session, draw).missing if party in own)


def draw_round(
    session: Session, ground: Ground, actor: str, draw: Draw, seating: Seating
) -> tuple[Placed, ...]:
    """Reveals the kept shares, now that all others are out, and draws: experts, venues, seats, in the order committed to.

    Returns the places that are complete and await their invitation. A seat that somebody else took since the lists were
    stated is written down as taken; its place stays open for a further round.
    """
    before = keeping.read(session, draw)
    record = before
    for party, (share, signature) in parties.kept_reveals(
        session, ground.sealer, draw, record, _suite(draw)
    ).items():
        record = record.reveal(ground.now, ground.house, party, share, signature)
    record = record.draw(ground.now, ground.house)
    stands_for = _meanings(ground, draw, seating)
    record = _without_taken(ground, record, stands_for, seating)
    return _settled(session, ground, actor, draw, before, record, stands_for)


def draw_reserve(
    session: Session, ground: Ground, actor: str, draw: Draw, seating: Seating
) -> tuple[Placed, ...] | None:
    """Fills vacancies from the reserves of the last round, if there are any that fit; None when there are not."""
    before = keeping.read(session, draw)
    if not before.history.opening.reserve:
        return None
    try:
        record = before.draw_reserve(ground.now, ground.house)
    except RecordBroken as refusal:
        if refusal.code != "record.no_reserve":
            raise
        return None
    stands_for = _meanings(ground, draw, seating)
    record = _without_taken(ground, record, stands_for, seating)
    return _settled(session, ground, actor, draw, before, record, stands_for)


def redraw(session: Session, ground: Ground, draw: Draw) -> None:
    """Nobody fits beside those who accepted: everybody is let go, and all places are drawn anew in the same record.

    Who declined while the last shares were being revealed is taken out; other answers of that time have become moot.
    """
    before = keeping.read(session, draw)
    record = before.redraw(ground.now, ground.house, "nobody_fits")
    gone = []
    for told in _deferred(session, draw):
        if told.outcome in _LEAVES:
            gone.append((told.code, told.outcome))
        session.delete(told)
    if gone:
        record = record.exclude(ground.now, ground.house, DrawKind.expert, gone)
    keeping.append(session, ground.now, draw, record, before)
    inviting.release_all(session, ground.now, ground.sealer, draw)
    for slot in slots_of(session, draw):
        slot.state = "vacated"
    session.flush()
    _noted(session, ground, draw, Tag.draw_redrawn, "house", {"head": record.head})


def record_outcome(
    session: Session,
    now: datetime,
    sealer: Sealer,
    draw: Draw,
    slot_id: str,
    code: str,
    outcome: str,
    evidence: str,
) -> None:
    """Writes what became of an invitation into the record, while the record is open.

    While shares are being revealed no line may come between: the outcome then waits in a row until the round is drawn.
    """
    if draw.closed_at is not None:
        return
    told = DrawDeferred(
        draw_id=draw.id,
        n=_next_deferred(session, draw),
        slot_id=slot_id,
        code=code,
        outcome=outcome,
        evidence=evidence,
    )
    before = keeping.read(session, draw)
    if before.phase in _BUSY:
        session.add(told)
        session.flush()
        return
    house = keeping.house_signer(sealer)
    keeping.append(session, now, draw, _told(session, now, house, before, told), before)


def close(session: Session, now: datetime, sealer: Sealer, draw: Draw) -> None:
    """Ends the record: every place is filled and everyone has accepted."""
    before = keeping.read(session, draw)
    record = before.close(now, keeping.house_signer(sealer))
    _ended(session, now, sealer, draw, before, record, Tag.draw_closed, {"rounds": draw.rounds})


def give_up(
    session: Session, now: datetime, sealer: Sealer, draw: Draw, reason: str, party: str | None = None
) -> None:
    """Ends the draw without a committee, for ever visibly, and tells everyone who was asked that they need not come.

    reason: a code in small letters, such as `pool_exhausted`. party: who withheld its share, if that is the reason.
    """
    if draw.closed_at is not None:
        return
    before = keeping.read(session, draw)
    record = before.void(now, keeping.house_signer(sealer), reason, party)
    data = {"reason": reason, "party": party or ""}
    _ended(session, now, sealer, draw, before, record, Tag.draw_voided, data)
    inviting.release_all(session, now, sealer, draw)
    bus.publish(session, f"evaluation:{draw.evaluation_id}", "draw")


def blocked(session: Session, draw: Draw) -> tuple[DrawInfeasible, ...]:
    """Why the pool cannot give a whole committee any more, not even if everyone who accepted were let go.

    () also where the list of experts follows venues that are drawn first: only the draw itself can tell.
    """
    record = keeping.read(session, draw)
    pool = record.pool(DrawKind.expert)
    if pool.follows is not None:
        return ()
    whole = replace(first_standing(pool), out=record.standing(DrawKind.expert).out)
    return obstacles(pool, record.history.opening.law, whole)


def seats_held(session: Session, ground: Ground, draw: Draw, seating: Seating) -> frozenset[str]:
    """Seats that are somebody's place in the record, or wait for their next expert."""
    stands_for = _meanings(ground, draw, seating)
    holders = keeping.read(session, draw).holders
    return frozenset(
        stands_for[holder.code]
        for holder in holders
        if holder.kind is DrawKind.seat and holder.code in stands_for
    )


def slots_vacated(session: Session, draw: Draw) -> bool:
    return any(slot.state in _VACANT for slot in slots_of(session, draw))


def filled(session: Session, draw: Draw) -> bool:
    """Whether everyone who holds a place has accepted it."""
    return all(slot.state == "filled" for slot in slots_of(session, draw))


def slots_of(session: Session, draw: Draw) -> tuple[DrawSlot, ...]:
    """The places of the draw by seat number."""
    return tuple(
        session.exec(
            select(DrawSlot).where(DrawSlot.draw_id == draw.id).order_by(col(DrawSlot.seat_no))
        ).all()
    )


def _frozen(session: Session, view: RosterView, order: DrawOrder, salt: bytes) -> FrozenPool:
    """The list of experts for this order; under the law `weighted` with weights that even out their chances."""
    frozen = pooling.freeze(
        session, view, order.question, order.offers, salt=salt, suite=order.suite, order=order.order
    )
    if order.law != "weighted":
        return frozen
    weights = equalised(frozen.pool)
    weighed = (replace(one, weight=weights.get(one.id, 1)) for one in frozen.pool.candidates)
    return replace(frozen, pool=replace(frozen.pool, candidates=tuple(weighed)))


def _before(session: Session, order: DrawOrder) -> str | None:
    """The draw for the same lot that was given up before this one; Conflict while one still stands."""
    earlier = session.exec(
        select(Draw).where(Draw.lot_id == order.lot_id).order_by(col(Draw.number).desc())
    ).all()
    if any(draw.state != "void" for draw in earlier):
        raise Conflict(
            "lot-drawn",
            N_("这个标段已有抽取 {number}，不能再抽一次"),
            N_("在原抽取中补抽；确需重来时先终止原评标，终止会留在记录中"),
            number=next(draw.number for draw in earlier if draw.state != "void"),
        )
    return earlier[0].number if earlier else None


def _locked(ground: Ground, record: DrawRecord, thresholds: Thresholds) -> DrawRecord:
    """The record with the chances locked, once all parties have agreed."""
    if record.phase != "locking":
        return record
    certificate = certify(record.pool(DrawKind.expert), record.history.opening.law, thresholds)
    return record.lock(ground.now, ground.house, certificate)


def _settled(
    session: Session,
    ground: Ground,
    actor: str,
    draw: Draw,
    before: DrawRecord,
    record: DrawRecord,
    stands_for: Mapping[str, str],
) -> tuple[Placed, ...]:
    """Stores what a round has brought, with the answers that had to wait for it; returns the places to be invited."""
    draw.reveal_until = None
    if record.phase not in _BUSY:
        for told in _deferred(session, draw):
            record = _told(session, ground.now, ground.house, record, told)
            session.delete(told)
    keeping.append(session, ground.now, draw, record, before)
    placed = _placed(session, draw, record, stands_for)
    data: dict[str, str | int] = {"head": record.head, "places": len(placed), "round": draw.rounds}
    _noted(session, ground, draw, Tag.draw_round, actor, data)
    return placed


def _told(
    session: Session, now: datetime, house: Signer, record: DrawRecord, told: DrawDeferred
) -> DrawRecord:
    slot = str(session.get_one(DrawSlot, told.slot_id).seat_no)
    return record.outcome(now, house, DrawKind.expert, slot, told.code, told.outcome, told.evidence)


def _deferred(session: Session, draw: Draw) -> Sequence[DrawDeferred]:
    """Answers that wait for the round to be drawn, as they came."""
    return session.exec(
        select(DrawDeferred).where(DrawDeferred.draw_id == draw.id).order_by(col(DrawDeferred.n))
    ).all()


def _next_deferred(session: Session, draw: Draw) -> int:
    return len(_deferred(session, draw)) + 1


def _meanings(ground: Ground, draw: Draw, seating: Seating) -> Mapping[str, str]:
    """What the codes of centers and of seats stand for: seats that are free, and those of this evaluation."""
    salt, suite = _salt(ground, draw), _suite(draw)
    own = {candidate_code(salt, seat_id, suite): seat_id for seat_id in seating.own_seats}
    return {**placing.meanings(seating.offers, salt=salt, suite=suite), **own}


def _without_taken(
    ground: Ground, record: DrawRecord, stands_for: Mapping[str, str], seating: Seating
) -> DrawRecord:
    """The record with every seat given back that was booked by somebody else since the lists were stated; where the
    center has none left, the venue is given back, too."""
    if record.phase in _BUSY:
        return record
    with_seats = {offer.center_id for offer in seating.offers if offer.seats}
    fresh = {code for _, code in record.last_drawn(DrawKind.seat)}
    venue_at = {one.slot: one for one in record.holders if one.kind is DrawKind.venue}
    for holder in record.holders:
        if holder.kind is not DrawKind.seat or holder.code not in fresh or holder.code in stands_for:
            continue
        venue = venue_at[holder.slot]
        gone = holder if placing.center_of(stands_for[venue.code]) in with_seats else venue
        record = record.outcome(ground.now, ground.house, gone.kind, gone.slot, gone.code, "taken")
    return record


def _placed(
    session: Session, draw: Draw, record: DrawRecord, stands_for: Mapping[str, str]
) -> tuple[Placed, ...]:
    """Places that are complete and not yet invited, and what their codes stand for inside the house."""
    held = {(holder.kind, holder.slot): holder.code for holder in record.holders}
    placed = []
    for slot in slots_of(session, draw):
        key = str(slot.seat_no)
        codes = [held[kind, key] for kind in DrawKind if (kind, key) in held]
        if slot.state not in _VACANT or len(codes) < len(DrawKind):
            continue
        code, venue, seat = codes
        candidate = session.get_one(DrawCandidate, (draw.id, code))
        placed.append(
            Placed(
                slot=slot,
                expert_id=candidate.expert_id,
                code=code,
                center_id=placing.center_of(stands_for[venue]),
                seat_id=stands_for[seat],
            )
        )
    return tuple(placed)


def _unable(
    session: Session, ground: Ground, draw: Draw, question: PoolQuestion, record: DrawRecord
) -> tuple[tuple[str, str], ...]:
    """(code, ground) of those on the list who cannot take part any more; people already drawn answer for themselves."""
    out = record.standing(DrawKind.expert).out | {holder.code for holder in record.holders}
    free = {one.id for one in record.pool(DrawKind.expert).candidates if not one.grounds} - out
    rows = session.exec(
        select(DrawCandidate.code, DrawCandidate.expert_id).where(DrawCandidate.draw_id == draw.id)
    ).all()
    known = {expert_id: code for code, expert_id in rows if code in free}
    view = ground.rosters.current(session)
    found = pooling.newly_excluded(session, view, question, set(known))
    return tuple(sorted((known[expert_id], reason) for expert_id, reason in found))


def _ended(
    session: Session,
    now: datetime,
    sealer: Sealer,
    draw: Draw,
    before: DrawRecord,
    record: DrawRecord,
    tag: Tag,
    data: Mapping[str, str | int],
) -> None:
    keeping.append(session, now, draw, record, before)
    draw.closed_at, draw.reveal_until = now, None
    session.flush()
    listing.enter(session, now, sealer, draw, record, "closed" if tag is Tag.draw_closed else "void")
    audit.record(
        session,
        now,
        case=draw.evaluation_id,
        tag=tag,
        actor="house",
        subject=f"draw:{draw.number}",
        data={"head": record.head, **data},
    )


def _noted(
    session: Session, ground: Ground, draw: Draw, tag: Tag, actor: str, data: Mapping[str, str | int]
) -> None:
    """Into the trail, and open pages hear of it."""
    audit.record(
        session,
        ground.now,
        case=draw.evaluation_id,
        tag=tag,
        actor=actor,
        subject=f"draw:{draw.number}",
        data=dict(data),
    )
    bus.publish(session, f"evaluation:{draw.evaluation_id}", "draw")


def _salt(ground: Ground, draw: Draw) -> bytes:
    return bytes.fromhex(ground.sealer.unseal(draw.salt_sealed))


def _suite(draw: Draw) -> Suite:
    return "sm3" if draw.suite == "sm3" else "sha256"


def _remember_codes(session: Session, draw: Draw, people: Mapping[str, str]) -> None:
    rows = [{"draw_id": draw.id, "code": code, "expert_id": id_} for code, id_ in sorted(people.items())]
    for start in range(0, len(rows), _CODE_ROWS):
        session.execute(insert(DrawCandidate), rows[start : start + _CODE_ROWS])
