"""The houses that stories play in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running import RunningHouse, prepare, running_house


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "data"
    prepare(folder)
    return folder


@pytest.fixture(scope="session")
def house(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHouse]:
    """One service for all stories that leave it standing; every story books an evaluation of its own."""
    with running_house(template, tmp_path_factory.mktemp("house") / "data") as found:
        yield found


@pytest.fixture
def own_house(template: Path, tmp_path: Path) -> Iterator[RunningHouse]:
    """A service of the story's own, to be killed."""
    with running_house(template, tmp_path / "data") as found:
        yield found
