"""Reads from the rows what the draw page shows: codes, never a name."""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction

from sqlmodel import Session

from app.evaluation import booking, cases, committee, grounds, reasons, views
from app.evaluation.cases import House
from app.evaluation.disclosing import Sight
from app.evaluation.disclosure import Field
from app.evaluation.lifecycle import EvaluationState
from app.evaluation.shown import (
    Chance,
    DrawnKind,
    DrawnPlace,
    DrawView,
    Forecast,
    GivenUp,
    LockView,
    PartyView,
    Reason,
    RoundView,
    SlotView,
)
from expert_draw import keeping, opening, parties, pooling, specialties
from expert_draw.engine.entries import read_entry
from expert_draw.engine.fixed_entries import Agree, Approve, Lock
from expert_draw.engine.pool import DrawKind
from expert_draw.engine.record import DrawRecord
from expert_draw.engine.round_entries import Call, Reveal, Round, Void
from expert_draw.ground import slots_of

_WAITS = (EvaluationState.inviting, EvaluationState.replacing)


def draw_page(session: Session, house: House, seen: Sight, evaluation_id: str) -> DrawView:
    """The draw by codes: who takes part, what was promised, what was left out on which ground, what came out.

    seen: what the reader may see; where that is the whole statistics of the pool, also how many each ground leaves out that
    concerns single people.
    """
    evaluation = cases.load(session, evaluation_id)
    card = views.card(session, evaluation, seen)
    asked = booking.slots(evaluation)
    stands = parties.stands(session, evaluation.id)
    if evaluation.draw_id is None:
        view = house.rosters.current(session)
        return DrawView(
            card=card,
            parties=tuple(PartyView(one.name, one.held, one.key, one.anchor) for one in stands),
            slots=tuple(
                SlotView(
                    slot.specialty,
                    specialties.specialty_name(slot.specialty),
                    slot.count,
                    pooling.depth(view, slot.specialty),
                )
                for slot in asked
            ),
            acts=views.acts_of(evaluation),
        )
    draw = keeping.load(session, evaluation.draw_id)
    record = keeping.read(session, draw)
    pool = record.pool(DrawKind.expert)
    free = Counter(slot for one in pool.candidates if not one.grounds for slot in one.slots)
    first_places = _first_places([slot.count for slot in asked])
    specialty_at = {str(slot.seat_no): slot.specialty for slot in slots_of(session, draw)}
    acts = views.acts_of(evaluation)
    return DrawView(
        card=card,
        parties=_parties(record),
        slots=tuple(
            SlotView(slot.specialty, specialties.specialty_name(slot.specialty), slot.count, free[str(place)])
            for slot, place in zip(asked, first_places, strict=True)
        ),
        acts=tuple(act for act in acts if act != "run" or draw.state == "between"),
        number=draw.number,
        state=draw.state,
        law=draw.law,
        suite=draw.suite,
        order=draw.order,
        before=draw.before,
        first=record.events[0].hash,
        head=record.head,
        lines=len(record.events),
        pool_size=len(pool.candidates),
        excluded=grounds.counted(
            Counter(ground for one in pool.candidates for ground in one.grounds),
            supervises=seen.shows(Field.pool_statistics),
        ),
        lock=_lock(record),
        calls=sum(event.type == "call" for event in record.events),
        until=draw.reveal_until,
        agree_by=committee.agree_by(evaluation, draw) if draw.state == "agreeing" else None,
        waits=reasons.kept(evaluation) if evaluation.state in _WAITS else None,
        rounds=_rounds(record, specialty_at),
        given_up=_given_up(record),
        published_at=draw.published_at,
    )


def forecast(
    session: Session,
    now: datetime,
    house: House,
    seen: Sight,
    evaluation_id: str,
) -> Forecast:
    """How the draw stands before anything is promised: how many committees, how easily foreseen, what would have to give.

    seen: as for `draw_page`.
    """
    evaluation = cases.load(session, evaluation_id)
    found = opening.foresee(
        session,
        committee.ground(now, house),
        committee.order(session, now, house, evaluation, number=""),
    )
    certificate = found.certificate
    supervises = seen.shows(Field.pool_statistics)
    return Forecast(
        card=views.card(session, evaluation, seen),
        obstacles=tuple(
            Reason(one.message, _told(one.params, booking.slots(evaluation), supervises=supervises))
            for one in found.obstacles
        ),
        excluded=grounds.counted(dict(found.excluded), supervises=supervises),
        lists=_lists(certificate.lists, booking.slots(evaluation)),
        feasible=certificate.feasible,
        greatest=_chance(certificate.greatest),
        least=_chance(certificate.least),
        ten=_chance(certificate.ten),
        places=sum(slot.count for slot in booking.slots(evaluation)),
        warnings=certificate.warnings,
    )


def short_code(code: str) -> str:
    """A record code as people compare it by eye: the first eight digits in two groups."""
    return f"{code[:4]}-{code[4:8]}".upper()


def _first_places(counts: list[int]) -> list[int]:
    """The number of the first place of each slot that was asked for."""
    return [1 + sum(counts[:index]) for index in range(len(counts))]


def _parties(record: DrawRecord) -> tuple[PartyView, ...]:
    """Each party with whether it has agreed, and its share of the last round it has revealed."""
    agreed, shares, open_round = set(), {}, None
    for event in record.events:
        match read_entry(event.type, event.body):
            case Agree(party=party):
                agreed.add(party)
            case Call(round_no=number):
                open_round = number
            case Reveal(party=party, share=share, round_no=number):
                shares[party] = (number, share)
            case _:
                pass
    return tuple(
        PartyView(
            name=one.name,
            held=one.held,
            key=one.key,
            anchor=one.anchor,
            agreed=one.name in agreed,
            revealed=one.name in shares and shares[one.name][0] == open_round,
            share=shares[one.name][1] if one.name in shares else None,
            round=shares[one.name][0] if one.name in shares else None,
        )
        for one in record.history.opening.parties
    )


def _lock(record: DrawRecord) -> LockView | None:
    found, approved = None, False
    for event in record.events:
        match read_entry(event.type, event.body):
            case Lock() as lock:
                found = lock
            case Approve():
                approved = True
            case _:
                pass
    if found is None:
        return None
    return LockView(
        feasible=int(found.feasible) if found.feasible else None,
        greatest=_written_chance(found.greatest),
        least=_written_chance(found.least),
        ten=_written_chance(found.ten),
        warnings=found.warnings,
        approved=approved,
    )


def _rounds(record: DrawRecord, specialty_at: Mapping[str, str]) -> tuple[RoundView, ...]:
    """Every drawing of experts with the venues and seats that came with it, and the shares it was drawn from."""
    shares: list[tuple[str, str]] = []
    found: list[tuple[datetime, int, tuple[tuple[str, str], ...], list[Round]]] = []
    for event in record.events:
        match read_entry(event.type, event.body):
            case Call():
                shares = []
            case Reveal(party=party, share=share):
                shares.append((party, share))
            case Round() as drawn:
                at = datetime.fromisoformat(event.at)
                together = found and found[-1][1] == drawn.round_no
                if not together or drawn.kind in {one.kind for one in found[-1][3]}:
                    found.append((at, drawn.round_no, tuple(shares), []))
                found[-1][3].append(drawn)
            case _:
                pass
    return tuple(
        RoundView(
            number=number,
            at=at,
            shares=told,
            kinds=tuple(
                DrawnKind(one.kind.value, one.method, one.tries, one.level, one.seed) for one in drawn
            ),
            places=_places(drawn, specialty_at),
        )
        for at, number, told, drawn in found
    )


def _places(drawn: list[Round], specialty_at: Mapping[str, str]) -> tuple[DrawnPlace, ...]:
    """What came out place by place; a kind that kept its holder was not drawn."""
    codes = {(one.kind, slot): short_code(code) for one in drawn for slot, code in one.drawn}
    return tuple(
        DrawnPlace(
            seat_no=int(slot),
            specialty=specialty_at[slot],
            expert_code=codes.get((DrawKind.expert, slot)),
            venue_code=codes.get((DrawKind.venue, slot)),
            seat_code=codes.get((DrawKind.seat, slot)),
        )
        for slot in sorted({slot for _, slot in codes}, key=int)
    )


def _lists(
    lists: tuple[tuple[str, int, int], ...], asked: tuple[pooling.SlotAsked, ...]
) -> tuple[SlotView, ...]:
    length = {slot: found for slot, _, found in lists}
    first_places = _first_places([slot.count for slot in asked])
    return tuple(
        SlotView(
            slot.specialty,
            specialties.specialty_name(slot.specialty),
            slot.count,
            length.get(str(place), 0),
        )
        for slot, place in zip(asked, first_places, strict=True)
    )


def _told(
    params: Mapping[str, object], asked: tuple[pooling.SlotAsked, ...], *, supervises: bool
) -> dict[str, str]:
    """The parameters of an obstacle as people read them: a place by the specialty that was asked for there."""
    first_places = _first_places([slot.count for slot in asked])
    names = {
        str(place): f"{slot.specialty} {specialties.specialty_name(slot.specialty)}"
        for slot, place in zip(asked, first_places, strict=True)
    }
    told = {name: str(value) for name, value in params.items()}
    if "ground" in told:
        told["ground"] = grounds.named(told["ground"], supervises=supervises)
    if "slot" in told:
        told["slot"] = names.get(told["slot"], told["slot"])
    if "slots" in told:
        places = [names[one] for one in re.findall(r"\d+", told["slots"]) if one in names]
        told["slots"] = "、".join(dict.fromkeys(places)) or told["slots"]
    return told


def _given_up(record: DrawRecord) -> GivenUp | None:
    last = record.events[-1]
    entry = read_entry(last.type, last.body)
    return GivenUp(entry.reason, entry.party, _unrevealed(record)) if isinstance(entry, Void) else None


def _unrevealed(record: DrawRecord) -> tuple[str, ...]:
    """Parties that keep their own share and did not reveal it for the last call."""
    own = [one.name for one in record.history.opening.parties if one.held == "own"]
    missing: list[str] = []
    for event in record.events:
        match read_entry(event.type, event.body):
            case Call():
                missing = list(own)
            case Reveal(party=party) if party in missing:
                missing.remove(party)
            case _:
                pass
    return tuple(missing)


def _written_chance(ratio: tuple[str, str] | None) -> Chance | None:
    return _chance(Fraction(int(ratio[0]), int(ratio[1]))) if ratio else None


def _chance(chance: Fraction | None) -> Chance | None:
    """As people read it: the fraction, and in hundredths of a per cent, rounded up so that none looks smaller than it is."""
    if chance is None:
        return None
    return Chance(chance.numerator, chance.denominator, -(-chance.numerator * 10_000 // chance.denominator))
