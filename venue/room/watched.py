"""The way of a track's samples to its recording, watched on: silence is told, and a hole that its seat announced is explained."""

from collections.abc import Callable

from app.core.samples import ClockNote, EncodedSample, SampleSink
from venue.room.silence import SilenceWatch

_HOLE_MS = 500


class WatchedSink:
    """Passes everything on to a track's sink. on_silence: told when a microphone has fallen silent, and when it is heard again."""

    __slots__ = ("_away", "_back", "_last_ms", "_on_silence", "_silence", "_sink")

    def __init__(self, sink: SampleSink, on_silence: Callable[[bool], None]) -> None:
        self._sink, self._on_silence = sink, on_silence
        self._silence = SilenceWatch()
        self._away: str | None = None
        self._back = True
        self._last_ms: int | None = None

    def away(self, reason: str) -> None:
        """The seat says why nothing may come for a while: `muted` or `ended`."""
        self._away, self._back = reason, False

    def back(self) -> None:
        """The seat says that the device works again."""
        self._back = True

    def write(self, sample: EncodedSample) -> None:
        if self._away is not None:
            self._explain(sample.room_ms, self._away)
        self._last_ms = sample.room_ms
        self._sink.write(sample)
        if self._silence.hear(sample.room_ms, sample.level):
            self._on_silence(self._silence.silent)

    def lost(self, from_ms: int, to_ms: int, reason: str) -> None:
        self._sink.lost(from_ms, to_ms, reason)

    def clock(self, note: ClockNote) -> None:
        self._sink.clock(note)

    def close(self, reason: str) -> None:
        self._sink.close(reason)

    def _explain(self, room_ms: int, reason: str) -> None:
        if self._last_ms is not None and room_ms - self._last_ms > _HOLE_MS:
            self._sink.lost(self._last_ms, room_ms, reason)
        if self._back:
            self._away = None
