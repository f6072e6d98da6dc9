"""The house that the pages are tried in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.web import WebHouse, open_web


@pytest.fixture
def house(tmp_path: Path) -> Iterator[WebHouse]:
    opened = open_web(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def demonstration(tmp_path: Path) -> Iterator[WebHouse]:
    opened = open_web(tmp_path, demo=True)
    yield opened
    opened.close()
