"""Cuts the stream of encoded frames of one track into pieces of at most half a second."""

from dataclasses import dataclass

from app.core.samples import Codec, EncodedSample
from recordings.container import Block, vp8_size

FRAGMENT_MS = 500
WAITING_FOR_KEYFRAME = "waiting-for-keyframe"


@dataclass(frozen=True, slots=True)
class Cut:
    """The frames of one fragment, ready for the disk. size: picture size in pixels when it begins with a key frame."""

    blocks: tuple[Block, ...]
    rtp: int
    arrived_ms: int
    moved_ms: int
    size: tuple[int, int] | None

    @property
    def from_ms(self) -> int:
        return self.blocks[0].room_ms

    @property
    def to_ms(self) -> int:
        return self.blocks[-1].room_ms

    @property
    def keyframe(self) -> bool:
        return self.blocks[0].keyframe

    @property
    def weight(self) -> int:
        """Bytes of media it holds in memory."""
        return sum(len(block.data) for block in self.blocks)


class Cutter:
    """Collects frames until a fragment is full. Knows nothing of files, threads or clocks.

    Pictures begin with a key frame: what comes before one cannot be shown, and is counted as missing.
    """

    def __init__(self, codec: Codec, fragment_ms: int = FRAGMENT_MS) -> None:
        self._codec = codec
        self._fragment_ms = fragment_ms
        self._pending: list[Block] = []
        self._rtp = self._arrived_ms = self._moved_ms = 0
        self._size: tuple[int, int] | None = None
        self._latest_ms = 0
        self._needs_keyframe = codec is Codec.vp8
        self._unshowable_from: int | None = None

    @property
    def waiting(self) -> bool:
        """Whether frames wait to be cut."""
        return bool(self._pending)

    def add(self, sample: EncodedSample) -> tuple[Cut | None, tuple[int, int] | None]:
        """Takes one frame. Returns (the fragment that this frame completes, room time that could not be shown)."""
        size = vp8_size(sample.data) if sample.keyframe and self._codec is Codec.vp8 else None
        keyframe = size is not None if self._codec is Codec.vp8 else True
        if self._needs_keyframe and not keyframe:
            if self._unshowable_from is None:
                self._unshowable_from = sample.room_ms
            return None, None
        missing = (self._unshowable_from, sample.room_ms) if self._unshowable_from is not None else None
        self._needs_keyframe, self._unshowable_from = False, None
        # Room time never runs backwards within a track: players refuse such files. By how much is written down.
        room_ms = max(sample.room_ms, self._latest_ms)
        full = self._pending and (
            room_ms - self._pending[0].room_ms >= self._fragment_ms or (keyframe and self._codec is Codec.vp8)
        )
        cut = self.cut() if full else None
        if not self._pending:
            self._rtp, self._moved_ms, self._size = sample.rtp_timestamp, 0, size
        self._pending.append(Block(room_ms, keyframe, sample.data))
        self._arrived_ms = sample.arrived_ms
        self._moved_ms = max(self._moved_ms, room_ms - sample.room_ms)
        self._latest_ms = room_ms
        return cut, missing

    def cut(self) -> Cut | None:
        """What has been collected so far, as a fragment; None when that is nothing."""
        if not self._pending:
            return None
        cut = Cut(tuple(self._pending), self._rtp, self._arrived_ms, self._moved_ms, self._size)
        self._pending.clear()
        return cut

    def await_keyframe(self) -> None:
        """Forgets what waits, because frames before it were dropped; pictures begin again with a key frame."""
        self._pending.clear()
        self._needs_keyframe = self._codec is Codec.vp8
