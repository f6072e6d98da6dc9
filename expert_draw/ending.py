"""Ends a draw: with a whole committee, or visibly without one; and says how far its places are filled."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, select

from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.core.sealing import Sealer
from expert_draw import inviting, keeping, listing, outcomes
from expert_draw.engine.record import DrawRecord
from expert_draw.models import Draw, DrawSlot
from expert_draw.rounds import VACANT

WITHHELD = "share_withheld"
EXHAUSTED = "pool_exhausted"
POSTPONED = "postponed"
DESIGNATED = "designated"
"""Some places were filled by naming people: chance did not make this committee, and the record may not say it did."""


class Filling(StrEnum):
    """How far the places of a draw are filled."""

    vacant = "vacant"  # some place waits for its next expert
    asked = "asked"  # nobody is missing, but somebody has not answered yet
    whole = "whole"  # everyone who holds a place has accepted it


def close(session: Session, now: datetime, sealer: Sealer, draw: Draw) -> None:
    """Ends the record: every place is filled and everyone has accepted.

    A committee of which a part was designated ends it as void, with that reason; nobody is let go by that.
    """
    if inviting.anyone_designated(session, draw):
        _void(session, now, sealer, draw, DESIGNATED, None)
        return
    if not keeping.readable(session, draw):
        _ended_unwritten(session, now, draw, Tag.draw_closed, {"rounds": draw.rounds})
        return
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
    _void(session, now, sealer, draw, reason, party)
    inviting.release_all(session, now, sealer, draw)
    bus.publish(session, f"evaluation:{draw.evaluation_id}", "draw")


def slots_vacated(session: Session, draw: Draw) -> bool:
    return filling(session, (draw.id,))[draw.id] is Filling.vacant


def filled(session: Session, draw: Draw) -> bool:
    """Whether everyone who holds a place has accepted it."""
    return filling(session, (draw.id,))[draw.id] is Filling.whole


def filling(session: Session, draw_ids: Collection[str]) -> Mapping[str, Filling]:
    """How far each of these draws is filled, by one question."""
    rows = session.exec(
        select(DrawSlot.draw_id, DrawSlot.state).where(col(DrawSlot.draw_id).in_(draw_ids)).distinct()
    ).all()
    states: defaultdict[str, set[str]] = defaultdict(set)
    for draw_id, state in rows:
        states[draw_id].add(state)
    return {draw_id: _filling(own) for draw_id, own in states.items()}


def _filling(states: set[str]) -> Filling:
    if states & VACANT:
        return Filling.vacant
    return Filling.whole if states == {"filled"} else Filling.asked


def _void(
    session: Session, now: datetime, sealer: Sealer, draw: Draw, reason: str, party: str | None
) -> None:
    """Ends the record as void; answers that waited for a round enter it no more."""
    data = {"reason": reason, "party": party or ""}
    outcomes.forget(session, draw)
    if keeping.readable(session, draw):
        before = keeping.read(session, draw)
        record = before.void(now, keeping.house_signer(sealer), reason, party)
        _ended(session, now, sealer, draw, before, record, Tag.draw_voided, data)
    else:
        _ended_unwritten(session, now, draw, Tag.draw_voided, data)


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
    _noted(session, now, draw, tag, {"head": record.head, **data})


def _ended_unwritten(
    session: Session, now: datetime, draw: Draw, tag: Tag, data: Mapping[str, str | int]
) -> None:
    """Ends a draw whose record an earlier version of the house has written: nothing can be added to that one any more."""
    draw.closed_at, draw.state = now, "closed" if tag is Tag.draw_closed else "void"
    session.add(draw)
    session.flush()
    _noted(session, now, draw, tag, data)


def _noted(session: Session, now: datetime, draw: Draw, tag: Tag, data: Mapping[str, str | int]) -> None:
    audit.record(
        session,
        now,
        case=draw.evaluation_id,
        tag=tag,
        actor="house",
        subject=f"draw:{draw.number}",
        data=dict(data),
    )
