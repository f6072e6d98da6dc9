"""Events of rooms kept in memory, and rooms that are held without rows."""

from collections.abc import Mapping
from datetime import datetime

from app.core.clock import Clock
from venue.room.events import SeatEvent
from venue.room.ports import Noted


class Notebook:
    """Implements `Ledgers`. What is noted is on disk at once, unless `slow_disk`."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.begun: dict[str, int] = {}
        self.noted: list[Noted] = []
        self.slow_disk = False

    def begin(self, room_id: str, lease: int, zero_at: datetime) -> None:
        self.begun[room_id] = lease

    def note(self, event: SeatEvent) -> Noted | None:
        lease = self.begun[event.room_id]
        seq = 1 + sum(one.room_id == event.room_id and one.lease == lease for one in self.noted)
        self.noted.append(noted(event, self.clock.now(), lease, seq))
        return self.noted[-1]

    def durable(self, noted: Noted) -> bool:
        return not self.slow_disk

    def read(self, room_id: str) -> tuple[Noted, ...]:
        return tuple(one for one in self.noted if one.room_id == room_id)


def noted(event: SeatEvent, at: datetime, lease: int = 1, seq: int = 1) -> Noted:
    return Noted(event.room_id, lease, seq, at, event.room_ms, event.seat_no, event.kind.value, event.detail)


class Held:
    """Implements `Leases`: every room is held under epoch 1, unless `epochs` says otherwise."""

    def __init__(self, epochs: Mapping[str, int | None] | None = None) -> None:
        self.epochs = dict(epochs or {})
        self.asked = 0

    async def hold(self, room_id: str) -> int | None:
        self.asked += 1
        return self.epochs.get(room_id, 1)
