"""News that leaves after the commit: who listens hears of it, who does not listen loses nothing.

Messages say that something changed, never what it holds; listeners read the rows.
"""

import asyncio
import contextlib
import threading
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlmodel import Session

_KEPT = 256


@dataclass(frozen=True, slots=True)
class News:
    topic: str
    kind: str
    detail: dict[str, str] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class _Listener:
    loop: asyncio.AbstractEventLoop
    queue: asyncio.Queue[News]

    def offer(self, news: News) -> None:
        if self.queue.full():
            self.queue.get_nowait()  # the oldest hint goes: rows are the truth, a later hint says the same
        self.queue.put_nowait(news)


_listeners: dict[str, set[_Listener]] = defaultdict(set)
_guard = threading.Lock()


def publish(session: Session, topic: str, kind: str, **detail: str) -> None:
    """Remembers news until the session's transaction has been committed."""
    session.info.setdefault("news", []).append(News(topic, kind, detail))


def deliver(session: Session) -> None:
    """Hands the session's news to every listener of this process; called after the commit."""
    for news in session.info.pop("news", []):
        announce(news)


def announce(news: News) -> None:
    """Hands news over at once, from any thread."""
    with _guard:
        listeners = tuple(_listeners.get(news.topic, ()))
    for listener in listeners:
        # A loop may close between asking and telling: whoever listened there is gone, and what the news is about
        # has been committed, so its teller must not hear of an error.
        with contextlib.suppress(RuntimeError):
            listener.loop.call_soon_threadsafe(listener.offer, news)


def listened(prefix: str) -> frozenset[str]:
    """The topics beginning like this that somebody of this process listens to."""
    with _guard:
        return frozenset(topic for topic in _listeners if topic.startswith(prefix))


@asynccontextmanager
async def subscribe(*topics: str) -> AsyncIterator[asyncio.Queue[News]]:
    """A queue that receives the news of these topics while the block runs."""
    listener = _Listener(asyncio.get_running_loop(), asyncio.Queue(_KEPT))
    with _guard:
        for topic in topics:
            _listeners[topic].add(listener)
    try:
        yield listener.queue
    finally:
        with _guard:
            for topic in topics:
                _listeners[topic].discard(listener)
                if not _listeners[topic]:
                    del _listeners[topic]
