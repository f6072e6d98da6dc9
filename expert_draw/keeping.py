"""Keeps the record of a draw in rows: appended line by line, read back quickly, handed out as a file."""

import json
from collections import OrderedDict
from datetime import datetime
from threading import Lock

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from app.core.database import in_turn
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.core.sealing import Sealer
from expert_draw import stored_lines
from expert_draw.engine.record import DrawRecord
from expert_draw.engine.signing import FORMAT, Signer
from expert_draw.engine.wording import RecordBroken
from expert_draw.models import Draw, DrawEvent, DrawOpening, Invitation

_KEPT = 64
_OF_ONE_DRAW = 2


class _Recent:
    """The records read lately, by draw and last line; a longer record never takes the place of another one's.

    Of each draw the last two are kept: a transaction may be given up, or a reader see the time before it.
    """

    def __init__(self) -> None:
        self._records: OrderedDict[tuple[str, str], DrawRecord] = OrderedDict()
        self._lock = Lock()

    def find(self, draw_id: str, head: str) -> DrawRecord | None:
        with self._lock:
            if (draw_id, head) in self._records:
                self._records.move_to_end((draw_id, head))
            return self._records.get((draw_id, head))

    def put(self, draw_id: str, record: DrawRecord) -> None:
        with self._lock:
            self._records[draw_id, record.head] = record
            self._records.move_to_end((draw_id, record.head))
            for former in [key for key in self._records if key[0] == draw_id][:-_OF_ONE_DRAW]:
                del self._records[former]
            while len(self._records) > _KEPT:
                self._records.popitem(last=False)


_recent = _Recent()


def house_signer(sealer: Sealer) -> Signer:
    """The key with which this house signs every line of every record."""
    return Signer(sealer.derive("draw-signing"))


def load(session: Session, draw_id: str) -> Draw:
    draw = session.get(Draw, draw_id)
    if draw is None:
        raise NotFound("draw", N_("没有这次抽取"), N_("从评标页面进入"))
    return draw


def hold(session: Session, invitation: Invitation) -> None:
    """Who is going to write what became of the invitation has its evaluation to themselves from here on.

    To be called before its row is changed: whoever has the evaluation now may be about to change that row, too.
    """
    draw = session.get_one(Draw, invitation.draw_id)
    if in_turn(session, draw.evaluation_id):
        session.refresh(draw)
        session.refresh(invitation)


def hold_people(session: Session) -> None:
    """Until the transaction ends nobody else puts people on the lists of a draw, names them for one, or erases them.

    To be taken after the turn of an evaluation, or of the roster.
    """
    in_turn(session, "draw-people")


def by_number(session: Session, number: str) -> Draw:
    draw = session.exec(select(Draw).where(Draw.number == number)).first()
    if draw is None:
        raise NotFound("draw", N_("没有编号为 {number} 的抽取"), N_("核对编号后再试"), number=number)
    return draw


def read(session: Session, draw: Draw) -> DrawRecord:
    """The record as it stands. These are the house's own rows: nothing is run again, that is what `verify` is for.

    RecordBroken `record.unknown_format` for a record that an earlier version of the house has written.
    """
    last = session.exec(
        select(DrawEvent.line).where(DrawEvent.draw_id == draw.id).order_by(col(DrawEvent.n).desc()).limit(1)
    ).one()
    known = _recent.find(draw.id, hash_of_line(last))
    if known is None:
        if (written := _format(session, draw)) != FORMAT:
            raise RecordBroken("record.unknown_format", value=written)
        known = DrawRecord.trust(stored_lines.lines(session, draw), stored_lines.openings(session, draw))
        _recent.put(draw.id, known)
    return known


def readable(session: Session, draw: Draw) -> bool:
    """Whether the record can be gone on with: False for one that an earlier version of the house has written."""
    return _format(session, draw) == FORMAT


def append(
    session: Session, now: datetime, draw: Draw, record: DrawRecord, before: DrawRecord | None = None
) -> None:
    """Stores what `record` has more than `before`; Conflict `record-busy` when somebody else has written there meanwhile."""
    lines_known, openings_known = (len(before.events), len(before.openings)) if before else (0, 0)
    events = [
        DrawEvent(draw_id=draw.id, n=event.n, line=event.text, at=now)
        for event in record.events[lines_known:]
    ]
    opened = [
        DrawOpening(draw_id=draw.id, n=n, text=opening)
        for n, opening in enumerate(record.openings[openings_known:], openings_known + 1)
    ]
    session.add(draw)
    session.flush()
    try:
        with session.begin_nested():
            session.add_all([*events, *opened])
    except IntegrityError as error:
        if session.get(DrawEvent, (draw.id, lines_known + 1)) is None:
            raise
        raise Conflict(
            "record-busy",
            N_("抽取记录刚刚有了新的一行，这一步没有写入"),
            N_("刷新页面查看最新状态"),
        ) from error
    draw.state = record.phase
    draw.rounds = record.history.round_no
    session.flush()
    _recent.put(draw.id, record)


def hash_of_line(line: str) -> str:
    """The hash a stored line carries."""
    return str(json.loads(line)["hash"])


def _format(session: Session, draw: Draw) -> str:
    """The format that the first line names."""
    first = session.exec(select(DrawEvent.line).where(DrawEvent.draw_id == draw.id, DrawEvent.n == 1)).one()
    return str(json.loads(first)["body"].get("format"))[:64]
