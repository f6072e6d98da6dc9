"""Reads the head of an RTP packet: who sends, in which order, at which media time, how loud (RFC 3550, 6464, 8285).

This runs for every packet of every seat, so it reads where the bits lie and makes one value.
"""

from struct import Struct
from typing import NamedTuple

_HEAD, _EXTENSION = Struct(">BBHII"), Struct(">HH")
_VERSION = 2
_MARKER = 0x80
_PADDED, _EXTENDED, _SOURCES = 0x20, 0x10, 0x0F
_ONE_BYTE, _TWO_BYTE = 0xBEDE, 0x1000
_STOP = 15
SILENCE = 127
"""The level of a packet without any sound, in -dBov; 0 is the loudest."""


class Extensions(NamedTuple):
    """Under which numbers a sender agreed to write what we read; 0: it does not."""

    mid: int = 0
    level: int = 0


class RtpPacket(NamedTuple):
    """One packet as it came. `sequence` has 16 bits, `timestamp` and `ssrc` 32. `arrived_ms` is room time, `level` in -dBov.

    level, mid: None when not told.
    """

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    arrived_ms: int
    level: int | None = None
    mid: str | None = None


def read(data: bytes, extensions: Extensions, arrived_ms: int) -> RtpPacket | None:
    """The packet in these decrypted bytes, None when they are none."""
    end = len(data)
    if end < _HEAD.size or data[0] >> 6 != _VERSION:
        return None
    first, second, sequence, timestamp, ssrc = _HEAD.unpack_from(data)
    start = _HEAD.size + 4 * (first & _SOURCES)
    level = mid = None
    if first & _EXTENDED:
        if end < start + 4:
            return None
        profile, words = _EXTENSION.unpack_from(data, start)
        body, start = start + 4, start + 4 + 4 * words
        if start > end:
            return None
        if extensions.mid or extensions.level:
            level, mid = _extensions(data, body, start, profile, extensions)
    if first & _PADDED:
        if end == start or not 1 <= data[-1] <= end - start:
            return None
        end -= data[-1]
    if start > end:
        return None
    payload = data[start:end]
    return RtpPacket(
        second & 0x7F, second >= _MARKER, sequence, timestamp, ssrc, payload, arrived_ms, level, mid
    )


def _extensions(
    data: bytes, at: int, end: int, profile: int, wanted: Extensions
) -> tuple[int | None, str | None]:
    """Level and line name in the header extensions, of one-byte or two-byte form."""
    level: int | None = None
    mid: str | None = None
    short = profile == _ONE_BYTE
    if not short and profile & 0xFFF0 != _TWO_BYTE:
        return None, None
    while at < end:
        number = data[at]
        if number == 0:  # padding
            at += 1
            continue
        if short:
            number, length = number >> 4, (number & 0x0F) + 1
            at += 1
            if number == _STOP:
                break
        else:
            if at + 1 >= end:
                break
            length = data[at + 1]
            at += 2
        if at + length > end:
            break
        if number == wanted.level and length:
            level = data[at] & 0x7F
        elif number == wanted.mid:
            mid = data[at : at + length].decode("ascii", "replace")
        at += length
    return level, mid
