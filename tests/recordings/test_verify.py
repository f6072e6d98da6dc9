"""Whatever is changed in a recording, the check names the file and, where it can, the moment."""

import shutil
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.clock import ManualClock
from app.core.i18n import catalogue
from app.core.samples import Codec, Source, TrackKey
from recordings.lines import Event, Fragment, read_index
from recordings.manifest import MANIFEST_FILE, SIGNATURE_FILE, GapSeal, parse_manifest
from recordings.recorder import Recorder
from recordings.sealing import seal_room
from recordings.signing import ManifestSignature, Signer
from recordings.verify import TEXTS, Finding, verify_room
from recordings.wording import player_texts
from tests.support.encoded import pictures
from tests.support.recorded import START, record_seat

CAMERA, MICROPHONE = "seat-1-camera-1-1-1", "seat-1-microphone-1-1-1"
EVENTS = "events-1.jsonl"
HOUSE = Signer.of_seed(bytes(range(32)))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sealed")
    recorder = Recorder(folder, ManualClock(START), signer=HOUSE, wake_s=3_600)
    record_seat(recorder, notes=8, every_ms=500)
    recorder.close_room("room-1")
    recorder.close()
    return folder / "room-1"


@pytest.fixture
def room(sealed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sealed, tmp_path / "room-1"))


def codes(room: Path, expected: str | None = None, key: str | None = None) -> set[tuple[str, str]]:
    return {(finding.file, finding.code) for finding in verify_room(room, expected, key).findings}


def test_an_untouched_room_is_in_order(sealed: Path) -> None:
    expected = parse_manifest((sealed / MANIFEST_FILE).read_bytes()).sha256
    verdict = verify_room(sealed, expected)
    assert verdict.ok
    assert verdict.sealed
    assert (verdict.sha256, verdict.files, verdict.findings) == (expected, 3, ())
    assert verdict.key == HOUSE.public_key
    assert verify_room(sealed, expected, HOUSE.public_key).ok
    assert verdict.bytes == sum(path.stat().st_size for path in sealed.glob("*.webm"))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_flipped_byte_of_any_file_is_named(sealed: Path, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        room = Path(shutil.copytree(sealed, Path(folder) / "room-1"))
        path = data.draw(st.sampled_from(sorted(room.iterdir())))
        held = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(held) - 1))
        held[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(held)
        findings = verify_room(room).findings
        named = {path.name, path.name.replace(".index.jsonl", ".webm")}
        assert named & {finding.file for finding in findings}
        if path.suffix == ".webm":
            index = read_index(path.with_suffix(".index.jsonl").read_bytes())
            hit = [
                Finding(path.name, "media-changed", line.act.from_ms, line.act.to_ms)
                for line in index.lines
                if isinstance(line.act, Fragment)
                and line.act.offset <= at < line.act.offset + line.act.length
            ]
            whole = [Finding(path.name, "media-changed", 0, 3_980 if "microphone" in path.name else 3_960)]
            assert list(findings) == (hit or whole)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_check_never_fails_on_garbage(sealed: Path, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        room = Path(shutil.copytree(sealed, Path(folder) / "room-1"))
        for path in sorted(room.iterdir()):
            path.write_bytes(data.draw(st.binary(max_size=500)))
        assert not verify_room(room).ok


def edit(name: str, change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], None]:
    def apply(room: Path) -> None:
        path = room / name
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))

    return apply


INDEX = f"{CAMERA}.index.jsonl"


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (edit(INDEX, lambda lines: [*lines[:4], *lines[5:]]), (INDEX, "chain-broken")),
        (edit(INDEX, lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]]), (INDEX, "chain-broken")),
        (edit(INDEX, lambda lines: lines[:-1]), (INDEX, "index-differs")),
        (edit(INDEX, lambda lines: [*lines[:4], b"x\n", *lines[4:]]), (INDEX, "line-unreadable")),
        (edit(INDEX, lambda lines: [*lines, b"half"]), (INDEX, "index-torn")),
        (edit(INDEX, lambda _lines: []), (INDEX, "index-differs")),
        (lambda room: (room / INDEX).unlink(), (INDEX, "file-missing")),
        (lambda room: (room / f"{CAMERA}.webm").unlink(), (f"{CAMERA}.webm", "file-missing")),
        (edit(f"{CAMERA}.webm", lambda lines: [*lines, b"more"]), (f"{CAMERA}.webm", "media-longer")),
        (edit(f"{CAMERA}.webm", lambda lines: lines[:-1]), (f"{CAMERA}.webm", "media-cut")),
        (lambda room: (room / MANIFEST_FILE).write_bytes(b"{}"), (MANIFEST_FILE, "manifest-changed")),
        (
            lambda room: shutil.copy(room / f"{CAMERA}.webm", room / "seat-9-camera-1-1-1.webm"),
            ("seat-9-camera-1-1-1.webm", "file-unlisted"),
        ),
        (
            lambda room: shutil.copy(room / EVENTS, room / "events-2.jsonl"),
            ("events-2.jsonl", "file-unlisted"),
        ),
        (lambda room: (room / "notes.txt").write_text("x"), ("notes.txt", "file-unlisted")),
        (edit(EVENTS, lambda lines: [*lines[:3], *lines[4:]]), (EVENTS, "chain-broken")),
        (edit(EVENTS, lambda lines: lines[:-1]), (EVENTS, "events-differ")),
        (lambda room: (room / EVENTS).unlink(), (EVENTS, "file-missing")),
        (lambda room: _folder(room / EVENTS), (EVENTS, "file-unreadable")),
        (lambda room: (room / SIGNATURE_FILE).unlink(), (SIGNATURE_FILE, "file-missing")),
        (lambda room: (room / SIGNATURE_FILE).write_bytes(b"{}"), (SIGNATURE_FILE, "signature-changed")),
        (lambda room: _sign(room, Signer.of_seed(bytes(32))), (SIGNATURE_FILE, "signature-foreign")),
        (lambda room: _sign(room, HOUSE, "0" * 64), (SIGNATURE_FILE, "signature-false")),
        (
            lambda room: _exchange(room, f"{CAMERA}.webm", f"{MICROPHONE}.webm"),
            (f"{CAMERA}.webm", "media-changed"),
        ),
        (lambda room: _exchange(room, INDEX, f"{MICROPHONE}.index.jsonl"), (INDEX, "other-track")),
        (lambda room: _folder(room / f"{CAMERA}.webm"), (f"{CAMERA}.webm", "file-unreadable")),
        (lambda room: _folder(room / INDEX), (INDEX, "file-unreadable")),
    ],
)
def test_a_change_is_named(room: Path, change: Callable[[Path], None], finding: tuple[str, str]) -> None:
    change(room)
    assert finding in codes(room)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _sign(room: Path, signer: Signer, sha256: str | None = None) -> None:
    manifest = parse_manifest((room / MANIFEST_FILE).read_bytes())
    (room / SIGNATURE_FILE).write_bytes(ManifestSignature.make(signer, sha256 or manifest.sha256).to_bytes())


def _exchange(room: Path, one: str, other: str) -> None:
    held = (room / one).read_bytes()
    (room / one).write_bytes((room / other).read_bytes())
    (room / other).write_bytes(held)


def test_a_track_taken_away_as_a_whole_is_missed(room: Path) -> None:
    for path in room.glob(f"{CAMERA}*"):
        path.unlink()
    assert codes(room) == {(INDEX, "file-missing"), (f"{CAMERA}.webm", "file-missing")}


def test_a_line_taken_out_is_named_with_its_moment(room: Path) -> None:
    edit(INDEX, lambda lines: [*lines[:6], *lines[7:]])(room)
    broken = next(finding for finding in verify_room(room).findings if finding.code == "chain-broken")
    lost = read_index((room / INDEX).read_bytes()).lines[5].act
    assert isinstance(lost, Fragment)
    assert broken.from_ms == lost.from_ms
    assert broken.to_ms is not None
    assert broken.to_ms > lost.to_ms


def test_an_event_taken_out_is_named_with_its_moment(room: Path) -> None:
    edit(EVENTS, lambda lines: [*lines[:4], *lines[5:]])(room)
    (broken,) = verify_room(room).findings
    lost = Event(1_500, 3, 3, "joined", {"n": 3})
    assert (broken.file, broken.code) == (EVENTS, "chain-broken")
    assert broken.from_ms is not None
    assert broken.to_ms is not None
    assert broken.from_ms <= lost.at_ms <= broken.to_ms


def test_a_recording_signed_by_another_house_is_noticed_by_who_knows_the_key(room: Path) -> None:
    assert codes(room, key=HOUSE.public_key) == set()
    other = Signer.of_seed(bytes(32))
    for file in (MANIFEST_FILE, SIGNATURE_FILE):
        (room / file).unlink()
    seal_room(room, "room-1", START, START, signer=other)
    assert codes(room) == set()
    assert codes(room, key=HOUSE.public_key) == {(SIGNATURE_FILE, "signature-foreign")}


def test_an_unsigned_recording_is_in_order_until_a_key_is_asked_for(room: Path) -> None:
    for file in (MANIFEST_FILE, SIGNATURE_FILE):
        (room / file).unlink()
    seal_room(room, "room-1", START, START)
    assert codes(room) == set()
    assert verify_room(room).key is None
    assert codes(room, key=HOUSE.public_key) == {(SIGNATURE_FILE, "signature-foreign")}


def test_all_cores_come_to_the_same_verdict(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recordings.verify._ALONE_BYTES", 0)
    held = bytearray((room / f"{CAMERA}.webm").read_bytes())
    held[-1] ^= 1
    (room / f"{CAMERA}.webm").write_bytes(held)
    alone, together = verify_room(room, processes=1), verify_room(room, processes=2)
    assert alone == together
    assert [finding.code for finding in together.findings] == ["media-changed"]


def test_lost_helpers_cost_time_and_no_finding(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_anything: object, **_more: object) -> object:
        raise BrokenProcessPool

    monkeypatch.setattr("recordings.verify._ALONE_BYTES", 0)
    monkeypatch.setattr("recordings.verify.ProcessPoolExecutor", lost)
    assert verify_room(room, processes=2) == verify_room(room, processes=1)


def test_a_manifest_taken_away_is_noticed_by_who_knows_its_hash(room: Path) -> None:
    (room / MANIFEST_FILE).unlink()
    assert codes(room) == set()
    assert not verify_room(room).sealed
    assert codes(room, "0" * 64) == {(MANIFEST_FILE, "file-missing")}


def test_a_manifest_rewritten_to_fit_is_noticed_by_who_knows_its_hash(room: Path) -> None:
    expected = parse_manifest((room / MANIFEST_FILE).read_bytes()).sha256
    (room / MANIFEST_FILE).unlink()
    recorder = Recorder(room.parent, ManualClock(datetime(2026, 11, 21, tzinfo=UTC)), signer=HOUSE)
    recorder.close_room("room-1")
    recorder.close()
    assert codes(room) == set()
    assert codes(room, expected) == {(MANIFEST_FILE, "manifest-other")}


def test_a_room_under_another_name_is_not_that_room(room: Path) -> None:
    moved = room.rename(room.with_name("room-2"))
    assert codes(moved) == {
        (MANIFEST_FILE, "manifest-other"),
        (INDEX, "other-track"),
        (f"{MICROPHONE}.index.jsonl", "other-track"),
    }


def test_a_manifest_with_other_gaps_is_noticed(room: Path) -> None:
    manifest = parse_manifest((room / MANIFEST_FILE).read_bytes())
    changed = replace(manifest, gaps=(*manifest.gaps, GapSeal(1, "camera", 1, 2, "network-loss")))
    (room / MANIFEST_FILE).write_bytes(changed.to_bytes())
    _sign(room, HOUSE)
    assert codes(room) == {(MANIFEST_FILE, "gaps-differ")}


def test_no_room_is_a_finding_of_its_own(tmp_path: Path) -> None:
    assert codes(tmp_path / "none") == {("none", "room-missing")}


def test_a_running_room_verifies_while_it_grows(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, ManualClock(START))
    recorder.begin("room-1", 1, START)
    sink = recorder(TrackKey("room-1", 1, Source.camera), Codec.vp8)
    for sample in pictures(0, 100):
        sink.write(sample)
    recorder.settle()
    verdict = verify_room(tmp_path / "room-1")
    assert verdict.ok
    assert not verdict.sealed
    recorder.close()


def test_findings_read_as_sentences_in_both_languages() -> None:
    finding = Finding("seat-1-camera-1-1-1.webm", "media-changed", 61_500, 62_000)
    assert (
        finding.text("zh")
        == "seat-1-camera-1-1-1.webm [0:01:01.500 – 0:01:02.000]: 音视频内容与记录的哈希不符"
    )
    assert Finding(MANIFEST_FILE, "manifest-changed").text("zh").startswith("manifest.json: ")
    assert {
        text for text in (*TEXTS.values(), *player_texts().values()) if text not in catalogue("en")
    } == set()
