"""One seat's WebRTC connection: the browser offers, the service answers and only ever receives."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain, repeat

from aioice import Connection
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidStateError

from app.core.errors import Conflict
from app.core.i18n import N_
from app.core.samples import Codec, SampleSink, Source
from app.core.settings_rooms import MediaSettings
from venue.media.encoded import EncodedLine, SourceStats
from venue.media.guard import PortGuard
from venue.media.offer import Line, bad_offer, read_offer, without_candidates
from venue.media.seams import (
    MediaKeys,
    agree_to_audio_nack,
    agree_to_extension,
    ice_connection,
    offer_loopback,
    own_ssrc,
    round_trip,
    take_over,
)
from venue.media.tap import LEVEL_URI, MediaTap
from venue.media.timing import FastestArrival

log = logging.getLogger(__name__)

CONNECT_WITHIN_S = 30.0

_ROUND_TRIPS_S = (0.2, 0.3, 0.5)
"""Pauses before the first measurements of the way to a seat; then one follows every `_ROUND_TRIP_EVERY_S`."""
_ROUND_TRIP_EVERY_S = 5.0


class SeatPeer:
    """Receives one seat's camera, microphone and screen (评标工位音视频) and writes them to sinks, encoded as they came.

    room_clock: room milliseconds, never going back.
    sinks: opens the sink of a source at its first sample.
    on_state: told `connecting`, `connected`, `failed`, `closed`, and `recording-failed` when a sink refused.
    All calls belong to the event loop that `answer` ran on. One peer serves one offer; a seat that comes back gets
    a new peer.
    """

    def __init__(
        self,
        room_clock: Callable[[], int],
        sinks: Callable[[Source, Codec], SampleSink],
        on_state: Callable[[str], None],
        settings: MediaSettings,
    ) -> None:
        self._room_clock = room_clock
        self._sinks = sinks
        self._on_state = on_state
        self._settings = settings
        self._connection: RTCPeerConnection | None = None
        self._lines: dict[Source, EncodedLine] = {}
        self._guard: PortGuard | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._measuring: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    async def answer(self, offer_sdp: str, screen_mid: str | None = None) -> str:
        """Answers a seat's offer; the answer holds all candidates. screen_mid: the line that carries the screen, if one does.

        Raises InvalidInput when the offer cannot be recorded, Conflict when this peer has answered before.
        """
        if self._connection is not None or self._closing is not None:
            raise Conflict("media-peer-used", N_("该连接已经建立过"), N_("请重新进入评标工位"))
        lines = read_offer(offer_sdp, Codec(self._settings.video_codec), screen_mid)
        connection = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self._connection = connection
        connection.on("connectionstatechange", self._state_changed)
        transceivers = [_transceiver(connection, line) for line in lines]
        self._open_door(lines, transceivers)
        try:
            await connection.setRemoteDescription(
                RTCSessionDescription(without_candidates(offer_sdp), "offer")
            )
            for line, transceiver in zip(lines, transceivers, strict=True):
                if line.source is Source.microphone and line.asks_nack:
                    agree_to_audio_nack(transceiver)
                if line.level_number is not None:
                    agree_to_extension(transceiver, LEVEL_URI, line.level_number)
            await connection.setLocalDescription(await connection.createAnswer())
        except InvalidStateError as error:
            raise _closed_meanwhile() from error
        except Exception as error:
            # aiortc meets odd offers with errors of many kinds; to the seat they are all the same.
            await self.close("bad-offer")
            raise bad_offer() from error
        if self._closing is not None:
            raise _closed_meanwhile()
        self._deadline = asyncio.get_running_loop().call_later(CONNECT_WITHIN_S, self._give_up)
        return connection.localDescription.sdp

    async def close(self, reason: str) -> None:
        """Ends the connection and closes the sinks with `reason`; calling it again waits for the first."""
        await asyncio.shield(self._end("closed", reason))

    def stats(self) -> dict[Source, SourceStats]:
        """How each offered source stands now."""
        return {source: line.stats for source, line in self._lines.items()}

    @property
    def dropped_datagrams(self) -> int:
        """Datagrams that the guard turned away."""
        return self._guard.dropped if self._guard is not None else 0

    def _open_door(self, lines: Sequence[Line], transceivers: Sequence[RTCRtpTransceiver]) -> None:
        """Sets up what receives the lines; they all share one ICE agent and one set of keys."""
        first, shared = transceivers[0], FastestArrival()
        keys, agent = MediaKeys(first), ice_connection(first)
        pictures = sum(line.source is not Source.microphone for line in lines)
        tap = MediaTap(
            keys, own_ssrc(first), self._room_clock, self._settings.video_bitrate * max(pictures, 1)
        )
        offer_loopback(agent, always=self._settings.loopback)
        self._guard = PortGuard(agent, tap.datagram)
        self._measure_way = partial(_measure_way, agent, shared)
        for line, transceiver in zip(lines, transceivers, strict=True):
            received = EncodedLine(
                line.codec,
                own_ssrc=own_ssrc(transceiver),
                send=keys.send_report,
                open_sink=partial(self._sinks, line.source),
                shared=shared,
                on_broken=partial(self._on_state, "recording-failed"),
            )
            take_over(transceiver, tap.line(received))
            self._lines[line.source] = received

    def _state_changed(self) -> None:
        if self._connection is None or self._closing is not None:
            return
        state = self._connection.connectionState
        if state == "connected" and self._deadline is not None:
            self._deadline.cancel()
            if self._measuring is None:
                self._measuring = asyncio.create_task(self._measure_way())
        if state in ("failed", "closed"):
            self._end(state, f"connection-{state}")
        else:
            self._on_state(state)

    def _give_up(self) -> None:
        log.warning("a seat did not connect within %s seconds", CONNECT_WITHIN_S)
        self._end("failed", "connection-failed")

    def _end(self, state: str, reason: str) -> asyncio.Task[None]:
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(state, reason))
        return self._closing

    async def _close(self, state: str, reason: str) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if self._measuring is not None:
            self._measuring.cancel()
        try:
            if self._connection is not None:
                await self._connection.close()
        finally:
            for line in self._lines.values():
                line.close_sink(reason)
            self._on_state(state)


def _transceiver(connection: RTCPeerConnection, line: Line) -> RTCRtpTransceiver:
    transceiver = connection.addTransceiver(line.kind, direction="recvonly")
    able = RTCRtpReceiver.getCapabilities(line.kind)
    transceiver.setCodecPreferences(
        [one for one in able.codecs if one.mimeType.lower() in line.mime_types] if able else []
    )
    return transceiver


async def _measure_way(agent: Connection, shared: FastestArrival) -> None:
    """Measures how long the way to the seat is, for as long as the connection stands."""
    for pause in chain(_ROUND_TRIPS_S, repeat(_ROUND_TRIP_EVERY_S)):
        await asyncio.sleep(pause)
        seconds = await round_trip(agent)
        if seconds is not None:
            shared.round_trip(seconds)


def _closed_meanwhile() -> Conflict:
    return Conflict("media-peer-closed", N_("连接已关闭"), N_("请重新进入评标工位"))
