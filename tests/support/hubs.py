"""A hub without network and database: pretend pages, pretend media, rows in memory, and a clock that is moved."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from app.core.clock import ManualClock
from app.core.errors import Forbidden, InvalidInput, Unauthenticated
from app.core.samples import Codec, SampleSink, Source, TrackKey
from app.core.settings_rooms import MediaSettings, RecordingSettings
from tests.support.ledgers import Held, Notebook
from tests.support.rooms import ZERO_AT, Shelf, holder
from venue.room.hub import RoomHub
from venue.room.ports import Arrival, Contest, Departure, Entry, HeldSeat, SeatHolder
from venue.room.protocol import VERSION, CloseCode, Hello, Offer, ServerMessage
from venue.room.sitting import Sitting


class Rows:
    """Implements `Register`: a ticket is the member's id."""

    def __init__(self) -> None:
        self.held_by: dict[str, HeldSeat] = {}
        self.written: list[Entry] = []

    def admit(self, member_id: str, seat_no: int = 1, room_id: str = "room-1") -> SeatHolder:
        self.held_by[member_id] = HeldSeat(holder(member_id, seat_no, room_id), room_closed=False, last_ms=0)
        return self.held_by[member_id].holder

    def change(self, member_id: str, *, room_closed: bool = False, **changes: Any) -> None:
        held = self.held_by[member_id]
        self.held_by[member_id] = replace(
            held, room_closed=room_closed, holder=replace(held.holder, **changes)
        )

    def sign_in(self, member_id: str, session_id: str) -> None:
        """The member has a new session, or with an empty one none any more."""
        self.held_by[member_id] = replace(self.held_by[member_id], session_id=session_id)

    def redeem(self, ticket: str) -> HeldSeat:
        held = self.held_by.get(ticket)
        if held is None:
            raise Unauthenticated("ticket-refused", "入室凭据已失效")
        if not held.holder.admitted:
            raise Forbidden("seat-not-admitted", "您现在不能进入评标室")
        return held

    def held_seats(self, member_ids: Sequence[str]) -> tuple[HeldSeat | None, ...]:
        return tuple(self.held_by.get(member_id) for member_id in member_ids)

    def write(self, entries: Sequence[Entry]) -> None:
        self.written.extend(entries)

    def kinds(self, seat_no: int = 1) -> list[str]:
        """What was written down of a seat, with `arrival`, `contest` and `departure`."""
        said = []
        for entry in self.written:
            if isinstance(entry, Arrival | Contest | Departure):
                if entry.holder.seat_no == seat_no:
                    said.append(type(entry).__name__.lower())
            elif entry.seat_no == seat_no:
                said.append(entry.kind)
        return said


class PretendPage:
    """The receiving end of a connection."""

    def __init__(self) -> None:
        self.heard: list[ServerMessage] = []
        self.closed: CloseCode | None = None

    def send(self, message: ServerMessage) -> None:
        assert self.closed is None, "sent after closing"
        self.heard.append(message)

    def close(self, code: CloseCode) -> None:
        assert self.closed is None, "closed twice"
        self.closed = code

    def types(self) -> list[str]:
        return [message.type for message in self.heard]


class PretendPeer:
    """Media that connects and sends when a test says so. An offer `bad` is refused."""

    made: list["PretendPeer"]

    def __init__(
        self,
        room_clock: Callable[[], int],
        sinks: Callable[[Source, Codec], SampleSink],
        on_state: Callable[[str], None],
        settings: MediaSettings,
    ) -> None:
        self.room_clock = room_clock
        self.sinks = sinks
        self.on_state = on_state
        self.closed_for: str | None = None
        self.screen_mid: str | None = None

    async def answer(self, offer_sdp: str, screen_mid: str | None = None) -> str:
        await asyncio.sleep(0)
        self.screen_mid = screen_mid
        if offer_sdp == "bad":
            raise InvalidInput("media-offer", "无法识别工位发来的音视频参数")
        self.on_state("connecting")
        return f"answer to {offer_sdp}"

    async def close(self, reason: str) -> None:
        if self.closed_for is None:
            self.closed_for = reason
            self.on_state("closed")


class Bench:
    """A hub on the bench. `peers` are the media connections it made, in order."""

    def __init__(self, media: MediaSettings = MediaSettings(), *, grace_s: float = 20.0) -> None:  # noqa: B008 -- never changed
        self.clock = ManualClock(ZERO_AT)
        self.rows = Rows()
        self.shelf = Shelf()
        self.held = Held()
        self.notebook = Notebook(self.clock)
        self.peers: list[PretendPeer] = []
        self.hub = RoomHub(
            register=self.rows,
            clock=self.clock,
            sinks=self.shelf,
            durable=self.shelf.durable,
            leases=self.held,
            ledgers=self.notebook,
            media=media,
            recording=RecordingSettings(),
            peers=self._peer,
            grace_s=grace_s,
            tick_s=3600.0,
        )

    def _peer(self, *fittings: Any) -> PretendPeer:
        self.peers.append(PretendPeer(*fittings))
        return self.peers[-1]

    async def enter(self, member_id: str, page: str = "page-one") -> tuple[Sitting, PretendPage]:
        connection = PretendPage()
        hello = Hello(v=VERSION, ticket=member_id, page=page, lang="zh")
        return await self.hub.enter(hello, connection), connection

    @asynccontextmanager
    async def seated(self, member_id: str, seat_no: int = 1) -> AsyncIterator[tuple[Sitting, PretendPage]]:
        """The hub runs, and this member has just come in."""
        self.rows.admit(member_id, seat_no)
        async with self.hub.running():
            yield await self.enter(member_id)

    async def offer(self, sitting: Sitting, page: PretendPage, sdp: str = "offer", n: int = 1) -> None:
        await self.hub.handle(sitting, page, Offer(n=n, sdp=sdp, screen_mid=None))

    def on_disk(self, ms: int, seat_no: int = 1, room_id: str = "room-1") -> None:
        """Camera and microphone of a seat have reached the disk up to that room time."""
        for source in (Source.camera, Source.microphone):
            self.shelf.samples[TrackKey(room_id, seat_no, source)] = [_Until(ms)]  # type: ignore[list-item]

    async def settle(self) -> None:
        """Lets everything that is under way in this loop come to rest, and writes down what waits."""
        for _ in range(20):
            await asyncio.sleep(0)
        await self.hub._journal.flush()


class _Until:
    def __init__(self, room_ms: int) -> None:
        self.room_ms = room_ms
