"""Reads what an H264 seat says about its own picture: the parts of an access unit, its parameter sets, its size.

Nothing is decoded. Samples are access units with a four-byte length before each NAL unit (ISO/IEC 14496-15).
"""

from collections.abc import Iterator
from dataclasses import dataclass

SPS, PPS = 7, 8
_KIND = 0x1F
_LENGTH = 4
_CHROMA_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_CHROMA_420, _CHROMA_422, _CHROMA_444 = 1, 2, 3
_MOST_OFFSETS = 255
_MACROBLOCK = 16
_LONGEST_EXP_GOLOMB = 32
_LONGEST_SET = 0xFFFF
"""What the container's two-byte lengths can tell."""
_LONGEST_SIDE = 16_384
"""In pixels; no encoder makes more."""
_SHORTEST_SPS = 4


class NoParameterSet(ValueError):
    """Bytes that are no sequence parameter set."""


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """What a player needs before the first picture. width, height: shown pixels."""

    sps: bytes
    pps: bytes
    width: int
    height: int

    @property
    def codec(self) -> str:
        """As RFC 6381 names it, such as `avc1.42e01f`."""
        return f"avc1.{self.sps[1:4].hex()}"


def nal_units(sample: bytes) -> Iterator[bytes]:
    """The NAL units of an access unit; ends quietly where a length does not fit."""
    at = 0
    while at + _LENGTH < len(sample):
        length = int.from_bytes(sample[at : at + _LENGTH], "big")
        at += _LENGTH
        if not length or at + length > len(sample):
            return
        yield sample[at : at + length]
        at += length


def parameter_sets(sample: bytes) -> ParameterSets | None:
    """Those in front of a key frame; None when they are not there, say no size, or are longer than a file can tell."""
    sps = pps = None
    for unit in nal_units(sample):
        if unit[0] & _KIND == SPS:
            sps = sps or unit
        elif unit[0] & _KIND == PPS:
            pps = pps or unit
    if sps is None or pps is None or max(len(sps), len(pps)) > _LONGEST_SET:
        return None
    try:
        width, height = picture_size(sps)
    except NoParameterSet:
        return None
    return ParameterSets(sps, pps, width, height)


def picture_size(sps: bytes) -> tuple[int, int]:
    """Shown width and height in pixels (ITU-T H.264, 7.3.2.1.1). Raises NoParameterSet."""
    if len(sps) < _SHORTEST_SPS or sps[0] & _KIND != SPS:
        raise NoParameterSet("not a sequence parameter set")
    bits = _Bits(sps[1:].replace(b"\0\0\3", b"\0\0"))
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    chroma = _chroma(bits) if profile in _CHROMA_PROFILES else _CHROMA_420
    bits.golomb()
    _pass_picture_order(bits)
    bits.golomb()
    bits.take(1)
    width = (bits.golomb() + 1) * _MACROBLOCK
    rows = bits.golomb() + 1
    fields = 2 - bits.take(1)
    if fields == 2:  # noqa: PLR2004 -- two fields make a frame
        bits.take(1)
    height = rows * _MACROBLOCK * fields
    bits.take(1)
    if bits.take(1):
        left, right, top, bottom = (bits.golomb() for _ in range(4))
        width -= (left + right) * (2 if chroma in {_CHROMA_420, _CHROMA_422} else 1)
        height -= (top + bottom) * (2 if chroma == _CHROMA_420 else 1) * fields
    if not (0 < width <= _LONGEST_SIDE and 0 < height <= _LONGEST_SIDE):
        raise NoParameterSet("no size that a picture has")
    return width, height


def _chroma(bits: "_Bits") -> int:
    """How colours are sampled; reads past what the high profiles tell besides."""
    chroma = bits.golomb()
    if chroma == _CHROMA_444:
        bits.take(1)
    bits.golomb()
    bits.golomb()
    bits.take(1)
    if bits.take(1):
        raise NoParameterSet("scaling lists are not read")
    return chroma


def _pass_picture_order(bits: "_Bits") -> None:
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1)
        bits.golomb()
        bits.golomb()
        for _ in range(min(bits.golomb(), _MOST_OFFSETS)):
            bits.golomb()


class _Bits:
    """Bits of a parameter set from left to right; NoParameterSet behind the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise NoParameterSet("cut short")
        return self._value >> self._left & (1 << count) - 1

    def golomb(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > _LONGEST_EXP_GOLOMB:
                raise NoParameterSet("no number")
        return (1 << zeros | self.take(zeros)) - 1
