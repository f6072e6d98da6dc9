"""Takes the encoded frames of one media line of a seat, exactly as they were sent, and hands them on.

It brings packets into order, asks again for lost ones, asks for key frames, and knows what the sender should be told.
What cannot be recovered is told to the sink as an interval of room time. Nothing here waits: packets come from
`venue.media.tap`, and what is due in between is done when the tap's timers say so.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiortc.codecs import is_rtx
from aiortc.rtcrtpparameters import RTCRtpReceiveParameters
from aiortc.rtp import (
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRtpfbPacket,
    RtcpSrPacket,
)

from app.core.samples import ClockNote, Codec, EncodedSample, SampleSink
from venue.media.frames import Frame, FrameAssembler, H264Frames, OpusFrames, Vp8Frames
from venue.media.reception import Reception
from venue.media.reorder import Hole, ReorderBuffer
from venue.media.rtp import SILENCE, RtpPacket
from venue.media.timing import FastestArrival, TrackTime

log = logging.getLogger(__name__)

NETWORK_LOSS = "network-loss"

ASK_EVERY_MS = 60
_GIVE_UP_MS = 800
_GIVE_UP_WITHOUT_NACK_MS = 150
_KEYFRAME_EVERY_MS = 2500
_KEYFRAME_ASK_PAUSE_MS = 500
_OTHER_SOURCE_AFTER_MS = 1000
_NOTE_EVERY_MS = 100
_RTX_HEADER = 2
_CLOCK_RATES = {Codec.vp8: 90_000, Codec.h264: 90_000, Codec.opus: 48_000}
_ASSEMBLERS: Mapping[Codec, Callable[[], FrameAssembler]] = {
    Codec.vp8: Vp8Frames,
    Codec.h264: H264Frames,
    Codec.opus: OpusFrames,
}


@dataclass(frozen=True, slots=True)
class SourceStats:
    """How a track stands. `samples` and `bytes` went to the sink; `last_arrival_ms` is room time, None before the
    first packet; `lost` counts packets given up. `silent_since_ms`: since when every sound has been digital silence, None
    while there is any sound, or while its loudness is not told."""

    samples: int = 0
    bytes: int = 0
    last_arrival_ms: int | None = None
    lost: int = 0
    silent_since_ms: int | None = None


class EncodedLine:
    """Receives one media line and writes its samples to the sink that `open_sink` gives at the first of them.

    own_ssrc: signs what is sent. send: hands RTCP to the sender of the media. shared: ties the lines of one seat to one
    time. on_broken: called once when the sink refuses a sample; nothing is written after that. Times are room
    milliseconds, which never go back.
    """

    def __init__(
        self,
        codec: Codec,
        *,
        own_ssrc: int,
        send: Callable[[bytes], None],
        open_sink: Callable[[Codec], SampleSink],
        shared: FastestArrival,
        on_broken: Callable[[], None],
    ) -> None:
        self.ssrc: int | None = None
        self._codec = codec
        self._own_ssrc = own_ssrc
        self._send = send
        self._open_sink = open_sink
        self._on_broken = on_broken
        self._sink: SampleSink | None = None
        self._is_broken = False
        self._shared = shared
        self._time = TrackTime(_CLOCK_RATES[codec], shared)
        self._plain: frozenset[int] = frozenset()
        self._resent: frozenset[int] = frozenset()
        self._asks_again = False
        self._last_report: tuple[int, int] | None = None
        self._noted_ms: int | None = None
        self._samples = self._bytes = self._lost = 0
        self._last_arrival_ms: int | None = None
        self._silent_since_ms: int | None = None
        self._timed: int | None = None
        self._last_sample_ms: int | None = None
        self._in_hole = False
        self._last_keyframe_ms = 0
        self._keyframe_asked_ms: int | None = None
        self._begin()

    @property
    def stats(self) -> SourceStats:
        return SourceStats(
            self._samples, self._bytes, self._last_arrival_ms, self._lost, self._silent_since_ms
        )

    @property
    def is_missing_any(self) -> bool:
        return self._buffer.is_missing_any

    @property
    def payload_types(self) -> frozenset[int]:
        """Of the packets that belong here, those sent again too."""
        return self._plain | self._resent

    def agreed(self, parameters: RTCRtpReceiveParameters) -> None:
        """What the connection has agreed on for this line."""
        numbered = [
            (codec.payloadType, codec) for codec in parameters.codecs if codec.payloadType is not None
        ]
        self._plain = frozenset(number for number, codec in numbered if not is_rtx(codec))
        self._resent = frozenset(number for number, codec in numbered if is_rtx(codec))
        self._asks_again = any(
            feedback.type == "nack" and not feedback.parameter
            for codec in parameters.codecs
            for feedback in codec.rtcpFeedback
        )
        self._begin()

    def finish(self) -> None:
        """The connection has ended: what still waits is written, nothing comes after."""
        self._hand_on(self._buffer.flush())

    def close_sink(self, reason: str) -> None:
        """Closes the sink, if there was ever a sample; the line writes no more."""
        sink, self._sink = self._sink, None
        self._is_broken = True
        if sink is not None:
            sink.close(reason)

    def _begin(self) -> None:
        give_up_ms = _GIVE_UP_MS if self._asks_again else _GIVE_UP_WITHOUT_NACK_MS
        self._buffer = ReorderBuffer(give_up_ms=give_up_ms, ask_every_ms=ASK_EVERY_MS)
        self._frames = _ASSEMBLERS[self._codec]()
        self._reception = Reception(_CLOCK_RATES[self._codec])
        self._timed = None

    # ---- from packets to samples

    def packet(self, packet: RtpPacket) -> bool:
        """Takes a packet of this line; tells whether any is missing now."""
        now_ms = packet.arrived_ms
        if packet.payload_type in self._plain:
            if packet.ssrc != self.ssrc and not self._is_our_source(packet.ssrc, now_ms):
                return self.is_missing_any
            self._last_arrival_ms = now_ms
            is_new_time = packet.timestamp != self._timed
            if is_new_time:  # one look at the clock for each frame is enough
                self._timed = packet.timestamp
                self._time.arrived(packet.timestamp, now_ms)
            place = self._buffer.pass_by(packet.sequence)
            if place is not None:
                self._reception.arrived(place, packet.timestamp, now_ms)
                for frame in self._frames.add(packet):
                    self._deliver(frame)
                if is_new_time:
                    self._ask_for_keyframe(now_ms)
                return False
            place = self._buffer.place(packet.sequence)
            self._reception.arrived(place, packet.timestamp, now_ms)
        elif (
            packet.payload_type in self._resent
            and self.ssrc is not None
            and len(packet.payload) >= _RTX_HEADER
        ):
            self._last_arrival_ms = now_ms
            place = self._buffer.place(int.from_bytes(packet.payload[:_RTX_HEADER], "big"))
            packet = packet._replace(payload=packet.payload[_RTX_HEADER:])
        else:
            return self.is_missing_any
        was_missing = self.is_missing_any
        self._hand_on(self._buffer.add(place, packet, now_ms))
        if not was_missing and self.is_missing_any:
            self._ask_again(now_ms)
        self._ask_for_keyframe(now_ms)
        return self.is_missing_any

    def retry(self, now_ms: int) -> None:
        """While packets are missing, every `ASK_EVERY_MS`: asks for them again, and gives up when it is time."""
        self._hand_on(self._buffer.take(now_ms))
        self._ask_again(now_ms)
        self._ask_for_keyframe(now_ms)

    def _is_our_source(self, ssrc: int, now_ms: int) -> bool:
        """One source per line; another may take its place only when the first has fallen silent."""
        last = self._last_arrival_ms
        if self.ssrc is not None and last is not None and now_ms - last < _OTHER_SOURCE_AFTER_MS:
            return False
        if self.ssrc is not None:
            self._hand_on((*self._buffer.flush(), Hole(0)))
            self._time.restart()
            self._begin()
            self._last_report = None
        self.ssrc = ssrc
        return True

    def _hand_on(self, pieces: tuple[RtpPacket | Hole, ...]) -> None:
        for piece in pieces:
            if isinstance(piece, Hole):
                self._frames.hole()
                self._in_hole = True
                self._lost += piece.packets
            else:
                for frame in self._frames.add(piece):
                    self._deliver(frame)

    def _deliver(self, frame: Frame) -> None:
        if self._is_broken:
            return
        room_ms = self._time.room_ms(frame.timestamp, frame.arrived_ms)
        try:
            if self._sink is None:
                self._sink = self._open_sink(self._codec)
            if self._in_hole and self._last_sample_ms is not None:
                self._sink.lost(self._last_sample_ms, room_ms, NETWORK_LOSS)
            self._sink.write(
                EncodedSample(
                    room_ms, frame.arrived_ms, frame.timestamp, frame.keyframe, frame.data, frame.level
                )
            )
        except Exception:
            log.exception("the sink refused a sample; this track is written no further")
            self._break()
            return
        self._in_hole = False
        self._last_sample_ms = room_ms
        if frame.keyframe:
            self._last_keyframe_ms = room_ms
        if frame.level != SILENCE:
            self._silent_since_ms = None
        elif self._silent_since_ms is None:
            self._silent_since_ms = room_ms
        self._samples += 1
        self._bytes += len(frame.data)

    def _break(self) -> None:
        """Whatever the trouble of the sink is, the seat must show at once that it is not recorded."""
        self._is_broken = True
        self._on_broken()

    # ---- what the sender tells and is told

    def reported(self, report: RtcpSrPacket, now_ms: int) -> None:
        """A sender report of this line's source."""
        info = report.sender_info
        self._time.reported(info.ntp_timestamp, info.rtp_timestamp)
        self._last_report = (info.ntp_timestamp >> 16 & 0xFFFFFFFF, now_ms)
        noted_ms = self._noted_ms
        if (
            self._sink is None
            or self._is_broken
            or (noted_ms is not None and now_ms - noted_ms < _NOTE_EVERY_MS)
        ):
            return
        self._noted_ms = now_ms
        note = ClockNote(
            arrived_ms=now_ms,
            ntp=info.ntp_timestamp,
            rtp_timestamp=info.rtp_timestamp,
            rtt_us=self._shared.round_trip_us,
            shift_us=self._time.shift_us,
        )
        try:
            self._sink.clock(note)
        except Exception:
            log.exception("the sink refused a sender report; this track is written no further")
            self._break()

    def receipt(self, now_ms: int) -> RtcpReceiverInfo | None:
        """What arrived since the last receipt; None before anything did."""
        if self.ssrc is None:
            return None
        last, since = 0, 0
        if self._last_report is not None:
            last, since = self._last_report[0], (now_ms - self._last_report[1]) * 65536 // 1000
        return RtcpReceiverInfo(
            ssrc=self.ssrc,
            fraction_lost=self._reception.take_fraction_lost(),
            packets_lost=self._reception.lost,
            highest_sequence=self._reception.highest,
            jitter=self._reception.jitter,
            lsr=last,
            dlsr=min(since, 0xFFFFFFFF),
        )

    def _ask_again(self, now_ms: int) -> None:
        if not self._asks_again or self.ssrc is None:
            return
        numbers = self._buffer.to_ask(now_ms)
        wrap = next((i for i in range(1, len(numbers)) if numbers[i] < numbers[i - 1]), len(numbers))
        for run in (numbers[:wrap], numbers[wrap:]):
            if run:
                request = RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=self._own_ssrc, media_ssrc=self.ssrc)
                request.lost = list(run)
                self._send(bytes(request))

    def _ask_for_keyframe(self, now_ms: int) -> None:
        if self._codec is Codec.opus or self.ssrc is None:
            return
        if not (self._frames.needs_keyframe or now_ms - self._last_keyframe_ms >= _KEYFRAME_EVERY_MS):
            return
        asked = self._keyframe_asked_ms
        if asked is None or now_ms - asked >= _KEYFRAME_ASK_PAUSE_MS:
            self._keyframe_asked_ms = now_ms
            self._send(bytes(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=self._own_ssrc, media_ssrc=self.ssrc)))
