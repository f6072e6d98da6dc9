"""Follows the files of a running room, so that the bytes a seat has just had recorded can be watched (实时巡看).

Reads only what lies on disk: a line in an index is the word that its bytes are durable. Nothing here is asked by, or waits
for, whoever records; however many watch and however slowly they read, the recorder does not notice.
"""

import asyncio
import logging
import os
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from anyio import CapacityLimiter, to_thread

from app.core.samples import Source, TrackKey
from recordings.lines import (
    Closed,
    Fragment,
    Header,
    Malformed,
    Opened,
    Recovered,
    TrackName,
    ending_of,
    parse_line,
)
from recordings.manifest import MANIFEST_FILE
from recordings.recorder import Recorder
from recordings.replay import Indexes
from recordings.timeline import Part, Piece, gather, track_timeline
from recordings.trackfile import has_ended, track_names

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
"""How often files are looked at when nobody says that they have grown: another process records the room."""
KEPT = 24
"""Fragments of a track that are kept at hand, about a dozen seconds: at least one begins with a key frame."""
THREADS = 4
"""Readers of files at once, of all rooms, and as many of rows; a disk or a database that hangs takes no thread from anybody
else."""

SOONEST_S = 0.1
"""Between two looks, however often somebody says so: all tracks of a room become durable at about the same time."""
_INDEX = ".index.jsonl"

TrackOf = tuple[int, Source]
"""A seat's number, and which of its sources."""


class Fresh(NamedTuple):
    """A fragment that has just become durable, with its bytes and the file it is in. number: counts from 0 for each track."""

    number: int
    part: Part
    piece: Piece
    data: bytes


@dataclass(slots=True)
class LiveTrack:
    """The newest fragments of one track. Once a later lease records it, an earlier one is no longer followed."""

    count: int = 0
    lease: int = 0
    recent: deque[Fresh] = field(default_factory=lambda: deque(maxlen=KEPT))

    def add(self, part: Part, piece: Piece, data: bytes) -> None:
        if piece.name.lease >= self.lease:
            self.lease = piece.name.lease
            self.recent.append(Fresh(self.count, part, piece, data))
            self.count += 1

    def after(self, number: int) -> tuple[tuple[Fresh, ...], bool]:
        """Everything from this number on; True when some of it is no longer at hand: what is left then begins with a key
        frame, the newest one."""
        recent = tuple(self.recent)
        if not recent or recent[0].number <= number:
            return tuple(fresh for fresh in recent if fresh.number >= number), False
        keyframes = [at for at, fresh in enumerate(recent) if fresh.piece.keyframe]
        return (recent[keyframes[-1] :] if keyframes else ()), True


class _Growing:
    """Reads on in one index; whether its chain holds is for checks to say."""

    def __init__(self, room: Path, name: TrackName) -> None:
        self.ended = False
        self.track: TrackOf = (name.seat_no, name.source)
        self._room = room
        self._name = name
        self._read = 0
        self._opened: Opened | None = None
        self._part: Part | None = None

    def news(self) -> Iterator[tuple[Part, Piece, bytes]]:
        """What was told since the last time. Raises OSError."""
        with (self._room / self._name.index).open("rb") as file:
            file.seek(self._read)
            told = file.read()
        whole, _, _ = told.rpartition(b"\n")
        self._read += len(whole) + 1 if whole else 0
        fragments = [act for act in self._acts(whole) if isinstance(act, Fragment)][-KEPT:]
        if not fragments or self._part is None:
            return
        part = self._part
        with (self._room / part.name.media).open("rb") as media:
            for act in fragments:
                piece = Piece(
                    part.name, act.offset, act.length, act.from_ms, act.to_ms, act.keyframe, act.level
                )
                media.seek(act.offset)
                yield part, piece, media.read(act.length)

    def _acts(self, lines: bytes) -> Iterator[object]:
        for raw in lines.split(b"\n") if lines else ():
            try:
                act = parse_line(raw).act
            except Malformed:
                logger.warning("%s is followed no further: a line is no line", self._name.index)
                self.ended = True
                return
            if isinstance(act, Opened):
                self._opened = act
            elif isinstance(act, Header) and self._opened is not None:
                self._part = _part_of(self._name, self._opened, act.length)
            elif isinstance(act, Closed | Recovered):
                self.ended = True
            yield act


class LiveRoom:
    """One room that somebody watches. All but `look` belongs to the event loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tracks: dict[TrackOf, LiveTrack] = {}
        self.sealed = False
        self.watchers: set[asyncio.Event] = set()
        self.wake = asyncio.Event()
        self._known: set[str] = set()
        self._growing: list[_Growing] = []
        self._begun = False

    def look(self) -> bool:
        """Reads what the files have gained; whether there was anything. Runs on a reader's thread, one at a time.

        Costs as much in the eighth hour as in the first: of files that have ended only the names are looked at.
        """
        if not self.folder.is_dir():
            return False
        with os.scandir(self.folder) as found:
            names = [one.name for one in found]
        sealed, news = MANIFEST_FILE in names, self._meet(names)
        for growing in tuple(self._growing):
            for part, piece, data in growing.news():
                self.tracks[growing.track].add(part, piece, data)
                news = True
            if growing.ended:
                self._growing.remove(growing)
        news = news or sealed != self.sealed
        self.sealed = sealed
        return news

    def _meet(self, names: list[str]) -> bool:
        """Begins to follow what is new; whether a track is."""
        new = (
            name.removesuffix(_INDEX) for name in names if name.endswith(_INDEX) and name not in self._known
        )
        met = sorted(name for stem in new if (name := TrackName.parse(stem, "webm")) is not None)
        before = len(self.tracks)
        for name in met:
            if self._begun or not has_ended(self.folder / name.index):  # what has ended before is for replay
                self._growing.append(_Growing(self.folder, name))
            self.tracks.setdefault((name.seat_no, name.source), LiveTrack())
            self._known.add(name.index)
        self._begun = True
        return len(self.tracks) > before


class LiveRooms:
    """Every room of which somebody watches something, in one process."""

    def __init__(self, folder: Path, recorder: Recorder | None) -> None:
        """recorder: of this process, to be told at once when something is durable; None where there is none."""
        self.limiter = CapacityLimiter(THREADS)
        self.rows = CapacityLimiter(THREADS)
        self._folder = folder
        self._loop = asyncio.get_running_loop()
        self._rooms: dict[str, LiveRoom] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        if recorder is not None:
            recorder.listen(self._stored)

    @contextmanager
    def watching(self, room_id: str, news: asyncio.Event) -> Iterator[LiveRoom]:
        """The room, followed as long as somebody watches it; `news` is set whenever there are some."""
        room = self._rooms.get(room_id)
        if room is None:
            room = self._rooms[room_id] = LiveRoom(self._folder / room_id)
            self._tasks[room_id] = asyncio.create_task(self._run(room))
        room.watchers.add(news)
        try:
            yield room
        finally:
            room.watchers.discard(news)
            if not room.watchers and self._rooms.get(room_id) is room:
                del self._rooms[room_id]
                self._tasks.pop(room_id).cancel()

    async def _run(self, room: LiveRoom) -> None:
        while True:
            room.wake.clear()
            try:
                news = await to_thread.run_sync(room.look, limiter=self.limiter)
            except OSError:
                logger.exception("room %s cannot be followed now", room.folder.name)
                news = False
            if news:
                for watcher in room.watchers:
                    watcher.set()
            await asyncio.sleep(SOONEST_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S - SOONEST_S):
                    await room.wake.wait()

    def _stored(self, key: TrackKey, _room_ms: int) -> None:
        """On a writer's thread: nothing but a sign to the loop, and that only for a room that is watched."""
        room = self._rooms.get(key.room_id)
        if room is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(room.wake.set)


def past(
    folder: Path, indexes: Indexes, track: TrackOf, from_ms: int | None
) -> tuple[dict[TrackName, Part], tuple[Piece, ...]]:
    """What to show first: from the key frame at or before `from_ms` on, without it from the newest; and the files it is in.

    In a gap it is what follows the gap; nothing when nothing does.
    """
    names = [name for name in track_names(folder) if (name.seat_no, name.source) == track]
    if from_ms is None:
        for name in reversed(names):
            part = _read(folder, indexes, name)
            starts = [at for at, piece in enumerate(part.fragments) if piece.keyframe]
            if starts:
                return {part.name: part}, part.fragments[starts[-1] :]
        return {}, ()
    parts = [_read(folder, indexes, name) for name in names]
    pieces = gather(track_timeline(*track, parts, 0, 0).fragments)
    return {part.name: part for part in parts}, pieces[_entry(pieces, from_ms) :] if pieces else ()


def _entry(pieces: tuple[Piece, ...], from_ms: int) -> int:
    """Number of the piece to begin with."""
    at = max(bisect_right(pieces, from_ms, key=lambda piece: piece.from_ms) - 1, 0)
    if at + 1 < len(pieces) and pieces[at].to_ms < from_ms:
        at += 1
    back = at
    while back > 0 and not pieces[back].keyframe and pieces[back - 1].name == pieces[at].name:
        back -= 1
    keyframes = (number for number in (back, *range(at, len(pieces))) if pieces[number].keyframe)
    return next(keyframes, len(pieces))


def _read(folder: Path, indexes: Indexes, name: TrackName) -> Part:
    return indexes.read(folder, name).part


def _part_of(name: TrackName, opened: Opened, header_length: int) -> Part:
    return Part(
        name=replace(name, ending=ending_of(opened.codec)),
        codec=opened.codec,
        codecs=opened.codecs,
        width=opened.width,
        height=opened.height,
        header_length=header_length,
        fragments=(),
        gaps=(),
        ended=None,
    )
