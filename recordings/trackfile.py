"""One track's file and its index on disk: opened once, only ever appended to, and on the platter before it is told.

What is to be kept goes through four steps, so that many files can take each step together: `stage` writes media,
`settle` waits until the disk has it, `tell` writes the index, `settle_index` waits for that.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from app.core.canonical import sha256_hex
from app.core.samples import ClockNote, Codec, Source
from recordings import container, mp4
from recordings.cutter import Cut, GapNote, Note, Picture
from recordings.lines import (
    MAX_LINE,
    Act,
    Chain,
    ClockLine,
    Closed,
    Fragment,
    Gap,
    Header,
    Opened,
    TrackName,
    ending_of,
    ends,
)

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_MODE = 0o600
_CODECS = {Codec.vp8: "vp8", Codec.opus: "opus"}


@dataclass(frozen=True, slots=True)
class Begun:
    """A room that is recorded under a lease. zero_wall_ms: UTC of room time 0, known to within wall_uncertainty_ms."""

    room_id: str
    lease: int
    zero_wall_ms: int
    wall_uncertainty_ms: int


class TrackFile:
    """Appends to one part of a track. Every call but `create` may block for as long as the disk does; errors are OSError.

    After an error the object must not be written to again: what lies on disk is settled by recovery.
    """

    def __init__(
        self, room: Path, name: TrackName, opened: Opened, head: bytes, media: int, index: int
    ) -> None:
        self.name = name
        self._room = room
        self.codec = Codec(opened.codec)
        self._media = media
        self._index = index
        self._chain = Chain()
        self._length = 0
        self._fragments = 0
        self._staged: list[Act] = [opened]
        self._head = head

    @classmethod
    def create(
        cls,
        room: Path,
        begun: Begun,
        name: TrackName,
        codec: Codec,
        picture: Picture | None,
        wall_ms: int,
    ) -> Self:
        """Opens both files, which must not exist: FileExistsError. They lie in the directory for good once it is synced."""
        width, height = (picture.width, picture.height) if picture else (0, 0)
        if picture is not None and picture.sets is not None:
            head, codecs = mp4.header(picture.sets), picture.sets.codec
        else:
            head, codecs = container.header(codec, width, height), _CODECS[codec]
        index = claim_file(room, name.index)
        try:
            media = claim_file(room, name.media)
        except OSError:
            os.close(index)
            raise
        opened = Opened(
            room_id=begun.room_id,
            seat_no=name.seat_no,
            source=name.source.value,
            codec=codec.value,
            codecs=codecs,
            width=width,
            height=height,
            lease=name.lease,
            connection=name.connection,
            part=name.part,
            zero_wall_ms=begun.zero_wall_ms,
            wall_uncertainty_ms=begun.wall_uncertainty_ms,
            wall_ms=wall_ms,
        )
        return cls(room, name, opened, head, media, index)

    def stage(self, notes: Sequence[Note], wall_ms: int) -> None:
        """Writes the media of these notes, in the order given."""
        media = []
        if self._head:
            media.append(self._head)
            self._staged.append(Header(0, len(self._head), sha256_hex(self._head), wall_ms))
            self._length, self._head = len(self._head), b""
        for note in notes:
            if isinstance(note, Cut):
                self._fragments += 1
                data = self._contain(note)
                self._staged.append(_fragment(note, data, self._length, wall_ms))
                self._length += len(data)
                media.append(data)
            elif isinstance(note, GapNote):
                self._staged.append(Gap(max(note.from_ms, 0), max(note.to_ms, 0), note.reason, wall_ms))
            elif isinstance(note, ClockNote):
                self._staged.append(_clock_line(note, wall_ms))
            else:
                self._staged.append(Closed(note.reason, wall_ms))
        self._unsettled = bool(media)
        if media:
            write_file(self._media, b"".join(media))

    def settle(self) -> None:
        """Waits until the disk has the media."""
        if self._unsettled:
            sync_file(self._media)

    def tell(self) -> None:
        """Writes the lines of what was staged."""
        chain = self._chain
        lines: list[bytes] = []
        for act in self._staged:
            chain, raw = chain.append(act)
            lines += (raw, b"\n")
        write_file(self._index, b"".join(lines))
        self._chain = chain
        self._staged = []

    def settle_index(self) -> None:
        """Waits until the disk has the lines."""
        sync_file(self._index)

    def withdraw_if_empty(self) -> None:
        """Takes the names of files back into which the disk took not a single byte: a full disk would gather thousands."""
        with suppress(OSError):  # then they stay, and are ended as empty ones when the room is sealed
            if not any(os.fstat(descriptor).st_size for descriptor in (self._media, self._index)):
                (self._room / self.name.media).unlink()
                (self._room / self.name.index).unlink()

    def release(self) -> None:
        """Lets go of both files. Everything that was settled is durable."""
        for descriptor in (self._media, self._index):
            with suppress(OSError):  # nothing is buffered here, and the descriptor is gone either way
                os.close(descriptor)

    def _contain(self, cut: Cut) -> bytes:
        if self.codec is Codec.h264:
            return mp4.fragment(cut.blocks, self._fragments)
        return container.cluster(cut.blocks)


def track_names(room: Path) -> tuple[TrackName, ...]:
    """The tracks that a room's directory holds, by seat, source, lease, connection and part."""
    endings: dict[str, str] = {}
    for path in room.iterdir():
        stem, _, ending = path.name.partition(".")
        if ending in {"webm", "mp4"}:
            endings[stem] = ending
        elif ending == "index.jsonl":
            endings.setdefault(stem, "webm")
    names = [name for stem, ending in endings.items() if (name := TrackName.parse(stem, ending)) is not None]
    return tuple(sorted(names))


def has_ended(lines: Path) -> bool:
    """Whether the last line says that no more will follow. Only the end of the file is read."""
    if not lines.exists():
        return False
    with lines.open("rb") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - MAX_LINE - 1, 0))
        tail = file.read()
    return tail.endswith(b"\n") and ends(tail[:-1].rpartition(b"\n")[2])


def name_of(
    begun: Begun, seat_no: int, source: Source, codec: Codec, connection: int, part: int
) -> TrackName:
    return TrackName(seat_no, source, begun.lease, connection, part, ending_of(codec))


def claim_file(room: Path, name: str, how: int = os.O_APPEND) -> int:
    """Makes a file that nobody else may have made, and holds it: while its descriptor is open, it is not recovered."""
    descriptor = os.open(room / name, _CREATE | how, _MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def append_durably(path: Path, data: bytes) -> None:
    """Adds bytes to a file and waits for the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)
    try:
        write_file(descriptor, data)
        sync_file(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def held(path: Path, flags: int = os.O_RDONLY) -> Iterator[int | None]:
    """Holds a file or folder, opened with these flags, that nobody else holds meanwhile: its descriptor; None when somebody
    else does."""
    descriptor = os.open(path, flags, _MODE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)


def make_room(room: Path) -> None:
    """Makes the directory of a room, for good."""
    if not room.exists():
        room.mkdir(parents=True, exist_ok=True, mode=0o700)
        sync_directory(room.parent)


def sync_directory(directory: Path) -> None:
    """Makes the names in a directory durable, which syncing the files alone does not."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_file(descriptor: int, data: bytes) -> None:
    """Writes all of it, however little the system takes at a time."""
    taken = os.write(descriptor, data) if data else 0
    while taken < len(data):
        taken += os.write(descriptor, memoryview(data)[taken:])


def write_file_at(descriptor: int, data: bytes, offset: int) -> None:
    """Writes all of it to a place in a file, over what may be there."""
    taken = 0
    while taken < len(data):
        taken += os.pwrite(descriptor, memoryview(data)[taken:], offset + taken)


def sync_file(descriptor: int) -> None:
    """Waits until the disk has the file's bytes."""
    getattr(os, "fdatasync", os.fsync)(descriptor)


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
        lost=cut.lost,
        level=cut.level,
        frozen=cut.frozen,
        keyframe=cut.keyframe,
    )


def _clock_line(note: ClockNote, wall_ms: int) -> ClockLine:
    return ClockLine(
        max(note.arrived_ms, 0), note.ntp, note.rtp_timestamp, note.rtt_us or 0, note.shift_us, wall_ms
    )
