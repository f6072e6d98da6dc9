"""The log of an evaluation's invitations (邀请日志), as the sealed terminal shows it: places and states, nobody behind them."""

from collections import defaultdict
from datetime import datetime

from sqlmodel import Session, col, select

from app.evaluation import cases
from app.notify.models import OutgoingMessage
from expert_draw.models import DrawSlot, Invitation

COLUMNS = (
    "seat_no",
    "round",
    "rank",
    "invitation",
    "deadline",
    "answered_at",
    "answer_channel",
    "channel",
    "message",
    "due_at",
    "sent_at",
)
"""What a row holds: the place, the state of one invitation to it, and how one call or text about it fared."""

Row = tuple[str | int | datetime | None, ...]


def rows(session: Session, evaluation_id: str) -> tuple[Row, ...]:
    """A row for each call and text, and one for an invitation that has caused none.

    They are put in order by what they show and by nothing else, so that not even their order tells who is behind them.
    """
    evaluation = cases.load(session, evaluation_id)
    invited = session.exec(
        select(Invitation, DrawSlot.seat_no)
        .join(DrawSlot, col(DrawSlot.id) == col(Invitation.slot_id))
        .where(Invitation.draw_id == evaluation.draw_id)
    ).all()
    sent: defaultdict[str, list[OutgoingMessage]] = defaultdict(list)
    for message in session.exec(
        select(OutgoingMessage).where(col(OutgoingMessage.subject).in_([one.id for one, _ in invited]))
    ).all():
        sent[message.subject].append(message)
    found: list[Row] = []
    for one, seat_no in invited:
        own: Row = (
            seat_no,
            one.round,
            one.rank,
            one.state,
            one.deadline,
            one.answered_at,
            one.answer_channel,
        )
        messages: list[Row] = [
            (message.channel, message.state, message.due_at, message.sending_at) for message in sent[one.id]
        ]
        found += [(*own, *message) for message in messages or [(None, None, None, None)]]
    return tuple(sorted(found, key=_order))


def _order(row: Row) -> tuple[tuple[bool, str | int | float], ...]:
    """Cells in order of their column; what is missing comes last."""
    return tuple(
        (cell is None, cell.timestamp() if isinstance(cell, datetime) else (cell if cell is not None else 0))
        for cell in row
    )
