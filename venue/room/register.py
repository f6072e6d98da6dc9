"""The rows behind the online room: tickets into it, who holds which seat, and what happened (室内事件)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from app.accounts import tickets
from app.accounts.tickets import TicketKind
from app.core.canonical import canonical_json
from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import Conflict, Forbidden, Unauthenticated
from app.core.i18n import N_
from app.core.sealing import Sealer
from venue.models import OnlineRoom, RoomEvent
from venue.room.events import SeatEvent
from venue.room.ports import Admissions, Arrival, Departure, Entry, Place

TICKET_LIFETIME = timedelta(seconds=30)
_SUBJECT = "member:"


class DatabaseRegister:
    """Implements `Register` over the database; `admissions` is whoever conducts the evaluation."""

    def __init__(self, database: Database, clock: Clock, sealer: Sealer, admissions: Admissions) -> None:
        self._database = database
        self._clock = clock
        self._sealer = sealer
        self._admissions = admissions

    def issue_ticket(self, member_id: str) -> str:
        """A ticket that opens one connection within half a minute.

        Raises Forbidden when the member may not be in a room now, Conflict when their room has been closed.
        """
        with self._database.transaction() as session:
            _require_open(self._place(session, member_id))
            return tickets.issue(
                session,
                self._sealer,
                self._clock.now(),
                kind=TicketKind.websocket,
                subject=_SUBJECT + member_id,
                lifetime=TICKET_LIFETIME,
            )

    def redeem(self, ticket: str) -> Place:
        """The place that a ticket opens; the ticket is used up, also when the member may not enter.

        Raises Unauthenticated for a ticket that is unknown, used or too old; else as `issue_ticket`.
        """
        with self._database.transaction() as session:
            subject = tickets.redeem(
                session, self._sealer, self._clock.now(), kind=TicketKind.websocket, secret=ticket
            )
            place = self._place(session, subject.removeprefix(_SUBJECT)) if subject else None
        if subject is None:
            raise Unauthenticated("ticket-refused", N_("入室凭据已失效"), N_("页面会自动重新领取凭据"))
        return _require_open(place)

    def places(self, member_ids: Sequence[str]) -> tuple[Place | None, ...]:
        """Where these members stand now, in the same order; None for one who has no seat."""
        with self._database.reading() as session:
            return tuple(self._place(session, member_id) for member_id in member_ids)

    def write(self, entries: Sequence[Entry]) -> None:
        """Adds what happened, and tells the evaluation who came and who left."""
        with self._database.transaction() as session:
            now = self._clock.now()
            for entry in entries:
                match entry:
                    case SeatEvent():
                        session.add(_row(entry, now))
                    case Arrival(holder):
                        self._admissions.seated(session, now, holder)
                    case Departure(holder):
                        self._admissions.left(session, now, holder)
            session.flush()

    def _place(self, session: Session, member_id: str) -> Place | None:
        holder = self._admissions.holder(session, member_id)
        room = session.get(OnlineRoom, holder.room_id) if holder else None
        if holder is None or room is None:
            return None
        last_ms = session.exec(
            select(func.max(RoomEvent.room_ms)).where(col(RoomEvent.room_id) == room.id)
        ).one()
        return Place(holder, room_closed=room.closed_at is not None, last_ms=last_ms or 0)


def _row(event: SeatEvent, now: datetime) -> RoomEvent:
    return RoomEvent(
        room_id=event.room_id,
        at=now,
        room_ms=event.room_ms,
        seat_no=event.seat_no,
        kind=event.kind,
        detail=canonical_json(event.detail).decode(),
    )


def _require_open(place: Place | None) -> Place:
    if place is not None and place.room_closed:
        raise Conflict("room-closed", N_("评标室已经关闭"), N_("评标已经结束，您可以退出登录"))
    if place is None or not place.holder.admitted:
        raise Forbidden("seat-not-admitted", N_("您现在不能进入评标室"), N_("请等候召集，或联系场地工作人员"))
    return place
