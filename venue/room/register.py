"""The rows behind the online room: tickets into it, who holds which seat, and what happened (室内事件)."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, func, select

from app.accounts import sessions, tickets
from app.accounts.permissions import Permission
from app.core.canonical import canonical_json
from app.core.clock import Clock
from app.core.database import Database, in_turn
from app.core.errors import Conflict, Forbidden, Unauthenticated
from app.core.i18n import N_
from app.core.sealing import Sealer
from venue.models import OnlineRoom, RoomEvent
from venue.placement import leases
from venue.room.ports import Admissions, Arrival, Contest, Departure, Entry, HeldSeat, Noted, Way

TICKET_LIFETIME = timedelta(seconds=30)
_SUBJECT = "member:"
_KIND = tickets.OPENS[Permission.seat_sit]


class DatabaseRegister:
    """Implements `Register` over the database; `admissions` is whoever conducts the evaluation.

    worker_id: the process that holds rooms here; empty for a service that only gives out tickets. ttl_ms: how long a lease
    lasts. may_begin: raises when there is no space for a room that nothing has been recorded of yet.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sealer: Sealer,
        admissions: Admissions,
        worker_id: str = "",
        *,
        ttl_ms: int = leases.TTL_MS,
        may_begin: Callable[[], None] | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sealer = sealer
        self._admissions = admissions
        self._worker_id = worker_id
        self._ttl_ms = ttl_ms
        self._may_begin = may_begin

    def way(self, member_id: str, session_id: str) -> Way:
        """A ticket that opens one connection within half a minute, at the worker that holds the room, as long as the session
        it is given to is the member's.

        Raises Forbidden when the member may not be in a room now, Conflict when their room has been closed, Unavailable when
        no worker lives.
        """
        with self._database.transaction() as session:
            held = _require_open(self._held_seat(session, member_id))
            if self._may_begin is not None and not leases.ever_held(session, held.holder.room_id):
                self._may_begin()
            ticket = tickets.issue(
                session,
                self._sealer,
                self._clock.now(),
                kind=_KIND,
                subject=_SUBJECT + member_id,
                lifetime=TICKET_LIFETIME,
                session_id=session_id,
            )
            return Way(ticket, leases.place(session, held.holder.room_id, self._ttl_ms).url)

    def redeem(self, ticket: str) -> HeldSeat:
        """The place that a ticket opens; the ticket is used up, also when the member may not enter.

        Raises Unauthenticated for a ticket that is unknown, used or too old, or whose session has ended; else as `way`.
        """
        with self._database.transaction() as session:
            redeemed = tickets.redeem_whole(
                session, self._sealer, self._clock.now(), kind=_KIND, secret=ticket
            )
            held = self._held_seat(session, redeemed.subject.removeprefix(_SUBJECT)) if redeemed else None
        if redeemed is None or (held is not None and held.session_id != redeemed.session_id):
            raise Unauthenticated("ticket-refused", N_("入室凭据已失效"), N_("页面会自动重新领取凭据"))
        return _require_open(held)

    def held_seats(self, member_ids: Sequence[str]) -> tuple[HeldSeat | None, ...]:
        """Where these members stand now, in the same order; None for one who has no seat."""
        with self._database.reading() as session:
            return tuple(self._held_seat(session, member_id) for member_id in member_ids)

    def write(self, entries: Sequence[Entry]) -> None:
        """Adds what happened, and tells the evaluation who came and who left. Of a room that another process holds by now
        nothing: its holder catches up from the events beside the recording. What is there already stays as it is."""
        by_room: dict[str, list[Entry]] = {}
        for entry in entries:
            by_room.setdefault(
                entry.room_id if isinstance(entry, Noted) else entry.holder.room_id, []
            ).append(entry)
        for room_id, group in by_room.items():
            with self._database.transaction() as session:
                self._write(session, room_id, group)

    def _write(self, session: Session, room_id: str, entries: Sequence[Entry]) -> None:
        now = self._clock.now()
        members = [entry for entry in entries if not isinstance(entry, Noted)]
        for entry in members:
            in_turn(session, entry.holder.evaluation_id)  # the evaluation's turn comes before the room's
        epoch = leases.hold(session, room_id, self._worker_id)
        if epoch is None:
            return
        keep(session, epoch, [entry for entry in entries if isinstance(entry, Noted)])
        for entry in members:
            match entry:
                case Arrival(holder):
                    self._admissions.seated(session, now, holder)
                case Contest(holder):
                    self._admissions.contested(session, now, holder)
                case Departure(holder):
                    self._admissions.left(session, now, holder)
        session.flush()

    def _held_seat(self, session: Session, member_id: str) -> HeldSeat | None:
        holder = self._admissions.holder(session, member_id)
        room = session.get(OnlineRoom, holder.room_id) if holder else None
        if holder is None or room is None:
            return None
        last_ms = session.exec(
            select(func.max(RoomEvent.room_ms)).where(col(RoomEvent.room_id) == room.id)
        ).one()
        sits = sessions.at_seat(session, member_id)
        return HeldSeat(
            holder,
            room_closed=room.closed_at is not None,
            last_ms=last_ms or 0,
            session_id=sits.id if sits is not None else "",
        )


def keep(session: Session, epoch: int, events: Sequence[Noted]) -> None:
    """Rows for the events of a room that is held under this epoch; events that have a row keep it."""
    if not events:
        return
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    rows = [
        {
            "room_id": event.room_id,
            "at": event.at,
            "room_ms": event.room_ms,
            "seat_no": event.seat_no,
            "kind": event.kind,
            "detail": canonical_json(event.detail).decode(),
            "lease": event.lease,
            "seq": event.seq,
            "kept_under": epoch,
        }
        for event in events
    ]
    session.exec(
        insert(RoomEvent).on_conflict_do_nothing(index_elements=["room_id", "lease", "seq"]),
        params=rows,
    )


def _require_open(held: HeldSeat | None) -> HeldSeat:
    if held is not None and held.room_closed:
        raise Conflict("room-closed", N_("评标室已经关闭"), N_("评标已经结束，您可以退出登录"))
    if held is None or not held.holder.admitted:
        raise Forbidden("seat-not-admitted", N_("您现在不能进入评标室"), N_("请等候召集，或联系场地工作人员"))
    return held
