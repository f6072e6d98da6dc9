"""A room that is recorded, with one seat in it, for tests of what lies on the disk afterwards."""

from datetime import UTC, datetime

from app.core.samples import Codec, Source, TrackKey
from recordings.events import LedgerEvent
from recordings.recorder import Recorder
from tests.support.encoded import pictures, sounds

START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


def record_seat(recorder: Recorder, *, notes: int, every_ms: int) -> None:
    """Four seconds of seat 1 in `room-1`, with so many events so far apart; nothing has ended."""
    recorder.begin("room-1", 1, START)
    for n in range(notes):
        recorder.events("room-1").note(LedgerEvent(n * every_ms, n, n, "joined", {"n": n}))
    for source, codec, samples in (
        (Source.camera, Codec.vp8, pictures(0, 100)),
        (Source.microphone, Codec.opus, sounds(0, 200)),
    ):
        sink = recorder(TrackKey("room-1", 1, source), codec)
        for sample in samples:
            sink.write(sample)
