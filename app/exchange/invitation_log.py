"""The log of an evaluation's invitations (邀请日志) as rows of a table: what the sealed terminal shows, and nothing beside it."""

from datetime import datetime

from app.evaluation.shown import TerminalView
from app.exchange.formats import Cell

COLUMNS = (
    "seat_no",
    "round",
    "designated",
    "invitation",
    "deadline",
    "answered_at",
    "answer_channel",
    "channel",
    "message",
    "at",
)
"""What a row holds: the place, the state of one invitation to it, and how one call or text about it fared."""

Row = tuple[Cell, ...]
_NO_STEP: tuple[Row, ...] = ((None, None, None),)


def rows(view: TerminalView) -> tuple[Row, ...]:
    """A row for each call and text, and one for an invitation that has caused none.

    They are put in order by what they show and by nothing else, so that not even their order tells who is behind them.
    """
    found: list[Row] = []
    for one in (*view.current, *view.earlier):
        own: Row = (
            one.seat_no,
            one.round,
            int(one.designated),
            one.state,
            one.deadline,
            one.answered_at,
            one.channel,
        )
        steps: tuple[Row, ...] = tuple((step.channel, step.state, step.at) for step in one.steps)
        found += [(*own, *step) for step in steps or _NO_STEP]
    return tuple(sorted(found, key=_order))


def _order(row: Row) -> tuple[tuple[bool, str | int | float], ...]:
    """Cells in order of their column; what is missing comes last."""
    return tuple(
        (cell is None, cell.timestamp() if isinstance(cell, datetime) else (0 if cell is None else cell))
        for cell in row
    )
