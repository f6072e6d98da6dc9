import pytest

from venue.placement import addresses


@pytest.mark.parametrize(
    ("pattern", "asked_at", "reached_at"),
    [
        (None, "http://localhost:8000", "ws://localhost:40101"),
        (None, "https://ping.example", "wss://ping.example:40101"),
        (None, "http://[::1]:8000", "ws://[::1]:40101"),
        ("wss://ping.example/media/{n}", "https://ping.example", "wss://ping.example/media/1"),
        ("wss://m{n}.ping.example:{port}/", "http://localhost", "wss://m1.ping.example:40101"),
    ],
)
def test_a_worker_is_reached_beside_the_service_or_where_the_setting_says(
    pattern: str | None, asked_at: str, reached_at: str
) -> None:
    assert addresses.base(addresses.worker_url(pattern, 1, 40101), asked_at) == reached_at


def test_a_service_that_holds_the_rooms_itself_is_reached_where_it_was_asked() -> None:
    assert addresses.base("", "https://ping.example:8443") == "wss://ping.example:8443"


def test_a_policy_names_an_address_without_its_path_and_no_address_that_would_end_it() -> None:
    url = addresses.worker_url("wss://ping.example/media/{n}", 0, 1)
    assert addresses.origin(url, "https://ping.example") == "wss://ping.example"
    beside = addresses.worker_url(None, 0, 40100)
    assert addresses.origin(beside, "http://localhost:8000") == "ws://localhost:40100"
    for evil in ("http://a; script-src *", "http://a b:1", "http://'unsafe-inline'", "http://"):
        assert addresses.origin(beside, evil) is None


def test_behind_a_proxy_the_browsers_address_counts() -> None:
    public = "https://ping.example"
    assert addresses.asked_at("http", "ping.example", public) == "https://ping.example"
    assert addresses.asked_at("http", "10.0.0.8:8000", public) == "http://10.0.0.8:8000"


@pytest.mark.parametrize(
    ("page", "host", "port", "public_url"),
    [
        ("http://localhost:8000", "localhost:8000", 8000, "http://localhost:8000"),
        ("http://10.0.0.8:8000", "10.0.0.8:40100", 8000, "http://localhost:8000"),
        ("http://10.0.0.8", "10.0.0.8:40100", 80, "http://localhost:80"),
        ("https://ping.example", "10.0.0.8:40100", 8000, "https://ping.example"),
        ("https://ping.example", "ping.example:443", 8000, "http://localhost:8000"),
        ("http://[::1]:8000", "[::1]:40100", 8000, "http://localhost:8000"),
    ],
)
def test_pages_of_the_service_open_sockets_at_its_workers(
    page: str, host: str, port: int, public_url: str
) -> None:
    assert addresses.from_our_pages(page, host, port, public_url)


@pytest.mark.parametrize(
    "page",
    [
        "",
        "null",
        "file://",
        "https://",
        "http://evil.example",
        "http://10.0.0.8:8001",
        "http://10.0.0.8.evil.example:8000",
        "http://ping.example",
        "http://evil.example@10.0.0.8:8000",
    ],
)
def test_pages_of_others_do_not(page: str) -> None:
    assert not addresses.from_our_pages(page, "10.0.0.8:40100", 8000, "https://ping.example")
