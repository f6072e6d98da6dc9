"""The house in which recordings are watched and kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.replay_house import ReplayHouse


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ReplayHouse]:
    house = ReplayHouse(tmp_path)
    yield house
    house.close()
