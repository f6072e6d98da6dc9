"""A killed server loses at most the last moment, and what it left is hashed as it lies."""

import os
import shutil
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.clock import ManualClock
from app.core.errors import Unavailable
from app.core.samples import Codec, Source, TrackKey
from recordings import sealing
from recordings.events import read_events
from recordings.lines import Recovered, read_index
from recordings.recorder import Recorder
from recordings.sealing import SERVER_RESTART, STILL_S, read_room, recover_room, seal_room
from recordings.timeline import parts_timeline, room_timeline
from recordings.verify import verify_room
from tests.support.encoded import h264_pictures, pictures
from tests.support.recorded import START, record_seat

LATER = START + timedelta(minutes=1)
CAMERA = TrackKey("room-1", 1, Source.camera)
STEM = "seat-1-camera-1-1-1"
EVENTS = "events-1.jsonl"


@pytest.fixture(scope="module")
def left_open(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A room as it lies on disk while it is still being recorded: nothing has ended."""
    folder = tmp_path_factory.mktemp("running")
    recorder = Recorder(folder, ManualClock(START), wake_s=3_600)
    record_seat(recorder, notes=5, every_ms=100)
    recorder.settle()
    copy = tmp_path_factory.mktemp("left") / "recordings"
    shutil.copytree(folder, copy)
    recorder.close()
    return copy


def copied(left: Path, folder: str) -> Path:
    return Path(shutil.copytree(left, Path(folder) / "recordings"))


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def recover(directory: Path, now: datetime) -> tuple[Path, ...]:
    """All rooms under a directory, as each would be recovered by whoever takes it."""
    return tuple(room / file for room in sorted(directory.iterdir()) for file in recover_room(room, now))


def test_a_killed_server_loses_less_than_a_second_and_a_half(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).with_name("killed_recorder.py")), str(tmp_path)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=root, env={"PYTHONPATH": "."}
    ) as server:
        assert server.stdout is not None
        now = seen = heard = 0
        for line in server.stdout:
            now, seen, heard = map(int, line.split())
            if now > 3_000:
                break
        server.send_signal(signal.SIGKILL)
    before = bytes_of(tmp_path)
    assert len(recover(tmp_path, LATER)) == 3
    assert recover(tmp_path, LATER) == ()
    after = bytes_of(tmp_path)
    assert all(after[name].startswith(data) for name, data in before.items())
    room = tmp_path / "room-1"
    assert verify_room(room).ok
    for track, told in zip(room_timeline(read_room(room)).tracks, (seen, heard), strict=True):
        last = track.fragments[-1].to_ms
        assert last >= told
        assert last >= now - 1_500
        with av.open(str(room / track.fragments[-1].file)) as file:
            assert max(packet.pts or 0 for packet in file.demux() if packet.size) >= last


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_was_cut_off_is_recovered_and_then_verifies(left_open: Path, data: st.DataObject) -> None:
    """Whole fragments may be on disk untold, and either file may end in the middle of a write."""
    with TemporaryDirectory() as folder:
        directory = copied(left_open, folder)
        room = directory / "room-1"
        index, media = room / f"{STEM}.index.jsonl", room / f"{STEM}.webm"
        lines = index.read_bytes().splitlines(keepends=True)
        kept = data.draw(st.integers(0, len(lines)))
        half = b"" if kept == len(lines) else lines[kept][: data.draw(st.integers(0, len(lines[kept])))]
        index.write_bytes(b"".join(lines[:kept]) + half)
        covered = read_index(index.read_bytes() + b"\n" * (len(half) > 0)).covered
        size = data.draw(st.integers(covered, media.stat().st_size))
        media.write_bytes(media.read_bytes()[:size])
        before = bytes_of(directory)
        recover(directory, LATER)
        after = bytes_of(directory)
        assert all(after[name].startswith(held) for name, held in before.items())
        assert after.keys() == before.keys()
        verdict = verify_room(room)
        assert verdict.findings == ()
        assert recover(directory, LATER) == ()
        manifest = seal_room(room, "room-1", LATER, None)
        assert verify_room(room, manifest.sha256).findings == ()


def test_untold_whole_clusters_are_playable_after_recovery(left_open: Path, tmp_path: Path) -> None:
    directory = copied(left_open, str(tmp_path))
    index = directory / "room-1" / f"{STEM}.index.jsonl"
    index.write_bytes(b"".join(index.read_bytes().splitlines(keepends=True)[:-2]))
    recover(directory, LATER)
    last = read_index(index.read_bytes()).lines[-1].act
    assert isinstance(last, Recovered)
    assert last.playable == last.length > 0
    track = room_timeline(read_room(directory / "room-1")).tracks[0]
    assert track.coverage[-1][1] == pictures(0, 100)[-1].room_ms


def test_a_room_goes_on_after_a_restart_and_the_gap_says_so(left_open: Path, tmp_path: Path) -> None:
    directory = copied(left_open, str(tmp_path))
    recover(directory, LATER)
    recorder = Recorder(directory, ManualClock(LATER))
    recorder.begin("room-1", 2, START)
    sink = recorder(CAMERA, Codec.vp8)
    for sample in pictures(60_000, 50):
        sink.write(sample)
    manifest = recorder.close_room("room-1")
    recorder.close()
    assert [(gap.from_ms, gap.to_ms, gap.reason) for gap in manifest.gaps if gap.source == "camera"] == [
        (3_960, 60_000, SERVER_RESTART)
    ]
    assert verify_room(directory / "room-1", manifest.sha256).ok


def test_a_sealed_room_is_left_alone(left_open: Path, tmp_path: Path) -> None:
    directory = copied(left_open, str(tmp_path))
    seal_room(directory / "room-1", "room-1", LATER, None)
    before = bytes_of(directory)
    assert recover(directory, LATER) == ()
    assert bytes_of(directory) == before


def test_there_may_be_nothing_to_recover(tmp_path: Path) -> None:
    assert recover_room(tmp_path / "none", LATER) == ()
    (tmp_path / "stray.txt").write_text("x")
    assert recover_room(tmp_path / "stray.txt", LATER) == ()
    assert recover_room(tmp_path, LATER) == ()


def test_media_without_any_index_is_kept_and_accounted_for(left_open: Path, tmp_path: Path) -> None:
    directory = copied(left_open, str(tmp_path))
    (directory / "room-1" / f"{STEM}.index.jsonl").unlink()
    recover(directory, LATER)
    assert verify_room(directory / "room-1").ok


def test_recovery_does_not_hide_that_a_line_was_taken_out(left_open: Path, tmp_path: Path) -> None:
    directory = copied(left_open, str(tmp_path))
    index = directory / "room-1" / f"{STEM}.index.jsonl"
    lines = index.read_bytes().splitlines(keepends=True)
    index.write_bytes(b"".join(lines[:4] + lines[5:]))
    recover(directory, LATER)
    assert recover(directory, LATER) == ()
    findings = verify_room(directory / "room-1").findings
    assert {(finding.file, finding.code) for finding in findings} == {(index.name, "chain-broken")}
    manifest = seal_room(directory / "room-1", "room-1", LATER, None)
    assert manifest.tracks[0].faults == 1
    assert not verify_room(directory / "room-1", manifest.sha256).ok


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_events_that_were_cut_off_are_recovered_too(left_open: Path, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        room = copied(left_open, folder) / "room-1"
        held = (room / EVENTS).read_bytes()
        (room / EVENTS).write_bytes(held[: data.draw(st.integers(0, len(held)))])
        whole = (room / EVENTS).read_bytes().count(b"\n")
        assert EVENTS in recover_room(room, LATER)
        assert recover_room(room, LATER) == ()
        assert len(read_events(room)) >= whole - 1
        manifest = seal_room(room, "room-1", LATER, START)
        assert verify_room(room, manifest.sha256).findings == ()


def test_files_of_all_leases_are_recovered_whoever_wrote_them(left_open: Path, tmp_path: Path) -> None:
    room = copied(left_open, str(tmp_path)) / "room-1"
    clock = ManualClock(LATER)
    recorder = Recorder(room.parent, clock)
    recorder.begin("room-1", 4, START)
    sink = recorder(CAMERA, Codec.vp8)
    for sample in pictures(60_000, 50):
        sink.write(sample)
    manifest = recorder.close_room("room-1", START)
    recorder.close()
    assert {(track.lease, track.ended) for track in manifest.tracks} == {
        (1, SERVER_RESTART),
        (4, "room-closed"),
    }
    assert {(events.lease, events.ended) for events in manifest.events} == {
        (1, SERVER_RESTART),
        (4, "room-closed"),
    }
    assert verify_room(room, manifest.sha256).ok


def test_what_another_process_still_writes_is_left_to_it_and_not_sealed(tmp_path: Path) -> None:
    """A worker that lost its lease records on: nothing is added to its files, and the room waits for it."""
    clock = ManualClock(START)
    stale, fresh = Recorder(tmp_path, clock, wake_s=3_600), Recorder(tmp_path, clock, wake_s=3_600)
    room = tmp_path / "room-1"
    stale.begin("room-1", 1, START)
    old = stale(CAMERA, Codec.vp8)
    for sample in pictures(0, 50):
        old.write(sample)
    stale.settle()
    assert recover_room(room, START) == ()
    fresh.begin("room-1", 2, START)
    new = fresh(CAMERA, Codec.vp8)
    for sample in pictures(1_000, 100):
        new.write(sample)
        old.write(sample._replace(room_ms=sample.room_ms + 1_000))
    stale.settle()
    for path in room.iterdir():
        os.utime(path, (START.timestamp(), START.timestamp()))
    with pytest.raises(Unavailable):
        fresh.close_room("room-1", START)
    clock.advance(STILL_S)
    manifest = fresh.close_room("room-1", START)
    # What the old process still does touches nothing that is sealed.
    old.write(pictures(8_000, 1)[0])
    stale.close()
    assert verify_room(room, manifest.sha256).ok
    assert {(track.lease, track.ended) for track in manifest.tracks} == {
        (1, SERVER_RESTART),
        (2, "room-closed"),
    }
    (track,) = room_timeline(read_room(room)).tracks
    assert [(overlap.lease, overlap.from_ms) for overlap in track.overlaps] == [(1, 1_040)]
    assert track.gaps == ()
    fresh.close()


def test_a_process_that_stood_still_while_the_room_was_sealed_begins_no_more_files_in_it(
    tmp_path: Path,
) -> None:
    clock = ManualClock(START)
    stale = Recorder(tmp_path, clock, wake_s=3_600, roll_s=4)
    fresh = Recorder(tmp_path, clock, wake_s=3_600)
    stale.begin("room-1", 1, START)
    sink = stale(CAMERA, Codec.vp8)
    for sample in pictures(0, 50):
        sink.write(sample)
    stale.settle()
    manifest = fresh.close_room("room-1", START, force=True)
    for sample in pictures(0, 300)[50:]:
        sink.write(sample)
    stale.close()
    fresh.close()
    assert stale.durable(CAMERA) == 3_960  # in the file it has in hand; then the light goes out
    assert verify_room(tmp_path / "room-1", manifest.sha256).ok


def test_a_room_may_be_sealed_over_a_living_writer_when_that_is_asked(tmp_path: Path) -> None:
    clock = ManualClock(START)
    stale, fresh = Recorder(tmp_path, clock), Recorder(tmp_path, clock)
    stale.begin("room-1", 1, START)
    sink = stale(CAMERA, Codec.vp8)
    for sample in pictures(0, 50):
        sink.write(sample)
    stale.settle()
    manifest = fresh.close_room("room-1", START, force=True)
    stale.close()
    fresh.close()
    assert [track.to_ms for track in manifest.tracks] == [1_960]
    assert verify_room(tmp_path / "room-1", manifest.sha256).ok


def test_h264_that_was_cut_off_is_recovered_fragment_by_fragment(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, ManualClock(START), wake_s=3_600)
    recorder.begin("room-1", 1, START)
    sink = recorder(CAMERA, Codec.h264)
    for sample in h264_pictures(0, 60):
        sink.write(sample)
    recorder.settle()
    copy = Path(shutil.copytree(tmp_path / "room-1", tmp_path / "copy" / "room-1"))
    recorder.close()
    index = copy / f"{STEM}.index.jsonl"
    index.write_bytes(b"".join(index.read_bytes().splitlines(keepends=True)[:-2]))
    recover_room(copy, LATER)
    (track,) = room_timeline(read_room(copy)).tracks
    assert track.coverage == ((0, 2_360),)
    assert verify_room(copy).ok


def test_an_interrupted_sealing_leaves_nothing_behind(left_open: Path, tmp_path: Path) -> None:
    room = copied(left_open, str(tmp_path)) / "room-1"
    (room / "manifest.json.part").write_bytes(b"half")
    manifest = seal_room(room, "room-1", LATER, None)
    assert manifest.zero_wall_ms == round(START.timestamp() * 1000)
    assert verify_room(room, manifest.sha256).ok


def test_whoever_is_still_sealing_a_room_is_not_overtaken(
    left_open: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that stood still over its lease and wakes up must not put its manifest in the place of one that is bound."""
    room, overtaken = copied(left_open, str(tmp_path)) / "room-1", []
    told = parts_timeline

    def stands_still(*arguments: Any) -> Any:
        monkeypatch.setattr(sealing, "parts_timeline", told)
        with pytest.raises(Unavailable, match="recording-still-running"):
            overtaken.append(seal_room(room, "room-1", LATER, START))
        return told(*arguments)

    monkeypatch.setattr(sealing, "parts_timeline", stands_still)
    manifest = seal_room(room, "room-1", START, START)
    assert overtaken == []
    assert seal_room(room, "room-1", LATER, START) == manifest
    assert verify_room(room, manifest.sha256).ok
