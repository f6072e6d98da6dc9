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
_PAPER, _INK = 225, 24
_SKIN, _HAIR, _COAT, _MOUTH = 182, 46, 74, 60
_SKIN_UV = (112, 152)
_COAT_UV = (132, 122)


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
        for plane, scale, coat, skin in (
            (y, 1, _COAT, _SKIN),
            (u, 2, _COAT_UV[0], _SKIN_UV[0]),
            (v, 2, _COAT_UV[1], _SKIN_UV[1]),
        ):
            shape = _Canvas(plane, width // scale, height // scale)
            shape.oval(
                (middle + width // 2) // 2 // scale,
                height // scale,
                width // 4 // scale,
                height * 2 // 5 // scale,
                coat,
            )
            shape.oval(middle // scale, top // scale, head // scale, head * 5 // 4 // scale, skin)
        canvas = _Canvas(y, width, height)
        canvas.oval(middle, top - head * 3 // 4, head, head // 2, _HAIR)
        mouth = 2 + round(abs(math.sin(ms / 90)) * head / 5)
        canvas.oval(middle, top + head * 3 // 5, head // 3, mouth, _MOUTH)
        canvas.box(8, 8, 52, 62, _PAPER)
        canvas.text(f"{self._seat_no % 100}", 16, 14, 10 if self._seat_no < 10 else 5, _INK)  # noqa: PLR2004 -- one digit or two
        canvas.box(width - 178, height - 48, 170, 40, _PAPER)
        canvas.text(_clock_text(ms), width - 172, height - 42, 5, _INK)
        canvas.box(ms // 8 % (width - 24), height - 6, 24, 6, _PAPER)
        return Picture(bytes(y), bytes(u), bytes(v))


def _clock_text(ms: int) -> str:
    """Minutes, seconds and hundredths since the scene began."""
    return f"{ms // 60_000 % 100:02d}:{ms // 1000 % 60:02d}:{ms // 10 % 100:02d}"


class _Canvas:
    """One plane of a picture, drawn on in whole runs of pixels; what lies outside is cut off."""

    def __init__(self, plane: bytearray, width: int, height: int) -> None:
        self._plane = plane
        self._width = width
        self._height = height

    def run(self, left: int, row: int, length: int, level: int) -> None:
        right = min(left + length, self._width)
        left = max(left, 0)
        if 0 <= row < self._height and left < right:
            start = row * self._width
            self._plane[start + left : start + right] = bytes([level]) * (right - left)

    def box(self, left: int, top: int, width: int, height: int, level: int) -> None:
        for row in range(top, top + height):
            self.run(left, row, width, level)

    def oval(self, middle: int, centre: int, across: int, down: int, level: int) -> None:
        for row in range(-down, down + 1):
            half = round(across * math.sqrt(1 - row * row / (down * down + 1)))
            self.run(middle - half, centre + row, 2 * half, level)

    def text(self, text: str, left: int, top: int, size: int, level: int) -> None:
        for glyph_no, glyph in enumerate(text):
            for line_no, line in enumerate(_GLYPHS[glyph]):
                for column, mark in enumerate(line):
                    if mark == "#":
                        x = left + (glyph_no * _GLYPH_ADVANCE + column) * size
                        self.box(x, top + line_no * size, size, size, level)
