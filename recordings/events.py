"""What happened in a room, written down beside its recording before any database knows of it (室内事件).

One file for each lease of the room. Its lines form the same chain as those of an index; the manifest binds its last line.
"""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from app.core.clock import Clock
from recordings.lines import (
    Chain,
    Closed,
    Event,
    IndexReading,
    Ledger,
    events_file,
    lease_of,
    read_index,
)
from recordings.trackfile import Begun, claim_file, make_room, sync_directory, sync_file, write_file_at

logger = logging.getLogger(__name__)

Detail = Mapping[str, bool | int | str | None]


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """One happening: room time and UTC in milliseconds, the seat or None for the room, what it was, flat particulars."""

    room_ms: int
    wall_ms: int
    seat_no: int | None
    kind: str
    detail: Detail = field(default_factory=dict)


class EventLedger:
    """Takes the events of a room under one lease. `note` is safe on any thread and never waits for the disk.

    durable_seq: number of the last line that is on disk, -1 while there is none.
    """

    def __init__(self, room: Path, begun: Begun, clock: Clock, put: Callable[["EventLedger"], None]) -> None:
        self.room_id, self.lease = begun.room_id, begun.lease
        self.durable_seq = -1
        self._room = room
        self._clock = clock
        self._put = put
        self._lock = threading.Lock()
        self._chain = Chain()
        self._lines: list[bytes] = []
        self._closed = False
        # Only the writer's thread touches these.
        self._file: int | None = None
        self._named = False
        self._kept = 0
        self._half_way = b""
        self._append(
            Ledger(begun.room_id, begun.lease, begun.zero_wall_ms, begun.wall_uncertainty_ms, self._wall_ms())
        )

    def note(self, event: LedgerEvent) -> int:
        """Queues an event; returns its number within the lease. Durable within half a second; -1 after the ledger's end."""
        return self._append(
            Event(
                max(event.room_ms, 0),
                max(event.wall_ms, 0),
                event.seat_no or 0,
                event.kind,
                dict(event.detail),
            )
        )

    def close(self, reason: str) -> None:
        """Ends the ledger; a second call changes nothing."""
        self._append(Closed(reason, self._wall_ms()), last=True)

    def _append(self, act: Ledger | Event | Closed, *, last: bool = False) -> int:
        with self._lock:
            if self._closed:
                return -1
            self._closed = last
            number = self._chain.seq
            self._chain, raw = self._chain.append(act)
            self._lines.append(raw + b"\n")
        self._put(self)
        return number

    def _wall_ms(self) -> int:
        return round(self._clock.now().timestamp() * 1000)

    # On the writer's thread

    def store(self) -> bool:
        """Brings what was noted to disk; False when the disk did not take it.

        When the disk fails, what was noted is kept and written again with the next call, byte by byte in the same place: what
        a disk failed to sync it may have forgotten, and would never say so again.
        """
        with self._lock:
            lines, self._lines = self._lines, []
            seq, closed = self._chain.seq - 1, self._closed
        self._half_way += b"".join(lines)
        if self._half_way:
            try:
                self._store()
            except OSError:
                logger.exception("cannot store the events of room %s", self.room_id)
                return False
            self.durable_seq = seq
        if closed:
            self.release()
        return True

    def release(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            with suppress(OSError):  # nothing is buffered here
                os.close(self._file)
            self._file = None

    def _store(self) -> None:
        if self._file is None:
            make_room(self._room)
            self._file = claim_file(self._room, events_file(self.lease), how=0)
        if not self._named:
            sync_directory(self._room)
            self._named = True
        write_file_at(self._file, self._half_way, self._kept)
        sync_file(self._file)
        self._kept += len(self._half_way)
        self._half_way = b""


def event_leases(room: Path) -> tuple[int, ...]:
    """The leases that left events in a room's directory."""
    return tuple(sorted(lease for path in room.iterdir() if (lease := lease_of(path.name)) is not None))


def read_ledgers(room: Path) -> tuple[tuple[int, IndexReading], ...]:
    """Every lease's events as they stand on disk now."""
    return tuple(
        (lease, read_index((room / events_file(lease)).read_bytes())) for lease in event_leases(room)
    )


def read_events(room: Path) -> tuple[tuple[int, int, LedgerEvent], ...]:
    """All events of a room that are on disk: (lease, number within it, event), in that order. No directory, no events."""
    if not room.is_dir():
        return ()
    return tuple(
        (lease, line.seq, _event(line.act))
        for lease, reading in read_ledgers(room)
        for line in reading.lines
        if isinstance(line.act, Event)
    )


def _event(line: Event) -> LedgerEvent:
    return LedgerEvent(line.at_ms, line.wall_ms, line.seat_no or None, line.event, line.detail)
