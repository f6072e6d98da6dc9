"""One track's file and its index on disk: opened once, only ever appended to, and on the platter before it is told."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from app.core.canonical import sha256_hex
from app.core.clock import Clock
from app.core.samples import Codec, TrackKey
from recordings import container
from recordings.cutter import Cut
from recordings.manifest import Act, Chain, Closed, Fragment, Gap, Header, Opened, TrackName

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
_MODE = 0o600


@dataclass(frozen=True, slots=True)
class GapNote:
    """A gap still to be written down."""

    from_ms: int
    to_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class CloseNote:
    """The end of the file still to be written down."""

    reason: str


class TrackFile:
    """Appends fragments of one epoch. Every call blocks until the disk has it; errors are OSError.

    After an error the object must not be written to again: what lies on disk is settled by recovery.
    """

    def __init__(self, name: TrackName, media: int, index: int, clock: Clock) -> None:
        self.name = name
        self._media = media
        self._index = index
        self._clock = clock
        self._chain = Chain()
        self._length = 0

    @classmethod
    def create(cls, room: Path, key: TrackKey, codec: Codec, size: tuple[int, int], clock: Clock) -> Self:
        """Opens the next epoch of the track in directory `room`; never an existing file. size: pixels, for pictures."""
        made = not room.exists()
        room.mkdir(parents=True, exist_ok=True, mode=0o700)
        if made:
            sync_directory(room.parent)
        index, name = _next_epoch(room, key)
        try:
            media = os.open(room / name.media, _CREATE, _MODE)
        except OSError:
            os.close(index)
            raise
        file = cls(name, media, index, clock)
        try:
            sync_directory(room)
            wall_ms = file._wall_ms()
            head = container.header(codec, *size)
            opened = Opened(key.room_id, key.seat_no, key.source.value, codec.value, name.epoch, wall_ms)
            file._tell([opened])
            _write(media, head)
            _sync(media)
            file._tell([Header(0, len(head), sha256_hex(head), wall_ms)])
            file._length = len(head)
        except OSError:
            file.release()
            raise
        return file

    def append(self, notes: Sequence[Cut | GapNote | CloseNote]) -> None:
        """Stores media first, makes it durable, and only then tells of it in the index; in the order given."""
        acts: list[Act] = []
        media: list[bytes] = []
        for act, data in self._acts(notes):
            acts.append(act)
            media.append(data)
        data = b"".join(media)
        if data:
            _write(self._media, data)
            _sync(self._media)
        self._tell(acts)
        self._length += len(data)

    def release(self) -> None:
        """Lets go of both files. Everything appended is already durable."""
        for descriptor in (self._media, self._index):
            with suppress(OSError):  # nothing is buffered here, and the descriptor is gone either way
                os.close(descriptor)

    def _acts(self, notes: Sequence[Cut | GapNote | CloseNote]) -> Iterator[tuple[Act, bytes]]:
        offset, wall_ms = self._length, self._wall_ms()
        for note in notes:
            match note:
                case Cut():
                    data = container.cluster(note.blocks)
                    yield _fragment(note, data, offset, wall_ms), data
                    offset += len(data)
                case GapNote():
                    yield Gap(max(note.from_ms, 0), max(note.to_ms, 0), note.reason, wall_ms), b""
                case CloseNote():
                    yield Closed(note.reason, wall_ms), b""

    def _tell(self, acts: Sequence[Act]) -> None:
        chain, lines = self._chain, []
        for act in acts:
            chain, raw = chain.append(act)
            lines.append(raw + b"\n")
        _write(self._index, b"".join(lines))
        _sync(self._index)
        self._chain = chain

    def _wall_ms(self) -> int:
        return round(self._clock.now().timestamp() * 1000)


def track_names(room: Path) -> tuple[TrackName, ...]:
    """The tracks that a room's directory holds, by seat, source and epoch."""
    stems = {
        path.name.split(".", 1)[0] for path in room.iterdir() if path.name.endswith((".webm", ".index.jsonl"))
    }
    names = [name for stem in stems if (name := TrackName.parse(stem)) is not None]
    return tuple(sorted(names, key=lambda name: (name.seat_no, name.source, name.epoch)))


def append_durably(path: Path, data: bytes) -> None:
    """Adds bytes to an existing file and waits for the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)
    try:
        _write(descriptor, data)
        _sync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Makes the names in a directory durable, which syncing the files alone does not."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _next_epoch(room: Path, key: TrackKey) -> tuple[int, TrackName]:
    """Opens the index of the first epoch that nobody has used. The file system decides, should two ask at once."""
    taken = [
        name.epoch for name in track_names(room) if (name.seat_no, name.source) == (key.seat_no, key.source)
    ]
    epoch = max(taken, default=0) + 1
    while True:
        name = TrackName(key.seat_no, key.source, epoch)
        try:
            return os.open(room / name.index, _CREATE, _MODE), name
        except FileExistsError:
            epoch += 1


def _fragment(cut: Cut, data: bytes, offset: int, wall_ms: int) -> Fragment:
    return Fragment(
        offset=offset,
        length=len(data),
        sha256=sha256_hex(data),
        from_ms=cut.from_ms,
        to_ms=cut.to_ms,
        wall_ms=wall_ms,
        arrived_ms=max(cut.arrived_ms, 0),
        rtp=cut.rtp,
        samples=len(cut.blocks),
        moved_ms=cut.moved_ms,
        keyframe=cut.keyframe,
    )


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync(descriptor: int) -> None:
    getattr(os, "fdatasync", os.fsync)(descriptor)
