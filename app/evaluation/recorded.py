"""How far seats are safely recorded, as the media workers have written it into the rows."""

from sqlmodel import Session

from app.core.samples import Source, TrackKey
from app.core.settings_rooms import MediaSettings
from app.evaluation.cases import Durable
from venue.placement import presence
from venue.placement.presence import SeatStanding

_ANY_AGE_MS = 5000


def expected(media: MediaSettings) -> tuple[Source, ...]:
    """What every seat has to be recorded of before an evaluation may begin."""
    return tuple(source for source in Source if source is not Source.screen or media.screen_required)


def reached(session: Session) -> Durable:
    """Up to when each track is on disk, however long ago that was told."""
    rooms: dict[str, dict[int, SeatStanding]] = {}

    def durable(key: TrackKey) -> int | None:
        seat = _seat(session, rooms, key, _ANY_AGE_MS)
        return seat.reached.get(key.source) if seat else None

    return durable


def recorded(session: Session, stale_after_ms: int) -> Durable:
    """The same for tracks that are being recorded now; None for one of which the disk lags so far behind, or whose worker has
    not been heard of for so long."""
    rooms: dict[str, dict[int, SeatStanding]] = {}

    def durable(key: TrackKey) -> int | None:
        seat = _seat(session, rooms, key, stale_after_ms)
        return seat.reached.get(key.source) if seat and key.source in seat.recorded else None

    return durable


def _seat(
    session: Session, rooms: dict[str, dict[int, SeatStanding]], key: TrackKey, fresh_ms: int
) -> SeatStanding | None:
    if key.room_id not in rooms:
        rooms[key.room_id] = presence.of_room(session, key.room_id, fresh_ms)
    return rooms[key.room_id].get(key.seat_no)
