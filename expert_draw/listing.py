"""The center's list of its draws (抽取总账): every draw when it opens and when it ends, chained so that none can be left out."""

from datetime import datetime

from sqlmodel import Session, col, select

from app.core.database import in_turn
from app.core.ids import printed_number
from app.core.sealing import Sealer
from expert_draw.engine.lines import Event, trust_event
from expert_draw.engine.record import DrawRecord
from expert_draw.engine.register import listed
from expert_draw.keeping import house_signer
from expert_draw.models import Draw, DrawListing


def enter(
    session: Session, now: datetime, sealer: Sealer, draw: Draw, record: DrawRecord, event: str
) -> None:
    """Adds a line for this draw: event is opened, closed or void."""
    in_turn(session, f"listing:{draw.center_id}")
    line = listed(
        now,
        house_signer(sealer),
        _last(session, draw.center_id),
        center=draw.center_id,
        draw=draw.number,
        event=event,
        head=record.events[0].hash if event == "opened" else record.head,
    )
    session.add(DrawListing(center_id=draw.center_id, n=line.n, line=line.text, at=now))
    session.flush()


def text(session: Session, center_id: str) -> bytes:
    """The center's list as a file."""
    rows = session.exec(
        select(DrawListing.line).where(DrawListing.center_id == center_id).order_by(col(DrawListing.n))
    ).all()
    return "".join(f"{line}\n" for line in rows).encode()


def number(session: Session, year: int) -> str:
    """The next number on paper; numbers of one year have no holes. Commitments are published one after the other."""
    in_turn(session, "draw-numbers")
    count = len(session.exec(select(Draw.id).where(col(Draw.number).startswith(f"CQ-{year:04d}-"))).all())
    return printed_number("CQ", year, count + 1)


def _last(session: Session, center_id: str) -> Event | None:
    row = session.exec(
        select(DrawListing.line)
        .where(DrawListing.center_id == center_id)
        .order_by(col(DrawListing.n).desc())
        .limit(1)
    ).first()
    return trust_event(row) if row is not None else None
