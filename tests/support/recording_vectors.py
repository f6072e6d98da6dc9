"""Makes the recordings of tests/vectors/recordings anew: good ones, and each way to break one, with the verdict it must get.

python -m tests.support.recording_vectors
"""

import json
import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from app.core.clock import ManualClock
from app.core.samples import ClockNote, Codec, EncodedSample, Source, TrackKey
from recordings.events import LedgerEvent
from recordings.manifest import MANIFEST_FILE, SIGNATURE_FILE, parse_manifest
from recordings.recorder import Recorder
from recordings.sealing import recover_room, seal_room
from recordings.signing import ManifestSignature, Signer
from recordings.verify import verify_room
from tests.support.encoded import h264_pictures, pictures, sounds

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "recordings"
START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
HOUSE, OTHER = Signer.of_seed(bytes(range(32))), Signer.of_seed(bytes(32))
CAMERA, SOUND, EVENTS = "seat-1-camera-1-1-1", "seat-1-microphone-1-1-1", "events-1.jsonl"
Change = Callable[[Path], None]


def record(folder: Path, leases: int = 1, *, seal: bool = True) -> None:
    """One seat for a second under each lease, with one short loss; from the second lease on in H264."""
    clock = ManualClock(START)
    with ExitStack() as closing:
        for lease in range(1, leases + 1):
            recorder = Recorder(folder, clock, signer=HOUSE, wake_s=3_600)
            closing.callback(recorder.close)
            recorder.begin("room-1", lease, START)
            ledger = recorder.events("room-1")
            for number in range(3):
                ledger.note(
                    LedgerEvent(number * 400, number, number, "joined", {"地点": "主场", "n": number})
                )
            from_ms = 2_000 * (lease - 1)
            codec, shown = (
                (Codec.vp8, pictures(from_ms, 25)) if lease == 1 else (Codec.h264, h264_pictures(from_ms, 25))
            )
            camera = recorder(TrackKey("room-1", 1, Source.camera), codec)
            microphone = recorder(TrackKey("room-1", 1, Source.microphone), Codec.opus)
            microphone.clock(ClockNote(from_ms, 2**63, 960, 12_000, -300))
            for sample in shown:
                camera.write(sample)
            for sample in sounds(from_ms, 50):
                microphone.write(heard(sample))
            camera.lost(from_ms + 400, from_ms + 440, "network-loss")
            recorder.settle()
            if lease < leases:
                shutil.copytree(folder / "room-1", folder / "kept", dirs_exist_ok=True)
        if not seal:
            shutil.copytree(folder / "room-1", folder / "kept", dirs_exist_ok=True)
    if leases > 1 or not seal:
        shutil.copytree(folder / "kept", folder / "room-1", dirs_exist_ok=True)
        shutil.rmtree(folder / "kept")
    if seal:
        seal_room(folder / "room-1", "room-1", START, START, signer=HOUSE)


def heard(sample: EncodedSample) -> EncodedSample:
    return sample._replace(data=sample.data[:60], level=sample.room_ms // 20 % 100)


def lines(file: str, change: Callable[[list[bytes]], list[bytes]]) -> Change:
    def apply(room: Path) -> None:
        (room / file).write_bytes(b"".join(change((room / file).read_bytes().splitlines(keepends=True))))

    return apply


def flip(file: str, at: int) -> Change:
    def apply(room: Path) -> None:
        held = bytearray((room / file).read_bytes())
        held[at] ^= 1
        (room / file).write_bytes(held)

    return apply


def remove(*files: str) -> Change:
    def apply(room: Path) -> None:
        for file in files:
            (room / file).unlink()

    return apply


def copy(file: str, name: str) -> Change:
    def apply(room: Path) -> None:
        shutil.copy(room / file, room / name)

    return apply


def exchange(one: str, other: str) -> Change:
    def apply(room: Path) -> None:
        held = (room / one).read_bytes()
        (room / one).write_bytes((room / other).read_bytes())
        (room / other).write_bytes(held)

    return apply


def edit(file: str, number: int, old: bytes, new: bytes) -> Change:
    def change(told: list[bytes]) -> list[bytes]:
        assert old in told[number]
        return [*told[:number], told[number].replace(old, new), *told[number + 1 :]]

    return lines(file, change)


def resign(room: Path) -> None:
    manifest = parse_manifest((room / MANIFEST_FILE).read_bytes())
    (room / SIGNATURE_FILE).write_bytes(ManifestSignature.make(OTHER, manifest.sha256).to_bytes())


def reseal(signer: Signer, change: Change) -> Change:
    def apply(room: Path) -> None:
        remove(MANIFEST_FILE, SIGNATURE_FILE)(room)
        change(room)
        seal_room(room, "room-1", START, START, signer=signer)

    return apply


INDEX, MEDIA = f"{CAMERA}.index.jsonl", f"{CAMERA}.webm"
BROKEN: dict[str, tuple[str, Change]] = {
    "header-byte-flipped": ("One bit of the container's opening bytes was changed.", flip(MEDIA, 30)),
    "media-byte-flipped": ("One bit of a picture was changed.", flip(MEDIA, -5)),
    "media-cut": (
        "The last bytes of a media file were cut off.",
        lines(MEDIA, lambda all_: [b"".join(all_)[:-9]]),
    ),
    "media-longer": ("Bytes were added to a media file.", lines(MEDIA, lambda all_: [*all_, b"more"])),
    "media-missing": ("A media file was taken away.", remove(MEDIA)),
    "track-missing": ("A media file and its index were taken away.", remove(MEDIA, INDEX)),
    "tracks-exchanged": ("Two tracks' media were exchanged.", exchange(MEDIA, f"{SOUND}.webm")),
    "indexes-exchanged": ("Two tracks' indexes were exchanged.", exchange(INDEX, f"{SOUND}.index.jsonl")),
    "line-edited": ("A fragment's room time was edited.", edit(INDEX, 2, b'"to_ms":480', b'"to_ms":481')),
    "line-respelled": ("A line says the same in another spelling.", edit(INDEX, 2, b'"kind":', b'"kind": ')),
    "line-removed": ("A fragment's line was taken out.", lines(INDEX, lambda all_: [*all_[:2], *all_[3:]])),
    "lines-exchanged": (
        "Two lines were exchanged.",
        lines(INDEX, lambda all_: [*all_[:2], all_[3], all_[2], *all_[4:]]),
    ),
    "last-line-removed": ("The last line of an index was cut off.", lines(INDEX, lambda all_: all_[:-1])),
    "event-removed": ("An event was taken out.", lines(EVENTS, lambda all_: [*all_[:2], *all_[3:]])),
    "event-edited": ("An event was put at another seat.", edit(EVENTS, 3, b'"seat_no":2', b'"seat_no":3')),
    "events-cut": ("The last line of the events was cut off.", lines(EVENTS, lambda all_: all_[:-1])),
    "events-missing": ("The events were taken away.", remove(EVENTS)),
    "file-added": (
        "A media file nobody recorded was added.",
        copy(MEDIA, "seat-2-camera-1-1-1.webm"),
    ),
    "manifest-edited": ("The manifest was edited.", edit(MANIFEST_FILE, 0, b"network-loss", b"network-lost")),
    "manifest-missing": ("Manifest and signature were taken away.", remove(MANIFEST_FILE, SIGNATURE_FILE)),
    "signature-missing": ("The signature was taken away.", remove(SIGNATURE_FILE)),
    "signature-foreign": ("Somebody else signed the manifest.", resign),
    "signature-changed": ("One digit of the signature was changed.", flip(SIGNATURE_FILE, -9)),
    "rewritten": (
        "A track was taken away and the rest sealed anew with another key; only hash and key tell.",
        reseal(OTHER, remove(MEDIA, INDEX)),
    ),
}


def keep(folder: Path, name: str, note: str, *, expected: str | None, key: str | None) -> None:
    """Files the room under its name, with the verdict."""
    case = VECTORS / name
    shutil.copytree(folder / "room-1", case / "room-1")
    verdict = verify_room(case / "room-1", expected, key)
    told = {
        "note": note,
        "expected_sha256": expected,
        "key": key,
        "ok": verdict.ok,
        "sealed": verdict.sealed,
        "findings": [
            {"file": one.file, "code": one.code, "from_ms": one.from_ms, "to_ms": one.to_ms}
            for one in verdict.findings
        ],
    }
    (case / "verdict.json").write_text(
        json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    sys.stdout.write(
        f"{name}: {'in order' if verdict.ok else [one.text('en') for one in verdict.findings]}\n"
    )


def first_line_cut(room: Path) -> None:
    """As if the server had died while the newest file's first line was being written; then the room is sealed anew."""
    index = room / "seat-1-camera-2-1-1.index.jsonl"
    index.write_bytes(index.read_bytes()[:20])
    for file in (MANIFEST_FILE, SIGNATURE_FILE):
        (room / file).unlink()
    seal_room(room, "room-1", START, START, signer=HOUSE)


def main() -> None:
    """Makes them all."""
    shutil.rmtree(VECTORS, ignore_errors=True)
    with TemporaryDirectory() as name:
        folder = Path(name)
        record(folder / "good")
        good = folder / "good"
        expected = parse_manifest((good / "room-1" / MANIFEST_FILE).read_bytes()).sha256
        known = {"expected": expected, "key": HOUSE.public_key}
        keep(good, "good", "A sealed room: one seat, one second, one short loss.", **known)
        for case, (note, change) in BROKEN.items():
            shutil.copytree(good, folder / case)
            change(folder / case / "room-1")
            keep(folder / case, case, note, **known)
        record(folder / "two", leases=2)
        keep(
            folder / "two",
            "two-leases",
            "A worker was killed; another took the room and recorded H264. Sealed and signed.",
            expected=None,
            key=HOUSE.public_key,
        )
        first_line_cut(folder / "two" / "room-1")
        keep(
            folder / "two",
            "killed-before-the-first-line",
            "The second worker died too, before its H264 file had a line. Sealed and signed.",
            expected=None,
            key=HOUSE.public_key,
        )
        record(folder / "open", seal=False)
        keep(folder / "open", "running", "A room that still runs.", expected=None, key=None)
        for file in (INDEX, EVENTS):
            path = folder / "open" / "room-1" / file
            path.write_bytes(path.read_bytes()[:-40])
        recover_room(folder / "open" / "room-1", START)
        keep(
            folder / "open",
            "killed-and-recovered",
            "The server died in the middle of a line.",
            expected=None,
            key=None,
        )


if __name__ == "__main__":
    main()
