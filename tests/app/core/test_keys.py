"""A database and its key belong together: a lost or wrong key is named, never replaced."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app import wiring
from app.core import rotation
from app.core.database import Database
from app.core.errors import Conflict, Unavailable
from app.core.ground import Ground, lay
from app.core.keys import remember
from app.core.sealing import FieldSuite, IndexSuite, Sealer
from app.core.settings import OwnSettings
from app.core.settings_records import SealSettings
from app.sample import personas
from tests.support.databases import POSTGRESQL, SQLITE, furnish
from tests.support.syncs import noted_syncs
from tests.support.world import START


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def address(request: pytest.FixtureRequest) -> str | None:
    """Where the database lies, if not in the folder."""
    found: str | None = request.getfixturevalue("pg_fresh") if request.param == POSTGRESQL else None
    return found


def house(folder: Path, address: str | None, key: str | None = None) -> Ground:
    return lay(OwnSettings(data_dir=folder, database_url=address, demo=True, secret_key=key))


def begun(folder: Path, address: str | None) -> None:
    ground = house(folder, address)
    wiring.raise_up(ground)
    with ground.database.transaction() as session:
        personas.ensure_accounts(session, START, "center")
    ground.database.dispose()


def test_a_lost_key_is_not_replaced_once_anything_is_stored(tmp_path: Path, address: str | None) -> None:
    begun(tmp_path, address)
    (tmp_path / "secret.key").unlink()
    with pytest.raises(Unavailable, match="key-missing"):
        house(tmp_path, address)
    assert not (tmp_path / "secret.key").exists()


def test_an_empty_database_may_still_be_given_a_key(tmp_path: Path, address: str | None) -> None:
    ground = house(tmp_path, address)
    wiring.raise_up(ground)
    ground.database.dispose()
    house(tmp_path, address).database.dispose()


@pytest.mark.parametrize("where", ["in the folder", "in the settings"])
def test_another_key_is_refused_before_anything_is_written(
    tmp_path: Path, address: str | None, where: str
) -> None:
    begun(tmp_path, address)
    other = "ab" * 32
    if where == "in the folder":
        (tmp_path / "secret.key").write_text(other)
    with pytest.raises(Unavailable, match="key-other"):
        house(tmp_path, address, other if where == "in the settings" else None)


def test_of_two_that_begin_a_database_at_once_one_notes_its_key(any_database: Database) -> None:
    def note(key: str) -> str:
        sealer = Sealer(bytes.fromhex(key * 32))
        try:
            with any_database.transaction() as session:
                remember(session, sealer)
        except Unavailable as refused:
            return refused.code
        return "noted"

    with ThreadPoolExecutor(4) as crowd:
        told = list(crowd.map(note, ("aa", "bb", "cc", "dd")))
    assert sorted(told) == ["key-other"] * 3 + ["noted"]


def test_a_new_key_is_on_disk_before_it_is_used_and_so_is_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = noted_syncs(monkeypatch, tmp_path / "secret.key")
    OwnSettings(data_dir=tmp_path).make_key()
    assert synced == ["file", "folder"]


def with_seal(folder: Path, **seal: str) -> Sealer:
    ground = lay(OwnSettings(data_dir=folder, demo=True, seal=SealSettings.model_validate(seal)))
    with ground.database.transaction() as session:
        remember(session, ground.sealer)
    ground.database.dispose()
    return ground.sealer


def furnished(folder: Path) -> None:
    furnish(Database(f"sqlite:///{folder / 'yuanping.db'}")).dispose()


def test_a_database_stays_with_the_hash_it_was_begun_with(tmp_path: Path) -> None:
    furnished(tmp_path)
    first = with_seal(tmp_path)
    assert (first.suite, first.index) == (FieldSuite.aes, IndexSuite.sha256)
    later = with_seal(tmp_path, suite="sm4")  # fields may change, whom they are found by may not
    assert (later.suite, later.index) == (FieldSuite.sm4, IndexSuite.sha256)
    with pytest.raises(Conflict, match="index-suite-other") as refused:
        with_seal(tmp_path, suite="sm4", index="sm3")
    assert "YUANPING_SEAL__INDEX" in refused.value.remedy


def test_a_new_database_under_national_algorithms_is_so_throughout(tmp_path: Path) -> None:
    furnished(tmp_path)
    first = with_seal(tmp_path, suite="sm4")
    assert (first.suite, first.index) == (FieldSuite.sm4, IndexSuite.sm3)
    again = with_seal(tmp_path)
    assert (again.suite, again.index) == (FieldSuite.aes, IndexSuite.sm3)
    assert again.fingerprint("x") == first.fingerprint("x")
    with pytest.raises(Conflict, match="index-suite-other"):
        with_seal(tmp_path, index="sha256")


def test_a_house_whose_field_key_is_lost_or_another_does_not_open(tmp_path: Path) -> None:
    furnished(tmp_path)
    ground = lay(OwnSettings(data_dir=tmp_path, demo=True))
    with ground.database.transaction() as session:
        assert rotation.begin(session, START, ground.sealer) == 2
    ground.database.dispose()
    key = tmp_path / "keys" / "2.key"
    kept = key.read_text()
    lay(OwnSettings(data_dir=tmp_path, demo=True)).database.dispose()
    for wrong in (None, "ab" * 32):
        key.unlink()
        if wrong is not None:
            key.write_text(wrong)
        with pytest.raises(Unavailable, match="field-key-missing") as refused:
            lay(OwnSettings(data_dir=tmp_path, demo=True))
        assert refused.value.params == {"number": 2, "path": key}
        key.write_text(kept)
    lay(OwnSettings(data_dir=tmp_path, demo=True)).database.dispose()
