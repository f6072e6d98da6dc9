"""A platform to file with, and the house that files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.receiver import Receiver, receiver
from tests.support.web import WebHouse, open_web


@pytest.fixture
def platform() -> Iterator[Receiver]:
    with receiver() as opened:
        yield opened


@pytest.fixture
def house(tmp_path: Path) -> Iterator[WebHouse]:
    opened = open_web(tmp_path)
    yield opened
    opened.close()
