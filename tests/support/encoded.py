"""Makes real VP8 and Opus frames for tests: grey pictures whose shade tells the room time, and a steady tone."""

import re
from array import array
from fractions import Fraction
from functools import cache
from math import pi, sin

import av
from av.audio.codeccontext import AudioCodecContext
from av.video.codeccontext import VideoCodecContext

from app.core.samples import EncodedSample

FRAME_MS = 40
PACKET_MS = 20
SHADES = 100
"""The shade repeats after this many frames: four seconds."""


def shade_at(room_ms: int) -> int:
    """Luma of the picture at a room time: two levels per frame."""
    return 20 + 2 * (room_ms // FRAME_MS % SHADES)


@cache
def pictures(from_ms: int, count: int, keyframe_every: int = 50) -> tuple[EncodedSample, ...]:
    """`count` VP8 frames of 25 a second from a room time (a multiple of 40 ms) on."""
    encoder = av.CodecContext.create("libvpx", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 160, 120, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.bit_rate = Fraction(1, 25), Fraction(25), 400_000
    encoder.thread_count = 1  # several wait for each other, at fifty times the cost of the pictures
    encoder.options = {
        "deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0",
        "g": str(keyframe_every), "keyint_min": str(keyframe_every), "qmax": "12",
    }  # fmt: skip
    samples: list[EncodedSample] = []
    for number in range(count):
        frame = av.VideoFrame(160, 120, "yuv420p")
        for plane, shade in zip(frame.planes, (shade_at(from_ms + number * FRAME_MS), 128, 128), strict=True):
            plane.update(bytes([shade]) * plane.buffer_size)
        frame.pts = number
        for packet in encoder.encode(frame):
            room_ms = from_ms + len(samples) * FRAME_MS
            samples.append(
                EncodedSample(room_ms, room_ms + 15, len(samples) * 3600, packet.is_keyframe, bytes(packet))
            )
    return tuple(samples)


@cache
def h264_pictures(from_ms: int, count: int, keyframe_every: int = 25) -> tuple[EncodedSample, ...]:
    """`count` H264 access units of 25 a second from a room time on, each NAL unit after its length."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 160, 120, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {
        "preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "g": str(keyframe_every)
    }  # fmt: skip
    samples: list[EncodedSample] = []
    for number in range(count):
        frame = av.VideoFrame(160, 120, "yuv420p")
        for plane, shade in zip(frame.planes, (shade_at(from_ms + number * FRAME_MS), 128, 128), strict=True):
            plane.update(bytes([shade]) * plane.buffer_size)
        frame.pts = number
        for packet in encoder.encode(frame):
            room_ms = from_ms + len(samples) * FRAME_MS
            units = re.split(rb"\x00\x00\x00\x01|\x00\x00\x01", bytes(packet))[1:]
            data = b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)
            samples.append(
                EncodedSample(room_ms, room_ms + 15, len(samples) * 3600, packet.is_keyframe, data)
            )
    return tuple(samples)


@cache
def sounds(from_ms: int, count: int) -> tuple[EncodedSample, ...]:
    """`count` Opus packets of 20 ms, a tone of 440 Hz."""
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", av.AudioFormat("s16")
    encoder.options = {"frame_duration": str(PACKET_MS)}
    packets = [packet for number in range(count + 3) for packet in encoder.encode(_tone(number))]
    return tuple(
        EncodedSample(
            from_ms + number * PACKET_MS, from_ms + number * PACKET_MS + 10, number * 960, True, bytes(packet)
        )
        for number, packet in enumerate(packets[:count])
    )


def _tone(number: int) -> av.AudioFrame:
    frame = av.AudioFrame(format="s16", layout="stereo", samples=960)
    frame.sample_rate, frame.pts, frame.time_base = 48_000, number * 960, Fraction(1, 48_000)
    frame.planes[0].update(_WAVES)
    return frame


# Ten whole waves of 500 Hz, the same in both ears.
_WAVES = array("h", [int(6000 * sin(2 * pi * at / 96)) for at in range(960) for _ in range(2)]).tobytes()
