"""Every frame of a room's recording, as a player would read it: by PyAV, not by our own code."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import av

from app.core.samples import Source
from recordings.trackfile import track_names
from tests.support.publisher import read_stamp

Track = tuple[int, Source]


@dataclass(frozen=True, slots=True)
class Kept:
    """A stamped frame in a file: where it lies on the room clock, and when it was captured; both in milliseconds."""

    room_ms: float
    captured_ms: float

    @property
    def off_ms(self) -> float:
        """Room time less the moment of capture: the same for all frames of all seats, if clocks were perfect."""
        return self.room_ms - self.captured_ms


def stamped(room: Path) -> Mapping[Track, tuple[Kept, ...]]:
    """The stamped frames of every track in order of their files."""
    found: dict[Track, list[Kept]] = {}
    for name in track_names(room):
        kept = found.setdefault((name.seat_no, name.source), [])
        kept += [
            Kept(room_ms, moment * 1000)
            for room_ms, data in _frames(room / name.media)
            if (moment := read_stamp(data)) is not None
        ]
    return {track: tuple(kept) for track, kept in found.items()}


def _frames(file: Path) -> Iterator[tuple[float, bytes]]:
    with av.open(str(file), "r") as opened:
        for packet in opened.demux():
            if packet.pts is not None and packet.time_base is not None:
                yield float(packet.pts * packet.time_base) * 1000, bytes(packet)


def last_stamp(file: Path) -> float | None:
    """Capture of the last stamped frame in any file, in milliseconds; None when nothing can be read."""
    try:
        stamps = [moment for _, data in _frames(file) if (moment := read_stamp(data)) is not None]
    except av.FFmpegError:
        return None
    return max(stamps) * 1000 if stamps else None
