"""What the online room asks of others: who holds which seat, how far each track is on disk, where media goes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlmodel import Session

from app.core.canonical import Canonical
from app.core.samples import Codec, SampleSink, Source, TrackKey
from app.core.settings_rooms import MediaSettings
from venue.room.events import SeatEvent


@dataclass(frozen=True, slots=True)
class SeatHolder:
    """A committee member at a seat. `admitted`: they may be in the room now.

    evaluation_state: code of the evaluation's state; the room passes it on and does not read it.
    """

    member_id: str
    evaluation_id: str
    room_id: str
    seat_no: int
    code_name: str
    zero_at: datetime
    evaluation_state: str
    admitted: bool


class Admissions(Protocol):
    """Whoever conducts the evaluation says who may sit, and is told who sits. Called inside a transaction."""

    def holder(self, session: Session, member_id: str) -> SeatHolder | None: ...

    def seated(self, session: Session, now: datetime, holder: SeatHolder) -> None:
        """The member's media arrives; called again when they come back."""
        ...

    def left(self, session: Session, now: datetime, holder: SeatHolder) -> None: ...

    def contested(self, session: Session, now: datetime, holder: SeatHolder) -> None:
        """A second page has taken the seat in the same member's name while the first was connected."""
        ...


class Durable(Protocol):
    """Room time in milliseconds up to which a track is safely on disk; None while nothing is."""

    def __call__(self, key: TrackKey, /) -> int | None: ...


class Peer(Protocol):
    """One seat's media connection, as in `venue.media.peer`."""

    async def answer(self, offer_sdp: str, screen_mid: str | None = None) -> str: ...

    async def close(self, reason: str) -> None: ...


class PeerFactory(Protocol):
    """Makes the media connection of a seat: room clock, its sinks, who hears of its state, settings."""

    def __call__(
        self,
        room_clock: Callable[[], int],
        sinks: Callable[[Source, Codec], SampleSink],
        on_state: Callable[[str], None],
        settings: MediaSettings,
        /,
    ) -> Peer: ...


@dataclass(frozen=True, slots=True)
class HeldSeat:
    """A holder, and whether their room has been closed for good. `last_ms`: latest room time written down.

    session_id: the session that the ticket was given to, or the member's session now; empty when there is none.
    """

    holder: SeatHolder
    room_closed: bool
    last_ms: int
    session_id: str = ""


@dataclass(frozen=True, slots=True)
class Noted:
    """Something that happened in a room, as it stands in the events beside the recording: under which lease, as which line.

    kind, detail: as in `SeatEvent`; events of the room itself have no seat.
    """

    room_id: str
    lease: int
    seq: int
    at: datetime
    room_ms: int
    seat_no: int | None
    kind: str
    detail: Mapping[str, Canonical]


class Ledgers(Protocol):
    """The events that are kept beside the recordings, durable before any database knows of them."""

    def begin(self, room_id: str, lease: int, zero_at: datetime) -> None:
        """From now on the room is recorded under this lease. Waits for the disk: called from a thread. May be repeated."""
        ...

    def note(self, event: SeatEvent) -> Noted | None:
        """Keeps an event of a room that was begun; never waits. None when the room's recording has ended."""
        ...

    def durable(self, noted: Noted) -> bool:
        """Whether the event is on disk."""
        ...

    def read(self, room_id: str) -> tuple[Noted, ...]:
        """All that is on disk of a room's events, under all leases, in order. Called from a thread."""
        ...


class Leases(Protocol):
    """Which rooms this process holds."""

    async def hold(self, room_id: str) -> int | None:
        """The epoch under which the room is held here; None when it is not."""
        ...


@dataclass(frozen=True, slots=True)
class Arrival:
    """The member's media has begun to arrive."""

    holder: SeatHolder


@dataclass(frozen=True, slots=True)
class Contest:
    """Another page has taken the member's seat while the first one was connected."""

    holder: SeatHolder


@dataclass(frozen=True, slots=True)
class Departure:
    """The member has left and did not come back."""

    holder: SeatHolder


Entry = Noted | Arrival | Contest | Departure


@dataclass(frozen=True, slots=True)
class Way:
    """A way into a room: a ticket that opens one connection once, and where to show it, as in `MediaWorker.url`."""

    ticket: str
    url: str


class Register(Protocol):
    """The rows behind the room. Every method is one transaction and is called from a thread."""

    def redeem(self, ticket: str) -> HeldSeat: ...

    def held_seats(self, member_ids: Sequence[str]) -> tuple[HeldSeat | None, ...]: ...

    def write(self, entries: Sequence[Entry]) -> None:
        """Adds what happened; of rooms that this process does not hold nothing. What is there already stays as it is."""
        ...
