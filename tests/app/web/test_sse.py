"""The streams of news: nothing is missed after the first line, and the house can close them."""

import asyncio

from app.accounts.permissions import Role
from app.core import bus
from app.core.bus import News
from app.web import sse
from tests.support.web import WebHouse


def test_news_comes_under_its_kind_and_as_news() -> None:
    async def listen() -> list[str]:
        stream = sse.events("evaluation:1")
        first = await anext(stream)
        bus.announce(News("evaluation:1", "members", {"seat": "2"}))
        bus.announce(News("evaluation:2", "members"))
        second = await anext(stream)
        await stream.aclose()
        return [first, second]

    first, second = asyncio.run(listen())
    assert first.startswith("retry: ")
    assert first.endswith("\n\n")
    assert second == (
        'event: members\ndata: {"kind": "members", "seat": "2"}\n\n'
        'event: news\ndata: {"kind": "members", "seat": "2"}\n\n'
    )


def test_silence_is_kept_alive() -> None:
    async def listen() -> str:
        stream = sse.events("evaluation:1", keep_alive_s=0)
        await anext(stream)
        line = await anext(stream)
        await stream.aclose()
        return line

    assert asyncio.run(listen()) == ": still here\n\n"


def test_closing_the_house_ends_every_stream_and_nobody_listens_any_more() -> None:
    async def listen() -> list[str]:
        stream = sse.events("evaluation:1")
        lines = [await anext(stream)]
        bus.announce(News("house", "something-else"))
        sse.stop_all()
        return lines + [line async for line in stream]

    assert len(asyncio.run(listen())) == 1
    assert not bus._listeners


def test_the_streams_are_guarded(house: WebHouse) -> None:
    assert house.visitor().get("/api/today/stream").status_code == 401
    assert house.visitor().get("/api/evaluations/none/stream").status_code == 401
    assert house.visitor(Role.guest_operator).get("/api/evaluations/none/stream").status_code == 403
    assert house.visitor(Role.host_operator).get("/api/evaluations/none/stream").status_code == 404
