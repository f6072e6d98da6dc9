"""Finds all seats' media of any moment, also while the room still runs."""

import os
import threading
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

from app.core.errors import NotFound
from app.core.i18n import N_
from recordings.lines import (
    Fragment,
    IndexReading,
    Malformed,
    TrackName,
    continue_index,
    read_index,
)
from recordings.manifest import MANIFEST_FILE, parse_manifest
from recordings.trackfile import track_names
from recordings.viewing import Viewings

_EMPTY = IndexReading((), (), b"")


class Indexes:
    """Indexes read before, so that a running room is read on and not read anew. Checks never use it."""

    def __init__(self, limit: int = 512) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, int], tuple[int, IndexReading]] = OrderedDict()

    def read(self, path: Path) -> IndexReading:
        """The index as it stands now. Raises OSError when it is not there."""
        with path.open("rb") as file:
            key = (str(path), os.fstat(file.fileno()).st_ino)
            with self._lock:
                size, known = self._known.get(key, (0, _EMPTY))
            if os.fstat(file.fileno()).st_size < size:
                size, known = 0, _EMPTY
            file.seek(size)
            data = file.read()
        reading = continue_index(known, data)
        if not reading.faults:
            with self._lock:
                self._known[key] = (size + len(data) - len(reading.torn), replace(reading, torn=b""))
                self._known.move_to_end(key)
                if len(self._known) > self._limit:
                    self._known.popitem(last=False)
        elif known.lines:
            return read_index(path.read_bytes())
        return reading


class ReplayMemory:
    """What the service keeps in mind between requests; losing it costs nothing but time."""

    def __init__(self) -> None:
        self.viewings = Viewings()
        self.indexes = Indexes()


def load_readings(room: Path, indexes: Indexes) -> tuple[tuple[TrackName, IndexReading], ...]:
    """Every index of a room, from memory where the file has not grown. No directory means no tracks yet."""
    if not room.is_dir():
        return ()
    readings = []
    for name in track_names(room):
        try:
            readings.append((name, indexes.read(room / name.index)))
        except FileNotFoundError:
            continue
    return tuple(readings)


def track_file(room: Path, track_id: str) -> Path:
    """The media file of a track by its id (`seat-3-camera-1`). Raises NotFound."""
    name = TrackName.parse(track_id)
    if name is None or not (room / name.media).is_file():
        raise NotFound("track-not-found", N_("没有这一路录制"))
    return room / name.media


def zero_wall_ms(room: Path, readings: tuple[tuple[TrackName, IndexReading], ...]) -> int | None:
    """UTC of room time 0 in milliseconds: from the manifest, else reckoned from when fragments were cut."""
    try:
        told = parse_manifest((room / MANIFEST_FILE).read_bytes()).zero_wall_ms
    except (OSError, Malformed):
        told = None
    if told is not None:
        return told
    reckoned = (
        line.act.wall_ms - line.act.arrived_ms
        for _, reading in readings
        for line in reading.lines
        if isinstance(line.act, Fragment)
    )
    return min(reckoned, default=None)
