"""Draws that have ended, as they are told to other platforms: numbers, hashes and times, nobody's name."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from app.core import work
from app.evaluation.models import Evaluation
from expert_draw import keeping, stored_lines
from expert_draw.models import Draw
from venue.models import Center


@dataclass(frozen=True, slots=True)
class EndedDraw:
    """One draw that is over. state: `closed` or `void`; first, head: hashes of the first and the last line of its record."""

    evaluation_id: str
    number: str
    state: str
    center_id: str
    center_code: str
    lines: int
    first: str
    head: str
    committed_at: datetime
    closed_at: datetime


def without_job(session: Session, kind: str, most: int) -> tuple[str, ...]:
    """Ids of ended draws for which no job of this kind was ever ordered, the earliest first. Rehearsals are not told."""
    return tuple(
        session.exec(
            select(Draw.id)
            .join(Evaluation, col(Evaluation.id) == col(Draw.evaluation_id))
            .where(
                col(Draw.closed_at).is_not(None),
                col(Evaluation.rehearsal).is_(False),
                work.not_ordered(kind, col(Draw.id)),
            )
            .order_by(col(Draw.closed_at), col(Draw.id))
            .limit(most)
        ).all()
    )


def of_evaluation(session: Session, evaluation_id: str) -> tuple[tuple[str, str], ...]:
    """(id, number) of every draw of the evaluation, ended or not, in order of their numbers."""
    rows = session.exec(
        select(Draw.id, Draw.number).where(Draw.evaluation_id == evaluation_id).order_by(col(Draw.number))
    ).all()
    return tuple((draw_id, number) for draw_id, number in rows)


def read(session: Session, draw_id: str) -> EndedDraw:
    """The draw, whose record nothing can be added to any more. ValueError while it still runs."""
    draw = keeping.load(session, draw_id)
    if draw.closed_at is None:
        raise ValueError(f"draw {draw.number} has not ended")
    center = session.get_one(Center, draw.center_id)
    lines = stored_lines.lines(session, draw)
    return EndedDraw(
        evaluation_id=draw.evaluation_id,
        number=draw.number,
        state=draw.state,
        center_id=center.id,
        center_code=center.code,
        lines=len(lines),
        first=keeping.hash_of_line(lines[0]),
        head=keeping.hash_of_line(lines[-1]),
        committed_at=draw.committed_at,
        closed_at=draw.closed_at,
    )
