"""One phone house per test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.phones import PhoneHouse, phone_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[PhoneHouse]:
    with phone_house(tmp_path) as opened:
        yield opened
