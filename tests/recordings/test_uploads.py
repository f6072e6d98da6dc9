"""Ended files reach the store by themselves, whatever becomes of the store meanwhile, and rows say only what it told."""

import errno
import logging
from pathlib import Path

import pytest
from sqlmodel import select

from app.core.samples import Codec, Source, TrackKey
from app.core.storage import DirectoryStore, Kept, look
from recordings.manifest import MANIFEST_FILE, SIGNATURE_FILE
from recordings.models import StoredObject
from recordings.uploads import Uploads, ended_files
from tests.support.encoded import pictures, sounds
from tests.support.replay_house import ROOM, ReplayHouse

CAMERA, MICROPHONE = (TrackKey(ROOM, 1, source) for source in (Source.camera, Source.microphone))
ENDED = [
    "seat-1-camera-1-1-1.webm",
    "seat-1-camera-1-1-1.index.jsonl",
    "seat-1-microphone-1-1-1.webm",
    "seat-1-microphone-1-1-1.index.jsonl",
]
SEALED = [*ENDED, "events-1.jsonl", "manifest.json"]


class Away(DirectoryStore):
    """A store that can be away, and one that can keep something else than it was given."""

    away = False
    garbles = False

    def put(self, name: str, source: Path) -> None:
        if self.away:
            raise ConnectionError("the store is away")
        super().put(name, source)

    def head(self, name: str) -> Kept | None:
        kept = super().head(name)
        return Kept(kept.size, "0" * 64) if self.garbles and kept is not None else kept


@pytest.fixture
def store(tmp_path: Path) -> Away:
    return Away(tmp_path / "store")


@pytest.fixture
def uploads(house: ReplayHouse, store: Away) -> Uploads:
    return Uploads(house.database, house.clock, house.settings.recordings_dir, store)


def record(house: ReplayHouse, *, end: bool = True) -> None:
    seen, heard = house.recorder(CAMERA, Codec.vp8), house.recorder(MICROPHONE, Codec.opus)
    for sample in pictures(0, 50):
        seen.write(sample)
    for sample in sounds(0, 100):
        heard.write(sample)
    if end:
        seen.close("left")
        heard.close("left")
    house.recorder.settle()


def rows(house: ReplayHouse) -> dict[str, Kept]:
    with house.database.reading() as session:
        return {
            row.name.rpartition("/")[2]: Kept(row.size, row.sha256)
            for row in session.exec(select(StoredObject)).all()
        }


def test_what_has_ended_is_stored_and_what_grows_is_left(
    house: ReplayHouse, store: Away, uploads: Uploads
) -> None:
    record(house, end=False)
    assert uploads.sweep() == 0
    house.recorder(CAMERA, Codec.vp8)  # the next connection ends the one before
    house.recorder.settle()
    assert uploads.sweep() == 2
    assert sorted(rows(house)) == sorted(ENDED[:2])
    house.seal()
    assert uploads.sweep() == len(SEALED) - 2
    assert rows(house) == {name: look(house.room / name) for name in SEALED}
    assert [*store.names("recordings")] == sorted(f"recordings/{ROOM}/{name}" for name in SEALED)
    assert uploads.sweep() == 0


def test_media_are_stored_before_what_tells_of_them_and_the_manifest_last(house: ReplayHouse) -> None:
    record(house)
    house.seal()
    assert [path.name for path in ended_files(house.room)] == SEALED


def test_a_store_that_was_away_gets_what_has_gathered(
    house: ReplayHouse, store: Away, uploads: Uploads
) -> None:
    store.away = True
    record(house)
    for _ in range(180):  # half an hour, ten seconds each
        house.clock.advance(10)
        with pytest.raises(ConnectionError):
            uploads.sweep()
    house.seal()
    assert rows(house) == {}
    store.away = False
    assert [uploads.sweep(2) for _ in range(4)] == [2, 2, 2, 0]
    assert sorted(rows(house)) == sorted(SEALED)


def test_a_row_is_written_only_for_what_the_store_has_as_it_was_given(
    house: ReplayHouse, store: Away, uploads: Uploads, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "recordings.uploads")
    record(house)
    store.garbles = True
    assert (uploads.sweep(), rows(house)) == (0, {})
    assert len(caplog.messages) == len(ENDED)


def test_other_bytes_in_the_store_are_told_once_and_hold_up_nothing_else(
    house: ReplayHouse, store: Away, uploads: Uploads, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"something else")
    store.put(f"recordings/{ROOM}/{ENDED[0]}", other)
    record(house)
    assert [uploads.sweep(), uploads.sweep()] == [len(ENDED) - 1, 0]
    assert sorted(rows(house)) == sorted(ENDED[1:])
    assert [record.message for record in caplog.records] == [
        f"the store refuses recordings/{ROOM}/{ENDED[0]}"
    ]


def test_a_file_that_cannot_be_read_is_told_once_and_holds_up_nothing_else(
    house: ReplayHouse, uploads: Uploads, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def bad_sector(path: Path) -> Kept:
        if path.name == ENDED[0]:
            raise OSError(errno.EIO, "no")
        return look(path)

    monkeypatch.setattr("recordings.uploads.look", bad_sector)
    record(house)
    assert [uploads.sweep(), uploads.sweep()] == [len(ENDED) - 1, 0]
    assert sorted(rows(house)) == sorted(ENDED[1:])
    assert [record.message for record in caplog.records] == [
        f"{house.room / ENDED[0]} cannot be read and is not stored"
    ]


def test_a_signature_waits_for_its_manifest(house: ReplayHouse) -> None:
    """A server killed between the two makes both anew, at another moment and therefore with another signature."""
    record(house)
    (house.room / SIGNATURE_FILE).write_bytes(b"of a manifest that was never written")
    assert [path.name for path in ended_files(house.room)] == ENDED
    (house.room / MANIFEST_FILE).write_bytes(b"written now")
    assert [path.name for path in ended_files(house.room)] == [*ENDED, SIGNATURE_FILE, MANIFEST_FILE]


def test_a_second_who_brings_the_same_changes_nothing(
    house: ReplayHouse, store: Away, uploads: Uploads
) -> None:
    record(house)
    uploads.sweep()
    before = rows(house)
    with house.database.transaction() as session:
        for row in session.exec(select(StoredObject)).all():
            session.delete(row)
    again = Uploads(house.database, house.clock, house.settings.recordings_dir, store)
    assert (again.sweep(), rows(house)) == (len(ENDED), before)


def test_nothing_recorded_yet_is_nothing_to_do(house: ReplayHouse, store: Away, tmp_path: Path) -> None:
    nowhere = Uploads(house.database, house.clock, tmp_path / "nowhere", store)
    assert nowhere.sweep() == 0


def test_of_two_processes_at_one_folder_one_stores(
    house: ReplayHouse, store: Away, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(house)
    other = Uploads(house.database, house.clock, house.settings.recordings_dir, store)
    meanwhile: list[int] = []
    put = store.put

    def putting(name: str, source: Path) -> None:
        meanwhile.append(other.sweep())
        put(name, source)

    monkeypatch.setattr(store, "put", putting)
    assert uploads.sweep() == len(ENDED)
    assert meanwhile == [0] * len(ENDED)
