"""What every object store must do, whatever stands behind the port; and what a folder does besides."""

import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.core.canonical import sha256_hex
from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.storage import DirectoryStore, Kept, ObjectStore

NAME = "recordings/room-1/seat-1-camera-1-1-1.webm"
_COPIED = "copied"


@pytest.fixture(params=["linked", _COPIED])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """Every store that there is; one more adapter is one more line here."""
    if request.param == _COPIED:
        monkeypatch.setattr(os, "link", _links_within_only(tmp_path / "store"))
    return DirectoryStore(tmp_path / "store")


def _links_within_only(folder: Path) -> Callable[..., None]:
    """As if the source lay on another file system than the store."""
    link = os.link

    def linking(source: Path | str, target: Path | str, **options: bool) -> None:
        if not Path(source).is_relative_to(folder):
            raise OSError(errno.EXDEV, "another file system")
        link(source, target, **options)

    return linking


@pytest.fixture
def given(tmp_path: Path) -> Path:
    path = tmp_path / "given"
    path.write_bytes(bytes(range(256)) * 9_000)
    return path


def test_what_was_put_is_read_back_whole_and_in_parts(store: ObjectStore, given: Path) -> None:
    store.put(NAME, given)
    held = given.read_bytes()
    assert b"".join(store.open(NAME)) == held
    assert b"".join(store.open(NAME, 100, 1_500_000)) == held[100:1_500_100]
    assert b"".join(store.open(NAME, len(held) - 3, 10)) == held[-3:]
    assert b"".join(store.open(NAME, 5, 0)) == b""
    assert store.head(NAME) == Kept(len(held), sha256_hex(held))


def test_what_is_not_there_is_said_so(store: ObjectStore) -> None:
    assert store.head(NAME) is None
    with pytest.raises(NotFound):
        store.open(NAME)
    assert list(store.names("recordings")) == []


def test_the_same_again_changes_nothing(store: ObjectStore, given: Path) -> None:
    store.put(NAME, given)
    store.put(NAME, given)
    assert list(store.names("recordings")) == [NAME]


def test_other_bytes_under_a_name_are_refused(store: ObjectStore, given: Path, tmp_path: Path) -> None:
    store.put(NAME, given)
    kept = store.head(NAME)
    other = tmp_path / "other"
    other.write_bytes(given.read_bytes()[:-1] + b"x")
    with pytest.raises(Conflict) as refusal:
        store.put(NAME, other)
    assert refusal.value.code == "object-differs"
    assert store.head(NAME) == kept


def test_of_many_who_put_at_once_one_wins_and_nothing_is_mixed(store: ObjectStore, tmp_path: Path) -> None:
    sources = []
    for number in range(8):
        sources.append(tmp_path / f"source-{number}")
        sources[-1].write_bytes(bytes([number % 2]) * 2_000_000)

    def put(source: Path) -> bool:
        try:
            store.put(NAME, source)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(put, sources))
    held = b"".join(store.open(NAME))
    assert [source.read_bytes() == held for source in sources] == won
    assert list(store.names("recordings")) == [NAME]


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "a//b", "../a", "a/../b", "a/.hidden", "a b", "a/", "x" * 129, "a\n"]
)
def test_a_name_that_leads_elsewhere_is_refused(store: ObjectStore, given: Path, name: str) -> None:
    for act in (lambda: store.put(name, given), lambda: store.head(name), lambda: store.open(name)):
        with pytest.raises(InvalidInput):
            act()


def test_names_are_told_by_what_they_begin_with(store: ObjectStore, given: Path) -> None:
    for name in ("recordings/b/2", "recordings/a/1", "other/1"):
        store.put(name, given)
    assert list(store.names("recordings")) == ["recordings/a/1", "recordings/b/2"]
    assert list(store.names("recordings/b")) == ["recordings/b/2"]


def test_a_source_that_cannot_be_read_leaves_nothing(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.put(NAME, tmp_path / "missing")
    assert store.head(NAME) is None
    assert list(store.names("recordings")) == []


def test_a_folder_takes_no_space_for_what_it_can_link(tmp_path: Path, given: Path) -> None:
    DirectoryStore(tmp_path / "store").put(NAME, given)
    assert (tmp_path / "store" / NAME).stat().st_ino == given.stat().st_ino


def test_a_copy_cut_off_in_the_middle_is_no_object(
    tmp_path: Path, given: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", _links_within_only(tmp_path / "store"))
    store = DirectoryStore(tmp_path / "store")
    fsync = os.fsync

    def full(descriptor: int) -> None:
        if os.fstat(descriptor).st_size and Path(f"/proc/self/fd/{descriptor}").resolve() != given:
            raise OSError(errno.ENOSPC, "no space left")
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space"):
            store.put(NAME, given)
    assert store.head(NAME) is None
    store.put(NAME, given)
    assert list(store.names("recordings")) == [NAME]


def test_an_object_is_on_the_platter_before_put_returns(
    tmp_path: Path, given: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    fsync = os.fsync

    def noting(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").resolve())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    DirectoryStore(tmp_path / "store").put(NAME, given)
    target = tmp_path / "store" / NAME
    assert synced == [
        *(tmp_path, tmp_path / "store", tmp_path / "store" / "recordings"),
        given,
        target.parent,
    ]
