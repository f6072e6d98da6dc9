"""Two services never share a data folder: the second would end the recordings of the first."""

from pathlib import Path

import pytest

from app.core.errors import Conflict
from app.core.listening import free_port
from app.core.locking import alone_in
from app.core.settings import Settings
from app.core.settings_doors import ServerSettings
from app.serving import serve_until_stopped


def test_a_second_service_is_refused_and_the_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", demo=True, server=ServerSettings(port=free_port()))
    with alone_in(settings.data_dir), pytest.raises(Conflict, match="folder-in-use"):
        serve_until_stopped(settings)
    with alone_in(settings.data_dir):
        assert not (settings.data_dir / "yuanping.db").exists()
