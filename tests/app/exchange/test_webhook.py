"""Posting to a real server: a 2xx is a receipt, everything else is told apart by whether trying again can help."""

import asyncio
import socket

import pytest

from app.core.work import Failed
from app.exchange import webhook
from app.exchange.webhook import Receipt
from tests.support.receiver import Receiver


def post(url: str, timeout_s: float = 20.0) -> Receipt:
    return asyncio.run(webhook.post(url, {"webhook-id": "one"}, b'{"a":1}', timeout_s))


def refusal(url: str, timeout_s: float = 20.0) -> tuple[str, int | None]:
    with pytest.raises(Failed) as refused:
        post(url, timeout_s)
    return refused.value.reason, refused.value.most_tries


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_any_2xx_is_a_receipt_with_the_bytes_as_they_came(platform: Receiver, status: int) -> None:
    platform.status, platform.answer = status, b"\xff\x00 taken"
    assert post(platform.url) == Receipt(status, b"\xff\x00 taken")
    (posted,) = platform.posted
    assert (posted.path, posted.body, posted.headers["webhook-id"]) == ("/filings", b'{"a":1}', "one")
    assert posted.headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_trouble_that_passes_is_tried_as_often_as_anything(platform: Receiver, status: int) -> None:
    platform.status = status
    assert refusal(platform.url) == (f"HTTP {status}", None)


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422])
def test_a_refusal_for_good_is_tried_a_few_times_only(platform: Receiver, status: int) -> None:
    platform.status = status
    assert refusal(platform.url) == (f"HTTP {status}", 3)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(platform: Receiver, status: int) -> None:
    platform.status, platform.more = status, {"location": platform.url}
    assert refusal(platform.url) == (f"HTTP {status}", 3)
    assert len(platform.posted) == 1


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and never listening: nobody else can open it meanwhile
        assert refusal(f"http://127.0.0.1:{taken.getsockname()[1]}/") == ("ConnectError", None)


def test_a_slow_answer_is_not_waited_for(platform: Receiver) -> None:
    platform.slow = True
    assert refusal(platform.url, 0.3) == ("timeout", None)
    assert len(platform.posted) == 1


def test_a_whole_page_is_no_receipt(platform: Receiver) -> None:
    platform.answer = b"x" * 16_384
    assert len(post(platform.url).body) == 16_384
    platform.answer += b"x"
    assert refusal(platform.url) == ("receipt-too-long", None)


def test_a_proxy_of_the_environment_is_not_used(platform: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    assert post(platform.url).status == 200
