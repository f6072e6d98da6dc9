"""The tree of settings: where its values come from, and the key that is made beside them."""

from pathlib import Path
from typing import cast

import pytest

from app.core.errors import InvalidInput
from app.core.settings import OwnSettings, Settings


def test_the_master_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    first, second = Settings(data_dir=tmp_path / "new"), Settings(data_dir=tmp_path / "new")
    first.make_key()
    second.make_key()
    assert first.key == second.key
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["secret.key"]
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / "secret.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(InvalidInput, match="secret-key"):
        _ = Settings(secret_key="short").key


def test_settings_of_a_house_apart_ignore_every_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = OwnSettings()
    for name, value in {
        "YUANPING_DATA_DIR": "/elsewhere",
        "YUANPING_DEMO": "true",
        "YUANPING_SERVER__PORT": "1",
        "yuanping_notify__provider": "twilio",
    }.items():
        monkeypatch.setenv(name, value)
    assert Settings().demo
    assert cast("Settings", OwnSettings()) == plain
