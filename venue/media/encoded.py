"""Takes the encoded frames of one seat's camera or microphone, exactly as they were sent, and hands them on.

This receiver stands in the place of aiortc's own (see `seams`), so no decoder is ever opened. It brings packets into
order, asks again for lost ones, asks for key frames, and reports to the sender once a second. What cannot be
recovered is told to the sink as an interval of room time.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from aiortc.codecs import is_rtx
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpReceiveParameters
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    RtpPacket,
    pack_remb_fci,
    unwrap_rtx,
)

from app.core.samples import Codec, EncodedSample, SampleSink
from venue.media.frames import Frame, FrameAssembler, OpusFrames, Packet, Vp8Frames
from venue.media.reception import Reception
from venue.media.reorder import Hole, ReorderBuffer
from venue.media.seams import RtpLink
from venue.media.timing import FastestArrival, TrackTime

log = logging.getLogger(__name__)

NETWORK_LOSS = "network-loss"

_REPORT_S = 1.0
_ASK_EVERY_MS = 60
_GIVE_UP_MS = 800
_GIVE_UP_WITHOUT_NACK_MS = 150
_KEYFRAME_EVERY_MS = 2500
_KEYFRAME_ASK_PAUSE_MS = 500
_OTHER_SOURCE_AFTER_MS = 1000
_RTX_HEADER = 2


@dataclass(frozen=True, slots=True)
class SourceStats:
    """How a track stands. `samples` and `bytes` went to the sink; `last_arrival_ms` is room time, None before the
    first packet; `lost` counts packets given up."""

    samples: int = 0
    bytes: int = 0
    last_arrival_ms: int | None = None
    lost: int = 0


class EncodedReceiver:
    """Receives one media line and writes its samples to the sink that `open_sink` gives at the first of them.

    `room_clock` gives room milliseconds and never goes back. `shared` ties the tracks of one seat to one time.
    `bitrate` (bits per second) is what the sender is told it may use; None tells it nothing. `on_broken` is called
    once when the sink refuses a sample; nothing is written after that.
    """

    def __init__(
        self,
        link: RtpLink,
        codec: Codec,
        *,
        room_clock: Callable[[], int],
        open_sink: Callable[[Codec], SampleSink],
        shared: FastestArrival,
        bitrate: int | None,
        on_broken: Callable[[], None],
    ) -> None:
        self._link = link
        self._codec = codec
        self._room_clock = room_clock
        self._open_sink = open_sink
        self._bitrate = bitrate
        self._on_broken = on_broken
        self._sink: SampleSink | None = None
        self._is_broken = False
        self._clock_rate = 90_000 if codec is Codec.vp8 else 48_000
        self._time = TrackTime(self._clock_rate, shared)
        self._codecs: dict[int, RTCRtpCodecParameters] = {}
        self._asks_again = False
        self._is_started = False
        self._tasks: list[asyncio.Task[None]] = []
        self._hole_noticed = asyncio.Event()
        self._source: int | None = None
        self._last_report: tuple[int, int] | None = None
        self._stats = SourceStats()
        self._last_sample_ms: int | None = None
        self._in_hole = False
        self._last_keyframe_ms = 0
        self._keyframe_asked_ms: int | None = None
        self._begin()

    @property
    def stats(self) -> SourceStats:
        return self._stats

    def take_over(self) -> None:
        """From now on aiortc starts this receiver instead of its own."""
        self._link.take_over(self)

    async def start(self, parameters: RTCRtpReceiveParameters) -> None:
        """Called by aiortc when the connection stands, and again after each negotiation."""
        if self._is_started:
            return
        self._is_started = True
        self._codecs = {
            codec.payloadType: codec for codec in parameters.codecs if codec.payloadType is not None
        }
        self._asks_again = any(
            feedback.type == "nack" and not feedback.parameter
            for codec in parameters.codecs
            for feedback in codec.rtcpFeedback
        )
        self._begin()
        self._link.attach(self, parameters)
        self._tasks = [asyncio.create_task(self._report()), asyncio.create_task(self._recover())]

    async def stop(self) -> None:
        """Called by aiortc when the connection closes: what still waits is written, nothing comes after."""
        if not self._is_started:
            return
        self._link.detach(self)
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._hand_on(self._buffer.flush())

    def close_sink(self, reason: str) -> None:
        """Closes the sink, if there was ever a sample; the receiver writes no more."""
        sink, self._sink = self._sink, None
        self._is_broken = True
        if sink is not None:
            sink.close(reason)

    def _begin(self) -> None:
        give_up_ms = _GIVE_UP_MS if self._asks_again else _GIVE_UP_WITHOUT_NACK_MS
        self._buffer = ReorderBuffer(give_up_ms=give_up_ms, ask_every_ms=_ASK_EVERY_MS)
        self._frames: FrameAssembler = Vp8Frames() if self._codec is Codec.vp8 else OpusFrames()
        self._reception = Reception(self._clock_rate)

    # ---- what aiortc's transport calls

    def _handle_disconnect(self) -> None:
        """The connection ended; aiortc calls `stop` next."""

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpSrPacket) and packet.ssrc == self._source:
            info = packet.sender_info
            self._time.reported(info.ntp_timestamp, info.rtp_timestamp)
            self._last_report = (info.ntp_timestamp >> 16 & 0xFFFFFFFF, self._room_clock())

    async def _handle_rtp_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:  # noqa: ARG002 -- wall time; rooms have their own clock
        now_ms = self._room_clock()
        codec = self._codecs.get(packet.payload_type)
        if codec is None:
            return
        is_resent = is_rtx(codec)
        if is_resent:
            apt = codec.parameters.get("apt")
            if self._source is None or not isinstance(apt, int) or len(packet.payload) < _RTX_HEADER:
                return
            packet = unwrap_rtx(packet, payload_type=apt, ssrc=self._source)
        elif not self._is_our_source(packet.ssrc, now_ms):
            return
        place = self._buffer.place(packet.sequence_number)
        if not is_resent:
            self._reception.arrived(place, packet.timestamp, now_ms)
            self._time.arrived(packet.timestamp, now_ms)
        self._stats = _with_arrival(self._stats, now_ms)
        arrived = Packet(place, packet.timestamp, bool(packet.marker), packet.payload, now_ms)
        self._hand_on(self._buffer.add(arrived, now_ms))
        if self._buffer.is_missing_any and not self._hole_noticed.is_set():
            self._hole_noticed.set()
            await self._ask_again(now_ms)
        await self._ask_for_keyframe(now_ms)

    def _is_our_source(self, ssrc: int, now_ms: int) -> bool:
        """One source per line; another may take its place only when the first has fallen silent."""
        if ssrc == self._source:
            return True
        last = self._stats.last_arrival_ms
        if self._source is not None and last is not None and now_ms - last < _OTHER_SOURCE_AFTER_MS:
            return False
        if self._source is not None:
            self._hand_on((*self._buffer.flush(), Hole(0)))
            self._time.restart()
            self._begin()
            self._last_report = None
        self._source = ssrc
        return True

    # ---- from packets to samples

    def _hand_on(self, pieces: tuple[Packet | Hole, ...]) -> None:
        for piece in pieces:
            if isinstance(piece, Hole):
                self._frames.hole()
                self._in_hole = True
                self._stats = _with_loss(self._stats, piece.packets)
            else:
                for frame in self._frames.add(piece):
                    self._deliver(frame)

    def _deliver(self, frame: Frame) -> None:
        if self._is_broken:
            return
        room_ms = self._time.room_ms(frame.timestamp)
        try:
            if self._sink is None:
                self._sink = self._open_sink(self._codec)
            if self._in_hole and self._last_sample_ms is not None:
                self._sink.lost(self._last_sample_ms, room_ms, NETWORK_LOSS)
            self._sink.write(
                EncodedSample(room_ms, frame.arrived_ms, frame.timestamp, frame.keyframe, frame.data)
            )
        except Exception:
            # Whatever the trouble of the sink is, the seat must show at once that it is not recorded.
            log.exception("the sink refused a sample; this track is written no further")
            self._is_broken = True
            self._on_broken()
            return
        self._in_hole = False
        self._last_sample_ms = room_ms
        if frame.keyframe:
            self._last_keyframe_ms = room_ms
        self._stats = _with_sample(self._stats, len(frame.data))

    # ---- what the sender is told

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(_REPORT_S)
            if self._source is not None:
                await self._send(self._reports(self._source, self._room_clock()))

    def _reports(self, source: int, now_ms: int) -> bytes:
        last, since = 0, 0
        if self._last_report is not None:
            last, since = self._last_report[0], (now_ms - self._last_report[1]) * 65536 // 1000
        info = RtcpReceiverInfo(
            ssrc=source,
            fraction_lost=self._reception.take_fraction_lost(),
            packets_lost=self._reception.lost,
            highest_sequence=self._reception.highest,
            jitter=self._reception.jitter,
            lsr=last,
            dlsr=min(since, 0xFFFFFFFF),
        )
        report = bytes(RtcpRrPacket(ssrc=self._link.own_ssrc, reports=[info]))
        if self._bitrate is None:
            return report
        # A constant limit instead of an estimate: the sender reaches its rate in the first seconds.
        limit = pack_remb_fci(self._bitrate, [source])
        return report + bytes(
            RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=self._link.own_ssrc, media_ssrc=0, fci=limit)
        )

    async def _recover(self) -> None:
        """While packets are missing: asks for them again and again, and gives up when it is time."""
        while True:
            await self._hole_noticed.wait()
            while self._buffer.is_missing_any:
                await asyncio.sleep(_ASK_EVERY_MS / 1000)
                now_ms = self._room_clock()
                self._hand_on(self._buffer.take(now_ms))
                await self._ask_again(now_ms)
                await self._ask_for_keyframe(now_ms)
            self._hole_noticed.clear()

    async def _ask_again(self, now_ms: int) -> None:
        if not self._asks_again or self._source is None:
            return
        numbers = self._buffer.to_ask(now_ms)
        wrap = next((i for i in range(1, len(numbers)) if numbers[i] < numbers[i - 1]), len(numbers))
        for run in (numbers[:wrap], numbers[wrap:]):
            if run:
                request = RtcpRtpfbPacket(
                    fmt=RTCP_RTPFB_NACK, ssrc=self._link.own_ssrc, media_ssrc=self._source
                )
                request.lost = list(run)
                await self._send(bytes(request))

    async def _ask_for_keyframe(self, now_ms: int) -> None:
        if self._codec is not Codec.vp8 or self._source is None:
            return
        is_old = now_ms - self._last_keyframe_ms >= _KEYFRAME_EVERY_MS
        if not (self._frames.needs_keyframe or is_old):
            return
        asked = self._keyframe_asked_ms
        if asked is None or now_ms - asked >= _KEYFRAME_ASK_PAUSE_MS:
            self._keyframe_asked_ms = now_ms
            request = RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=self._link.own_ssrc, media_ssrc=self._source)
            await self._send(bytes(request))

    async def _send(self, report: bytes) -> None:
        with suppress(ConnectionError):  # the connection is closing; its end is told elsewhere
            await self._link.send(report)


def _with_arrival(stats: SourceStats, now_ms: int) -> SourceStats:
    return SourceStats(stats.samples, stats.bytes, now_ms, stats.lost)


def _with_sample(stats: SourceStats, size: int) -> SourceStats:
    return SourceStats(stats.samples + 1, stats.bytes + size, stats.last_arrival_ms, stats.lost)


def _with_loss(stats: SourceStats, packets: int) -> SourceStats:
    return SourceStats(stats.samples, stats.bytes, stats.last_arrival_ms, stats.lost + packets)
