"""Leases of rooms: each is one conditional update under the clock of the database (租约).

A lease runs out unless its holder renews it. Whoever needs the room after that gives it to somebody else under the next
epoch, and whatever the former holder still wants to decide is refused, because its epoch is no longer the room's.
"""

from dataclasses import dataclass

from sqlalchemy import insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, delete, func, select, update

from app.core.database import in_turn
from app.core.errors import Unavailable
from app.core.i18n import N_
from venue.placement.models import MediaWorker, RoomLease
from venue.placement.moments import in_ms

TTL_MS = 2500
RENEW_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Placed:
    """The worker that holds a room, its address as in `MediaWorker.url`, and the epoch."""

    worker_id: str
    url: str
    epoch: int


def register(session: Session, worker_id: str, url: str) -> None:
    """Makes a worker known; rooms may be given to it from now on."""
    if session.get(MediaWorker, worker_id) is None:
        session.exec(
            insert(MediaWorker).values(
                id=worker_id, url=url, started_at=in_ms(0), seen_at=in_ms(0), rooms=0, draining=False
            )
        )


def renew(session: Session, worker_id: str, ttl_ms: int = TTL_MS) -> dict[str, int] | None:
    """The worker lives, and keeps its rooms: each with its epoch. None when its own row is gone: it must register again.

    A lease that has run out is renewed, too, as long as nobody else has taken the room: nobody has decided meanwhile.
    """
    session.exec(update(RoomLease).where(col(RoomLease.worker_id) == worker_id).values(until=in_ms(ttl_ms)))
    held = held_by(session, worker_id)
    seen = session.exec(
        update(MediaWorker).where(col(MediaWorker.id) == worker_id).values(seen_at=in_ms(0), rooms=len(held))
    )
    return held if seen.rowcount else None


def held_by(session: Session, worker_id: str) -> dict[str, int]:
    """The rooms whose lease names this worker, with their epochs."""
    rows = session.exec(
        select(RoomLease.room_id, RoomLease.epoch).where(RoomLease.worker_id == worker_id)
    ).all()
    return dict(rows)


def place(session: Session, room_id: str, ttl_ms: int = TTL_MS) -> Placed:
    """The worker that holds the room; one whose lease has run out is given to the least loaded of the living.

    Raises Unavailable when no worker lives, or the room's has fallen silent and its lease has not run out yet.
    """
    in_turn(session, "placement")
    holder = _live_holder(session, room_id)
    if holder is None:
        worker_id = _least_loaded(session, room_id, ttl_ms)
        if worker_id is not None:
            _take(session, room_id, worker_id, ttl_ms)  # a worker that seals the room may be there before us
            holder = _live_holder(session, room_id)
    if holder is None or not _heard_of(session, holder.worker_id, ttl_ms):
        # One that has fallen silent may never answer: whoever asks again in a moment is sent to the next holder.
        raise Unavailable(
            "no-worker", N_("音视频服务正在启动"), N_("页面会稍后自动重试；若持续出现，请联系值班人员")
        )
    return holder


def claim(session: Session, room_id: str, worker_id: str, ttl_ms: int = TTL_MS) -> int | None:
    """Takes the room for this worker: the epoch, a new one unless it held the room already. None while another one holds it."""
    epoch = hold(session, room_id, worker_id)
    return epoch if epoch is not None else _take(session, room_id, worker_id, ttl_ms)


def hold(session: Session, room_id: str, worker_id: str) -> int | None:
    """The epoch under which this worker holds the room, which nobody else can take until the transaction ends; or None.

    Every write that decides something for a room asks this first, in its own transaction.
    """
    return session.exec(
        select(RoomLease.epoch)
        .where(RoomLease.room_id == room_id, RoomLease.worker_id == worker_id)
        .with_for_update(read=True)
    ).first()


def ever_held(session: Session, room_id: str) -> bool:
    """Whether some worker has ever held the room, so that recording it may have begun."""
    return session.get(RoomLease, room_id) is not None


def held_elsewhere(session: Session, room_id: str, worker_id: str) -> bool:
    """Whether another worker holds the room by a lease that has not run out."""
    return (
        session.exec(
            select(RoomLease.epoch).where(
                RoomLease.room_id == room_id,
                RoomLease.worker_id != worker_id,
                col(RoomLease.until) > in_ms(0),
            )
        ).first()
        is not None
    )


def drain(session: Session, worker_id: str) -> None:
    """No further room is given to this worker."""
    session.exec(update(MediaWorker).where(col(MediaWorker.id) == worker_id).values(draining=True))


def bury(session: Session, worker_id: str) -> None:
    """The worker has ended and everybody knows: its rooms may be taken at once."""
    session.exec(
        update(RoomLease)
        .where(col(RoomLease.worker_id) == worker_id, col(RoomLease.until) > in_ms(0))
        .values(until=in_ms(0))
    )
    session.exec(delete(MediaWorker).where(col(MediaWorker.id) == worker_id))


def sweep_out(session: Session, after_ms: int = 600_000) -> None:
    """Forgets workers that have not been heard of for long."""
    session.exec(delete(MediaWorker).where(col(MediaWorker.seen_at) < in_ms(-after_ms)))


def holder(session: Session, room_id: str) -> Placed | None:
    """Who holds the room now; None when nobody does."""
    return _live_holder(session, room_id)


def _live_holder(session: Session, room_id: str) -> Placed | None:
    found = session.exec(
        select(RoomLease.worker_id, MediaWorker.url, RoomLease.epoch)
        .join(MediaWorker, col(MediaWorker.id) == col(RoomLease.worker_id))
        .where(RoomLease.room_id == room_id, col(RoomLease.until) > in_ms(0))
    ).first()
    return Placed(*found) if found else None


def _heard_of(session: Session, worker_id: str, ttl_ms: int) -> bool:
    """Whether a worker has written within half the time a lease lasts, in which it renews more than once."""
    heard = session.exec(
        select(MediaWorker.id).where(
            MediaWorker.id == worker_id, col(MediaWorker.seen_at) > in_ms(-ttl_ms // 2)
        )
    ).first()
    return heard is not None


def _least_loaded(session: Session, room_id: str, ttl_ms: int) -> str | None:
    """The room's former holder when it lives, else whoever holds the fewest rooms."""
    former = select(RoomLease.worker_id).where(RoomLease.room_id == room_id).scalar_subquery()
    return session.exec(
        select(MediaWorker.id)
        .outerjoin(
            RoomLease,
            (col(RoomLease.worker_id) == col(MediaWorker.id)) & (col(RoomLease.until) > in_ms(0)),
        )
        .where(col(MediaWorker.seen_at) > in_ms(-ttl_ms // 2), col(MediaWorker.draining).is_(False))
        .group_by(col(MediaWorker.id))
        .order_by(
            (col(MediaWorker.id) == func.coalesce(former, "")).desc(),
            func.count(col(RoomLease.room_id)),
            col(MediaWorker.id),
        )
        .limit(1)
    ).first()


def _take(session: Session, room_id: str, worker_id: str, ttl_ms: int) -> int | None:
    """The next epoch of a room whose lease has run out, or the first; None when somebody else was there before."""
    taken = session.exec(
        update(RoomLease)
        .where(col(RoomLease.room_id) == room_id, col(RoomLease.until) <= in_ms(0))
        .values(worker_id=worker_id, epoch=RoomLease.epoch + 1, until=in_ms(ttl_ms))
    )
    if not taken.rowcount:
        insert_once = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        session.exec(
            insert_once(RoomLease)
            .values(room_id=room_id, worker_id=worker_id, epoch=1, until=in_ms(ttl_ms))
            .on_conflict_do_nothing()
        )
    return hold(session, room_id, worker_id)
