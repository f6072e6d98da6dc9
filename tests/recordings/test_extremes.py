"""Seats that send what hardly anybody sends: one picture a second, of two thousand lines, each in two hundred packets."""

import asyncio
import time
from pathlib import Path

from app.core.clock import SystemClock
from app.core.samples import Codec, SampleSink, Source, TrackKey
from app.core.settings_rooms import MediaSettings
from recordings.lines import Fragment
from recordings.recorder import Recorder
from recordings.sealing import read_room
from recordings.timeline import room_timeline
from recordings.verify import verify_room
from tests.support.publisher import Clip, Publisher
from tests.support.seats import play
from venue.media.peer import SeatPeer

ROOM = "room-1"
WIDTH, HEIGHT = 3840, 2160
PACKETS = 200


def huge_picture(number: int) -> list[bytes]:
    """A key frame of more than two hundred kilobytes in packets, as VP8 frames it; what it shows nobody will look at."""
    size = WIDTH.to_bytes(2, "little") + HEIGHT.to_bytes(2, "little")
    frame = b"\x10\0\0\x9d\x01\x2a" + size + bytes([number]) * (PACKETS * 1100)
    parts = [frame[at : at + 1100] for at in range(0, len(frame), 1100)]
    return [(b"\x10" if place == 0 else b"\x00") + part for place, part in enumerate(parts)]


def test_huge_pictures_once_a_second_are_recorded_whole(tmp_path: Path) -> None:
    clip = Clip("VP8", [huge_picture(number) for number in range(4)], [b"\xf8\xff\xfe"], 1, 1)
    clock = SystemClock()
    recorder = Recorder(tmp_path, clock)
    recorder.begin(ROOM, 1, clock.now())
    began = clock.monotonic_ns()

    def sink(source: Source, codec: Codec) -> SampleSink:
        return recorder(TrackKey(ROOM, 1, source), codec)

    async def scenario() -> None:
        peer = SeatPeer(
            lambda: (clock.monotonic_ns() - began) // 1_000_000, sink, lambda _: None, MediaSettings()
        )
        seat = Publisher(clip)
        await seat.accept(await peer.answer(await seat.offer()))
        while peer.stats()[Source.camera].samples < 4:
            seat.send_due(time.monotonic())
            await asyncio.sleep(0.005)
        await peer.close("session-closed")
        await seat.close()

    play(scenario())
    recorder.close_room(ROOM)
    recorder.close()
    room = tmp_path / ROOM
    assert verify_room(room).ok
    readings = {name.source: reading for name, reading in read_room(room)}
    pictures = [line.act for line in readings[Source.camera].lines if isinstance(line.act, Fragment)]
    assert sum(fragment.samples for fragment in pictures) == 4
    assert all(fragment.length > PACKETS * 1000 for fragment in pictures)
    assert all(fragment.keyframe for fragment in pictures)
    opened = readings[Source.camera].opened
    assert opened is not None
    assert (opened.width, opened.height) == (WIDTH, HEIGHT)
    camera = next(track for track in room_timeline(read_room(room)).tracks if track.source is Source.camera)
    assert camera.coverage[-1][1] - camera.coverage[0][0] >= 2900
