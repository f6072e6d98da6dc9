"""A database and its key belong together: a lost or wrong key is named, never replaced."""

import os
import stat
from pathlib import Path

import pytest

from app import wiring
from app.core.errors import Unavailable
from app.core.settings import OwnSettings
from app.sample import personas
from tests.support.world import START


def house(folder: Path, key: str | None = None) -> wiring.Ground:
    return wiring.lay(OwnSettings(data_dir=folder, demo=True, secret_key=key))


def begun(folder: Path) -> None:
    ground = house(folder)
    wiring.raise_up(ground)
    with ground.database.transaction() as session:
        personas.ensure_accounts(session, START, "center")
    ground.database.dispose()


def test_a_lost_key_is_not_replaced_once_anything_is_stored(tmp_path: Path) -> None:
    begun(tmp_path)
    (tmp_path / "secret.key").unlink()
    with pytest.raises(Unavailable, match="key-missing"):
        house(tmp_path)
    assert not (tmp_path / "secret.key").exists()


def test_an_empty_database_may_still_be_given_a_key(tmp_path: Path) -> None:
    ground = house(tmp_path)
    wiring.raise_up(ground)
    ground.database.dispose()
    house(tmp_path).database.dispose()


@pytest.mark.parametrize("where", ["in the folder", "in the settings"])
def test_another_key_is_refused_before_anything_is_written(tmp_path: Path, where: str) -> None:
    begun(tmp_path)
    other = "ab" * 32
    if where == "in the folder":
        (tmp_path / "secret.key").write_text(other)
    with pytest.raises(Unavailable, match="key-other"):
        house(tmp_path, other if where == "in the settings" else None)


def test_a_new_key_is_on_disk_before_it_is_used_and_so_is_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def noting(opened: int) -> None:
        folder = stat.S_ISDIR(os.fstat(opened).st_mode)
        synced.append("folder" if folder else "file")
        assert (tmp_path / "secret.key").exists() == folder
        sync(opened)

    monkeypatch.setattr(os, "fsync", noting)
    OwnSettings(data_dir=tmp_path).make_key()
    assert synced == ["file", "folder"]
