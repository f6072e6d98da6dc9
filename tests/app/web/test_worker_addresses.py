"""Pages may connect to the media workers of their service, and to nobody else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.web import WebHouse, open_web
from venue.placement import addresses


@pytest.fixture
def house(tmp_path: Path) -> Iterator[WebHouse]:
    house = open_web(tmp_path)
    yield house
    house.close()


def connect_src(house: WebHouse, base_url: str) -> str:
    policy = house.visitor(base_url=base_url).get("/sign-in").headers["content-security-policy"]
    return next(part.strip() for part in policy.split(";") if part.strip().startswith("connect-src"))


def test_a_service_that_holds_the_rooms_itself_names_only_itself(house: WebHouse) -> None:
    assert connect_src(house, "http://localhost:8000") == "connect-src 'self'"


def test_workers_beside_the_service_are_named_as_the_browser_calls_it(house: WebHouse) -> None:
    house.application.state.media_urls = tuple(
        addresses.worker_url(None, number, 40100 + number) for number in range(2)
    )
    assert (
        connect_src(house, "http://ping.test:8000")
        == "connect-src 'self' ws://ping.test:40100 ws://ping.test:40101"
    )
    assert connect_src(house, "https://ping.test").endswith("wss://ping.test:40100 wss://ping.test:40101")


def test_workers_behind_a_proxy_are_named_once(house: WebHouse) -> None:
    house.application.state.media_urls = tuple(
        addresses.worker_url("wss://media.test/{n}", number, 1) for number in range(2)
    )
    assert connect_src(house, "https://ping.test") == "connect-src 'self' wss://media.test"
