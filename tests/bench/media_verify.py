"""How long it takes to check two hours of a full room, and to seal it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.core.samples import Codec, Source
from recordings.container import Block
from recordings.cutter import CloseNote, Cut, Note, Picture
from recordings.lines import TrackName
from recordings.sealing import seal_room
from recordings.trackfile import Begun, TrackFile
from recordings.verify import verify_room
from tests.bench.measuring import wall
from tests.bench.media_ends import bench_folder
from tests.bench.media_server import ROOM
from tests.bench.table import Figure, at_most

_SEATS = 5
_PART_S, _FRAGMENT_MS = 300, 500
_ZERO = datetime(2026, 1, 5, 1, tzinfo=UTC)
_PICTURE = Picture(640, 480)
_KINDS: dict[Source, tuple[Codec, int, int]] = {
    Source.camera: (Codec.vp8, 40, 4000),
    Source.microphone: (Codec.opus, 20, 80),
    Source.screen: (Codec.vp8, 100, 6000),
}
"""Codec, milliseconds from frame to frame, bytes of a frame."""


def figures(quick: bool) -> Iterator[Figure]:
    """A room of five seats with camera, microphone and screen."""
    minutes = 10 if quick else 120
    with bench_folder() as folder:
        room = folder / ROOM
        room.mkdir()
        for seat in range(1, _SEATS + 1):
            for source in _KINDS:
                for part in range(minutes * 60 // _PART_S):
                    _write(room, seat, source, part)
        end = _ZERO + timedelta(minutes=minutes)
        name = f"{minutes} min of {_SEATS * len(_KINDS)} tracks"
        sealing_s, _ = wall(lambda: seal_room(room, ROOM, end, _ZERO))
        yield at_most(f"sealing {name}", sealing_s, 10, unit="s")
        checking_s, verdict = wall(lambda: verify_room(room))
        assert verdict.ok, verdict.findings[:3]
        yield at_most(
            f"checking {name}",
            checking_s,
            120,
            unit="s",
            beside=f"{verdict.bytes / 1e9:.1f} GB, {verdict.fragments:,} fragments",
        )


def _write(room: Path, seat: int, source: Source, part: int) -> None:
    codec, every_ms, size = _KINDS[source]
    picture = _PICTURE if codec is Codec.vp8 else None
    name = TrackName(seat, source, 1, 1, part + 1)
    begun = Begun(ROOM, 1, round(_ZERO.timestamp() * 1000), 1)
    began_ms = part * _PART_S * 1000
    wall_ms = begun.zero_wall_ms + began_ms
    file = TrackFile.create(room, begun, name, codec, picture, wall_ms)
    notes: list[Note] = [
        _cut(range(at_ms, at_ms + _FRAGMENT_MS, every_ms), _frame(size, seat, at_ms), picture)
        for at_ms in range(began_ms, began_ms + _PART_S * 1000, _FRAGMENT_MS)
    ]
    file.stage([*notes, CloseNote("rolled")], wall_ms)
    file.settle()
    file.tell()
    file.settle_index()
    file.release()


def _cut(times: Sequence[int], data: bytes, picture: Picture | None) -> Cut:
    blocks = tuple(Block(at_ms, at_ms == times[0], data) for at_ms in times)
    return Cut(blocks, 0, times[-1], 0, picture)


def _frame(size: int, seat: int, at_ms: int) -> bytes:
    """Bytes that are nowhere the same, so that nothing on the way can make them fewer."""
    seed = (seat * 1_000_003 + at_ms).to_bytes(8, "big")
    return (seed * (size // 8 + 1))[:size]
