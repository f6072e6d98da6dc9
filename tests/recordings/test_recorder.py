"""What seats send is durable within a moment, never overwritten, and what is missing is written down."""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import av
import pytest

from app.core.clock import ManualClock, SystemClock
from app.core.errors import Conflict, InvalidInput
from app.core.samples import Codec, EncodedSample, SampleSink, Source, TrackKey
from recordings import trackfile
from recordings.manifest import Closed, Gap, read_index
from recordings.recorder import RETRY_MS, Recorder
from recordings.sealing import read_room
from recordings.timeline import Missing, room_timeline
from recordings.verify import verify_room
from tests.support.encoded import pictures, sounds

START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
CAMERA = TrackKey("room-1", 1, Source.camera)
MICROPHONE = TrackKey("room-1", 1, Source.microphone)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def recorder(tmp_path: Path, clock: ManualClock) -> Iterator[Recorder]:
    recorder = Recorder(tmp_path, clock)
    yield recorder
    recorder.close()


def feed(sink: SampleSink, samples: tuple[EncodedSample, ...]) -> None:
    for sample in samples:
        sink.write(sample)


def gaps(room: Path, stem: str) -> list[tuple[int, int, str]]:
    reading = read_index((room / f"{stem}.index.jsonl").read_bytes())
    assert not reading.faults
    acts = [line.act for line in reading.lines]
    return [(act.from_ms, act.to_ms, act.reason) for act in acts if isinstance(act, Gap)]


def times(path: Path) -> list[int]:
    with av.open(str(path)) as file:
        return [packet.pts or 0 for packet in file.demux() if packet.size]


def test_a_room_is_recorded_one_file_per_track_and_sealed(recorder: Recorder, tmp_path: Path) -> None:
    feed(recorder(CAMERA, Codec.vp8), pictures(1_000, 100))
    feed(recorder(MICROPHONE, Codec.opus), sounds(1_000, 200))
    manifest = recorder.close_room("room-1", START)
    room = tmp_path / "room-1"
    assert times(room / "seat-1-camera-1.webm") == [sample.room_ms for sample in pictures(1_000, 100)]
    assert times(room / "seat-1-microphone-1.webm") == [sample.room_ms for sample in sounds(1_000, 200)]
    assert [track.file for track in manifest.tracks] == ["seat-1-camera-1.webm", "seat-1-microphone-1.webm"]
    assert manifest.zero_wall_ms == round(START.timestamp() * 1000)
    verdict = verify_room(room, manifest.sha256)
    assert verdict.ok
    assert verdict.sealed


def test_fragments_are_at_most_half_a_second(recorder: Recorder, tmp_path: Path) -> None:
    feed(recorder(CAMERA, Codec.vp8), pictures(1_000, 200))
    recorder.settle()
    (track,) = room_timeline(read_room(tmp_path / "room-1")).tracks
    assert all(piece.to_ms - piece.from_ms < 500 for piece in track.fragments)


def test_the_light_tells_what_the_disk_has_and_not_what_arrived(
    recorder: Recorder, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, go = threading.Event(), threading.Event()
    sync = trackfile._sync

    def slow(descriptor: int) -> None:
        stuck.set()
        assert go.wait(20)
        sync(descriptor)

    monkeypatch.setattr(trackfile, "_sync", slow)
    sink = recorder(CAMERA, Codec.vp8)
    feed(sink, pictures(1_000, 60))
    assert stuck.wait(20)
    assert recorder.durable(CAMERA) is None
    assert recorder.durable_at(CAMERA) is None
    clock.advance(3)
    go.set()
    recorder.settle()
    assert recorder.durable(CAMERA) == pictures(1_000, 60)[-1].room_ms
    assert recorder.durable_at(CAMERA) == clock.now()


def test_frames_of_a_seat_that_stopped_sending_reach_the_disk_by_themselves(
    recorder: Recorder, clock: ManualClock
) -> None:
    sink = recorder(CAMERA, Codec.vp8)
    feed(sink, pictures(1_000, 5))
    stored = threading.Event()
    tell = recorder._stored

    def told(key: TrackKey, room_ms: int) -> None:
        tell(key, room_ms)
        stored.set()

    recorder._stored = told  # type: ignore[method-assign]
    clock.advance(0.7)
    assert stored.wait(20)
    assert recorder.durable(CAMERA) == 1_160


def test_a_second_sink_of_a_track_is_its_next_epoch(recorder: Recorder, tmp_path: Path) -> None:
    first = recorder(CAMERA, Codec.vp8)
    feed(first, pictures(1_000, 50))
    feed(recorder(CAMERA, Codec.vp8), pictures(9_000, 50))
    first.write(pictures(3_000, 1)[0])
    first.close("left")
    recorder.settle()
    room = tmp_path / "room-1"
    ended = read_index((room / "seat-1-camera-1.index.jsonl").read_bytes()).lines[-1].act
    assert isinstance(ended, Closed)
    assert ended.reason == "replaced"
    assert times(room / "seat-1-camera-1.webm")[-1] == 2_960
    assert times(room / "seat-1-camera-2.webm")[0] == 9_000
    (track,) = room_timeline(read_room(room)).tracks
    assert track.gaps == (Missing(2_960, 9_000, "replaced"),)


def test_a_new_recorder_never_writes_into_an_old_file(tmp_path: Path, clock: ManualClock) -> None:
    for _ in range(3):
        recorder = Recorder(tmp_path, clock)
        feed(recorder(CAMERA, Codec.vp8), pictures(1_000, 20))
        recorder.close()
    assert sorted(path.name for path in (tmp_path / "room-1").glob("*.webm")) == [
        f"seat-1-camera-{epoch}.webm" for epoch in (1, 2, 3)
    ]


def test_losses_are_written_down_with_their_reason(recorder: Recorder, tmp_path: Path) -> None:
    sink = recorder(CAMERA, Codec.vp8)
    sink.lost(500, 900, "network-loss")
    feed(sink, pictures(1_000, 50))
    sink.lost(1_200, 1_300, "network-loss")
    sink.lost(1_300, 1_300, "nothing")
    recorder.settle()
    assert gaps(tmp_path / "room-1", "seat-1-camera-1") == [
        (500, 900, "network-loss"),
        (1_200, 1_300, "network-loss"),
    ]


def test_pictures_before_a_key_frame_are_a_gap_with_that_reason(recorder: Recorder, tmp_path: Path) -> None:
    feed(recorder(CAMERA, Codec.vp8), pictures(0, 60, 20)[5:])
    recorder.settle()
    assert gaps(tmp_path / "room-1", "seat-1-camera-1") == [(200, 800, "waiting-for-keyframe")]


def test_a_slow_disk_costs_a_gap_and_never_memory(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    sync = trackfile._sync

    def slow(descriptor: int) -> None:
        assert go.wait(20)
        sync(descriptor)

    monkeypatch.setattr(trackfile, "_sync", slow)
    samples = pictures(0, 300, 50)
    limit = sum(len(sample.data) for sample in samples[:100])
    recorder = Recorder(tmp_path, clock, max_pending_bytes=limit)
    sink = recorder(CAMERA, Codec.vp8)
    feed(sink, samples[:220])
    assert sink._held <= limit  # type: ignore[attr-defined]
    go.set()
    recorder.settle()
    feed(sink, samples[220:])
    recorder.close_room("room-1")
    room = tmp_path / "room-1"
    assert verify_room(room).ok
    ((start, end, reason),) = [gap for gap in gaps(room, "seat-1-camera-1") if gap[2] == "disk-slow"]
    assert reason == "disk-slow"
    kept = times(room / "seat-1-camera-1.webm")
    assert not [at for at in kept if start <= at < end]
    # Frames that refer to a dropped one are not stored: the picture begins again with a key frame.
    assert (0 in kept, end, end in kept, kept[-1]) == (True, 10_000, True, 11_960)
    recorder.close()


def test_what_was_dropped_last_is_told_when_the_track_closes(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    sync = trackfile._sync

    def slow(descriptor: int) -> None:
        assert go.wait(20)
        sync(descriptor)

    monkeypatch.setattr(trackfile, "_sync", slow)
    limit = sum(len(sample.data) for sample in sounds(0, 500)[:75])
    recorder = Recorder(tmp_path, clock, max_pending_bytes=limit)
    sink = recorder(MICROPHONE, Codec.opus)
    feed(sink, sounds(0, 500))
    sink.close("left")
    go.set()
    recorder.close_room("room-1")
    told = gaps(tmp_path / "room-1", "seat-1-microphone-1")
    assert told == [(1_500, 9_980, "disk-slow")]
    recorder.close()


def test_after_a_disk_error_the_track_goes_on_in_a_new_file(
    recorder: Recorder, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = recorder(CAMERA, Codec.vp8)
    feed(sink, pictures(0, 50, 25))
    recorder.settle()
    broken = _break_writes(monkeypatch)
    feed(sink, pictures(2_000, 50, 25))
    recorder.settle()
    broken.undo()
    clock.advance(RETRY_MS / 1000)
    feed(sink, pictures(4_000, 50, 25))
    manifest = recorder.close_room("room-1")
    room = tmp_path / "room-1"
    assert [(track.epoch, track.ended) for track in manifest.tracks] == [
        (1, "disk-failed"),
        (2, "room-closed"),
    ]
    assert [gap[2] for gap in gaps(room, "seat-1-camera-2")] == ["disk-failed"]
    assert times(room / "seat-1-camera-2.webm")[-1] == 5_960
    assert verify_room(room, manifest.sha256).ok
    assert [gap.reason for gap in manifest.gaps] == ["disk-failed"]


def test_trouble_with_one_track_does_not_touch_another(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(tmp_path, clock, writers=1)
    append = trackfile.TrackFile.append

    def picky(self: trackfile.TrackFile, notes: object) -> None:
        if self.name.source is Source.camera:
            raise RuntimeError("a bug")
        append(self, notes)  # type: ignore[arg-type]

    monkeypatch.setattr(trackfile.TrackFile, "append", picky)
    camera, microphone = recorder(CAMERA, Codec.vp8), recorder(MICROPHONE, Codec.opus)
    feed(camera, pictures(0, 50))
    feed(microphone, sounds(0, 100))
    recorder.settle()
    assert recorder.durable(CAMERA) is None
    assert recorder.durable(MICROPHONE) == 1_980
    recorder.close()


def test_a_sealed_room_stays_as_it_is(recorder: Recorder, tmp_path: Path, clock: ManualClock) -> None:
    sink = recorder(CAMERA, Codec.vp8)
    feed(sink, pictures(0, 50))
    manifest = recorder.close_room("room-1")
    sink.write(pictures(9_000, 1)[0])
    sink.lost(1, 2, "late")
    clock.advance(60)
    assert recorder.close_room("room-1") == manifest
    with pytest.raises(Conflict):
        recorder(CAMERA, Codec.vp8)
    other = Recorder(tmp_path, clock)
    with pytest.raises(Conflict):
        other(CAMERA, Codec.vp8)
    other.close()
    assert verify_room(tmp_path / "room-1", manifest.sha256).ok


def test_a_room_without_any_media_is_sealed_empty(recorder: Recorder, tmp_path: Path) -> None:
    recorder(CAMERA, Codec.vp8).close("left")
    manifest = recorder.close_room("room-1")
    assert manifest.tracks == ()
    assert verify_room(tmp_path / "room-1", manifest.sha256).ok


@pytest.mark.parametrize("room_id", ["..", "a/b", "", "room 1", "-x", "x" * 65])
def test_only_plain_names_are_rooms(recorder: Recorder, room_id: str) -> None:
    with pytest.raises(InvalidInput):
        recorder(TrackKey(room_id, 1, Source.camera), Codec.vp8)


def test_an_existing_file_is_never_opened_for_writing(tmp_path: Path, clock: ManualClock) -> None:
    room = tmp_path / "room-1"
    room.mkdir()
    (room / "seat-1-camera-1.webm").write_bytes(b"evidence")
    recorder = Recorder(tmp_path, clock)
    feed(recorder(CAMERA, Codec.vp8), pictures(0, 30))
    recorder.close()
    assert (room / "seat-1-camera-1.webm").read_bytes() == b"evidence"
    assert (room / "seat-1-camera-2.webm").exists()


def test_two_recorders_on_one_room_take_different_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SystemClock()
    monkeypatch.setattr(trackfile, "track_names", lambda _room: ())
    files = [
        trackfile.TrackFile.create(tmp_path / "room-1", CAMERA, Codec.vp8, (160, 120), clock)
        for _ in range(3)
    ]
    assert [file.name.epoch for file in files] == [1, 2, 3]
    for file in files:
        file.release()


@pytest.mark.parametrize("what", ["media", "header", "directory"])
def test_a_file_that_cannot_be_begun_is_tried_again_later(
    recorder: Recorder, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    with monkeypatch.context() as patch:
        if what == "media":
            patch.setattr(os, "open", _refusing(os.open, ".webm"))
        elif what == "header":
            patch.setattr(trackfile, "_sync", _failing)
        else:
            patch.setattr(trackfile, "sync_directory", _failing)
        sink = recorder(CAMERA, Codec.vp8)
        feed(sink, pictures(0, 30, 10))
        recorder.settle()
    clock.advance(RETRY_MS / 1000)
    feed(sink, pictures(1_200, 30, 10))
    manifest = recorder.close_room("room-1")
    assert manifest.tracks[-1].ended == "room-closed"
    assert manifest.tracks[-1].to_ms == 2_360
    assert verify_room(tmp_path / "room-1", manifest.sha256).ok


def test_a_broken_disk_is_not_asked_for_every_fragment(
    recorder: Recorder, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[TrackKey] = []

    def refuse(_room: Path, key: TrackKey, *_others: object) -> None:
        asked.append(key)
        raise OSError(errno.ENOSPC, "no space left")

    sink = recorder(CAMERA, Codec.vp8)
    with monkeypatch.context() as patch:
        patch.setattr(trackfile.TrackFile, "create", refuse)
        for start in range(0, 60, 10):
            feed(sink, pictures(0, 60, 10)[start : start + 10])
            recorder.settle()
        assert len(asked) == 1
        clock.advance(RETRY_MS / 1000)
        feed(sink, pictures(2_400, 20, 10))
        recorder.settle()
        assert len(asked) == 2
    sink.lost(100, 200, "network-loss")
    clock.advance(RETRY_MS / 1000)
    feed(sink, pictures(3_200, 20, 10))
    recorder.settle()
    assert gaps(tmp_path / "room-1", "seat-1-camera-1") == [
        (100, 200, "network-loss"),
        (0, 3_200, "disk-failed"),
    ]


def test_losses_told_while_the_disk_failed_are_written_later(
    recorder: Recorder, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = recorder(CAMERA, Codec.vp8)
    feed(sink, pictures(0, 50, 25))
    recorder.settle()
    broken = _break_writes(monkeypatch)
    sink.lost(500, 600, "network-loss")
    recorder.settle()
    broken.undo()
    clock.advance(RETRY_MS / 1000)
    feed(sink, pictures(4_000, 50, 25))
    recorder.settle()
    assert gaps(tmp_path / "room-1", "seat-1-camera-2") == [(500, 600, "network-loss")]


def test_media_is_durable_before_the_index_tells_of_it(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = recorder(CAMERA, Codec.vp8)
    feed(sink, pictures(0, 25))
    recorder.settle()
    steps: list[tuple[str, int]] = []
    write, sync = trackfile._write, trackfile._sync

    def writing(descriptor: int, data: bytes) -> None:
        steps.append(("write", descriptor))
        write(descriptor, data)

    def syncing(descriptor: int) -> None:
        steps.append(("sync", descriptor))
        sync(descriptor)

    monkeypatch.setattr(trackfile, "_write", writing)
    monkeypatch.setattr(trackfile, "_sync", syncing)
    feed(sink, pictures(1_000, 5))
    recorder.settle()
    file = sink._file  # type: ignore[attr-defined]
    assert steps == [
        ("write", file._media),
        ("sync", file._media),
        ("write", file._index),
        ("sync", file._index),
    ]


def _failing(_anything: object) -> None:
    raise OSError(errno.ENOSPC, "no space left")


def _refusing(real: Callable[..., int], ending: str) -> Callable[..., int]:
    def refuse(path: object, *others: int) -> int:
        if str(path).endswith(ending):
            raise OSError(errno.ENOSPC, "no space left")
        return real(path, *others)

    return refuse


def _break_writes(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """From now on the disk takes half of what it is given and fails."""
    patch = pytest.MonkeyPatch()
    real = os.write

    def half(descriptor: int, data: memoryview) -> int:
        real(descriptor, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "no space left")

    patch.setattr(os, "write", half)
    return patch
