"""Field keys in their folder: made once, safely on disk, readable by their owner alone, and noticed by everybody at once."""

from pathlib import Path

import pytest

from app.core.errors import InvalidInput, Unavailable
from app.core.keyring import KeyRing, check_value
from app.core.sealing import IndexSuite, Place, Sealer, own_keys
from tests.support.syncs import noted_syncs

MASTER = bytes(range(32))
HERE = Place("expert", "name_sealed", "1")


def ring(folder: Path | None, *retired: int) -> KeyRing:
    return KeyRing(own_keys(MASTER, IndexSuite.sha256), folder, frozenset(retired))


def test_a_key_made_anywhere_is_used_everywhere_at_once(tmp_path: Path) -> None:
    ours, theirs = (Sealer(MASTER, ring(tmp_path / "keys")) for _ in range(2))
    assert ours.seal("a", HERE).startswith("1.")
    theirs.ring.make(2)
    sealed = theirs.seal("b", HERE)
    assert sealed.startswith("2.")
    assert ours.unseal(sealed, HERE) == "b"
    assert ours.seal("a", HERE).startswith("2.")
    assert ours.ring.numbers() == (0, 1, 2)


def test_a_key_is_never_made_twice(tmp_path: Path) -> None:
    one = ring(tmp_path)
    one.make(2)
    key = one.get(2)
    ring(tmp_path).make(2)
    assert ring(tmp_path).get(2) == key != own_keys(MASTER, IndexSuite.sha256)[1]
    assert (tmp_path / "2.key").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["2.key"]


def test_a_key_is_on_disk_before_it_is_used_and_so_is_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = noted_syncs(monkeypatch, tmp_path / "keys" / "2.key")
    ring(tmp_path / "keys").make(2)
    assert synced == ["file", "folder"]


def test_a_key_put_away_opens_nothing_and_its_file_is_kept(tmp_path: Path) -> None:
    keys = ring(tmp_path)
    sealer = Sealer(MASTER, keys)
    old = sealer.seal("a", HERE)
    keys.make(2)
    keys.make(3)
    middle = Sealer(MASTER, ring(tmp_path))
    assert keys.put_away(1) is None
    assert keys.put_away(2) == tmp_path / "2.retired"
    assert (tmp_path / "2.retired").exists()
    for reader in (sealer, Sealer(MASTER, ring(tmp_path, 1, 2))):
        with pytest.raises(Unavailable, match="sealed-elsewhere"):
            reader.unseal(old, HERE)
    assert middle.ring.numbers() == (0, 1, 3)
    assert middle.ring.newest == 3
    # The database says it is retired, the file was not renamed any more: it stays out all the same.
    (tmp_path / "2.retired").rename(tmp_path / "2.key")
    assert ring(tmp_path, 1, 2).numbers() == (0, 3)


@pytest.mark.parametrize("torn", [b"", b"ab", b"zz" * 32, "钥".encode() * 32])
def test_a_torn_key_is_not_taken_for_one(tmp_path: Path, torn: bytes) -> None:
    (tmp_path / "2.key").write_bytes(torn)
    with pytest.raises(InvalidInput, match="field-key"):
        ring(tmp_path)


def test_a_key_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "2.key").mkdir()
    with pytest.raises(Unavailable, match="field-key-unreadable") as refused:
        ring(tmp_path)
    assert refused.value.params["path"] == tmp_path / "2.key"


def test_other_files_in_the_folder_are_no_keys(tmp_path: Path) -> None:
    for name in ("0.key", "02.key", "2.key~", "x.key", "README"):
        (tmp_path / name).write_text("x")
    assert ring(tmp_path).numbers() == (0, 1)


def test_without_a_folder_there_are_no_further_keys() -> None:
    with pytest.raises(ValueError, match="folder"):
        ring(None).make(2)
    assert ring(None).put_away(0) is None


def test_a_check_value_tells_keys_apart_and_is_no_key() -> None:
    key = bytes(32)
    assert len({check_value(1, key), check_value(2, key), check_value(1, MASTER), key.hex()}) == 4
