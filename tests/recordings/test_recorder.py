"""What seats send is durable within a moment, never overwritten, and what is missing is written down."""

import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import av
import pytest

from app.core.clock import ManualClock
from app.core.errors import Conflict, InvalidInput
from app.core.samples import ClockNote, Codec, EncodedSample, SampleSink, Source, TrackKey
from recordings import trackfile
from recordings.cutter import Note, weight
from recordings.events import LedgerEvent, read_events
from recordings.lines import ClockLine, Closed, Fragment, Gap, Opened, read_index
from recordings.manifest import Manifest
from recordings.recorder import CLOCK_STEPPED, Recorder
from recordings.sealing import read_room
from recordings.sink import CHANGES_AT_ONCE, MOST_EARLY, RETRY_MS
from recordings.timeline import Missing, room_timeline
from recordings.verify import verify_room
from tests.support.encoded import h264_pictures, pictures, sounds

START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
CAMERA = TrackKey("room-1", 1, Source.camera)
MICROPHONE = TrackKey("room-1", 1, Source.microphone)
NEVER = 3_600.0
"""Writers that work only when a test says so."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@contextmanager
def recording(folder: Path, clock: ManualClock, **options: float) -> Iterator[Recorder]:
    recorder = Recorder(folder, clock, **{"wake_s": NEVER, **options})  # type: ignore[arg-type]
    recorder.begin("room-1", 1, START)
    yield recorder
    recorder.close()


@pytest.fixture
def recorder(tmp_path: Path, clock: ManualClock) -> Iterator[Recorder]:
    with recording(tmp_path, clock) as recorder:
        yield recorder


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


def ends(manifest: Manifest) -> list[tuple[str, str]]:
    return [(track.file, track.ended) for track in manifest.tracks]


def test_a_room_is_recorded_one_file_per_track_and_sealed(recorder: Recorder, tmp_path: Path) -> None:
    feed(recorder(CAMERA, Codec.vp8), pictures(1_000, 100))
    feed(recorder(MICROPHONE, Codec.opus), sounds(1_000, 200))
    manifest = recorder.close_room("room-1", START)
    room = tmp_path / "room-1"
    assert times(room / "seat-1-camera-1-1-1.webm") == [sample.room_ms for sample in pictures(1_000, 100)]
    assert times(room / "seat-1-microphone-1-1-1.webm") == [sample.room_ms for sample in sounds(1_000, 200)]
    assert [track.file for track in manifest.tracks] == [
        "seat-1-camera-1-1-1.webm",
        "seat-1-microphone-1-1-1.webm",
    ]
    assert manifest.zero_wall_ms == round(START.timestamp() * 1000)
    verdict = verify_room(room, manifest.sha256)
    assert verdict.ok
    assert verdict.sealed


def test_the_first_line_says_whose_it_is_and_how_well_its_time_is_known(
    tmp_path: Path, clock: ManualClock
) -> None:
    with recording(tmp_path, clock) as recorder:
        recorder.begin("room-1", 7, START - timedelta(seconds=2), zero_uncertainty_ms=4)
        feed(recorder(CAMERA, Codec.vp8), pictures(1_000, 30))
    (opened,) = [
        line.act
        for _, reading in read_room(tmp_path / "room-1")
        for line in reading.lines
        if isinstance(line.act, Opened)
    ]
    now_ms = round(START.timestamp() * 1000)
    assert opened == Opened("room-1", 1, "camera", "vp8", "vp8", 160, 120, 7, 1, 1, now_ms - 2_000, 5, now_ms)


def test_fragments_are_at_most_half_a_second(recorder: Recorder, tmp_path: Path) -> None:
    feed(recorder(CAMERA, Codec.vp8), pictures(1_000, 200))
    recorder.settle()
    (track,) = room_timeline(read_room(tmp_path / "room-1")).tracks
    assert len(track.fragments) == 16
    assert all(piece.to_ms - piece.from_ms < 500 for piece in track.fragments)


def test_the_light_tells_what_the_disk_has_and_not_what_arrived(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, go = threading.Event(), threading.Event()
    sync = trackfile.sync_file

    def slow(descriptor: int) -> None:
        stuck.set()
        assert go.wait(20)
        sync(descriptor)

    with recording(tmp_path, clock, wake_s=0.02) as recorder:
        monkeypatch.setattr(trackfile, "sync_file", slow)
        sink = recorder(CAMERA, Codec.vp8)
        feed(sink, pictures(1_000, 60))
        assert stuck.wait(20)
        assert recorder.durable(CAMERA) is None
        go.set()
        recorder.settle()
        assert recorder.durable(CAMERA) == pictures(1_000, 60)[-1].room_ms


def test_frames_reach_the_disk_by_themselves_and_whoever_listens_is_told(
    tmp_path: Path, clock: ManualClock
) -> None:
    stored = threading.Event()
    told: list[tuple[TrackKey, int]] = []

    def listen(key: TrackKey, room_ms: int) -> None:
        told.append((key, room_ms))
        stored.set()

    with recording(tmp_path, clock, wake_s=0.02) as recorder:
        sink = recorder(CAMERA, Codec.vp8)
        stop = recorder.listen(listen)
        feed(sink, pictures(1_000, 5))
        while told[-1:] != [(CAMERA, 1_160)]:
            assert stored.wait(20)
            stored.clear()
        stop()
        feed(sink, pictures(2_000, 5))
        recorder.settle()
        assert told[-1] == (CAMERA, 1_160)
        assert recorder.durable(CAMERA) == 2_160


def test_a_second_sink_of_a_track_is_its_next_connection(recorder: Recorder, tmp_path: Path) -> None:
    first = recorder(CAMERA, Codec.vp8)
    feed(first, pictures(1_000, 50))
    feed(recorder(CAMERA, Codec.vp8), pictures(9_000, 50))
    first.write(pictures(3_000, 1)[0])
    first.lost(3_000, 3_100, "network-loss")
    first.clock(ClockNote(1, 2, 3, None, 4))
    first.close("left")
    recorder.settle()
    room = tmp_path / "room-1"
    ended = read_index((room / "seat-1-camera-1-1-1.index.jsonl").read_bytes()).lines[-1].act
    assert isinstance(ended, Closed)
    assert ended.reason == "replaced"
    assert times(room / "seat-1-camera-1-1-1.webm")[-1] == 2_960
    assert times(room / "seat-1-camera-1-2-1.webm")[0] == 9_000
    (track,) = room_timeline(read_room(room)).tracks
    assert track.gaps == (Missing(2_960, 9_000, "replaced"),)


def test_nobody_adds_to_what_was_recorded_under_a_lease_before(tmp_path: Path, clock: ManualClock) -> None:
    with recording(tmp_path, clock) as recorder:
        feed(recorder(CAMERA, Codec.vp8), pictures(1_000, 20))
        recorder.begin("room-1", 1, START)  # again: nothing happens
    again = Recorder(tmp_path, clock, wake_s=NEVER)
    with pytest.raises(Conflict, match="lease-used"):
        again.begin("room-1", 1, START)
    with pytest.raises(Conflict, match="recording-not-begun"):
        again.events("room-1")
    with pytest.raises(Conflict, match="recording-not-begun"):
        again(CAMERA, Codec.vp8)
    again.begin("room-1", 2, START)
    feed(again(CAMERA, Codec.vp8), pictures(4_000, 20))
    again.close()
    assert sorted(path.name for path in (tmp_path / "room-1").glob("*.webm")) == [
        "seat-1-camera-1-1-1.webm",
        "seat-1-camera-2-1-1.webm",
    ]


def test_sinks_opened_after_a_new_lease_belong_to_it(recorder: Recorder, tmp_path: Path) -> None:
    first = recorder(CAMERA, Codec.vp8)
    feed(first, pictures(0, 20))
    old = recorder.events("room-1")
    recorder.begin("room-1", 5, START)
    recorder.begin("room-1", 3, START)  # an older one comes too late
    assert recorder.events("room-1").lease == 5
    assert old.note(LedgerEvent(1, 1, None, "late")) == -1
    feed(first, pictures(800, 20))
    feed(recorder(CAMERA, Codec.vp8), pictures(4_000, 20))
    manifest = recorder.close_room("room-1", START)
    assert [(track.lease, track.connection, track.ended) for track in manifest.tracks] == [
        (1, 1, "replaced"),
        (5, 1, "room-closed"),
    ]
    assert [(events.lease, events.ended) for events in manifest.events] == [
        (1, "replaced"),
        (5, "room-closed"),
    ]
    assert verify_room(tmp_path / "room-1", manifest.sha256).ok


def test_a_track_is_rolled_at_the_next_key_frame_and_sound_at_once(
    tmp_path: Path, clock: ManualClock
) -> None:
    with recording(tmp_path, clock, roll_s=3) as recorder:
        feed(recorder(CAMERA, Codec.vp8), pictures(0, 200, 50))
        feed(recorder(MICROPHONE, Codec.opus), sounds(0, 400))
        manifest = recorder.close_room("room-1", START)
    assert [(track.file, track.from_ms, track.ended) for track in manifest.tracks] == [
        ("seat-1-camera-1-1-1.webm", 0, "rolled"),
        ("seat-1-camera-1-1-2.webm", 4_000, "room-closed"),
        ("seat-1-microphone-1-1-1.webm", 0, "rolled"),
        ("seat-1-microphone-1-1-2.webm", 3_000, "rolled"),
        ("seat-1-microphone-1-1-3.webm", 6_000, "room-closed"),
    ]
    assert manifest.gaps == ()
    assert times(tmp_path / "room-1" / "seat-1-camera-1-1-2.webm") == list(range(4_000, 8_000, 40))
    assert verify_room(tmp_path / "room-1", manifest.sha256).ok


def resized(samples: tuple[EncodedSample, ...]) -> tuple[EncodedSample, ...]:
    """The same pictures, whose key frames say they are larger."""
    return tuple(
        sample._replace(data=sample.data[:6] + bytes([200, 0, 150, 0]) + sample.data[10:])
        if sample.keyframe
        else sample
        for sample in samples
    )


def test_pictures_of_another_size_go_into_the_next_part(recorder: Recorder, tmp_path: Path) -> None:
    sink = recorder(CAMERA, Codec.vp8)
    feed(sink, pictures(0, 50))
    feed(sink, resized(pictures(2_000, 100)))
    manifest = recorder.close_room("room-1", START)
    assert ends(manifest) == [
        ("seat-1-camera-1-1-1.webm", "picture-changed"),
        ("seat-1-camera-1-1-2.webm", "room-closed"),
    ]
    (track,) = room_timeline(read_room(tmp_path / "room-1")).tracks
    assert [(part.width, part.height) for part in track.parts] == [(160, 120), (200, 150)]
    assert (track.gaps, track.coverage) == ((), ((0, 5_960),))


def test_a_picture_that_changes_with_every_frame_does_not_litter_the_disk(
    recorder: Recorder, tmp_path: Path
) -> None:
    """Sixteen changes have files of their own; the rest stays in the last of them, and none of it is lost."""
    still = pictures(0, 1)[0]
    samples = [still._replace(room_ms=40 * number, rtp_timestamp=number) for number in range(200)]
    changing = [resized((sample,))[0] if number % 2 else sample for number, sample in enumerate(samples)]
    feed(recorder(CAMERA, Codec.vp8), tuple(changing))
    manifest = recorder.close_room("room-1", START)
    room = tmp_path / "room-1"
    assert len(manifest.tracks) == CHANGES_AT_ONCE + 1
    assert sum(len(times(room / track.file)) for track in manifest.tracks) == len(changing)
    assert verify_room(room, manifest.sha256).ok


def test_another_codec_is_another_connection_and_h264_lies_in_an_mp4(
    recorder: Recorder, tmp_path: Path
) -> None:
    feed(recorder(CAMERA, Codec.vp8), pictures(0, 50))
    feed(recorder(CAMERA, Codec.h264), h264_pictures(2_000, 60))
    manifest = recorder.close_room("room-1", START)
    room = tmp_path / "room-1"
    assert ends(manifest) == [
        ("seat-1-camera-1-1-1.webm", "replaced"),
        ("seat-1-camera-1-2-1.mp4", "room-closed"),
    ]
    (track,) = room_timeline(read_room(room)).tracks
    assert track.parts[1].codecs.startswith("avc1.")
    assert (track.parts[1].width, track.parts[1].height) == (160, 120)
    assert times(room / "seat-1-camera-1-2-1.mp4") == list(range(2_000, 4_400, 40))
    assert verify_room(room, manifest.sha256).ok


def test_losses_are_written_down_with_their_reason(recorder: Recorder, tmp_path: Path) -> None:
    sink = recorder(CAMERA, Codec.vp8)
    sink.lost(500, 900, "network-loss")
    feed(sink, pictures(1_000, 50))
    sink.lost(1_200, 1_300, "network-loss")
    sink.lost(1_300, 1_300, "nothing")
    recorder.settle()
    assert gaps(tmp_path / "room-1", "seat-1-camera-1-1-1") == [
        (500, 900, "network-loss"),
        (1_200, 1_300, "network-loss"),
    ]


def test_sender_reports_are_kept_as_they_came(recorder: Recorder, tmp_path: Path) -> None:
    sink = recorder(CAMERA, Codec.vp8)
    sink.clock(ClockNote(900, 2**63 + 5, 77, None, -12))
    feed(sink, pictures(1_000, 50))
    sink.clock(ClockNote(2_000, 2**63 + 9, 78, 15_000, 7_400))
    recorder.settle()
    lines = read_index((tmp_path / "room-1" / "seat-1-camera-1-1-1.index.jsonl").read_bytes()).lines
    wall_ms = round(START.timestamp() * 1000)
    assert [line.act for line in lines if isinstance(line.act, ClockLine)] == [
        ClockLine(900, 2**63 + 5, 77, 0, -12, wall_ms),
        ClockLine(2_000, 2**63 + 9, 78, 15_000, 7_400, wall_ms),
    ]


def test_pictures_before_a_key_frame_are_a_gap_with_that_reason(recorder: Recorder, tmp_path: Path) -> None:
    sink = recorder(CAMERA, Codec.vp8)
    feed(sink, pictures(0, 60, 20)[5:])
    recorder.settle()
    assert gaps(tmp_path / "room-1", "seat-1-camera-1-1-1") == [(200, 800, "waiting-for-keyframe")]
    assert sink.held == 0  # type: ignore[attr-defined]


@contextmanager
def stopped_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Nothing is synced until the test leaves; the event tells that a writer waits."""
    waiting, go = threading.Event(), threading.Event()
    sync = trackfile.sync_file

    def slow(descriptor: int) -> None:
        waiting.set()
        assert go.wait(20)
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(trackfile, "sync_file", slow)
        yield waiting
        go.set()


def test_a_disk_that_stands_still_for_five_seconds_costs_nothing(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recording(tmp_path, clock, wake_s=0.02) as recorder:
        camera, microphone = recorder(CAMERA, Codec.vp8), recorder(MICROPHONE, Codec.opus)
        with stopped_disk(monkeypatch) as waiting:
            feed(camera, pictures(0, 25))
            assert waiting.wait(20)
            clock.advance(5)
            feed(camera, pictures(1_000, 150))
            feed(microphone, sounds(0, 350))
        manifest = recorder.close_room("room-1", START)
    assert manifest.gaps == ()
    assert times(tmp_path / "room-1" / "seat-1-camera-1-1-1.webm") == list(range(0, 7_000, 40))
    assert times(tmp_path / "room-1" / "seat-1-microphone-1-1-1.webm") == list(range(0, 7_000, 20))


def test_a_slow_disk_costs_a_gap_and_never_memory(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = pictures(0, 300, 50)
    limit = sum(weight(sample.data) for sample in samples[:100])
    with recording(tmp_path, clock, wake_s=0.02, max_pending_bytes=limit) as recorder:
        sink = recorder(CAMERA, Codec.vp8)
        with stopped_disk(monkeypatch) as waiting:
            feed(sink, samples[:1])
            assert waiting.wait(20)
            feed(sink, samples[1:220])
            assert sink.held <= limit  # type: ignore[attr-defined]
        recorder.settle()
        feed(sink, samples[220:])
        manifest = recorder.close_room("room-1")
    room = tmp_path / "room-1"
    assert verify_room(room, manifest.sha256).ok
    ((start, end, reason),) = gaps(room, "seat-1-camera-1-1-1")
    assert reason == "disk-slow"
    kept = times(room / "seat-1-camera-1-1-1.webm")
    assert not [at for at in kept if start <= at < end]
    # Frames that refer to a dropped one are not stored: the picture begins again with a key frame.
    assert (0 in kept, end, end in kept, kept[-1]) == (True, 10_000, True, 11_960)
    assert kept == [at for at in range(0, 12_000, 40) if not start <= at < end]


def test_all_tracks_together_keep_the_bound(tmp_path: Path, clock: ManualClock) -> None:
    samples = sounds(0, 500)
    most = sum(weight(sample.data) for sample in samples) // 2
    with recording(tmp_path, clock, most_pending_bytes=most) as recorder:
        sinks = [recorder(TrackKey("room-1", seat, Source.microphone), Codec.opus) for seat in range(1, 5)]
        for sink in sinks:
            feed(sink, samples)
        assert 0 < sum(sink.held for sink in sinks) <= most  # type: ignore[attr-defined]


def test_tiny_frames_count_with_what_keeping_them_takes(tmp_path: Path, clock: ManualClock) -> None:
    sound = sounds(0, 1)[0]._replace(data=b"x")
    with recording(tmp_path, clock, max_pending_bytes=1 << 20) as recorder:
        sink = recorder(MICROPHONE, Codec.opus)
        feed(sink, tuple(sound._replace(room_ms=number) for number in range(10_000)))
        recorder.close_room("room-1")
    assert gaps(tmp_path / "room-1", "seat-1-microphone-1-1-1") == [(4_080, 9_999, "disk-slow")]


def test_one_frame_larger_than_the_bound_is_taken_when_nothing_waits(
    tmp_path: Path, clock: ManualClock
) -> None:
    with recording(tmp_path, clock, max_pending_bytes=10) as recorder:
        sink = recorder(MICROPHONE, Codec.opus)
        for sample in sounds(0, 3):
            sink.write(sample)
            recorder.settle()
        assert recorder.durable(MICROPHONE) == 40


def test_what_was_dropped_last_is_told_when_the_track_closes(tmp_path: Path, clock: ManualClock) -> None:
    limit = sum(weight(sample.data) for sample in sounds(0, 500)[:75])
    with recording(tmp_path, clock, max_pending_bytes=limit) as recorder:
        sink = recorder(MICROPHONE, Codec.opus)
        feed(sink, sounds(0, 500))
        sink.lost(2_000, 2_500, "network-loss")  # lies within what was dropped
        sink.close("left")
        recorder.close_room("room-1")
    assert gaps(tmp_path / "room-1", "seat-1-microphone-1-1-1") == [(1_500, 9_980, "disk-slow")]


def test_after_a_disk_error_the_track_goes_on_in_a_new_file(
    recorder: Recorder, tmp_path: Path, clock: ManualClock
) -> None:
    sink = recorder(CAMERA, Codec.vp8)
    feed(sink, pictures(0, 50, 25))
    recorder.settle()
    with full_disk():
        feed(sink, pictures(2_000, 50, 25))
        recorder.settle()
    clock.advance(RETRY_MS / 1000)
    feed(sink, pictures(4_000, 50, 25))
    manifest = recorder.close_room("room-1")
    room = tmp_path / "room-1"
    assert ends(manifest) == [
        ("seat-1-camera-1-1-1.webm", "disk-failed"),
        ("seat-1-camera-1-1-2.webm", "room-closed"),
    ]
    assert gaps(room, "seat-1-camera-1-1-2") == [(2_000, 4_000, "disk-failed")]
    assert times(room / "seat-1-camera-1-1-2.webm")[-1] == 5_960
    assert verify_room(room, manifest.sha256).ok
    assert [gap.reason for gap in manifest.gaps] == ["disk-failed"]
    assert sink.held == 0  # type: ignore[attr-defined]


def test_trouble_with_one_track_does_not_touch_another(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = trackfile.TrackFile.stage

    def picky(self: trackfile.TrackFile, notes: object, wall_ms: int) -> None:
        if self.name.source is Source.camera:
            raise RuntimeError("a bug")
        stage(self, notes, wall_ms)  # type: ignore[arg-type]

    monkeypatch.setattr(trackfile.TrackFile, "stage", picky)
    with recording(tmp_path, clock, writers=1) as recorder:
        camera, microphone = recorder(CAMERA, Codec.vp8), recorder(MICROPHONE, Codec.opus)
        feed(camera, pictures(0, 50))
        feed(microphone, sounds(0, 100))
        recorder.settle()
        assert recorder.durable(CAMERA) is None
        assert recorder.durable(MICROPHONE) == 1_980


def test_frames_nobody_can_cut_do_not_stop_the_other_tracks(tmp_path: Path, clock: ManualClock) -> None:
    with recording(tmp_path, clock, writers=1) as recorder:
        camera, microphone = recorder(CAMERA, Codec.vp8), recorder(MICROPHONE, Codec.opus)
        camera.write(pictures(0, 1)[0]._replace(room_ms="noon"))  # type: ignore[arg-type]
        camera.write(pictures(0, 1)[0])
        feed(microphone, sounds(0, 100))
        recorder.settle()
        assert recorder.durable(MICROPHONE) == 1_980


def test_a_sealed_room_stays_as_it_is(recorder: Recorder, tmp_path: Path, clock: ManualClock) -> None:
    sink = recorder(CAMERA, Codec.vp8)
    feed(sink, pictures(0, 50))
    manifest = recorder.close_room("room-1")
    sink.write(pictures(9_000, 1)[0])
    sink.lost(1, 2, "late")
    clock.advance(60)
    assert recorder.close_room("room-1") == manifest
    assert recorder.durable(CAMERA) is None
    with pytest.raises(Conflict):
        recorder(CAMERA, Codec.vp8)
    with pytest.raises(Conflict):
        recorder.begin("room-1", 9, START)
    other = Recorder(tmp_path, clock)
    with pytest.raises(Conflict):
        other(CAMERA, Codec.vp8)
    other.close()
    assert verify_room(tmp_path / "room-1", manifest.sha256).ok


def test_a_room_without_any_media_is_sealed_with_its_events(recorder: Recorder, tmp_path: Path) -> None:
    recorder(CAMERA, Codec.vp8).close("left")
    recorder.events("room-1").note(LedgerEvent(10, 20, 1, "joined"))
    manifest = recorder.close_room("room-1")
    assert manifest.tracks == ()
    assert [events.events for events in manifest.events] == [1]
    assert verify_room(tmp_path / "room-1", manifest.sha256).ok


@pytest.mark.parametrize("room_id", ["..", "a/b", "", "room 1", "-x", "x" * 65])
def test_only_plain_names_are_rooms(recorder: Recorder, room_id: str) -> None:
    with pytest.raises(InvalidInput):
        recorder(TrackKey(room_id, 1, Source.camera), Codec.vp8)
    with pytest.raises(InvalidInput):
        recorder.begin(room_id, 1, START)


@pytest.mark.parametrize("file", ["seat-1-camera-1-1-1.webm", "seat-1-camera-1-1-1.index.jsonl"])
def test_an_existing_file_is_never_opened_for_writing(recorder: Recorder, tmp_path: Path, file: str) -> None:
    room = tmp_path / "room-1"
    room.mkdir(exist_ok=True)
    (room / file).write_bytes(b"evidence")
    feed(recorder(CAMERA, Codec.vp8), pictures(0, 30))
    recorder.settle()
    assert (room / file).read_bytes() == b"evidence"
    assert times(room / "seat-1-camera-1-1-2.webm")[-1] == 1_160


@pytest.mark.parametrize("what", ["media", "header", "names"])
def test_a_file_that_cannot_be_begun_is_tried_again_later(
    recorder: Recorder, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    recorder.settle()
    with monkeypatch.context() as patch:
        if what == "media":
            patch.setattr(os, "open", _refusing(os.open, ".webm"))
        elif what == "header":
            patch.setattr(trackfile, "sync_file", _failing)
        else:
            patch.setattr("recordings.writer.sync_directory", _failing)
        sink = recorder(CAMERA, Codec.vp8)
        feed(sink, pictures(0, 30, 10))
        recorder.settle()
        assert recorder.durable(CAMERA) is None
    clock.advance(RETRY_MS / 1000)
    feed(sink, pictures(1_200, 30, 10))
    manifest = recorder.close_room("room-1")
    assert manifest.tracks[-1].ended == "room-closed"
    assert manifest.tracks[-1].to_ms == 2_360
    assert verify_room(tmp_path / "room-1", manifest.sha256).ok


def test_a_broken_disk_is_not_asked_for_every_fragment(
    recorder: Recorder, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def refuse(_room: Path, _begun: object, name: object, *_others: object) -> None:
        asked.append(name)
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
    assert gaps(tmp_path / "room-1", "seat-1-camera-1-1-3") == [
        (0, 3_200, "disk-failed"),
        (100, 200, "network-loss"),
    ]


def test_a_full_disk_gathers_no_empty_files(
    recorder: Recorder, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten seconds without a byte left, then there is room again: one file, and one gap that says why."""
    recorder.settle()
    sink = recorder(CAMERA, Codec.vp8)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", _refuse_to_write)
        for second in range(10):
            feed(sink, pictures(0, 250, 25)[25 * second : 25 * second + 25])
            recorder.settle()
            clock.advance(1)
    assert [path.name for path in (tmp_path / "room-1").iterdir()] == ["events-1.jsonl"]
    feed(sink, pictures(10_000, 25))
    manifest = recorder.close_room("room-1")
    (track,) = manifest.tracks
    assert (track.from_ms, track.to_ms) == (10_000, 10_960)
    assert gaps(tmp_path / "room-1", track.file.removesuffix(".webm")) == [(0, 10_000, "disk-failed")]
    assert verify_room(tmp_path / "room-1", manifest.sha256).ok


def test_an_error_in_a_file_that_was_just_followed_by_the_next_costs_only_what_it_held(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = trackfile.TrackFile.stage

    def picky(self: trackfile.TrackFile, notes: Sequence[Note], wall_ms: int) -> None:
        if self.name.part == 1:
            raise OSError(errno.EIO, "no")
        stage(self, notes, wall_ms)

    monkeypatch.setattr(trackfile.TrackFile, "stage", picky)
    with recording(tmp_path, clock, roll_s=4) as recorder:
        sink = recorder(CAMERA, Codec.vp8)
        feed(sink, pictures(0, 150))  # the second file begins at four seconds
        recorder.settle()
        feed(sink, pictures(6_000, 50))
        recorder.settle()
    assert gaps(tmp_path / "room-1", "seat-1-camera-1-1-2") == [(0, 3_960, "disk-failed")]


def test_losses_told_while_the_disk_failed_are_written_later(
    recorder: Recorder, tmp_path: Path, clock: ManualClock
) -> None:
    sink = recorder(CAMERA, Codec.vp8)
    feed(sink, pictures(0, 50, 25))
    recorder.settle()
    with full_disk():
        sink.lost(500, 600, "network-loss")
        recorder.settle()
    clock.advance(RETRY_MS / 1000)
    feed(sink, pictures(4_000, 50, 25))
    recorder.settle()
    assert gaps(tmp_path / "room-1", "seat-1-camera-1-1-2") == [(500, 600, "network-loss")]


def test_what_is_told_to_a_track_that_never_begins_is_bounded(recorder: Recorder, tmp_path: Path) -> None:
    sink = recorder(CAMERA, Codec.vp8)
    for number in range(MOST_EARLY + 500):
        sink.lost(number * 10, number * 10 + 5, "network-loss")
        sink.clock(ClockNote(number, 1, 2, None, 0))
    recorder.settle()
    feed(sink, pictures(20_000, 5))
    recorder.settle()
    told = gaps(tmp_path / "room-1", "seat-1-camera-1-1-1")
    assert len(told) <= MOST_EARLY
    assert told[-1][1:] == ((MOST_EARLY + 499) * 10 + 5, "network-loss")


def test_media_of_all_tracks_is_durable_before_any_index_tells_of_it(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recording(tmp_path, clock, writers=1) as recorder:
        sinks = recorder(CAMERA, Codec.vp8), recorder(MICROPHONE, Codec.opus)
        feed(sinks[0], pictures(0, 25))
        feed(sinks[1], sounds(0, 50))
        recorder.settle()
        steps: list[tuple[str, str]] = []
        write, sync = trackfile.write_file, trackfile.sync_file
        files = {
            getattr(sink._file, what): what  # type: ignore[attr-defined]
            for sink in sinks
            for what in ("_media", "_index")
        }

        def writing(descriptor: int, data: bytes) -> None:
            steps.append(("write", files[descriptor]))
            write(descriptor, data)

        def syncing(descriptor: int) -> None:
            steps.append(("sync", files[descriptor]))
            sync(descriptor)

        monkeypatch.setattr(trackfile, "write_file", writing)
        monkeypatch.setattr(trackfile, "sync_file", syncing)
        feed(sinks[0], pictures(1_000, 5))
        feed(sinks[1], sounds(1_000, 5))
        recorder.settle()
        monkeypatch.undo()
    both = [("write", "_media"), ("sync", "_media"), ("write", "_index"), ("sync", "_index")]
    assert steps == [step for step in both for _ in sinks]


def test_a_wall_clock_that_is_set_becomes_an_event_and_moves_no_room_time(
    tmp_path: Path, clock: ManualClock
) -> None:
    with recording(tmp_path, clock) as recorder:
        sink = recorder(CAMERA, Codec.vp8)
        feed(sink, pictures(0, 25))
        recorder.settle()
        clock.advance(1)
        recorder.settle()
        clock._now += timedelta(milliseconds=90)  # too little to be a step
        recorder.settle()
        clock._now -= timedelta(minutes=5)
        clock.advance(0.5)
        feed(sink, pictures(1_000, 25))
        recorder.settle()
    ((_, _, event),) = read_events(tmp_path / "room-1")
    assert (event.kind, event.detail, event.room_ms) == (CLOCK_STEPPED, {"by_ms": -300_000}, 1_500)
    lines = read_index((tmp_path / "room-1" / "seat-1-camera-1-1-1.index.jsonl").read_bytes()).lines
    cut = [line.act for line in lines if isinstance(line.act, Fragment)]
    assert cut[-1].wall_ms < cut[0].wall_ms
    assert all(before.to_ms < after.from_ms for before, after in pairwise(cut))


def test_two_hundred_rooms_begun_in_the_same_second_keep_their_own_frames(
    tmp_path: Path, clock: ManualClock
) -> None:
    sound = sounds(0, 5)
    rooms = [f"room-{number}" for number in range(200)]
    recorder = Recorder(tmp_path, clock, wake_s=0.02)
    sinks = {}
    for room in rooms:
        recorder.begin(room, 1, START)
        recorder.events(room).note(LedgerEvent(0, 0, 1, "joined", {"room": room}))
        sinks[room] = recorder(TrackKey(room, 1, Source.microphone), Codec.opus)
    for sample in sound:
        for room, sink in sinks.items():
            sink.write(sample._replace(data=f"{room}|{sample.room_ms}".encode()))
    recorder.close()
    for room in rooms:
        media = (tmp_path / room / "seat-1-microphone-1-1-1.webm").read_bytes()
        assert [media.count(f"{room}|{sample.room_ms}".encode()) for sample in sound] == [1] * 5
        assert media.count(b"room-") == 5
        ((_, _, event),) = read_events(tmp_path / room)
        assert event.detail == {"room": room}


def _failing(_anything: object) -> None:
    raise OSError(errno.ENOSPC, "no space left")


def _refusing(real: Callable[..., int], ending: str) -> Callable[..., int]:
    def refuse(path: object, *others: int) -> int:
        if str(path).endswith(ending):
            raise OSError(errno.ENOSPC, "no space left")
        return real(path, *others)

    return refuse


def _refuse_to_write(*_anything: object) -> int:
    raise OSError(errno.ENOSPC, "no space left")


@contextmanager
def full_disk() -> Iterator[None]:
    """The disk takes half of what it is given and fails."""
    real = os.write

    def half(descriptor: int, data: bytes) -> int:
        real(descriptor, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "no space left")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", half)
        yield
