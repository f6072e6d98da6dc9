"""What comes off the wire reaches the line it belongs to, and its sender hears every second how it arrives."""

import asyncio
from typing import Any

import pytest
from aiortc.rtcrtpparameters import (
    RTCRtpCodecParameters,
    RTCRtpDecodingParameters,
    RTCRtpHeaderExtensionParameters,
    RTCRtpReceiveParameters,
)
from aiortc.rtp import (
    HeaderExtensionsMap,
    RtcpByePacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    RtpPacket,
    unpack_remb_fci,
)

from app.core.samples import Codec
from tests.support.seats import RememberingSink, play
from venue.media import tap as tap_module
from venue.media.encoded import EncodedLine
from venue.media.tap import LEVEL_URI, MID_URI, MOST_PACKETS_PER_S, MOST_REPORTS_PER_S, MediaTap, TappedLine
from venue.media.timing import FastestArrival

OWN = 11
VP8 = RTCRtpCodecParameters("video/VP8", 90_000, payloadType=97)
OPUS = RTCRtpCodecParameters("audio/opus", 48_000, payloadType=96, channels=2)
KEY = b"\x10" + bytes([0x10, 0, 0, 0x9D, 0x01, 0x2A, 64, 1, 240, 0])
EXTENSIONS = [
    RTCRtpHeaderExtensionParameters(id=4, uri=MID_URI),
    RTCRtpHeaderExtensionParameters(id=1, uri=LEVEL_URI),
]


class OpenKeys:
    """Locks nothing: what is sent can be read, and what begins with `forged` cannot be opened."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.told = asyncio.Event()

    def open_packet(self, data: bytes) -> bytes | None:
        return None if data.endswith(b"forged") else data

    open_report = open_packet

    def send_report(self, report: bytes) -> None:
        self.sent += RtcpPacket.parse(report)
        self.told.set()


class Bench:
    """A tap with a microphone, a camera and a screen, of which the last two carry the same kind of packets."""

    def __init__(self) -> None:
        self.now = 1000
        self.keys = OpenKeys()
        self.tap = MediaTap(self.keys, OWN, lambda: self.now, 700_000)  # type: ignore[arg-type]
        self.sinks: dict[str, RememberingSink] = {}
        self.lines = {
            "0": self._line("0", Codec.opus),
            "1": self._line("1", Codec.vp8),
            "2": self._line("2", Codec.vp8),
        }

    def _line(self, mid: str, codec: Codec) -> TappedLine:
        def opened(_: Codec) -> RememberingSink:
            self.sinks[mid] = RememberingSink(lambda: None)
            return self.sinks[mid]

        line = EncodedLine(
            codec,
            own_ssrc=OWN,
            send=lambda _: None,
            open_sink=opened,
            shared=FastestArrival(),
            on_broken=lambda: None,
        )
        return self.tap.line(line)

    async def start(self) -> None:
        for mid, announced in (("0", None), ("1", None), ("2", 22)):
            encodings = [RTCRtpDecodingParameters(ssrc=announced, payloadType=97)] if announced else []
            codec = OPUS if mid == "0" else VP8
            await self.lines[mid].start(
                RTCRtpReceiveParameters(
                    codecs=[codec], muxId=mid, headerExtensions=EXTENSIONS, encodings=encodings
                )
            )

    def put(self, ssrc: int, kind: int, payload: bytes, *, sequence: int = 1, mid: str | None = None) -> None:
        packet = RtpPacket(kind, 1, sequence, self.now * 90, ssrc, payload)
        packet.extensions.mid = mid
        packet.extensions.audio_level = (False, 35)
        names = HeaderExtensionsMap()
        names.configure(RTCRtpReceiveParameters(headerExtensions=EXTENSIONS))
        self.tap.datagram(packet.serialize(names))


def test_a_packet_finds_its_line_by_name_by_announced_source_or_because_only_one_can_be_meant() -> None:
    async def scenario() -> None:
        bench = Bench()
        await bench.start()
        bench.put(7, 96, b"sound")
        bench.put(21, 97, KEY, mid="1")
        bench.put(22, 97, KEY)
        bench.put(23, 97, KEY)  # camera or screen? nobody can say
        bench.put(24, 55, b"what is that")
        assert {mid: len(sink.samples) for mid, sink in bench.sinks.items()} == {"0": 1, "1": 1, "2": 1}
        assert bench.sinks["0"].samples[0].level == 35
        assert bench.tap.unreadable == 2
        bench.put(21, 97, KEY, sequence=2)  # known by now without its name
        assert len(bench.sinks["1"].samples) == 2
        for one in bench.lines.values():
            await one.stop()

    play(scenario())


def test_what_cannot_be_opened_or_read_is_counted_and_changes_nothing() -> None:
    async def scenario() -> None:
        bench = Bench()
        await bench.start()
        for datagram in (
            b"\x80\x60" + bytes(20) + b"forged",
            b"\x80\xc8" + b"forged",
            b"\x80\xc8" + bytes(9),
            b"\x80\x60xx",
        ):
            bench.tap.datagram(datagram)
        assert bench.tap.unreadable == 4
        assert bench.sinks == {}
        for one in bench.lines.values():
            await one.stop()

    play(scenario())


def test_a_seat_that_sends_without_end_is_read_only_so_far(caplog: pytest.LogCaptureFixture) -> None:
    """What others send in its name uses nothing up: it cannot be opened. The seat is told of once."""

    async def scenario() -> None:
        bench = Bench()
        await bench.start()
        for _ in range(MOST_PACKETS_PER_S + 100):
            bench.tap.datagram(b"\x80\x60" + bytes(20) + b"forged")
        for number in range(MOST_PACKETS_PER_S + 100):
            bench.put(7, 96, b"sound", sequence=number)
        assert bench.tap.excess == 100
        assert len(bench.sinks["0"].samples) == MOST_PACKETS_PER_S
        report = bytes(RtcpSrPacket(ssrc=7, sender_info=RtcpSenderInfo(1 << 40, 0, 0, 0)))
        for _ in range(MOST_REPORTS_PER_S + 1):
            bench.tap.datagram(report)
        assert bench.tap.excess == 101
        bench.now += 1000
        bench.put(7, 96, b"sound", sequence=MOST_PACKETS_PER_S + 200)
        bench.tap.datagram(report)
        assert bench.tap.excess == 101
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        for one in bench.lines.values():
            await one.stop()

    play(scenario())


def test_each_second_one_report_tells_of_every_line_and_how_much_may_be_sent(monkeypatch: Any) -> None:
    monkeypatch.setattr(tap_module, "_REPORT_S", 0.01)

    async def scenario() -> None:
        bench = Bench()
        await bench.start()
        bench.put(7, 96, b"sound")
        bench.put(21, 97, KEY, mid="1")
        info = RtcpSenderInfo(ntp_timestamp=5 << 32, rtp_timestamp=90_000, packet_count=1, octet_count=1)
        bench.tap.datagram(bytes(RtcpSrPacket(21, info)) + bytes(RtcpByePacket([21])))
        bench.now += 500
        await bench.keys.told.wait()
        report, limit = bench.keys.sent[:2]
        assert isinstance(report, RtcpRrPacket)
        assert [(one.ssrc, one.lsr, one.dlsr) for one in report.reports] == [(7, 0, 0), (21, 5 << 16, 32768)]
        assert isinstance(limit, RtcpPsfbPacket)
        bits, sources = unpack_remb_fci(limit.fci)
        assert abs(bits - 700_000) < 8
        assert sources == [7, 21]
        for one in bench.lines.values():
            await one.stop()
            await one.stop()

    play(scenario())


def test_starting_twice_is_starting_once() -> None:
    async def scenario() -> None:
        bench = Bench()
        await bench.start()
        await bench.start()
        bench.put(7, 96, b"sound")
        assert len(bench.sinks["0"].samples) == 1
        for one in bench.lines.values():
            await one.stop()

    play(scenario())
