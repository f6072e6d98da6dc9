"""What pages and rooms want to hear of, read off the rows: for processes in which it did not happen."""

from collections import defaultdict

from sqlmodel import Session, col, select

from app.evaluation.models import CommitteeMember, Evaluation
from venue.models import OnlineRoom
from venue.placement import presence
from venue.placement.presence import SeatStanding

Mark = tuple[object, ...]
FRESH_MS = 5000


def open_evaluations(session: Session) -> dict[str, tuple[str, Mark]]:
    """Every evaluation whose room is open: its state, and a value that changes when its committee or a seat does."""
    found = session.exec(
        select(Evaluation.id, Evaluation.state, OnlineRoom.id)
        .join(OnlineRoom, col(OnlineRoom.id) == col(Evaluation.room_id))
        .where(OnlineRoom.state == "open")
    ).all()
    members: dict[str, list[object]] = defaultdict(list)
    for evaluation_id, *rest in session.exec(
        select(
            CommitteeMember.evaluation_id, CommitteeMember.id, CommitteeMember.state, CommitteeMember.left_at
        )
        .join(Evaluation, col(Evaluation.id) == col(CommitteeMember.evaluation_id))
        .join(OnlineRoom, col(OnlineRoom.id) == col(Evaluation.room_id))
        .where(OnlineRoom.state == "open")
        .order_by(col(CommitteeMember.id))
    ).all():
        members[evaluation_id].append(tuple(rest))
    seats = presence.of_rooms(session, [room_id for *_, room_id in found], FRESH_MS)
    return {
        evaluation_id: (state, (*members[evaluation_id], *map(_seat, seats[room_id])))
        for evaluation_id, state, room_id in found
    }


def _seat(seat: SeatStanding) -> Mark:
    return (seat.seat_no, seat.connected, seat.media, seat.recorded)
