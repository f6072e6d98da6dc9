"""Writes what became of those who were drawn into the record, or lets it wait while shares are being revealed."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from app.core.sealing import Sealer
from expert_draw import keeping
from expert_draw.engine.pool import DrawKind
from expert_draw.engine.record import DrawRecord
from expert_draw.engine.signing import Signer
from expert_draw.models import Draw, DrawDeferred, DrawSlot

LATE = "late"
"""An answer after the window has closed: it changes nothing, but is written down."""
BUSY = frozenset({"revealing", "drawing", "stuck"})
"""While a round is open nothing else may be written."""


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
    """Writes what became of an invitation into the record, while the record is open and of this version.

    While shares are being revealed no line may come between: the outcome then waits in a row until the round is drawn.
    """
    if draw.closed_at is not None or not keeping.readable(session, draw):
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
    if before.phase in BUSY:
        session.add(told)
        session.flush()
        return
    house = keeping.house_signer(sealer)
    keeping.append(session, now, draw, told_in(session, now, house, before, told), before)


def told_in(
    session: Session, now: datetime, house: Signer, record: DrawRecord, told: DrawDeferred
) -> DrawRecord:
    slot = str(session.get_one(DrawSlot, told.slot_id).seat_no)
    return record.outcome(now, house, DrawKind.expert, slot, told.code, told.outcome, told.evidence)


def waiting(session: Session, draw: Draw) -> Sequence[DrawDeferred]:
    """Answers that wait for the round to be drawn, as they came."""
    return session.exec(
        select(DrawDeferred).where(DrawDeferred.draw_id == draw.id).order_by(col(DrawDeferred.n))
    ).all()


def forget(session: Session, draw: Draw) -> None:
    """No round follows any more: answers that waited for it stay in the trail alone."""
    for told in waiting(session, draw):
        session.delete(told)
    session.flush()


def _next_deferred(session: Session, draw: Draw) -> int:
    return len(waiting(session, draw)) + 1
