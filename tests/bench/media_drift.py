"""Two hours of seats whose clocks run too fast and too slow, in a few seconds: the room's clock is moved by hand."""

from collections.abc import Iterator
from dataclasses import dataclass

from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpReceiveParameters
from aiortc.rtp import RtcpSenderInfo, RtcpSrPacket

from app.core.samples import ClockNote, Codec, EncodedSample
from tests.bench.table import Figure, at_most
from venue.media.encoded import EncodedLine
from venue.media.rtp import RtpPacket
from venue.media.timing import FastestArrival

_PPM = 200
_SOUND_MS, _PICTURE_MS = 20, 40
_WAY_MS = 30
_NTP = 3_900_000_000
_KEYFRAME = b"\x10" + bytes([0x10, 0, 0, 0x9D, 0x01, 0x2A, 64, 1, 240, 0])
_CODECS = {
    Codec.vp8: RTCRtpCodecParameters("video/VP8", 90_000, payloadType=97),
    Codec.opus: RTCRtpCodecParameters("audio/opus", 48_000, payloadType=96, channels=2),
}


class _LastOff:
    """A sink that only knows how far the last sample lies from the moment at which it was captured."""

    def __init__(self) -> None:
        self.captured_ms = 0.0
        self.off_ms = 0.0

    def write(self, sample: EncodedSample) -> None:
        self.off_ms = sample.room_ms - self.captured_ms

    def lost(self, from_ms: int, to_ms: int, reason: str) -> None: ...

    def clock(self, note: ClockNote) -> None: ...

    def close(self, reason: str) -> None: ...


@dataclass
class _Track:
    """One line of a seat whose clock runs `speed` times as fast as the room's."""

    codec: Codec
    speed: float
    shared: FastestArrival
    every_ms: int

    def __post_init__(self) -> None:
        self.sink, self.sent = _LastOff(), 0
        self._line = EncodedLine(
            self.codec,
            own_ssrc=1,
            send=lambda _: None,
            open_sink=lambda _: self.sink,
            shared=self.shared,
            on_broken=lambda: None,
        )
        self._line.agreed(RTCRtpReceiveParameters(codecs=[_CODECS[self.codec]]))

    def pass_on(self, now_ms: int) -> None:
        """Sends what is due on the seat's own clock by this moment of the room, and each second how its clock stands."""
        rate = _CODECS[self.codec].clockRate
        number = _CODECS[self.codec].payloadType
        assert number is not None
        while (captured_ms := self.sent * self.every_ms / self.speed) <= now_ms:
            arrives_ms = round(captured_ms + _WAY_MS + self.sent * 7919 % 13)
            media = round(self.sent * self.every_ms * rate / 1000) & 0xFFFFFFFF
            self.sink.captured_ms = captured_ms
            self._line.packet(RtpPacket(number, True, self.sent & 0xFFFF, media, 7, _KEYFRAME, arrives_ms))
            if self.sent % (1000 // self.every_ms) == 0:
                ntp = int((_NTP + self.sent * self.every_ms / 1000) * (1 << 32))
                self._line.reported(RtcpSrPacket(7, RtcpSenderInfo(ntp, media, 0, 0)), arrives_ms)
            self.sent += 1


def figures(quick: bool) -> Iterator[Figure]:
    """How far pictures and sounds of two seats lie from the truth and from each other at the end."""
    minutes = 10 if quick else 120
    tracks = []
    for ppm in (_PPM, -_PPM):
        shared = FastestArrival()
        shared.round_trip(2 * _WAY_MS / 1000)
        for codec, every_ms in ((Codec.vp8, _PICTURE_MS), (Codec.opus, _SOUND_MS)):
            tracks.append(_Track(codec, 1 + ppm / 1e6, shared, every_ms))
    for now_ms in range(0, minutes * 60_000, 1000):
        for track in tracks:
            track.pass_on(now_ms)
    off = [track.sink.off_ms for track in tracks]
    name = f"after {minutes} min with clocks of ±{_PPM} ppm"
    yield at_most(f"off the truth {name}", max(map(abs, off)), 100, unit="ms")
    yield at_most(f"seat to seat {name}", max(off) - min(off), 100, unit="ms")
