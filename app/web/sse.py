"""News for open pages as server-sent events: that something changed, never what it holds."""

import asyncio
import json
from collections.abc import AsyncGenerator

from fastapi.responses import StreamingResponse

from app.accounts import sessions
from app.core import bus
from app.core.bus import News

KEEP_ALIVE_S = 15.0
_HOUSE = "house"
_STOPPING = "stopping"
_RETRY_MS = 2000


def stream(*topics: str, keep_alive_s: float = KEEP_ALIVE_S) -> StreamingResponse:
    """An endless answer with the news of these topics, until the reader leaves or the house closes.

    A topic that names the reader's session (`sessions.topic`) tells nothing, and ends the answer with the session.

    Each piece of news comes twice: under its own kind for who waits for that, and as `news` for who refreshes at anything.
    """
    return StreamingResponse(
        events(*topics, keep_alive_s=keep_alive_s),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def events(*topics: str, keep_alive_s: float = KEEP_ALIVE_S) -> AsyncGenerator[str]:
    """The lines of the stream. The first one comes when we already listen: whoever reads then misses nothing."""
    async with bus.subscribe(_HOUSE, *topics) as queue:
        yield f"retry: {_RETRY_MS}\n: listening\n\n"
        while True:
            try:
                news = await asyncio.wait_for(queue.get(), keep_alive_s)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if news.topic == _HOUSE:
                if news.kind == _STOPPING:
                    return
                continue
            if news.topic.startswith(sessions.TOPIC):
                if news.kind == sessions.REVOKED:
                    return
                continue
            yield _lines(news)


def stop_all() -> None:
    """Ends every open stream of this process; a server that shuts down waits for its open answers."""
    bus.announce(News(_HOUSE, _STOPPING))


def _lines(news: News) -> str:
    data = json.dumps({"kind": news.kind, **news.detail}, ensure_ascii=False)
    return f"event: {news.kind}\ndata: {data}\n\nevent: news\ndata: {data}\n\n"
