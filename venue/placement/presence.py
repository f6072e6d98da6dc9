"""What the holders of rooms write of their seats, and what everybody else reads of them (在席情况)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from app.core.samples import Source
from venue.placement.models import SeatPresence
from venue.placement.moments import in_ms


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a track is safely on disk: room time in milliseconds, and how many milliseconds ago that was, by the clock of
    the room: neither depends on what a wall clock was set to."""

    room_ms: int
    age_ms: int


@dataclass(frozen=True, slots=True)
class SeatNow:
    """A seat as its worker sees it. stats: the last statistics of its connection, as canonical JSON."""

    room_id: str
    seat_no: int
    connected: bool
    media: str | None
    visible: bool
    reached: Mapping[Source, Reached]
    stats: str | None = None


@dataclass(frozen=True, slots=True)
class SeatStanding:
    """A seat as its row says. fresh: the row is young. reached: room time on disk by source. recorded: sources of which the
    disk has what was sent lately, by a row that is fresh."""

    seat_no: int
    fresh: bool
    connected: bool
    media: str | None
    visible: bool
    reached: Mapping[Source, int]
    recorded: frozenset[Source]
    stats: str | None


def write(session: Session, held: Mapping[str, int], seats: Collection[SeatNow]) -> int:
    """Writes the seats of rooms that are held, each under its epoch; others are left out. Returns how many were written.

    held: epochs by room, as the same transaction has just renewed them; nobody can take one of these rooms before it ends.
    """
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    told = insert(SeatPresence)
    written = told.on_conflict_do_update(
        index_elements=["room_id", "seat_no"],
        set_={name: told.excluded[name] for name in _WRITTEN},
        where=col(SeatPresence.epoch) <= told.excluded.epoch,
    )
    mine = [seat for seat in seats if seat.room_id in held]
    for seat in mine:
        session.exec(written.values(**_row(seat, held[seat.room_id])))
    return len(mine)


def of_room(session: Session, room_id: str, fresh_ms: int) -> dict[int, SeatStanding]:
    """The seats of a room by number; what is older than `fresh_ms` counts as gone."""
    return {seat.seat_no: seat for _, seat in _read(session, fresh_ms, [room_id])}


def of_rooms(session: Session, room_ids: Collection[str], fresh_ms: int) -> dict[str, list[SeatStanding]]:
    """The seats of these rooms, each by number."""
    found: dict[str, list[SeatStanding]] = {room_id: [] for room_id in room_ids}
    for room_id, seat in _read(session, fresh_ms, room_ids):
        found[room_id].append(seat)
    return found


def _read(session: Session, fresh_ms: int, room_ids: Collection[str]) -> list[tuple[str, SeatStanding]]:
    since = in_ms(-fresh_ms)
    ages = [col(getattr(SeatPresence, f"{source}_at")) > since for source in Source]
    rows = session.exec(
        select(SeatPresence, col(SeatPresence.seen_at) > since, *ages)
        .where(col(SeatPresence.room_id).in_(room_ids))
        .order_by(col(SeatPresence.seat_no))
    ).all()
    return [(row[0].room_id, _standing(row[0], bool(row[1]), row[2:])) for row in rows]


def _row(seat: SeatNow, epoch: int) -> dict[str, object]:
    row: dict[str, object] = {
        "room_id": seat.room_id,
        "seat_no": seat.seat_no,
        "epoch": epoch,
        "connected": seat.connected,
        "media": seat.media,
        "visible": seat.visible,
        "stats": seat.stats,
        "seen_at": in_ms(0),
    }
    for source in Source:
        reached = seat.reached.get(source)
        row[f"{source}_ms"] = None if reached is None else reached.room_ms
        row[f"{source}_at"] = None if reached is None else in_ms(-reached.age_ms)
    return row


def _standing(row: SeatPresence, fresh: bool, recorded: Collection[object]) -> SeatStanding:  # noqa: FBT001 -- a column
    reached = {source: ms for source in Source if (ms := getattr(row, f"{source}_ms")) is not None}
    young = {source for source, is_young in zip(Source, recorded, strict=True) if is_young and fresh}
    return SeatStanding(
        row.seat_no,
        fresh,
        row.connected and fresh,
        row.media,
        row.visible,
        reached,
        frozenset(young),
        row.stats,
    )


_WRITTEN = tuple(name for name in SeatPresence.model_fields if name not in {"room_id", "seat_no"})
