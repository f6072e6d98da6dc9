"""The rounds of a draw: calls the parties, lets them reveal, draws what is vacant, and says who sits where."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlmodel import Session

from app.audit.tags import Tag
from app.core.errors import Conflict
from app.core.i18n import N_
from expert_draw import inviting, keeping, parties, placing, pooling, sealed
from expert_draw.engine.ballot import ballots
from expert_draw.engine.codes import candidate_code
from expert_draw.engine.feasibility import can_be_filled
from expert_draw.engine.pool import DrawKind, Law, Pool, first_standing
from expert_draw.engine.quota import obstacles
from expert_draw.engine.randomness import SHARE_BYTES
from expert_draw.engine.record import DrawRecord
from expert_draw.engine.wording import DrawInfeasible, RecordBroken
from expert_draw.ground import Ground, noted, salt_of, slots_of, suite_of
from expert_draw.invitation import VACATES
from expert_draw.inviting import Placed
from expert_draw.models import Draw
from expert_draw.outcomes import BUSY, LATE, told_in, waiting
from expert_draw.placing import VenueOffer
from expert_draw.pooling import PoolQuestion

VACANT = frozenset({"open", "vacated"})
LEAVES = frozenset(state.value for state in VACATES)
"""What has become of somebody who is not drawn again, whatever becomes of the place."""
_EVEN: Law = "uniform-labelled"
_NO_RESERVE = frozenset({"record.followed_vacant", "record.no_reserve"})
"""Why reserves cannot help: none is left that fits, or the center to which the place belongs must be drawn first."""


@dataclass(frozen=True, slots=True)
class Seating:
    """Where people can sit now: what centers offer, and the seats that are this evaluation's already."""

    offers: tuple[VenueOffer, ...]
    own_seats: tuple[str, ...] = ()


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
    for kind, pool in _lists_now(ground, draw, question, offers, record).items():
        if record.pool(kind) != pool:
            record = record.declare(ground.now, ground.house, pool, secrets.token_bytes(SHARE_BYTES))
    if unable := _unable(session, ground, draw, question, record):
        record = record.exclude(ground.now, ground.house, DrawKind.expert, unable)
    draw.reveal_until = ground.now + within
    record = record.call(ground.now, ground.house, draw.reveal_until)
    keeping.append(session, ground.now, draw, record, before)
    noted(session, ground, draw, Tag.draw_called, actor, {"head": record.head, "round": draw.rounds})


def short_of_room(
    session: Session, ground: Ground, draw: Draw, question: PoolQuestion, offers: Sequence[VenueOffer]
) -> bool:
    """Whether the vacant venues and seats cannot be filled from what is free now, whoever may be drawn to sit there.

    A place whose holder stands counts with the centers near them, or the seats of their center; any other with all of
    them. False also where this could not be decided in time.
    """
    record = keeping.read(session, draw)
    if not record.needed(DrawKind.venue) and not record.needed(DrawKind.seat):
        return False
    for kind, pool in _lists_now(ground, draw, question, offers, record).items():
        standing = record.standing(kind)
        if standing.needed and pool.follows is not None:
            everywhere = frozenset(
                value for one in pool.candidates for name, value in one.groups if name == pool.follows[1]
            )
            known = standing.at_place or {}
            near = {slot: known.get(slot) or everywhere for slot, _ in standing.needed}
            standing = replace(standing, at_place=near)
        if standing.needed and all(can_be_filled(one) is False for one in ballots(pool, standing, _EVEN)):
            return True
    return False


def reveal(session: Session, ground: Ground, draw: Draw, party: str, share: bytes, signature: str) -> None:
    """A party that keeps its own secret reveals its share of the open round."""
    before = keeping.read(session, draw)
    if not before.history.round_no:
        raise Conflict("no-call", N_("现在没有需要揭示的轮次"), N_("等待主场开始下一轮"))
    record = before.reveal(ground.now, ground.house, party, share, signature)
    keeping.append(session, ground.now, draw, record, before)
    noted(session, ground, draw, Tag.draw_revealed, f"party:{party}", {"party": party, "share": share.hex()})


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
        session, ground.sealer, draw, record, suite_of(draw)
    ).items():
        record = record.reveal(ground.now, ground.house, party, share, signature)
    record = record.draw(ground.now, ground.house)
    stands_for = _meanings(ground, draw, seating)
    record = _without_taken(ground, record, stands_for, seating)
    return _settled(session, ground, actor, draw, before, record, stands_for)


def draw_reserve(
    session: Session, ground: Ground, actor: str, draw: Draw, question: PoolQuestion, seating: Seating
) -> tuple[Placed, ...] | None:
    """Fills vacancies of experts from the reserves of the last round; None when there are none that fit, or no vacancy.

    A reserve that has become busy, gone on leave or been suspended meanwhile is taken out first.
    """
    before = keeping.read(session, draw)
    if not before.history.opening.reserve or not before.needed(DrawKind.expert):
        return None
    record = before
    if unable := _unable(session, ground, draw, question, record):
        record = record.exclude(ground.now, ground.house, DrawKind.expert, unable)
    try:
        record = record.draw_reserve(ground.now, ground.house)
    except RecordBroken as refusal:
        if refusal.code not in _NO_RESERVE:
            raise
        return None
    stands_for = _meanings(ground, draw, seating)
    record = _without_taken(ground, record, stands_for, seating)
    return _settled(session, ground, actor, draw, before, record, stands_for)


def redraw(session: Session, ground: Ground, draw: Draw) -> None:
    """Nobody fits beside those who accepted: everybody is let go, and all places are drawn anew in the same record.

    Who declined while the last shares were being revealed is taken out; what came too late is written down as such;
    other answers of that time have become moot.
    """
    before = keeping.read(session, draw)
    record = before.redraw(ground.now, ground.house, "nobody_fits")
    gone = []
    for told in waiting(session, draw):
        if told.outcome in LEAVES:
            gone.append((told.code, told.outcome))
        if told.outcome == LATE:
            record = told_in(session, ground.now, ground.house, record, told)
        session.delete(told)
    if gone:
        record = record.exclude(ground.now, ground.house, DrawKind.expert, gone)
    keeping.append(session, ground.now, draw, record, before)
    inviting.release_all(session, ground.now, ground.sealer, draw)
    for slot in slots_of(session, draw):
        slot.state = "vacated"
    session.flush()
    noted(session, ground, draw, Tag.draw_redrawn, "house", {"head": record.head})


def blocked(session: Session, draw: Draw) -> tuple[DrawInfeasible, ...]:
    """Why the pool cannot give a whole committee any more, not even if everyone who accepted were let go.

    () also where the list of experts follows venues that are drawn first: only the draw itself can tell.
    """
    if follows_venues(session, draw):
        return ()
    record = keeping.read(session, draw)
    pool = record.pool(DrawKind.expert)
    whole = replace(first_standing(pool), out=record.standing(DrawKind.expert).out)
    return obstacles(pool, record.history.opening.law, whole)


def follows_venues(session: Session, draw: Draw) -> bool:
    """Whether experts are drawn near the venues that have been drawn before them."""
    return keeping.read(session, draw).pool(DrawKind.expert).follows is not None


def seats_held(session: Session, ground: Ground, draw: Draw, seating: Seating) -> frozenset[str]:
    """Seats that are somebody's place in the record, or wait for their next expert."""
    return frozenset(seat_of_place(session, ground, draw, seating).values())


def seat_of_place(session: Session, ground: Ground, draw: Draw, seating: Seating) -> Mapping[int, str]:
    """Number of the place → the seat that the record holds for it, whether or not anybody is to sit there now."""
    stands_for = _meanings(ground, draw, seating)
    return {
        int(holder.slot): stands_for[holder.code]
        for holder in keeping.read(session, draw).holders
        if holder.kind is DrawKind.seat and holder.code in stands_for
    }


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
    if record.phase not in BUSY:
        for told in waiting(session, draw):
            record = told_in(session, ground.now, ground.house, record, told)
            session.delete(told)
    keeping.append(session, ground.now, draw, record, before)
    placed = _placed(session, ground, draw, record, stands_for)
    data: dict[str, str | int] = {"head": record.head, "places": len(placed), "round": draw.rounds}
    noted(session, ground, draw, Tag.draw_round, actor, data)
    return placed


def _lists_now(
    ground: Ground, draw: Draw, question: PoolQuestion, offers: Sequence[VenueOffer], record: DrawRecord
) -> Mapping[DrawKind, Pool]:
    """The lists of venues and of seats as they would be stated now, with the levels of those in the record."""
    return placing.pools(
        offers,
        question.places,
        salt=salt_of(ground, draw),
        suite=suite_of(draw),
        order=draw.order,
        rules=question.venue_rules,
        like={kind: record.pool(kind) for kind in DrawKind},
        held={holder.code for holder in record.holders},
    ).pools


def _meanings(ground: Ground, draw: Draw, seating: Seating) -> Mapping[str, str]:
    """What the codes of centers and of seats stand for: seats that are free, and those of this evaluation."""
    salt, suite = salt_of(ground, draw), suite_of(draw)
    own = {candidate_code(salt, seat_id, suite): seat_id for seat_id in seating.own_seats}
    return {**placing.meanings(seating.offers, salt=salt, suite=suite), **own}


def _without_taken(
    ground: Ground, record: DrawRecord, stands_for: Mapping[str, str], seating: Seating
) -> DrawRecord:
    """The record with every seat given back that was booked by somebody else since the lists were stated; where the
    center can take nobody more, be there free seats or not, the venue is given back, too."""
    if record.phase in BUSY:
        return record
    room = {offer.center_id: offer.most for offer in seating.offers}
    fresh = {code for _, code in record.last_drawn(DrawKind.seat)}
    venue_at = {one.slot: one for one in record.holders if one.kind is DrawKind.venue}
    for holder in record.holders:
        free = stands_for.get(holder.code)
        if holder.kind is not DrawKind.seat or holder.code not in fresh or free in seating.own_seats:
            continue
        venue = venue_at[holder.slot]
        center_id = placing.center_of(stands_for[venue.code])
        if free and room.get(center_id, 0):
            room[center_id] -= 1
            continue
        gone = holder if room.get(center_id, 0) else venue
        record = record.outcome(ground.now, ground.house, gone.kind, gone.slot, gone.code, "taken")
    return record


def _placed(
    session: Session, ground: Ground, draw: Draw, record: DrawRecord, stands_for: Mapping[str, str]
) -> tuple[Placed, ...]:
    """Places that are complete and not yet invited, and what their codes stand for inside the house.

    None while answers wait: who has declined still holds the place in the record then.
    """
    if record.phase in BUSY:
        return ()
    held = {(holder.kind, holder.slot): holder.code for holder in record.holders}
    placed = []
    for slot in slots_of(session, draw):
        key = str(slot.seat_no)
        codes = [held[kind, key] for kind in DrawKind if (kind, key) in held]
        if slot.state not in VACANT or len(codes) < len(DrawKind):
            continue
        code, venue, seat = codes
        placed.append(
            Placed(
                slot=slot,
                expert_id=sealed.expert_of(session, ground.sealer, draw, code),
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
    free -= inviting.standing_by(session, draw)
    people = sealed.people_of(session, ground.sealer, draw)
    known = {expert_id: code for code, expert_id in people.items() if code in free}
    view = ground.rosters.current(session)
    found = pooling.newly_excluded(session, ground.sealer, view, question, set(known))
    return tuple(sorted((known[expert_id], reason) for expert_id, reason in found))
