"""Writes a seat's H264 picture into a fragmented MP4 file, byte for byte as the seat sent it (ISO/IEC 14496-12).

One track per file. The header comes once; after it follow fragments whose decode times are room time in milliseconds.
There is no index at the end: the index beside the file is the seek table, and a file cut off in the middle is as good
as one that was closed.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from struct import pack, unpack_from

from recordings.container import Block, ClusterSpan
from recordings.h264 import ParameterSets

_TIMESCALE = 1000
_MATRIX = pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_SYNC, _NOT_SYNC = 0x02000000, 0x01010000
_DEFAULT_DURATION_MS = 40
_HEAD = 8


def header(sets: ParameterSets) -> bytes:
    """The bytes that open a file; a player is given them before any fragment."""
    return _box(b"ftyp", b"isom" + pack(">I", 0x200) + b"isomiso6avc1mp41") + _movie(sets)


def fragment(blocks: Sequence[Block], number: int) -> bytes:
    """One fragment of one or more samples in the order of their room time; `number` counts from 1.

    Raises ValueError for no samples, or for time that runs backwards.
    """
    if not blocks:
        raise ValueError("a fragment needs a sample")
    durations = [later.room_ms - earlier.room_ms for earlier, later in pairwise(blocks)]
    if any(duration < 0 for duration in durations):
        raise ValueError("sample times must not run backwards")
    durations.append(durations[-1] if durations and durations[-1] else _DEFAULT_DURATION_MS)
    samples = b"".join(
        pack(">III", duration, len(block.data), _SYNC if block.keyframe else _NOT_SYNC)
        for block, duration in zip(blocks, durations, strict=True)
    )
    flags = 0x000001 | 0x000100 | 0x000200 | 0x000400  # data offset; each sample's duration, size and flags
    decode_time = _full(b"tfdt", 1, 0, pack(">Q", blocks[0].room_ms))
    track = _full(b"tfhd", 0, 0x020000, pack(">I", 1)) + decode_time
    run_length = _HEAD + 4 + 8 + len(samples)
    movie_length = _HEAD + (_HEAD + 8) + (_HEAD + len(track) + run_length)
    run = _full(b"trun", 0, flags, pack(">II", len(blocks), movie_length + _HEAD) + samples)
    movie = _box(b"moof", _full(b"mfhd", 0, 0, pack(">I", number)) + _box(b"traf", track + run))
    return movie + _box(b"mdat", b"".join(block.data for block in blocks))


def whole_fragments(data: bytes) -> Iterator[ClusterSpan]:
    """The whole fragments at the start of `data`, up to the first byte that does not belong to one. Never raises."""
    offset = 0
    while (span := _fragment_at(data, offset)) is not None:
        yield span
        offset += span.length


def _fragment_at(data: bytes, offset: int) -> ClusterSpan | None:
    movie = _box_at(data, offset, b"moof")
    media = _box_at(data, movie, b"mdat") if movie is not None else None
    if movie is None or media is None:
        return None
    time_at, run_at = data.find(b"tfdt", offset, movie), data.find(b"trun", offset, movie)
    if not (0 <= time_at <= run_at - 16 and run_at + 16 <= movie):
        return None
    (start,) = unpack_from(">Q", data, time_at + 8)
    (count,) = unpack_from(">I", data, run_at + 8)
    if not count or run_at + 16 + 12 * count > movie:
        return None
    durations = [unpack_from(">I", data, run_at + 16 + 12 * number)[0] for number in range(count)]
    (first_flags,) = unpack_from(">I", data, run_at + 16 + 8)
    return ClusterSpan(
        offset, media - offset, start, start + sum(durations[:-1]), first_flags == _SYNC, count
    )


def _box_at(data: bytes, offset: int, kind: bytes) -> int | None:
    """Where the box of this kind at `offset` ends, if it lies wholly in `data`."""
    if offset + _HEAD > len(data) or data[offset + 4 : offset + _HEAD] != kind:
        return None
    end = offset + int.from_bytes(data[offset : offset + 4], "big")
    return end if offset + _HEAD <= end <= len(data) else None


def _movie(sets: ParameterSets) -> bytes:
    movie = _full(
        b"mvhd",
        0,
        0,
        pack(">IIII", 0, 0, _TIMESCALE, 0)
        + pack(">IHHII", 0x10000, 0x0100, 0, 0, 0)
        + _MATRIX
        + bytes(24)
        + pack(">I", 2),
    )
    track = _full(
        b"tkhd",
        0,
        7,
        pack(">IIIII", 0, 0, 1, 0, 0)
        + bytes(8)
        + bytes(8)
        + _MATRIX
        + pack(">II", sets.width << 16, sets.height << 16),
    )
    media = (
        _full(b"mdhd", 0, 0, pack(">IIII", 0, 0, _TIMESCALE, 0) + pack(">HH", 0x55C4, 0))
        + _full(b"hdlr", 0, 0, bytes(4) + b"vide" + bytes(12) + b"yuanping\0")
        + _box(b"minf", _full(b"vmhd", 0, 1, bytes(8)) + _data_information() + _sample_table(sets))
    )
    extends = _box(b"mvex", _full(b"trex", 0, 0, pack(">IIIII", 1, 1, 0, 0, 0)))
    return _box(b"moov", movie + _box(b"trak", track + _box(b"mdia", media)) + extends)


def _data_information() -> bytes:
    return _box(b"dinf", _full(b"dref", 0, 0, pack(">I", 1) + _full(b"url ", 0, 1, b"")))


def _sample_table(sets: ParameterSets) -> bytes:
    configuration = (
        b"\1"
        + sets.sps[1:4]
        + b"\xff\xe1"
        + pack(">H", len(sets.sps))
        + sets.sps
        + b"\1"
        + pack(">H", len(sets.pps))
        + sets.pps
    )
    entry = _box(
        b"avc1",
        bytes(6)
        + pack(">H", 1)
        + bytes(16)
        + pack(">HH", sets.width, sets.height)
        + pack(">II", 0x480000, 0x480000)
        + bytes(4)
        + pack(">H", 1)
        + bytes(32)
        + pack(">Hh", 0x18, -1)
        + _box(b"avcC", configuration),
    )
    empty = _full(b"stts", 0, 0, bytes(4)) + _full(b"stsc", 0, 0, bytes(4)) + _full(b"stsz", 0, 0, bytes(8))
    return _box(b"stbl", _full(b"stsd", 0, 0, pack(">I", 1) + entry) + empty + _full(b"stco", 0, 0, bytes(4)))


def _full(kind: bytes, version: int, flags: int, body: bytes) -> bytes:
    return _box(kind, pack(">I", version << 24 | flags) + body)


def _box(kind: bytes, body: bytes) -> bytes:
    return pack(">I", _HEAD + len(body)) + kind + body
