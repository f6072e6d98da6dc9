"""The record of a draw as its rows have it: read as text, without the engine that understands it."""

from sqlmodel import Session, col, select

from expert_draw.models import Draw, DrawEvent, DrawOpening


def lines(session: Session, draw: Draw) -> tuple[str, ...]:
    """The lines exactly as stored, without looking at them."""
    return tuple(
        session.exec(
            select(DrawEvent.line).where(DrawEvent.draw_id == draw.id).order_by(col(DrawEvent.n))
        ).all()
    )


def openings(session: Session, draw: Draw) -> tuple[str, ...]:
    """What opens the lists: for those who may know who was on them, in codes."""
    return tuple(
        session.exec(
            select(DrawOpening.text).where(DrawOpening.draw_id == draw.id).order_by(col(DrawOpening.n))
        ).all()
    )


def text(session: Session, draw: Draw, *, opened: bool) -> bytes:
    """The record as a file: the supervisor's bundle with the lists opened, or the public one without."""
    parts = lines(session, draw) + (openings(session, draw) if opened else ())
    return "".join(f"{line}\n" for line in parts).encode()
