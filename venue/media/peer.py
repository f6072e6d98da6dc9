"""One seat's WebRTC connection: the browser offers, the service answers and only ever receives."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.exceptions import InvalidStateError
from aiortc.sdp import SessionDescription

from app.core.errors import Conflict, InvalidInput
from app.core.i18n import N_
from app.core.samples import Codec, SampleSink, Source
from app.core.settings import MediaSettings
from venue.media.encoded import EncodedLine, SourceStats
from venue.media.guard import PortGuard
from venue.media.seams import (
    MediaKeys,
    agree_to_audio_nack,
    agree_to_extension,
    ice_connection,
    offer_loopback,
    own_ssrc,
    take_over,
)
from venue.media.tap import LEVEL_URI, MediaTap
from venue.media.timing import FastestArrival

log = logging.getLogger(__name__)

LONGEST_OFFER = 64_000
CONNECT_WITHIN_S = 30.0

_SOURCES = {"video": (Source.camera, Codec.vp8), "audio": (Source.microphone, Codec.opus)}
_CODECS = {"video": ("video/vp8", "video/rtx"), "audio": ("audio/opus",)}


@dataclass(frozen=True, slots=True)
class _Line:
    """One media line of an offer."""

    kind: str
    asks_audio_nack: bool
    level_number: int | None


class SeatPeer:
    """Receives one seat's camera and microphone (评标工位音视频) and writes them to sinks, encoded as they came.

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
        self._tap: MediaTap | None = None
        self._guard: PortGuard | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    async def answer(self, offer_sdp: str) -> str:
        """Answers a seat's offer; the answer holds all candidates.

        Raises InvalidInput when the offer cannot be recorded, Conflict when this peer has answered before.
        """
        if self._connection is not None or self._closing is not None:
            raise Conflict("media-peer-used", N_("该连接已经建立过"), N_("请重新进入评标工位"))
        lines = _read_offer(offer_sdp)
        connection = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self._connection = connection
        connection.on("connectionstatechange", self._state_changed)
        shared = FastestArrival()
        for line in lines:
            self._add_line(connection, line, shared)
        try:
            await connection.setRemoteDescription(
                RTCSessionDescription(_without_candidates(offer_sdp), "offer")
            )
            for line, transceiver in zip(lines, connection.getTransceivers(), strict=True):
                if line.asks_audio_nack:
                    agree_to_audio_nack(transceiver)
                if line.level_number is not None:
                    agree_to_extension(transceiver, LEVEL_URI, line.level_number)
            await connection.setLocalDescription(await connection.createAnswer())
        except InvalidStateError as error:
            raise _closed_meanwhile() from error
        except Exception as error:
            # aiortc meets odd offers with errors of many kinds; to the seat they are all the same.
            await self.close("bad-offer")
            raise _bad_offer() from error
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

    def _add_line(self, connection: RTCPeerConnection, line: _Line, shared: FastestArrival) -> None:
        source, codec = _SOURCES[line.kind]
        transceiver = connection.addTransceiver(line.kind, direction="recvonly")
        offered = RTCRtpReceiver.getCapabilities(line.kind)
        if offered is not None:
            transceiver.setCodecPreferences(
                [c for c in offered.codecs if c.mimeType.lower() in _CODECS[line.kind]]
            )
        if self._tap is None:  # all lines share one ICE agent and one set of keys
            keys = MediaKeys(transceiver)
            self._tap = MediaTap(keys, own_ssrc(transceiver), self._room_clock, self._settings.video_bitrate)
            agent = ice_connection(transceiver)
            offer_loopback(agent, always=self._settings.loopback)
            self._guard = PortGuard(agent, self._tap.datagram)
            self._keys = keys
        received = EncodedLine(
            codec,
            own_ssrc=own_ssrc(transceiver),
            send=self._keys.send_report,
            open_sink=lambda codec: self._sinks(source, codec),
            shared=shared,
            on_broken=lambda: self._on_state("recording-failed"),
        )
        take_over(transceiver, self._tap.line(received))
        self._lines[source] = received

    def _state_changed(self) -> None:
        if self._connection is None or self._closing is not None:
            return
        state = self._connection.connectionState
        if state == "connected" and self._deadline is not None:
            self._deadline.cancel()
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
        try:
            if self._connection is not None:
                await self._connection.close()
        finally:
            for line in self._lines.values():
                line.close_sink(reason)
            self._on_state(state)


def _read_offer(offer_sdp: str) -> tuple[_Line, ...]:
    """The media lines of an offer that can be recorded; raises InvalidInput for any other."""
    if len(offer_sdp) > LONGEST_OFFER:
        raise _bad_offer()
    try:
        media = SessionDescription.parse(offer_sdp).media
    except Exception as error:  # the parser has no error of its own for text that is not SDP
        raise _bad_offer() from error
    kinds = tuple(line.kind for line in media)
    if not kinds or len(set(kinds)) != len(kinds) or not set(kinds) <= set(_SOURCES):
        raise InvalidInput(
            "media-lines",
            N_("工位只能发送一路摄像头和一路麦克风"),
            N_("请关闭其他采集程序后重新进入评标工位"),
        )
    return tuple(
        _Line(
            line.kind,
            line.kind == "audio"
            and any(
                feedback.type == "nack" and not feedback.parameter
                for codec in line.rtp.codecs
                for feedback in codec.rtcpFeedback
            ),
            next((one.id for one in line.rtp.headerExtensions if one.uri == LEVEL_URI), None),
        )
        for line in media
    )


def _without_candidates(offer_sdp: str) -> str:
    """The offer without addresses: the service never sends to where an offer points, it waits to be reached."""
    kept = (
        line
        for line in offer_sdp.splitlines()
        if not line.startswith(("a=candidate:", "a=end-of-candidates", "a=remote-candidates:"))
    )
    return "\r\n".join(kept) + "\r\n"


def _closed_meanwhile() -> Conflict:
    return Conflict("media-peer-closed", N_("连接已关闭"), N_("请重新进入评标工位"))


def _bad_offer() -> InvalidInput:
    return InvalidInput(
        "media-offer", N_("无法识别工位发来的音视频参数"), N_("请使用新版 Chrome、Edge 或 Firefox 浏览器重试")
    )
