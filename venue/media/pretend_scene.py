"""Draws what a pretend seat's camera sees: a person moving before a wall, the seat's number and a running clock."""

import math
from dataclasses import dataclass

_GLYPHS = {
    "0": ("###", "#.#", "#.#", "#.#", "###"),
    "1": (".#.", "##.", ".#.", ".#.", "###"),
    "2": ("###", "..#", "###", "#..", "###"),
    "3": ("###", "..#", "###", "..#", "###"),
    "4": ("#.#", "#.#", "###", "..#", "..#"),
    "5": ("###", "#..", "###", "..#", "###"),
    "6": ("###", "#..", "###", "#.#", "###"),
    "7": ("###", "..#", ".#.", ".#.", ".#."),
    "8": ("###", "#.#", "###", "#.#", "###"),
    "9": ("###", "#.#", "###", "..#", "###"),
    ":": ("...", ".#.", "...", ".#.", "..."),
}
_GLYPH_ADVANCE = 4
_WALL = ((96, 150), (150, 96), (118, 108), (160, 140), (100, 120), (140, 160), (112, 140))  # U and V per seat
_INK = 24


@dataclass(frozen=True, slots=True)
class _Tone:
    """What one plane of the picture holds for each thing in it."""

    skin: int
    hair: int
    coat: int
    mouth: int
    paper: int


_BRIGHTNESS = _Tone(skin=182, hair=46, coat=74, mouth=60, paper=225)
_BLUE = _Tone(skin=112, hair=124, coat=132, mouth=118, paper=128)
_RED = _Tone(skin=152, hair=134, coat=122, mouth=160, paper=128)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture in planes: `y` has width*height bytes, `u` and `v` a quarter of that each."""

    y: bytes
    u: bytes
    v: bytes


class Scene:
    """The scene of one seat; `width` and `height` in even pixels, at least 320 x 240. Pure: same moment, same picture."""

    def __init__(self, seat_no: int, width: int, height: int) -> None:
        self._seat_no = seat_no
        self._width = width
        self._height = height
        wall_u, wall_v = _WALL[seat_no % len(_WALL)]
        self._wall_y = b"".join(bytes([96 + 64 * row // height]) * width for row in range(height))
        quarter = width // 2 * (height // 2)
        self._wall_u = bytes([wall_u]) * quarter
        self._wall_v = bytes([wall_v]) * quarter

    def picture(self, ms: int) -> Picture:
        """The scene `ms` milliseconds after it began."""
        width, height = self._width, self._height
        y, u, v = bytearray(self._wall_y), bytearray(self._wall_u), bytearray(self._wall_v)
        sway = math.sin(ms / 1000 * 1.7 + self._seat_no)
        nod = math.sin(ms / 1000 * 2.9 + self._seat_no * 2)
        middle = width // 2 + round(sway * width / 8)
        top = height // 3 + round(nod * height / 30)
        head = height // 8
        for plane, scale, tone in ((y, 1, _BRIGHTNESS), (u, 2, _BLUE), (v, 2, _RED)):
            canvas = _Canvas(plane, width, height, scale)
            canvas.oval((middle + width // 2) // 2, height, width // 4, height * 2 // 5, tone.coat)
            canvas.oval(middle, top, head, head * 5 // 4, tone.skin)
            canvas.oval(middle, top - head * 3 // 4, head, head // 2, tone.hair)
            mouth = 2 + round(abs(math.sin(ms / 90)) * head / 5)
            canvas.oval(middle, top + head * 3 // 5, head // 3, mouth, tone.mouth)
            canvas.box(8, 8, 52, 62, tone.paper)
            canvas.box(width - 178, height - 48, 170, 40, tone.paper)
            canvas.box(ms // 8 % (width - 24), height - 6, 24, 6, tone.paper)
        ink = _Canvas(y, width, height, 1)
        ink.text(f"{self._seat_no % 100}", 16, 14, 10 if self._seat_no < 10 else 5, _INK)  # noqa: PLR2004 -- one digit or two
        ink.text(_clock_text(ms), width - 172, height - 42, 5, _INK)
        return Picture(bytes(y), bytes(u), bytes(v))


def _clock_text(ms: int) -> str:
    """Minutes, seconds and hundredths since the scene began."""
    return f"{ms // 60_000 % 100:02d}:{ms // 1000 % 60:02d}:{ms // 10 % 100:02d}"


class _Canvas:
    """One plane of a picture, drawn on in whole runs of pixels; what lies outside is cut off.

    Places and sizes are those of the picture; `scale` says how many of its pixels make one of the plane.
    """

    def __init__(self, plane: bytearray, width: int, height: int, scale: int) -> None:
        self._plane = plane
        self._width = width // scale
        self._height = height // scale
        self._scale = scale

    def box(self, left: int, top: int, width: int, height: int, level: int) -> None:
        scale = self._scale
        for row in range(top // scale, (top + height) // scale):
            self._run(left // scale, row, width // scale, level)

    def oval(self, middle: int, centre: int, across: int, down: int, level: int) -> None:
        middle, centre, across, down = (length // self._scale for length in (middle, centre, across, down))
        for row in range(-down, down + 1):
            half = round(across * math.sqrt(1 - row * row / (down * down + 1)))
            self._run(middle - half, centre + row, 2 * half, level)

    def _run(self, left: int, row: int, length: int, level: int) -> None:
        right = min(left + length, self._width)
        left = max(left, 0)
        if 0 <= row < self._height and left < right:
            start = row * self._width
            self._plane[start + left : start + right] = bytes([level]) * (right - left)

    def text(self, text: str, left: int, top: int, size: int, level: int) -> None:
        for glyph_no, glyph in enumerate(text):
            for line_no, line in enumerate(_GLYPHS[glyph]):
                for column, mark in enumerate(line):
                    if mark == "#":
                        x = left + (glyph_no * _GLYPH_ADVANCE + column) * size
                        self.box(x, top + line_no * size, size, size, level)
