"""Finds all seats' media of any moment, also while the room still runs."""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.core.errors import NotFound
from app.core.i18n import N_
from app.core.samples import Source
from recordings.lines import IndexReading, Malformed, TrackName, continue_index, named, read_index
from recordings.manifest import MANIFEST_FILE, parse_manifest
from recordings.timeline import (
    Missing,
    Part,
    RoomTimeline,
    TrackTimeline,
    parts_timeline,
    read_part,
    track_timeline,
)
from recordings.trackfile import track_names
from recordings.viewing import Viewings

LONGEST_ROOM = 2_048
"""More files than a room of five seats has, each with camera, microphone and screen, after ten hours (1,800)."""
_EMPTY = IndexReading((), (), b"")


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file of a track as far as its index has been read. zero_wall_ms: UTC of room time 0 as its recorder knew it."""

    part: Part
    zero_wall_ms: int | None


@dataclass(frozen=True, slots=True)
class _Memory:
    """What was read of an index: up to which byte, and, while it grows, what is needed to read on."""

    size: int
    known: KnownFile
    reading: IndexReading | None


class Indexes:
    """Indexes read before, so that a running room is read on and not read anew. Checks never use it."""

    def __init__(self, limit: int = LONGEST_ROOM) -> None:
        """limit: files kept in mind, at about 150 kB each; a room with more of them would be read anew each time."""
        self._limit = limit
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, int], _Memory] = OrderedDict()

    def read(self, room: Path, name: TrackName) -> KnownFile:
        """What the index tells now. Raises OSError when it is not there."""
        path = room / name.index
        with path.open("rb") as file:
            key = (str(path), os.fstat(file.fileno()).st_ino)
            with self._lock:
                memory = self._known.get(key)
            size = os.fstat(file.fileno()).st_size
            if memory is not None and memory.size == size:
                return memory.known
            known = memory.reading if memory is not None and memory.size < size else None
            file.seek(memory.size if memory is not None and known is not None else 0)
            data = file.read()
        reading = continue_index(known or _EMPTY, data)
        if reading.faults and known is not None:
            reading = read_index(path.read_bytes())
        name = named(name, reading)
        opened = reading.opened
        found = KnownFile(read_part(name, reading), opened.zero_wall_ms if opened else None)
        if not reading.faults:
            read_to = (memory.size if memory is not None and known is not None else 0) + len(data)
            left = None if reading.ended else replace(reading, torn=b"")
            self._remember(key, _Memory(read_to - len(reading.torn), found, left))
        return found

    def _remember(self, key: tuple[str, int], memory: _Memory) -> None:
        with self._lock:
            self._known[key] = memory
            self._known.move_to_end(key)
            if len(self._known) > self._limit:
                self._known.popitem(last=False)


class ReplayMemory:
    """What the service keeps in mind between requests; losing it costs nothing but time."""

    def __init__(self) -> None:
        self.viewings = Viewings()
        self.indexes = Indexes()


def load_files(room: Path, indexes: Indexes) -> tuple[KnownFile, ...]:
    """Every file of a room, from memory where its index has not grown. No directory means no tracks yet."""
    if not room.is_dir():
        return ()
    files = []
    for name in track_names(room):
        try:
            files.append(indexes.read(room, name))
        except FileNotFoundError:
            continue
    return tuple(files)


def timeline_since(parts: Sequence[Part], since_ms: int) -> RoomTimeline:
    """All tracks of a room from a moment on: coverage, gaps and overlaps are cut there, and older files left out.

    Files that reach beyond it are told whole, so that their fragments gather to the same pieces as ever. Looks only at what may reach beyond that moment, so that it costs the same in the fifth hour as in the first.
    """
    if since_ms <= 0:
        return parts_timeline(parts)
    spans = [(part.fragments[0].from_ms, part.fragments[-1].to_ms) for part in parts if part.fragments]
    first, last = min((at for at, _ in spans), default=0), max((at for _, at in spans), default=0)
    tracks: dict[tuple[int, Source], list[Part]] = {}
    for part in parts:
        tracks.setdefault((part.name.seat_no, part.name.source), []).append(part)
    return RoomTimeline(
        first,
        last,
        tuple(
            _cut(
                track_timeline(seat_no, source, _reaching(own, since_ms), max(first, since_ms), last),
                since_ms,
            )
            for (seat_no, source), own in sorted(tracks.items())
        ),
    )


def _reaching(parts: Sequence[Part], since_ms: int) -> tuple[Part, ...]:
    """Files that hold or tell something of the time from since_ms on, and the last before: how it ended names a gap."""
    ending = [(part.fragments[-1].to_ms, part) for part in parts if part.fragments]
    before = max((entry for entry in ending if entry[0] < since_ms), key=lambda entry: entry[0], default=None)
    late = [
        part
        for part in parts
        if any(gap.to_ms > since_ms for gap in part.gaps)
        or (part.fragments and part.fragments[-1].to_ms >= since_ms)
    ]
    return tuple(late if before is None or before[1] in late else [*late, before[1]])


def _cut(track: TrackTimeline, since_ms: int) -> TrackTimeline:
    return replace(
        track,
        coverage=tuple((max(start, since_ms), end) for start, end in track.coverage if end >= since_ms),
        gaps=tuple(
            Missing(max(gap.from_ms, since_ms), gap.to_ms, gap.reason)
            for gap in track.gaps
            if gap.to_ms > since_ms
        ),
        overlaps=tuple(
            one._replace(from_ms=max(one.from_ms, since_ms)) for one in track.overlaps if one.to_ms > since_ms
        ),
    )


def track_file(room: Path, track_id: str) -> tuple[TrackName, Path]:
    """The media file of a part by its id (`seat-3-camera-1-1-1`). Raises NotFound."""
    for ending in ("webm", "mp4"):
        name = TrackName.parse(track_id, ending)
        if name is not None and (room / name.media).is_file():
            return name, room / name.media
    raise NotFound("track-not-found", N_("没有这一路录制"))


def zero_wall_ms(room: Path, files: Iterable[KnownFile]) -> int | None:
    """UTC of room time 0 in milliseconds: from the manifest, else from the newest lease."""
    try:
        told = parse_manifest((room / MANIFEST_FILE).read_bytes()).zero_wall_ms
    except (OSError, Malformed):
        told = None
    if told is not None:
        return told
    newest = max(
        (file for file in files if file.zero_wall_ms is not None),
        key=lambda file: file.part.name.lease,
        default=None,
    )
    return newest.zero_wall_ms if newest else None


def mime(part: Part) -> str:
    """What a file holds, as a player wants to be told."""
    return f'{media_type(part.name)}; codecs="{part.codecs}"'


def media_type(name: TrackName) -> str:
    kind = "audio" if name.source is Source.microphone else "video"
    return f"{kind}/{name.ending}"
