"""Lost packets are sent again; what stays lost is told as an interval, and nothing smeared is written."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest

from app.core.samples import EncodedSample, Source
from tests.support.seats import PretendRoom, play
from venue.media.pretend import PretendSeat

SOUND, VIDEO, VIDEO_AGAIN = 96, 97, 98  # payload types as aiortc offers them


@dataclass(frozen=True, slots=True)
class Passing:
    """One RTP packet on its way in: its payload type, how many of that type came before, its sequence number."""

    kind: int
    number: int
    sequence: int


@pytest.fixture(autouse=True)
def a_sender_that_never_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that stood still a pretend seat leaves out what it is late with; what these tests count must be sent."""
    monkeypatch.setattr("venue.media.pretend._SKIP_WHEN_LATE_S", 3600.0)


def lose(room: PretendRoom, is_lost: Callable[[Passing], bool]) -> list[Passing]:
    """Loses packets on their way in; returns the list that they are noted in."""
    guard = room.peer._guard
    assert guard is not None
    passes = guard._media
    counts: Counter[int] = Counter()
    lost: list[Passing] = []

    def lossy(data: bytes) -> None:
        if data[0] >= 128 and not 192 <= data[1] <= 223:
            kind = data[1] & 0x7F
            packet = Passing(kind, counts[kind], int.from_bytes(data[2:4], "big"))
            counts[kind] += 1
            if is_lost(packet):
                lost.append(packet)
                return
        passes(data)

    guard._media = lossy
    return lost


def steps(samples: list[EncodedSample]) -> set[int]:
    """Distances of neighbouring samples in media time."""
    return {(later.rtp_timestamp - earlier.rtp_timestamp) % (1 << 32) for earlier, later in pairwise(samples)}


@pytest.mark.parametrize(
    ("is_lost", "least"),
    [
        pytest.param(lambda p: p.kind in (VIDEO, SOUND) and p.number % 10 == 7, 10, id="every-tenth"),
        pytest.param(lambda p: p.kind in (VIDEO, SOUND) and p.number % 40 in range(20, 24), 10, id="bursts"),
        pytest.param(
            lambda p: p.number in {VIDEO: range(20, 45), SOUND: range(50, 100)}.get(p.kind, ()),
            70,
            id="one-second-of-everything",
        ),
    ],
)
def test_what_is_lost_on_the_way_is_sent_again(is_lost: Callable[[Passing], bool], least: int) -> None:
    async def scenario() -> None:
        room, seat = PretendRoom(), PretendSeat(5)
        answer = await room.peer.answer(await seat.offer())
        lost = lose(room, is_lost)
        await seat.accept(answer)
        await room.until(lambda: len(lost) >= least and room.has(pictures=40, sounds=170))
        assert {packet.kind for packet in lost} == {VIDEO, SOUND}
        assert all(sink.losses == [] for sink in room.sinks.values())
        assert all(stats.lost == 0 for stats in room.peer.stats().values())
        assert steps(room.samples(Source.microphone)) == {960}
        assert steps(room.samples(Source.camera)) <= {7499, 7500, 7501}
        await room.peer.close("session-closed")
        await seat.close()

    play(scenario())


def test_what_stays_lost_is_a_marked_interval_and_a_key_frame_follows_it() -> None:
    async def scenario() -> None:
        room, seat = PretendRoom(), PretendSeat(5)
        answer = await room.peer.answer(await seat.offer())
        gone: set[int] = set()

        def is_lost(packet: Passing) -> bool:
            if packet.kind == SOUND:  # sent again under the same number, so every copy is caught by it
                gone.update({packet.sequence} if packet.number in range(60, 70) else ())
                return packet.sequence in gone
            return packet.kind == VIDEO_AGAIN or packet.number in range(20, 28)

        lose(room, is_lost)
        await seat.accept(answer)
        await room.until(lambda: room.has(pictures=20, sounds=100))
        camera, microphone = room.sinks[Source.camera], room.sinks[Source.microphone]
        await room.until(lambda: bool(camera.losses and microphone.losses))
        for sink in (camera, microphone):
            [(from_ms, to_ms, reason)] = sink.losses
            assert reason == "network-loss"
            times = [sample.room_ms for sample in sink.samples]
            assert times.index(to_ms) == times.index(from_ms) + 1
        after = next(sample for sample in camera.samples if sample.room_ms == camera.losses[0][1])
        assert after.keyframe
        assert steps(microphone.samples) == {960, 11 * 960}
        stats = room.peer.stats()
        assert (stats[Source.camera].lost, stats[Source.microphone].lost) == (8, 10)
        await room.peer.close("session-closed")
        await seat.close()

    play(scenario())
