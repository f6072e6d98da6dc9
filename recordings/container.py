"""Writes a seat's encoded picture or sound into a WebM file, byte for byte as the seat sent it.

One track per file, no decoder and no encoder. The header comes once; after it follow clusters of known size whose
time stamps are room time in milliseconds. The segment has no end and no seek table: the index beside the file is
the seek table, so a file that was cut off in the middle is as good as one that was closed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct, pack, unpack_from
from typing import NamedTuple

from app.core.samples import Codec

_EBML, _SEGMENT, _INFO, _TRACKS, _CLUSTER = (
    b"\x1a\x45\xdf\xa3",
    b"\x18\x53\x80\x67",
    b"\x15\x49\xa9\x66",
    b"\x16\x54\xae\x6b",
    b"\x1f\x43\xb6\x75",
)
_TIMECODE, _SIMPLE_BLOCK = b"\xe7", b"\xa3"
_UNKNOWN_SIZE = b"\x01\xff\xff\xff\xff\xff\xff\xff"
_KEYFRAME_FLAG = 0x80
_BLOCK_START = Struct(">BhB").pack
_BLOCK_HEAD = 4  # track number, 16-bit relative time, flags
_VP8_START_CODE = b"\x9d\x01\x2a"
_VP8_KEY_HEADER = 10
MAX_RELATIVE_MS = 0x7FFF
"""A block's time is a signed 16-bit distance from its cluster's."""


class Block(NamedTuple):
    """One encoded frame at its place on the room clock (whole milliseconds, not negative)."""

    room_ms: int
    keyframe: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class ClusterSpan:
    """A whole cluster found in bytes: where it lies, and the room time of its first and last block."""

    offset: int
    length: int
    from_ms: int
    to_ms: int
    keyframe: bool
    blocks: int


def header(codec: Codec, width: int = 0, height: int = 0) -> bytes:
    """The bytes that open a file; a player is given them before any cluster.

    `width` and `height` in pixels are needed for VP8 and refused (ValueError) when not positive.
    """
    if codec is Codec.vp8:
        if width <= 0 or height <= 0:
            raise ValueError("a picture needs a width and a height")
        track = _video_track(width, height)
    else:
        track = _audio_track()
    ebml = _element(
        _EBML,
        _uint(b"\x42\x86", 1)
        + _uint(b"\x42\xf7", 1)
        + _uint(b"\x42\xf2", 4)
        + _uint(b"\x42\xf3", 8)
        + _element(b"\x42\x82", b"webm")
        + _uint(b"\x42\x87", 4)
        + _uint(b"\x42\x85", 2),
    )
    info = _element(
        _INFO,
        _uint(b"\x2a\xd7\xb1", 1_000_000)
        + _element(b"\x4d\x80", b"yuanping")
        + _element(b"\x57\x41", b"yuanping"),
    )
    return ebml + _SEGMENT + _UNKNOWN_SIZE + info + _element(_TRACKS, track)


def cluster(blocks: Sequence[Block]) -> bytes:
    """One cluster of one or more blocks in the order of their room time.

    Raises ValueError for no blocks, for time that runs backwards, or for blocks more than 32 767 ms apart.
    """
    if not blocks:
        raise ValueError("a cluster needs a block")
    start = latest = blocks[0].room_ms
    parts = [_uint(_TIMECODE, start)]
    for room_ms, keyframe, data in blocks:
        if room_ms < latest:
            raise ValueError("block times must not run backwards")
        latest = room_ms
        relative = latest - start
        if relative > MAX_RELATIVE_MS:
            raise ValueError("blocks too far apart for one cluster")
        parts.append(_SIMPLE_BLOCK + _size(_BLOCK_HEAD + len(data)))
        parts.append(_BLOCK_START(0x81, relative, _KEYFRAME_FLAG if keyframe else 0))
        parts.append(data)
    length = sum(map(len, parts))
    return b"".join((_CLUSTER, _size(length), *parts))


def whole_clusters(data: bytes) -> Iterator[ClusterSpan]:
    """The whole clusters at the start of `data`, up to the first byte that does not belong to one.

    Never raises: whatever is cut off or damaged simply ends the walk.
    """
    offset = 0
    while (span := _cluster_at(data, offset)) is not None:
        yield span
        offset += span.length


def vp8_size(frame: bytes) -> tuple[int, int] | None:
    """Width and height in pixels that a VP8 key frame names in its first ten bytes; None for any other bytes (RFC 6386 §9.1)."""
    if len(frame) < _VP8_KEY_HEADER or frame[0] & 1 or frame[3:6] != _VP8_START_CODE:
        return None
    width, height = unpack_from("<HH", frame, 6)
    return (width & 0x3FFF, height & 0x3FFF) if width & 0x3FFF and height & 0x3FFF else None


def _video_track(width: int, height: int) -> bytes:
    return _track(1, b"V_VP8", _element(b"\xe0", _uint(b"\xb0", width) + _uint(b"\xba", height)))


def _audio_track() -> bytes:
    # Pre-skip 0: a decoder that skips would move every block away from its room time.
    opus_head = b"OpusHead" + pack("<BBHIhB", 1, 2, 0, 48_000, 0, 0)
    sound = _element(b"\xb5", pack(">d", 48_000.0)) + _uint(b"\x9f", 2)
    return _track(
        2,
        b"A_OPUS",
        _element(b"\x63\xa2", opus_head) + _uint(b"\x56\xbb", 80_000_000) + _element(b"\xe1", sound),
    )


def _track(kind: int, codec_id: bytes, details: bytes) -> bytes:
    common = _uint(b"\xd7", 1) + _uint(b"\x73\xc5", 1) + _uint(b"\x83", kind) + _uint(b"\x9c", 0)
    return _element(b"\xae", common + _element(b"\x86", codec_id) + details)


def _uint(name: bytes, value: int) -> bytes:
    return _element(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _element(name: bytes, body: bytes) -> bytes:
    return name + _size(len(body)) + body


def _size(length: int) -> bytes:
    """A length in EBML's variable spelling, shortest form (all ones is reserved for "unknown")."""
    width = 1
    while length >= (1 << 7 * width) - 1:
        width += 1
    return (1 << 7 * width | length).to_bytes(width, "big")


def _cluster_at(data: bytes, offset: int) -> ClusterSpan | None:
    if data[offset : offset + len(_CLUSTER)] != _CLUSTER:
        return None
    body = _read_size(data, offset + len(_CLUSTER))
    if body is None or body[0] + body[1] > len(data):
        return None
    at, length = body
    end = at + length
    stamp = _child(data, at, end, _TIMECODE)
    if stamp is None:
        return None
    start = int.from_bytes(data[stamp[0] : stamp[1]], "big")
    times: list[int] = []
    keyframe = False
    at = stamp[1]
    while at < end:
        block = _child(data, at, end, _SIMPLE_BLOCK)
        if block is None or block[1] - block[0] < _BLOCK_HEAD:
            return None
        _, relative, flags = unpack_from(">BhB", data, block[0])
        keyframe = keyframe or (not times and bool(flags & _KEYFRAME_FLAG))
        times.append(start + relative)
        at = block[1]
    return ClusterSpan(offset, end - offset, times[0], times[-1], keyframe, len(times)) if times else None


def _child(data: bytes, at: int, end: int, name: bytes) -> tuple[int, int] | None:
    """Where the body of the element `name` at `at` begins and ends, if it lies wholly before `end`."""
    if data[at : at + len(name)] != name:
        return None
    body = _read_size(data, at + len(name))
    return (body[0], body[0] + body[1]) if body is not None and body[0] + body[1] <= end else None


def _read_size(data: bytes, at: int) -> tuple[int, int] | None:
    """(first byte after the size, the size), or None when it is cut off or "unknown"."""
    if at >= len(data) or data[at] == 0:
        return None
    width = 9 - data[at].bit_length()
    if at + width > len(data):
        return None
    length = int.from_bytes(data[at : at + width], "big") & (1 << 7 * width) - 1
    return None if length == (1 << 7 * width) - 1 else (at + width, length)
