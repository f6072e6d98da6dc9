"""The events of online rooms, kept beside their recordings: the room notes them, the recorder makes them durable."""

from datetime import UTC, datetime
from typing import cast

from app.core.clock import Clock
from app.core.errors import Conflict
from recordings.events import Detail, EventLedger, LedgerEvent, read_events
from recordings.recorder import Recorder
from recordings.sealing import recover_room
from venue.room.events import SeatEvent
from venue.room.ports import Noted


class RecordedLedgers:
    """Implements `venue.room.ports.Ledgers` over a recorder."""

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock
        self._open: dict[tuple[str, int], EventLedger] = {}

    def begin(self, room_id: str, lease: int, zero_at: datetime) -> None:
        """Ends what an earlier process left open of the room's recording, and goes on under this lease."""
        recover_room(self._recorder.room_path(room_id), self._clock.now())
        self._recorder.begin(room_id, lease, zero_at)
        ledger = self._recorder.events(room_id)
        self._open[room_id, ledger.lease] = ledger

    def note(self, event: SeatEvent) -> Noted | None:
        try:
            ledger = self._recorder.events(event.room_id)
        except Conflict:
            return None  # sealed meanwhile
        wall_ms = round(self._clock.now().timestamp() * 1000)
        detail = cast("Detail", event.detail)
        seq = ledger.note(LedgerEvent(event.room_ms, wall_ms, event.seat_no, event.kind.value, detail))
        if seq < 0:
            return None
        return Noted(
            event.room_id,
            ledger.lease,
            seq,
            _moment(wall_ms),
            event.room_ms,
            event.seat_no,
            event.kind.value,
            event.detail,
        )

    def durable(self, noted: Noted) -> bool:
        ledger = self._open.get((noted.room_id, noted.lease))
        return (
            ledger is None or ledger.durable_seq >= noted.seq
        )  # one that is not open here was read from disk

    def read(self, room_id: str) -> tuple[Noted, ...]:
        return tuple(
            Noted(
                room_id,
                lease,
                seq,
                _moment(event.wall_ms),
                event.room_ms,
                event.seat_no,
                event.kind,
                event.detail,
            )
            for lease, seq, event in read_events(self._recorder.room_path(room_id))
        )

    def forget(self, room_id: str) -> None:
        """The room is sealed."""
        for key in [key for key in self._open if key[0] == room_id]:
            del self._open[key]


def _moment(wall_ms: int) -> datetime:
    return datetime.fromtimestamp(wall_ms / 1000, UTC)
