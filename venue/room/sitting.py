"""One member at one seat of an online room: their connection, their media, and what they are told."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Protocol

from app.core.allowance import Allowance
from app.core.canonical import Canonical
from app.core.clock import Clock
from app.core.errors import Conflict, YuanpingError
from app.core.i18n import N_
from app.core.samples import Codec, SampleSink, SinkFactory, Source, TrackKey
from app.core.settings_rooms import MediaSettings
from venue.media.ice import ice_servers
from venue.room.clock import RoomClock
from venue.room.events import EventKind, SeatEvent
from venue.room.ports import Durable, Peer, PeerFactory, SeatHolder
from venue.room.protocol import (
    Answer,
    ClientMessage,
    CloseCode,
    Closed,
    ClosedReason,
    Devices,
    Focus,
    Hello,
    IceServer,
    Media,
    MediaState,
    Notice,
    NoticeCode,
    Offer,
    Ping,
    Pong,
    Recording,
    Replaced,
    ScreenState,
    ServerMessage,
    State,
    Stats,
    Welcome,
)
from venue.room.quality import LinkFigures, Quality, quality
from venue.room.visibility import HOUSE, Act, Party, Standing, refusal
from venue.room.watched import WatchedSink

logger = logging.getLogger(__name__)

_OFFERS_AT_ONCE = 5
_OFFERS_PER_SECOND = 0.5
_SINK_REASONS = {
    ClosedReason.room_closed: "room-closed",
    ClosedReason.seat_released: "left",
    ClosedReason.service_stopping: "server-stopped",
}
"""Why a track ended, as the recording calls it."""
_ENDED = frozenset({MediaState.closed, MediaState.failed})
_AWAY = frozenset({"ended", "muted"})
"""Devices that may send nothing for a while, as the recording calls it too."""
_SHARED = frozenset({ScreenState.live, ScreenState.muted})


class Connection(Protocol):
    """The way to one page. Neither call waits; after `close` nothing more is sent."""

    def send(self, message: ServerMessage) -> None: ...

    def close(self, code: CloseCode) -> None: ...


@dataclass(frozen=True, slots=True)
class Fittings:
    """What every seat of the hub is fitted with. `stale_after_ms`: longest time without media reaching the disk."""

    clock: Clock
    sinks: SinkFactory
    durable: Durable
    peers: PeerFactory
    media: MediaSettings
    stale_after_ms: int


class Sitting:
    """A member's stay at a seat (就座). Outlives a lost connection for a while, so that the recording goes on.

    on_event: told of everything worth writing down. on_media: told when media begins to arrive.
    All calls belong to the event loop of the hub.
    """

    def __init__(
        self,
        holder: SeatHolder,
        room_clock: RoomClock,
        fittings: Fittings,
        on_event: Callable[[SeatEvent], None],
        on_media: Callable[["Sitting"], None],
    ) -> None:
        self.holder = holder
        self.standing = Standing(Party.expert, holder.room_id, holder.seat_no)
        self.connection: Connection | None = None
        self.page: str | None = None
        self.session_id = ""
        """The member's session by which this page came in."""
        self.times_away = 0
        self.ended = False
        self.media: MediaState | None = None
        self.visible = True
        self.devices: Devices | None = None
        self.stale = True
        self.stats: str | None = None
        """The last figures of the connection, as `LinkFigures.text`; None before the first."""
        self._was_recorded = False
        self._room_clock = room_clock
        self._fittings = fittings
        self._on_event = on_event
        self._on_media = on_media
        self._peer: Peer | None = None
        self._peer_number = 0
        self._offers = Allowance(_OFFERS_AT_ONCE, _OFFERS_PER_SECOND)
        self._link = self._link_before = Quality.green
        self._shared_since_ms: int | None = None
        self._sinks: dict[Source, WatchedSink] = {}

    @property
    def room_ms(self) -> int:
        """Room time now, by the clock that places this seat's media."""
        return self._room_clock()

    def event(self, kind: EventKind, detail: Mapping[str, Canonical] | None = None) -> SeatEvent:
        return SeatEvent(self.holder.room_id, self.holder.seat_no, self._room_clock(), kind, detail or {})

    def note(self, kind: EventKind, detail: Mapping[str, Canonical] | None = None) -> None:
        self._on_event(self.event(kind, detail))

    async def take(self, connection: Connection, page: str) -> None:
        """Gives the seat to this connection; an earlier one is told and closed, another page's media ends."""
        earlier, returning = self.connection, page == self.page
        if earlier is not None:
            self._tell(Replaced(), HOUSE)
            earlier.close(CloseCode.replaced)
            self.connection = None
        if returning:
            self.note(EventKind.seat_back)
        else:
            if earlier is not None:
                self.note(EventKind.seat_replaced)
            await self.drop_peer("replaced")
            self.note(EventKind.seat_joined)
        replaced_page = earlier is not None and not returning
        self.connection, self.page = connection, page
        media = self._fittings.media
        self._tell(
            Welcome(
                seat_no=self.holder.seat_no,
                code_name=self.holder.code_name,
                room_ms=self._room_clock(),
                state=self.holder.evaluation_state,
                media="needed" if self._peer is None else "kept",
                ice_servers=tuple(
                    IceServer(urls=one.urls, username=one.username, credential=one.credential)
                    for one in ice_servers(media, self._fittings.clock.now(), self.holder.seat_no)
                ),
                ice_expires_in_s=media.turn_lifetime_s,
            ),
            HOUSE,
        )
        if self.media is not None and self._peer is not None:
            self._tell(Media(state=self.media), self.standing)
        self._tell(self._recording(), self.standing)
        if replaced_page:
            self._tell(Notice(code=NoticeCode.earlier_page_replaced), HOUSE)

    def taken_from(self, session_id: str, page: str) -> bool:
        """Whether this page would take the seat from another one that is connected by the same session; that somebody has
        signed in anew is known already."""
        return self.connection is not None and page != self.page and session_id == self.session_id

    async def oust(self) -> bool:
        """The page that sits here goes at once, with its media; the seat waits for whoever has signed in after it. False
        when no page was connected."""
        connected = self.connection is not None
        if self.connection is not None:
            self._tell(Replaced(), HOUSE)
            self.connection.close(CloseCode.replaced)
            self.connection = None
            self.times_away += 1
            self.note(EventKind.seat_replaced)
        self.page = None
        await self.drop_peer("replaced")
        return connected

    def lose(self, connection: Connection) -> bool:
        """The connection is gone; False when it had been replaced or the stay is over."""
        if self.connection is not connection:
            return False
        self.connection = None
        self.times_away += 1
        self.note(EventKind.seat_away)
        return True

    async def handle(self, connection: Connection, message: ClientMessage) -> None:
        """Does what the seat asks; raises YuanpingError when it may not. A replaced connection is not heard."""
        if self.connection is not connection:
            return
        match message:
            case Ping(t=t):
                self._tell(Pong(t=t, room_ms=self._room_clock()), self.standing)
            case Offer():
                await self._answer(message)
            case Devices():
                self._note_devices(message)
            case Stats():
                self._note_stats(LinkFigures(**message.model_dump(exclude={"type"})))
            case Focus(visible=visible):
                if visible != self.visible:
                    self.visible = visible
                    self.note(EventKind.page_shown if visible else EventKind.page_hidden)
            case Hello():
                raise Conflict("hello-again", N_("工位已经进入评标室"), N_("无需处理"))

    def update(self, holder: SeatHolder) -> None:
        """The member's rows as they are now; a change of the evaluation's state is told."""
        changed = holder.evaluation_state != self.holder.evaluation_state
        self.holder = holder
        if changed:
            self._tell(State(evaluation=holder.evaluation_state), HOUSE)

    def tick(self) -> None:
        """Tells how far the recording has reached the disk."""
        recording = self._recording()
        if recording.stale != self.stale:
            self.stale = recording.stale
            if recording.stale:
                self.note(EventKind.recording_stale)
                self._tell(Notice(code=NoticeCode.recording_stale), HOUSE)
            elif self._was_recorded:
                self.note(EventKind.recording_back)
                self._tell(Notice(code=NoticeCode.recording_back), HOUSE)
            self._was_recorded = True
        self._tell(recording, self.standing)

    async def end(self, reason: ClosedReason, code: CloseCode) -> None:
        """Ends the stay: tells the page, closes it, and waits until its media has ended."""
        self.ended = True
        if self.connection is not None:
            self._tell(Closed(reason=reason), HOUSE)
            self.connection.close(code)
            self.connection = None
        await self.drop_peer(_SINK_REASONS[reason])

    async def drop_peer(self, reason: str) -> None:
        """Ends the media connection and its tracks; `reason` goes into the recording."""
        peer, self._peer = self._peer, None
        if peer is not None:
            await peer.close(reason)

    async def _answer(self, offer: Offer) -> None:
        if not self._offers.take(self._fittings.clock.monotonic_ns()):
            raise Conflict("offer-flood", N_("音视频连接请求过于频繁"), N_("页面会稍后自动重试"))
        self._peer_number += 1  # what the earlier connection still says is no news of this one
        await self.drop_peer("replaced")
        peer = self._fittings.peers(
            self._room_clock,
            self._open_sink,
            partial(self._media_is, self._peer_number),
            self._fittings.media,
        )
        self._peer, answered = peer, False
        try:
            sdp = await peer.answer(offer.sdp, offer.screen_mid)
            answered = True
        finally:
            if not answered and self._peer is peer:
                await self.drop_peer("bad-offer")
        if self._peer is peer:
            self._tell(Answer(n=offer.n, sdp=sdp), self.standing)

    def _open_sink(self, source: Source, codec: Codec) -> SampleSink:
        key = TrackKey(self.holder.room_id, self.holder.seat_no, source)
        sink = self._sinks[source] = WatchedSink(self._fittings.sinks(key, codec), self._note_silence)
        return sink

    def _note_silence(self, silent: bool) -> None:  # noqa: FBT001 -- silent or heard
        self.note(EventKind.microphone_silent if silent else EventKind.microphone_heard)

    def _media_is(self, peer_number: int, text: str) -> None:
        if peer_number != self._peer_number:
            return  # an earlier connection's last words
        try:
            state = MediaState(text)
        except ValueError:
            logger.info("seat %s: media state %r is not told", self.holder.seat_no, text)
            return
        self.media = state
        if state in _ENDED:
            self._peer = None
        self.note(EventKind(f"media-{state}"))
        self._tell(Media(state=state), self.standing)
        if state is MediaState.connected:
            self._on_media(self)

    def _note_devices(self, devices: Devices) -> None:
        before, self.devices = self.devices, devices
        if before is None or before.camera != devices.camera:
            self.note(EventKind(f"camera-{devices.camera}"))
        if before is None or before.microphone != devices.microphone:
            self.note(EventKind(f"microphone-{devices.microphone}"))
        if devices.screen is not (ScreenState.not_asked if before is None else before.screen):
            self.note(EventKind(f"screen-{devices.screen}"))
        for source, state in zip(Source, (devices.camera, devices.microphone, devices.screen), strict=True):
            if (sink := self._sinks.get(source)) is not None:
                if state in _AWAY:
                    sink.away(state)
                else:
                    sink.back()
        if devices.screen not in _SHARED:
            self._shared_since_ms = None
        elif self._shared_since_ms is None:
            self._shared_since_ms = self._room_clock()

    def _note_stats(self, figures: LinkFigures) -> None:
        """Keeps the figures; a change of their light is an event once two reports in a row agree."""
        self.stats, light = figures.text(), quality(figures)
        if light is self._link_before and light is not self._link:
            self._link = light
            self.note(EventKind(f"link-{light}"), asdict(figures))
        self._link_before = light

    def _recording(self) -> Recording:
        now_ms = self._room_clock()
        on_disk = {
            source: self._fittings.durable(TrackKey(self.holder.room_id, self.holder.seat_no, source))
            for source in Source
        }
        reached = [on_disk[Source.camera], on_disk[Source.microphone]]
        screen = on_disk[Source.screen]
        if self._fittings.media.screen_required and (screen is None or self._shared_since_ms is None):
            reached.append(screen)
        elif self._shared_since_ms is not None:
            # A share that has just begun is not late yet, whatever lies on disk of an earlier one.
            reached.append(max(screen or 0, self._shared_since_ms))
        return Recording(
            room_ms=now_ms,
            camera_ms=on_disk[Source.camera],
            microphone_ms=on_disk[Source.microphone],
            screen_ms=on_disk[Source.screen],
            stale=any(ms is None or now_ms - ms > self._fittings.stale_after_ms for ms in reached),
        )

    def _tell(self, message: ServerMessage, origin: Standing) -> None:
        """The only way out to a page: what this seat may not know of does not pass."""
        denied = refusal(self.standing, Act.know, origin)
        if denied is not None:
            raise PermissionError(f"a seat may not hear of {origin}: {denied}")
        if self.connection is not None:
            self.connection.send(message)


def refused(error: YuanpingError) -> CloseCode | None:
    """Which refusals end a connection."""
    return _CLOSING.get(error.code)


_CLOSING = {
    "database-slow": CloseCode.try_again_later,
    "hello-first": CloseCode.bad_messages,
    "message-flood": CloseCode.flooding,
    "message-too-long": CloseCode.too_long,
    "protocol-version": CloseCode.bad_messages,
    "room-closed": CloseCode.room_closed,
    "room-elsewhere": CloseCode.moved,
    "seat-not-admitted": CloseCode.not_admitted,
    "service-busy": CloseCode.try_again_later,
    "ticket-refused": CloseCode.ticket_refused,
}
