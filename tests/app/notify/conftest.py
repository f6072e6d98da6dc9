"""One phone house per test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import POSTGRESQL, SQLITE
from tests.support.phones import PhoneHouse, phone_house

BOTH = frozenset({"test_calls", "test_delivery", "test_texts", "test_uncertain_sends"})
"""The modules of tests whose house stands on each kind of database in turn; the others know nothing of it."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "house" in metafunc.fixturenames:
        both = metafunc.module.__name__.rpartition(".")[2] in BOTH
        metafunc.parametrize("house", [SQLITE, POSTGRESQL] if both else [SQLITE], indirect=True)


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PhoneHouse]:
    database = request.getfixturevalue("pg_database") if request.param == POSTGRESQL else None
    with phone_house(tmp_path, database=database) as opened:
        yield opened
