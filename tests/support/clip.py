"""Media encoded beforehand: some seconds of a noisy picture and of a voice."""

from fractions import Fraction

import numpy as np
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.opus import OpusEncoder
from aiortc.codecs.vpx import Vp8Encoder
from av import AudioFrame, VideoFrame

from tests.support.publisher import Clip
from venue.media.pretend_voice import SAMPLE_RATE, SLICE, voice


def make_clip(
    *,
    codec: str = "VP8",
    width: int = 640,
    height: int = 480,
    per_second: int = 25,
    seconds: int = 10,
    bitrate: int = 800_000,
    group: int = 50,
) -> Clip:
    """The clip, with a key frame every `group` pictures; bitrate in bits per second."""
    chance = np.random.default_rng(7)
    encoder = Vp8Encoder() if codec == "VP8" else H264Encoder()
    encoder.target_bitrate = bitrate
    pictures = []
    base = chance.integers(0, 255, (height, width), dtype=np.uint8)
    for number in range(per_second * seconds):
        frame = VideoFrame(width, height, "yuv420p")
        luma = np.roll(base // 4 + 90, number * 3, axis=1)
        luma[(number * 4) % (height - 90) :][:90, 100:220] = chance.integers(
            0, 255, (90, 120), dtype=np.uint8
        )
        for plane, data in zip(
            frame.planes,
            (
                luma,
                np.full((height // 2, width // 2), 128, np.uint8),
                np.full((height // 2, width // 2), 120, np.uint8),
            ),
            strict=True,
        ):
            rows = np.zeros((data.shape[0], plane.line_size), np.uint8)
            rows[:, : data.shape[1]] = data
            plane.update(rows.tobytes())
        frame.pts, frame.time_base = number * 90_000 // per_second, Fraction(1, 90_000)
        packets, _ = encoder.encode(frame, force_keyframe=number % group == 0)
        pictures.append([bytes(packet) for packet in packets])
    ears, sounds = OpusEncoder(), []
    spoken = voice(3)
    for number in range(50 * seconds):
        sound = AudioFrame(format="s16", layout="mono", samples=SLICE)
        start = number * SLICE * 2 % len(spoken)
        sound.planes[0].update(spoken[start : start + SLICE * 2])
        sound.pts, sound.sample_rate, sound.time_base = number * SLICE, SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
        packets, _ = ears.encode(sound)
        sounds += [bytes(packet) for packet in packets]
    return Clip(codec, pictures, sounds, per_second, group)
