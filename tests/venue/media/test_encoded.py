"""What the sender is told and what counts as its media, packet by packet on a clock moved by hand."""

from typing import Any

from aiortc.rtcrtpparameters import (
    RTCRtcpFeedback,
    RTCRtpCodecParameters,
    RTCRtpReceiveParameters,
)
from aiortc.rtp import (
    RTCP_PSFB_PLI,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
)

from app.core.samples import ClockNote, Codec
from tests.support.seats import RememberingSink
from venue.media.encoded import EncodedLine
from venue.media.rtp import RtpPacket
from venue.media.timing import FastestArrival

OWN, SENDER, STRANGER = 11, 22, 33
NACK = RTCRtcpFeedback("nack")
VP8 = RTCRtpCodecParameters("video/VP8", 90_000, payloadType=97, rtcpFeedback=[NACK])
RTX = RTCRtpCodecParameters("video/rtx", 90_000, payloadType=98, parameters={"apt": 97})
OPUS = RTCRtpCodecParameters("audio/opus", 48_000, payloadType=96, channels=2)
KEY = b"\x10" + bytes([0x10, 0, 0, 0x9D, 0x01, 0x2A, 64, 1, 240, 0])
DELTA = b"\x10\x11delta"


class Bench:
    """One line on a bench: `now` is room time, `put` sends it a packet, `take` gives what it told the sender meanwhile."""

    def __init__(self, codec: Codec, *codecs: RTCRtpCodecParameters) -> None:
        self.now = 1000
        self.sent: list[Any] = []
        self.sink = RememberingSink(lambda: None)
        self.line = EncodedLine(
            codec,
            own_ssrc=OWN,
            send=lambda report: self.sent.extend(RtcpPacket.parse(report)),
            open_sink=lambda _: self.sink,
            shared=FastestArrival(),
            on_broken=lambda: None,
        )
        self.line.agreed(RTCRtpReceiveParameters(codecs=list(codecs)))

    def put(
        self, sequence: int, payload: bytes, *, ssrc: int = SENDER, kind: int = 97, at: int | None = None
    ) -> None:
        media = (self.now if at is None else at) * 90
        self.line.packet(RtpPacket(kind, True, sequence, media, ssrc, payload, self.now))

    def again(self, sequence: int, payload: bytes, *, at: int = 0) -> None:
        """The packet as it is sent again, on its own stream."""
        body = sequence.to_bytes(2, "big") + payload
        self.line.packet(RtpPacket(98, True, 7, at * 90, STRANGER, body, self.now))

    def take(self) -> list[Any]:
        sent, self.sent = self.sent, []
        return sent


def test_a_gap_is_asked_for_at_once_also_over_the_wrap_of_sequence_numbers() -> None:
    bench = Bench(Codec.vp8, VP8, RTX)

    bench.put(65533, KEY)
    bench.take()
    bench.put(3, DELTA)
    requests = [packet for packet in bench.take() if isinstance(packet, RtcpRtpfbPacket)]
    assert [number for request in requests for number in request.lost] == [65534, 65535, 0, 1, 2]
    assert {(request.ssrc, request.media_ssrc) for request in requests} == {(OWN, SENDER)}


def test_a_packet_sent_again_on_its_own_stream_fills_the_gap() -> None:
    bench = Bench(Codec.vp8, VP8, RTX)

    bench.put(1, KEY)
    bench.put(3, DELTA, at=1080)
    bench.again(2, DELTA, at=1040)
    bench.line.packet(RtpPacket(98, False, 8, 0, STRANGER, b"", bench.now))
    assert [sample.rtp_timestamp // 90 for sample in bench.sink.samples] == [1000, 1040, 1080]
    assert bench.sink.losses == []


def test_sound_that_nobody_would_send_again_is_given_up_soon_and_not_asked_for() -> None:
    bench = Bench(Codec.opus, OPUS)

    for sequence in (1, 2, 4):
        bench.put(sequence, b"sound", kind=96)
        bench.now += 20
    assert len(bench.sink.samples) == 2
    bench.now += 150
    bench.put(5, b"sound", kind=96)
    assert len(bench.sink.samples) == 4
    assert [loss[2] for loss in bench.sink.losses] == ["network-loss"]
    assert bench.line.stats.lost == 1
    assert bench.take() == []


def test_a_key_frame_is_asked_for_at_first_and_again_each_two_and_a_half_seconds() -> None:
    bench = Bench(Codec.vp8, VP8)
    asked: list[int] = []

    for sequence in range(300):
        bench.put(sequence, KEY if sequence == 20 else DELTA)
        for packet in bench.take():
            assert isinstance(packet, RtcpPsfbPacket)
            assert packet.fmt == RTCP_PSFB_PLI
            asked.append(bench.now)
        bench.now += 40
    # No key frame until 1800: asked every half second. Then none after 4300: asked again.
    assert asked[:3] == [1000, 1520, 4320]
    assert asked[3] == 4840


def test_a_receipt_tells_the_sender_how_much_came_and_since_when_its_report_is_known() -> None:
    bench = Bench(Codec.vp8, VP8)
    assert bench.line.receipt(bench.now) is None
    for sequence in (0, 1, 2, 4):
        bench.put(sequence, KEY)
    ntp = (5000 << 32) + (1 << 31)
    info = RtcpSenderInfo(ntp_timestamp=ntp, rtp_timestamp=1000 * 90, packet_count=4, octet_count=40)
    bench.line.reported(RtcpSrPacket(SENDER, info), bench.now)
    bench.now += 500
    block = bench.line.receipt(bench.now)
    assert block is not None
    assert (block.ssrc, block.highest_sequence, block.packets_lost) == (SENDER, 4, 1)
    assert block.fraction_lost == 256 // 5
    assert (block.lsr, block.dlsr) == ((5000 << 16) + (1 << 15), 32768)


def test_a_second_source_is_ignored_until_the_first_has_fallen_silent() -> None:
    bench = Bench(Codec.vp8, VP8)

    bench.put(1, KEY)
    bench.now += 999
    bench.put(500, KEY, ssrc=STRANGER)
    assert len(bench.sink.samples) == 1
    bench.now += 1
    bench.put(501, DELTA, ssrc=STRANGER, at=77_000)
    bench.put(502, KEY, ssrc=STRANGER, at=77_040)
    bench.now += 40
    bench.put(503, DELTA, ssrc=STRANGER, at=77_080)
    times = [sample.room_ms for sample in bench.sink.samples]
    assert times == [1000, 2000, 2040]
    assert bench.sink.losses == [(1000, 2000, "network-loss")]


def test_payloads_nobody_agreed_on_are_left_alone() -> None:
    bench = Bench(Codec.vp8, VP8, RTX)

    bench.put(1, KEY, kind=111)
    bench.again(1, b"rest")
    assert bench.line.stats.last_arrival_ms is None
    assert bench.take() == []


def test_at_the_end_what_still_waits_is_written_and_the_sink_is_closed_once() -> None:
    bench = Bench(Codec.opus, OPUS)
    bench.put(1, b"a", kind=96)
    bench.put(3, b"c", kind=96)
    bench.line.finish()
    assert [sample.data for sample in bench.sink.samples] == [b"a", b"c"]
    bench.line.close_sink("done")
    bench.line.close_sink("again")
    assert bench.sink.closed_for == "done"


def test_a_sender_report_is_kept_as_it_came_with_what_was_made_of_it() -> None:
    bench = Bench(Codec.opus, OPUS)
    report = RtcpSrPacket(SENDER, RtcpSenderInfo((3_900_000_000 << 32) + 5, 48_000, 1, 1))
    bench.line.reported(report, bench.now)
    assert bench.sink.clocks == []  # nothing is recorded yet
    bench.put(1, b"sound", kind=96)
    bench.line.reported(report, bench.now + 7)
    note = ClockNote(1007, (3_900_000_000 << 32) + 5, 48_000, None, 0)
    assert bench.sink.clocks == [note]
    for after in range(1000):  # no browser reports that often
        bench.line.reported(report, bench.now + 8 + after)
    assert [clock.arrived_ms for clock in bench.sink.clocks] == list(range(1007, 2008, 100))


def test_digital_silence_is_noticed_until_there_is_any_sound() -> None:
    bench = Bench(Codec.opus, OPUS)
    told = []
    for sequence, level in enumerate((40, 127, 127, 90, 127, None)):
        bench.now += 20
        packet = RtpPacket(96, True, sequence, bench.now * 48, SENDER, b"sound", bench.now, level)
        bench.line.packet(packet)
        told.append(bench.line.stats.silent_since_ms)
    assert told == [None, 1040, 1040, None, 1100, None]
