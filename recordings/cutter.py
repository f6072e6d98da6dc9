"""Cuts the stream of encoded frames of one track into pieces of at most half a second."""

from dataclasses import dataclass
from typing import NamedTuple

from app.core.samples import ClockNote, Codec, EncodedSample
from recordings.container import Block, vp8_size
from recordings.h264 import ParameterSets, parameter_sets
from recordings.lines import NO_LEVEL

FRAGMENT_MS = 500
FRAME_COST = 256
"""Bytes of memory that keeping a frame takes besides its data."""
FROZEN_MS = 2_000
"""A picture that stood still for longer, and nobody said why, is marked as frozen."""
WAITING_FOR_KEYFRAME = "waiting-for-keyframe"
NETWORK_LOSS = "network-loss"


class GapNote(NamedTuple):
    """A gap still to be written down."""

    from_ms: int
    to_ms: int
    reason: str


class CloseNote(NamedTuple):
    """The end of the file still to be written down."""

    reason: str


@dataclass(frozen=True, slots=True)
class Picture:
    """What a key frame says of the pictures to come; a file holds pictures of one kind. sets: for H264."""

    width: int
    height: int
    sets: ParameterSets | None = None


class Cut(NamedTuple):
    """The frames of one fragment, ready for the disk. picture: of the pictures in it, None for sound.

    lost, level, frozen: as the index tells them.
    """

    blocks: tuple[Block, ...]
    rtp: int
    arrived_ms: int
    moved_ms: int
    picture: Picture | None
    lost: int = 0
    level: int = NO_LEVEL
    frozen: bool = False

    @property
    def from_ms(self) -> int:
        return self.blocks[0].room_ms

    @property
    def to_ms(self) -> int:
        return self.blocks[-1].room_ms

    @property
    def keyframe(self) -> bool:
        return self.blocks[0].keyframe


Note = Cut | GapNote | ClockNote | CloseNote


def weight(data: bytes) -> int:
    """Bytes of memory that a frame takes until the disk has it; a seat may send thousands of tiny ones."""
    return len(data) + FRAME_COST


class Cutter:
    """Collects frames until a fragment is full. Knows nothing of files, threads or clocks.

    Pictures begin with a key frame: what comes before one cannot be shown, and is counted as missing. Notes of what is
    to be written come out in the order of what went in.
    """

    def __init__(self, codec: Codec, fragment_ms: int = FRAGMENT_MS) -> None:
        self._codec = codec
        self._pictures = codec is not Codec.opus
        self._fragment_ms = fragment_ms
        self._pending: list[Block] = []
        self._rtp = self._arrived_ms = self._moved_ms = 0
        self._level = NO_LEVEL
        self._picture: Picture | None = None
        self._first_ms = 0
        self._latest_ms: int | None = None
        self._needs_keyframe = self._pictures
        self._unshowable_from: int | None = None
        self._lost = self._told = 0
        self._frozen = False
        self._discarded = 0

    def add(self, sample: EncodedSample, notes: list[Note]) -> None:
        """Takes one frame, and adds to `notes` the fragment it completes and what could not be shown before it."""
        keyframe, picture = True, self._picture
        if self._pictures:
            keyframe = sample.keyframe and (picture := self._look(sample.data)) is not None
            if self._needs_keyframe and not self._showable(sample, notes, keyframe=keyframe):
                return
        # Room time begins with 0 and never runs backwards within a track: no file tells other times. By how much is written down.
        latest = self._latest_ms
        earliest = 0 if latest is None else latest
        room_ms = max(earliest, sample.room_ms)
        pending = self._pending
        if pending and ((keyframe and self._pictures) or room_ms - self._first_ms >= self._fragment_ms):
            self.cut(notes)
        if not pending:
            self._first_ms, self._rtp = room_ms, sample.rtp_timestamp
            self._moved_ms, self._level = 0, NO_LEVEL
            self._picture = picture if keyframe else self._picture
            silence = 0 if latest is None else room_ms - latest - self._told
            self._frozen = self._pictures and silence > FROZEN_MS
        self._told = 0
        pending.append(Block(room_ms, keyframe, sample.data))
        self._arrived_ms = sample.arrived_ms
        if room_ms != sample.room_ms:
            self._moved_ms = max(self._moved_ms, room_ms - sample.room_ms)
        if sample.level is not None and sample.level < self._level:
            self._level = sample.level
        self._latest_ms = room_ms

    def _showable(self, sample: EncodedSample, notes: list[Note], *, keyframe: bool) -> bool:
        """Whether a picture may begin with this frame; what could not be shown before is told once it may."""
        if not keyframe:
            if self._unshowable_from is None:
                self._unshowable_from = sample.room_ms
            self._discarded += weight(sample.data)
            return False
        if self._unshowable_from is not None and sample.room_ms > self._unshowable_from:
            self.tell(GapNote(self._unshowable_from, sample.room_ms, WAITING_FOR_KEYFRAME), notes)
        self._needs_keyframe, self._unshowable_from = False, None
        return True

    def tell(self, gap: GapNote, notes: list[Note]) -> None:
        """Takes a gap that was told, so that nothing else is made of the silence."""
        if gap.reason == NETWORK_LOSS:
            self._lost += gap.to_ms - gap.from_ms
        self._told += gap.to_ms - gap.from_ms
        notes.append(gap)

    def cut(self, notes: list[Note]) -> None:
        """Adds to `notes` what has been collected so far, as a fragment."""
        if not self._pending:
            return
        notes.append(
            Cut(
                tuple(self._pending),
                self._rtp,
                self._arrived_ms,
                self._moved_ms,
                self._picture,
                self._lost,
                self._level,
                self._frozen,
            )
        )
        self._pending.clear()
        self._lost = 0

    def take_discarded(self) -> int:
        """What the frames weighed that could not be shown, since it was asked last."""
        discarded, self._discarded = self._discarded, 0
        return discarded

    def await_keyframe(self) -> None:
        """Frames before the next one were dropped: pictures begin again with a key frame."""
        self._needs_keyframe = self._pictures

    def _look(self, data: bytes) -> Picture | None:
        """The picture that a key frame begins; None when it only claims to be one."""
        known = self._picture
        if self._codec is Codec.vp8:
            size = vp8_size(data)
            if size is None:
                return None
            return known if known and (known.width, known.height) == size else Picture(*size)
        sets = parameter_sets(data)
        if sets is None:
            return known
        return known if known and known.sets == sets else Picture(sets.width, sets.height, sets)
