"""Rooms and workers in a database, for tests of who holds what. Leases last for an hour, unless a test ends them."""

from datetime import UTC, datetime

from sqlmodel import Session, col, update

from app.core.database import Database
from venue.models import OnlineRoom
from venue.placement import leases
from venue.placement.models import MediaWorker, RoomLease
from venue.placement.moments import in_ms

HOUR_MS = 3_600_000
ZERO_AT = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)


def open_rooms(database: Database, *room_ids: str) -> None:
    with database.transaction() as session:
        for room_id in room_ids:
            session.add(OnlineRoom(id=room_id, evaluation_id=f"of-{room_id}", zero_at=ZERO_AT, state="open"))


def start_workers(database: Database, *worker_ids: str, url: str = "ws://{host}/{worker}") -> None:
    with database.transaction() as session:
        for worker_id in worker_ids:
            leases.register(session, worker_id, url.replace("{worker}", worker_id))


def place(database: Database, room_id: str) -> leases.Placed:
    with database.transaction() as session:
        return leases.place(session, room_id, HOUR_MS)


def hold(database: Database, room_id: str, worker_id: str) -> int | None:
    with database.transaction() as session:
        return leases.hold(session, room_id, worker_id)


def run_out(database: Database, room_id: str) -> None:
    """The lease of this room has not been renewed in time."""
    with database.transaction() as session:
        session.exec(update(RoomLease).where(col(RoomLease.room_id) == room_id).values(until=in_ms(-1)))


def fall_silent(database: Database, worker_id: str) -> None:
    """The worker has not been heard of for two hours, and its leases have run out."""
    with database.transaction() as session:
        silent(session, worker_id)


def silent(session: Session, worker_id: str) -> None:
    session.exec(
        update(MediaWorker).where(col(MediaWorker.id) == worker_id).values(seen_at=in_ms(-2 * HOUR_MS))
    )
    session.exec(update(RoomLease).where(col(RoomLease.worker_id) == worker_id).values(until=in_ms(-1)))
