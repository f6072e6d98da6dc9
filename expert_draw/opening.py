"""Opens a draw: freezes the lists, publishes the commitment, lets the parties agree, states the chances."""

import secrets
from collections import Counter
from dataclasses import dataclass, replace

from sqlmodel import Session, col, select

from app.audit.tags import Tag
from app.core.errors import Conflict
from app.core.i18n import N_
from app.core.ids import new_id
from app.core.sealed_columns import DRAW_SALT
from expert_draw import keeping, listing, parties, placing, pooling, sealed
from expert_draw.engine.certificate import Certificate, Thresholds, certify
from expert_draw.engine.codes import group_code
from expert_draw.engine.pool import DrawKind, Law, Pool
from expert_draw.engine.quota import obstacles
from expert_draw.engine.randomness import SHARE_BYTES, Suite
from expert_draw.engine.record import DrawRecord, RosterRoot, approve_signature
from expert_draw.engine.record import RulePack as RecordedRules
from expert_draw.engine.weights import equalised
from expert_draw.engine.wording import DrawInfeasible
from expert_draw.ground import Ground, noted
from expert_draw.models import Draw, DrawSlot
from expert_draw.placing import VenueOffer
from expert_draw.pooling import FrozenPool, PoolQuestion
from expert_draw.roster_view import RosterView


@dataclass(frozen=True, slots=True)
class DrawOrder:
    """What is to be drawn, for which lot of which center, by which law. `order`: expert_first or venue_first.

    lot_ids: every entry of the same lot, this one and earlier ones.
    """

    number: str
    evaluation_id: str
    center_id: str
    lot_id: str
    lot_ids: tuple[str, ...]
    question: PoolQuestion
    offers: tuple[VenueOffer, ...]
    suite: Suite
    law: Law
    order: str
    reserve: int
    thresholds: Thresholds


@dataclass(frozen=True, slots=True)
class Foresight:
    """How a draw would stand if it opened now. excluded: (ground, how many)."""

    obstacles: tuple[DrawInfeasible, ...]
    excluded: tuple[tuple[str, int], ...]
    certificate: Certificate


def commit(session: Session, ground: Ground, actor: str, order: DrawOrder) -> Draw:
    """Freezes the lists and publishes the commitment; from here on no one can choose the outcome.

    Parties whose key lies with the service agree at once; when all have, the chances are locked. Raises DrawInfeasible
    with what would have to give when the pool cannot fill the places.
    """
    salt = secrets.token_bytes(SHARE_BYTES)
    keeping.hold_people(session)
    view = ground.rosters.settle(session, ground.now)
    frozen = _frozen(session, ground, view, order, salt)
    if blocked := _in_words(obstacles(frozen.pool, order.law), order, salt):
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
    draw_id = new_id(ground.now)
    draw = Draw(
        id=draw_id,
        number=order.number,
        evaluation_id=order.evaluation_id,
        center_id=order.center_id,
        lot_id=order.lot_id,
        before=record.history.opening.before,
        suite=order.suite,
        law=order.law,
        order=order.order,
        state=record.phase,
        salt_sealed=ground.sealer.seal(salt.hex(), DRAW_SALT.at(draw_id)),
        key_sealed=sealed.new_key(ground.sealer, draw_id),
        committed_at=ground.now,
    )
    session.add(draw)
    session.flush()
    sealed.remember(session, ground.sealer, draw, frozen.people)
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
    noted(session, ground, draw, Tag.draw_committed, actor, {"head": record.events[0].hash})
    return draw


def foresee(session: Session, ground: Ground, order: DrawOrder) -> Foresight:
    """What the lists would be and what follows from them, without promising or writing anything."""
    salt = secrets.token_bytes(SHARE_BYTES)
    pool = _frozen(session, ground, ground.rosters.current(session), order, salt).pool
    grounds = Counter(reason for one in pool.candidates for reason in one.grounds)
    return Foresight(
        _in_words(obstacles(pool, order.law), order, salt),
        tuple(sorted(grounds.items())),
        certify(pool, order.law, order.thresholds),
    )


def agree(
    session: Session, ground: Ground, draw: Draw, party: str, signature: str, thresholds: Thresholds
) -> None:
    """A party that keeps its own secret agrees to line 1; with the last of them the chances are locked."""
    before = keeping.read(session, draw)
    record = before.agree(ground.now, ground.house, party, signature)
    keeping.append(session, ground.now, draw, _locked(ground, record, thresholds), before)
    noted(session, ground, draw, Tag.draw_agreed, f"party:{party}", {"party": party})


def approve(session: Session, ground: Ground, actor: str, draw: Draw, signature: str | None = None) -> None:
    """The supervisor accepts that thresholds are not met. signature: where the supervisor's key lies outside."""
    before = keeping.read(session, draw)
    if signature is None:
        signer = parties.kept_signer(session, ground.sealer, draw, parties.SUPERVISOR)
        signature = approve_signature(signer, before.events[-1].hash)
    keeping.append(session, ground.now, draw, before.approve(ground.now, ground.house, signature), before)
    noted(session, ground, draw, Tag.draw_approved, actor, {})


def _in_words(found: tuple[DrawInfeasible, ...], order: DrawOrder, salt: bytes) -> tuple[DrawInfeasible, ...]:
    """Refusals with the region or city they speak of in place of its code: who booked has to know what to mend."""
    regions = [(pooling.REGION, asked.region) for asked in order.question.bounds]
    cities = [(placing.NEAR, offer.city) for offer in order.offers]
    names = {group_code(salt, group, value, order.suite): value for group, value in (*regions, *cities)}
    return tuple(
        DrawInfeasible(one.code, **{name: names.get(str(value), value) for name, value in one.params.items()})
        for one in found
    )


def _frozen(session: Session, ground: Ground, view: RosterView, order: DrawOrder, salt: bytes) -> FrozenPool:
    """The list of experts for this order; under the law `weighted` with weights that even out their chances."""
    frozen = pooling.freeze(
        session,
        ground.sealer,
        view,
        order.question,
        order.offers,
        salt=salt,
        suite=order.suite,
        order=order.order,
    )
    if order.law != "weighted":
        return frozen
    weights = equalised(frozen.pool)
    weighed = (replace(one, weight=weights.get(one.id, 1)) for one in frozen.pool.candidates)
    return replace(frozen, pool=replace(frozen.pool, candidates=tuple(weighed)))


def _before(session: Session, order: DrawOrder) -> str | None:
    """The last draw for the same lot; Conflict while one still goes on."""
    earlier = session.exec(
        select(Draw).where(col(Draw.lot_id).in_(order.lot_ids)).order_by(col(Draw.number).desc())
    ).all()
    if going_on := [draw.number for draw in earlier if draw.closed_at is None]:
        raise Conflict(
            "lot-drawn",
            N_("这个标段的抽取 {number} 还在进行，不能另抽一次"),
            N_("在原抽取中补抽；确需重来时先终止原评标，终止会永久留在记录中"),
            number=going_on[0],
        )
    return earlier[0].number if earlier else None


def _locked(ground: Ground, record: DrawRecord, thresholds: Thresholds) -> DrawRecord:
    """The record with the chances locked, once all parties have agreed."""
    if record.phase != "locking":
        return record
    certificate = certify(record.pool(DrawKind.expert), record.history.opening.law, thresholds)
    return record.lock(ground.now, ground.house, certificate)
