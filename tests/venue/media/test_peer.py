"""A seat's camera and microphone arrive over a real WebRTC connection, encoded as they were sent."""

import asyncio
import re
import threading
import time
from itertools import pairwise

import aiortc.rtcrtpreceiver
import pytest

from app.core.errors import Conflict, InvalidInput
from app.core.samples import Codec, EncodedSample, Source
from recordings.container import vp8_size
from tests.support.clip import make_clip
from tests.support.publisher import Publisher
from tests.support.seats import PretendRoom, RememberingSink, play
from venue.media import peer as peer_module
from venue.media.frames import is_vp8_keyframe
from venue.media.pretend import PretendSeat

NO_DECODING = "a decoder was asked for"


@pytest.fixture(autouse=True)
def no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """In no test of the seat's door may anything be decoded."""

    def refuse(*_: object) -> None:
        raise AssertionError(NO_DECODING)

    monkeypatch.setattr(aiortc.rtcrtpreceiver, "get_decoder", refuse)
    monkeypatch.setattr(aiortc.rtcrtpreceiver, "decoder_worker", refuse)


async def connect(room: PretendRoom, seat: PretendSeat) -> None:
    await seat.accept(await room.peer.answer(await seat.offer()))


def test_a_seat_is_received_whole_in_order_and_without_a_decoder() -> None:
    async def scenario() -> None:
        room, seat = PretendRoom(), PretendSeat(3)
        await connect(room, seat)
        await room.until(lambda: room.has(pictures=30, sounds=50))
        assert not any(thread.name.endswith("-decoder") for thread in threading.enumerate())
        assert room.codecs == {Source.camera: Codec.vp8, Source.microphone: Codec.opus}
        pictures, sounds = room.samples(Source.camera), room.samples(Source.microphone)
        for samples in (pictures, sounds):
            assert all(earlier.room_ms <= later.room_ms for earlier, later in pairwise(samples))
            assert all(earlier.arrived_ms <= later.arrived_ms for earlier, later in pairwise(samples))
        assert pictures[0].keyframe
        assert vp8_size(pictures[0].data) == (320, 240)
        assert all(sample.keyframe == is_vp8_keyframe(sample.data) for sample in pictures)
        assert all(sample.keyframe for sample in sounds)
        stats = room.peer.stats()
        assert stats[Source.camera].samples == len(pictures)
        assert stats[Source.camera].bytes == sum(len(sample.data) for sample in pictures)
        assert stats[Source.microphone].lost == 0
        arrival = stats[Source.microphone].last_arrival_ms
        assert arrival is not None
        assert arrival >= sounds[-1].arrived_ms
        await seat.close()
        await room.until(lambda: room.states[-1] == "closed")
        await room.peer.close("session-closed")
        assert room.states == ["connecting", "connected", "closed"]
        assert {sink.closed_for for sink in room.sinks.values()} == {"connection-closed"}

    play(scenario())


def test_key_frames_are_asked_for_while_recording() -> None:
    async def scenario() -> None:
        room, seat = PretendRoom(), PretendSeat(1)
        await connect(room, seat)

        await room.until(lambda: sum(sample.keyframe for sample in room.samples(Source.camera)) >= 4)
        await room.peer.close("session-closed")
        await seat.close()

    play(scenario())


def test_closing_on_our_side_closes_every_sink_once_with_its_reason() -> None:
    async def scenario() -> None:
        room, seat = PretendRoom(), PretendSeat(2)
        await connect(room, seat)
        await room.until(lambda: room.has(pictures=1, sounds=1))
        await asyncio.gather(room.peer.close("session-closed"), room.peer.close("again"))
        assert {sink.closed_for for sink in room.sinks.values()} == {"session-closed"}
        assert room.states[-1] == "closed"
        await seat.close()

    play(scenario())


def test_a_seat_that_never_connects_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_module, "CONNECT_WITHIN_S", 0.05)

    async def scenario() -> None:
        room, seat = PretendRoom(), PretendSeat(2)
        await room.peer.answer(await seat.offer())
        await room.until(lambda: room.states[-1:] == ["failed"])
        assert room.sinks == {}
        assert room.peer.stats()[Source.camera].samples == 0
        await seat.close()

    play(scenario())


def test_whose_certificate_is_not_the_one_of_the_offer_is_not_recorded() -> None:
    """Somebody in the middle: the way through ICE is right, the DTLS certificate is another one than was announced."""

    async def scenario() -> None:
        room, seat = PretendRoom(), PretendSeat(2)
        offer = re.sub(r"(a=fingerprint:\S+ )(?:[0-9A-F]{2}:){3}", r"\g<1>00:11:22:", await seat.offer())
        assert "00:11:22:" in offer
        await seat.accept(await room.peer.answer(offer))
        await room.until(lambda: room.states[-1:] == ["failed"])
        assert room.sinks == {}
        assert room.peer.stats()[Source.camera].samples == 0
        await seat.close()

    play(scenario())


def test_one_peer_serves_one_offer() -> None:
    async def scenario() -> None:
        room, seat = PretendRoom(), PretendSeat(2)
        offer = await seat.offer()
        await room.peer.answer(offer)
        with pytest.raises(Conflict):
            await room.peer.answer(offer)
        await room.peer.close("session-closed")
        await seat.close()

    play(scenario())


def test_a_peer_closed_while_it_answers_refuses_and_leaves_nothing_running() -> None:
    async def scenario() -> None:
        room, seat = PretendRoom(), PretendSeat(2)
        answering = asyncio.create_task(room.peer.answer(await seat.offer()))
        await asyncio.sleep(0)
        await room.peer.close("session-closed")
        with pytest.raises(Conflict, match="media-peer-closed"):
            await answering
        assert room.states[-1] == "closed"
        await seat.close()

    play(scenario())


def test_the_answer_only_receives_holds_its_candidates_and_agrees_to_resend_sound() -> None:
    async def scenario() -> None:
        room, seat = PretendRoom(), PretendSeat(2)
        answer = await room.peer.answer(await seat.offer())
        assert answer.count("a=recvonly") == 2
        assert "a=candidate:" in answer
        assert "127.0.0.1" in answer
        assert "a=end-of-candidates" in answer
        assert set(re.findall(r"a=rtpmap:\d+ (\S+)", answer)) == {"VP8/90000", "rtx/90000", "opus/48000/2"}
        opus = re.search(r"a=rtpmap:(\d+) opus", answer)
        assert opus
        assert f"a=rtcp-fb:{opus[1]} nack\r\n" in answer
        await room.peer.close("session-closed")
        await seat.close()

    play(scenario())


def test_the_service_never_sends_to_an_address_an_offer_names() -> None:
    """A planted candidate gets not one datagram, yet the seat is reached from where it really is."""

    class Victim(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.got: list[bytes] = []

        def datagram_received(self, data: bytes, addr: object) -> None:
            self.got.append(data)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        transport, victim = await loop.create_datagram_endpoint(Victim, local_addr=("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        room, seat = PretendRoom(), PretendSeat(2)
        planted = f"a=candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host\r\n"
        offer = re.sub(r"a=candidate:.*\r\n", planted, await seat.offer())
        assert planted in offer
        await seat.accept(await room.peer.answer(offer))
        await room.until(lambda: room.has(pictures=2, sounds=2))
        assert victim.got == []
        transport.close()
        await room.peer.close("session-closed")
        await seat.close()

    play(scenario())


GOOD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"


@pytest.mark.parametrize(
    ("offer", "code"),
    [
        ("", "media-lines"),
        ("hello", "media-lines"),
        (GOOD, "media-lines"),
        (GOOD + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=rtpmap:96 VP8/90000\r\n", "media-offer"),
        (GOOD + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n", "media-lines"),
        (GOOD + 2 * "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n", "media-lines"),
        (GOOD + "m=audio x y\r\n", "media-offer"),
        (GOOD + "a=" + "x" * 70_000, "media-offer"),
    ],
)
def test_an_offer_that_cannot_be_recorded_is_refused(offer: str, code: str) -> None:
    async def scenario() -> None:
        room = PretendRoom()
        with pytest.raises(InvalidInput) as refused:
            await room.peer.answer(offer)
        assert refused.value.code == code
        await room.peer.close("refused")

    play(scenario())


def test_a_camera_in_an_unknown_codec_is_refused() -> None:
    async def scenario() -> None:
        room, seat = PretendRoom(), PretendSeat(2)
        offer = re.sub("VP8|H264", "AV1", await seat.offer())
        with pytest.raises(InvalidInput) as refused:
            await room.peer.answer(offer)
        assert refused.value.code == "media-codec"
        await room.peer.close("refused")
        assert room.states == ["closed"]
        await seat.close()

    play(scenario())


def test_a_camera_in_h264_and_a_screen_beside_it_are_received_as_they_were_sent() -> None:
    camera = make_clip(codec="H264", width=320, height=240, seconds=1, group=25)
    screen = make_clip(width=320, height=240, per_second=5, seconds=1, group=5)

    async def scenario() -> None:
        room, seat = PretendRoom(), Publisher(camera, screen=screen)
        await seat.accept(await room.peer.answer(await seat.offer(), seat.screen_mid))
        sending = asyncio.create_task(send(seat))
        await room.until(lambda: len(room.samples(Source.screen)) >= 8 and room.has(pictures=30, sounds=40))
        await room.until(lambda: len(room.sinks[Source.screen].clocks) >= 1)
        sending.cancel()
        assert room.codecs == {
            Source.camera: Codec.h264,
            Source.microphone: Codec.opus,
            Source.screen: Codec.vp8,
        }
        pictures = room.samples(Source.camera)
        assert pictures[0].keyframe
        assert nal_kinds(pictures[0].data)[:2] == [7, 8]
        assert {1, 5} & set(nal_kinds(pictures[1].data))
        shown = room.samples(Source.screen)
        gaps = [later.room_ms - earlier.room_ms for earlier, later in pairwise(shown)]
        assert sorted(gaps)[len(gaps) // 2] in range(190, 211)  # five a second, by media time
        clock = room.sinks[Source.screen].clocks[-1]
        assert clock.rtt_us is not None
        assert 0 < clock.rtt_us < 1_000_000
        await room.peer.close("session-closed")
        await seat.close()

    play(scenario())


def nal_kinds(unit: bytes) -> list[int]:
    kinds, at = [], 0
    while at < len(unit):
        length = int.from_bytes(unit[at : at + 4], "big")
        kinds.append(unit[at + 4] & 0x1F)
        at += 4 + length
    return kinds


async def send(seat: Publisher) -> None:
    """Sends what is due until cancelled."""
    reports = time.monotonic()
    while True:
        now = time.monotonic()
        seat.send_due(now)
        if now >= reports:
            reports += 0.5
            seat.send_reports()
        await asyncio.sleep(0.005)


def test_a_sink_that_refuses_shows_at_the_seat_and_stops_only_its_track(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(self: RememberingSink, sample: EncodedSample) -> None:
        if sample.data[3:6] == b"\x9d\x01\x2a":
            raise OSError("no space left")
        self.samples.append(sample)
        self._noticed()

    monkeypatch.setattr(RememberingSink, "write", full)

    async def scenario() -> None:
        room, seat = PretendRoom(), PretendSeat(2)
        await connect(room, seat)
        await room.until(lambda: "recording-failed" in room.states and room.has(pictures=0, sounds=20))
        assert room.states.count("recording-failed") == 1
        assert room.peer.stats()[Source.camera].samples == 0
        await room.peer.close("session-closed")
        await seat.close()
        assert room.sinks[Source.camera].closed_for == "session-closed"

    play(scenario())
    assert "the sink refused a sample" in caplog.text
