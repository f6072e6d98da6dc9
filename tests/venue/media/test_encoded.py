"""What the sender is told and what counts as its media, packet by packet on a clock moved by hand."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from aiortc.rtcrtpparameters import (
    RTCRtcpFeedback,
    RTCRtpCodecParameters,
    RTCRtpReceiveParameters,
)
from aiortc.rtp import (
    RTCP_PSFB_PLI,
    RtcpByePacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    RtpPacket,
    unpack_remb_fci,
    wrap_rtx,
)

from app.core.samples import Codec
from tests.support.seats import RememberingSink, play
from venue.media.encoded import EncodedReceiver
from venue.media.timing import FastestArrival

OWN, SENDER, STRANGER = 11, 22, 33
NACK = RTCRtcpFeedback("nack")
VP8 = RTCRtpCodecParameters("video/VP8", 90_000, payloadType=97, rtcpFeedback=[NACK])
RTX = RTCRtpCodecParameters("video/rtx", 90_000, payloadType=98, parameters={"apt": 97})
OPUS = RTCRtpCodecParameters("audio/opus", 48_000, payloadType=96, channels=2)
KEY = b"\x10" + bytes([0x10, 0, 0, 0x9D, 0x01, 0x2A, 64, 1, 240, 0])
DELTA = b"\x10\x11delta"


class HeldLink:
    """Stands in place of the transport and keeps what would be sent."""

    own_ssrc = OWN

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.is_up = True
        self.attached: object | None = None

    def take_over(self, receiver: object) -> None:
        raise AssertionError("there is no connection here")

    def attach(self, receiver: object, parameters: object) -> None:
        self.attached = receiver

    def detach(self, receiver: object) -> None:
        self.attached = None

    async def send(self, report: bytes) -> None:
        if not self.is_up:
            raise ConnectionError
        self.sent += RtcpPacket.parse(report)

    def take(self) -> list[Any]:
        sent, self.sent = self.sent, []
        return sent


class Bench:
    """One receiver on a bench: `now` is room time, `put` sends it a packet."""

    def __init__(self, codec: Codec, *codecs: RTCRtpCodecParameters, bitrate: int | None = None) -> None:
        self.now = 1000
        self.link = HeldLink()
        self.sink = RememberingSink(lambda: None)
        self.codecs = codecs
        self.receiver = EncodedReceiver(
            self.link,  # type: ignore[arg-type]
            codec,
            room_clock=lambda: self.now,
            open_sink=lambda _: self.sink,
            shared=FastestArrival(),
            bitrate=bitrate,
            on_broken=lambda: None,
        )

    async def start(self) -> None:
        await self.receiver.start(RTCRtpReceiveParameters(codecs=list(self.codecs)))

    async def put(
        self, sequence: int, payload: bytes, *, ssrc: int = SENDER, kind: int = 97, at: int | None = None
    ) -> None:
        await self.receive(RtpPacket(kind, 1, sequence, (self.now if at is None else at) * 90, ssrc, payload))

    async def receive(self, packet: RtpPacket) -> None:
        await self.receiver._handle_rtp_packet(packet, 0)


def on_bench(bench: Bench, scenario: Coroutine[Any, Any, None]) -> None:
    async def run() -> None:
        await bench.start()
        await scenario
        await bench.receiver.stop()

    play(run())


def test_a_gap_is_asked_for_at_once_also_over_the_wrap_of_sequence_numbers() -> None:
    bench = Bench(Codec.vp8, VP8, RTX)

    async def scenario() -> None:
        await bench.put(65533, KEY)
        bench.link.take()
        await bench.put(3, DELTA)
        requests = [packet for packet in bench.link.take() if isinstance(packet, RtcpRtpfbPacket)]
        assert [number for request in requests for number in request.lost] == [65534, 65535, 0, 1, 2]
        assert {(request.ssrc, request.media_ssrc) for request in requests} == {(OWN, SENDER)}

    on_bench(bench, scenario())


def test_a_packet_sent_again_on_its_own_stream_fills_the_gap() -> None:
    bench = Bench(Codec.vp8, VP8, RTX)

    async def scenario() -> None:
        await bench.put(1, KEY)
        await bench.put(3, DELTA, at=1080)
        again = wrap_rtx(RtpPacket(97, 1, 2, 1040 * 90, SENDER, DELTA), 98, 7, STRANGER)
        await bench.receive(again)
        await bench.receive(RtpPacket(98, 0, 8, 0, STRANGER, b""))
        assert [sample.rtp_timestamp // 90 for sample in bench.sink.samples] == [1000, 1040, 1080]
        assert bench.sink.losses == []

    on_bench(bench, scenario())


def test_sound_that_nobody_would_send_again_is_given_up_soon_and_not_asked_for() -> None:
    bench = Bench(Codec.opus, OPUS)

    async def scenario() -> None:
        for sequence in (1, 2, 4):
            await bench.put(sequence, b"sound", kind=96)
            bench.now += 20
        assert len(bench.sink.samples) == 2
        bench.now += 150
        await bench.put(5, b"sound", kind=96)
        assert len(bench.sink.samples) == 4
        assert [loss[2] for loss in bench.sink.losses] == ["network-loss"]
        assert bench.receiver.stats.lost == 1
        assert bench.link.take() == []

    on_bench(bench, scenario())


def test_a_key_frame_is_asked_for_at_first_and_again_each_two_and_a_half_seconds() -> None:
    bench = Bench(Codec.vp8, VP8)
    asked: list[int] = []

    async def scenario() -> None:
        for sequence in range(300):
            await bench.put(sequence, KEY if sequence == 20 else DELTA)
            for packet in bench.link.take():
                assert isinstance(packet, RtcpPsfbPacket)
                assert packet.fmt == RTCP_PSFB_PLI
                asked.append(bench.now)
            bench.now += 40
        # No key frame until 1800: asked every half second. Then none after 4300: asked again.
        assert asked[:3] == [1000, 1520, 4320]
        assert asked[3] == 4840

    on_bench(bench, scenario())


def test_a_report_tells_the_sender_how_it_stands_and_how_much_it_may_send() -> None:
    bench = Bench(Codec.vp8, VP8, bitrate=700_000)

    async def scenario() -> None:
        for sequence in (0, 1, 2, 4):
            await bench.put(sequence, KEY)
        ntp = (5000 << 32) + (1 << 31)
        info = RtcpSenderInfo(ntp_timestamp=ntp, rtp_timestamp=1000 * 90, packet_count=4, octet_count=40)
        await bench.receiver._handle_rtcp_packet(RtcpSrPacket(SENDER, info))
        foreign = RtcpSenderInfo(ntp_timestamp=1 << 40, rtp_timestamp=0, packet_count=0, octet_count=0)
        await bench.receiver._handle_rtcp_packet(RtcpSrPacket(STRANGER, foreign))
        await bench.receiver._handle_rtcp_packet(RtcpByePacket([SENDER]))
        bench.now += 500
        report, limit = RtcpPacket.parse(bench.receiver._reports(SENDER, bench.now))
        assert isinstance(report, RtcpRrPacket)
        [block] = report.reports
        assert (block.ssrc, block.highest_sequence, block.packets_lost) == (SENDER, 4, 1)
        assert block.fraction_lost == 256 // 5
        assert (block.lsr, block.dlsr) == ((5000 << 16) + (1 << 15), 32768)
        assert isinstance(limit, RtcpPsfbPacket)
        bits, sources = unpack_remb_fci(limit.fci)
        assert abs(bits - 700_000) < 8
        assert sources == [SENDER]

    on_bench(bench, scenario())


def test_a_second_source_is_ignored_until_the_first_has_fallen_silent() -> None:
    bench = Bench(Codec.vp8, VP8)

    async def scenario() -> None:
        await bench.put(1, KEY)
        bench.now += 999
        await bench.put(500, KEY, ssrc=STRANGER)
        assert len(bench.sink.samples) == 1
        bench.now += 1
        await bench.put(501, DELTA, ssrc=STRANGER, at=77_000)
        await bench.put(502, KEY, ssrc=STRANGER, at=77_040)
        bench.now += 40
        await bench.put(503, DELTA, ssrc=STRANGER, at=77_080)
        times = [sample.room_ms for sample in bench.sink.samples]
        assert times == [1000, 2000, 2040]
        assert bench.sink.losses == [(1000, 2000, "network-loss")]

    on_bench(bench, scenario())


def test_payloads_nobody_agreed_on_are_left_alone() -> None:
    bench = Bench(Codec.vp8, VP8, RTX)

    async def scenario() -> None:
        await bench.put(1, KEY, kind=111)
        await bench.receive(RtpPacket(98, 0, 8, 0, STRANGER, b"\x00\x01rest"))
        assert bench.receiver.stats.last_arrival_ms is None
        assert bench.link.take() == []

    on_bench(bench, scenario())


def test_stopping_writes_what_still_waits_and_a_closing_connection_is_no_error() -> None:
    bench = Bench(Codec.opus, OPUS)

    async def scenario() -> None:
        await bench.receiver.stop()
        await bench.start()
        await bench.start()
        assert bench.link.attached is bench.receiver
        await bench.put(1, b"a", kind=96)
        await bench.put(3, b"c", kind=96)
        bench.link.is_up = False
        await bench.receiver._send(b"")
        bench.receiver._handle_disconnect()
        await bench.receiver.stop()
        assert bench.link.attached is None
        assert [sample.data for sample in bench.sink.samples] == [b"a", b"c"]
        bench.receiver.close_sink("done")
        bench.receiver.close_sink("again")
        assert bench.sink.closed_for == "done"
        await asyncio.sleep(0)

    play(scenario())
