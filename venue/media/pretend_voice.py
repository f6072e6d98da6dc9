"""Makes what a pretend seat's microphone hears: syllables of a low hum with pauses, as of someone thinking aloud."""

import math
from array import array
from functools import lru_cache

SAMPLE_RATE = 48_000
SLICE = 960  # 20 ms
LOOP_S = 10

_STEP = 240  # loudness changes every 5 ms
_PEAK = 11_000
_FULL = 256
# Loudness of the first harmonics of four vowels, in hundredths.
_VOWELS = (
    (100, 60, 75, 40, 25, 30, 12, 8),
    (100, 85, 30, 12, 20, 24, 16, 6),
    (100, 40, 20, 8, 6, 4, 18, 14),
    (100, 90, 65, 22, 10, 6, 4, 2),
)


@lru_cache(maxsize=32)
def voice(seat_no: int) -> bytes:
    """Ten seconds of one seat's voice: 16-bit mono samples at 48 kHz, little-endian; the same for the same seat."""
    choose = _Chooser(seat_no)
    pitch = 105 + seat_no * 37 % 110
    wanted = SAMPLE_RATE * LOOP_S
    samples = array("h")
    while len(samples) < wanted:
        for _ in range(choose.between(4, 9)):
            bent = pitch * choose.between(92, 112) // 100
            samples.extend(_syllable(bent, choose.between(0, len(_VOWELS) - 1), choose.between(24, 52)))
            samples.extend(array("h", bytes(2 * _STEP * choose.between(3, 12))))
        samples.extend(array("h", bytes(2 * _STEP * choose.between(70, 140))))
    return samples[:wanted].tobytes()


def _syllable(pitch: int, vowel: int, steps: int) -> "array[int]":
    period = SAMPLE_RATE // pitch
    wave = array("h", _period(period, vowel))
    hum = wave * (steps * _STEP // period + 1)
    syllable = array("h")
    for step in range(steps):
        loudness = round(_FULL * math.sin(math.pi * (step + 0.5) / steps) ** 0.6)
        syllable.extend(sample * loudness // _FULL for sample in hum[step * _STEP : (step + 1) * _STEP])
    return syllable


def _period(length: int, vowel: int) -> tuple[int, ...]:
    parts = _VOWELS[vowel]
    scale = _PEAK / sum(parts)
    return tuple(
        round(
            scale
            * sum(
                part * math.sin(2 * math.pi * (number + 1) * place / length + number)
                for number, part in enumerate(parts)
            )
        )
        for place in range(length)
    )


class _Chooser:
    """Repeatable small choices; nothing here needs to be unpredictable."""

    def __init__(self, seed: int) -> None:
        self._state = seed * 2654435761 + 1013904223

    def between(self, least: int, most: int) -> int:
        self._state = (self._state * 1664525 + 1013904223) % (1 << 32)
        return least + (self._state >> 16) % (most - least + 1)
