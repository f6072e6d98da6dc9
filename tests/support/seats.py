"""A room for media tests: its clock, sinks that remember what they were given, and waiting for what should happen."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from app.core.clock import SystemClock
from app.core.samples import ClockNote, Codec, EncodedSample, Source
from app.core.settings_rooms import MediaSettings
from venue.media.peer import SeatPeer

DEADLINE_S = 40.0


class RememberingSink:
    """Keeps every sample, loss and the reason it was closed for."""

    def __init__(self, noticed: Callable[[], None]) -> None:
        self.samples: list[EncodedSample] = []
        self.losses: list[tuple[int, int, str]] = []
        self.clocks: list[ClockNote] = []
        self.closed_for: str | None = None
        self._noticed = noticed

    def write(self, sample: EncodedSample) -> None:
        assert self.closed_for is None, "written after closing"
        self.samples.append(sample)
        self._noticed()

    def lost(self, from_ms: int, to_ms: int, reason: str) -> None:
        self.losses.append((from_ms, to_ms, reason))
        self._noticed()

    def clock(self, note: ClockNote) -> None:
        self.clocks.append(note)
        self._noticed()

    def close(self, reason: str) -> None:
        assert self.closed_for is None, "closed twice"
        self.closed_for = reason
        self._noticed()


class PretendRoom:
    """The service's side of one seat: `peer` writes into `sinks`; `states` are what it told."""

    def __init__(self, *, bitrate: int = 800_000) -> None:
        clock = SystemClock()
        began = clock.monotonic_ns()
        self.sinks: dict[Source, RememberingSink] = {}
        self.codecs: dict[Source, Codec] = {}
        self.states: list[str] = []
        self._news = asyncio.Event()
        self.peer = SeatPeer(
            lambda: (clock.monotonic_ns() - began) // 1_000_000,
            self._open,
            self._tell,
            MediaSettings(loopback=True, video_bitrate=bitrate),
        )

    def samples(self, source: Source) -> list[EncodedSample]:
        return self.sinks[source].samples if source in self.sinks else []

    def has(self, *, pictures: int, sounds: int) -> bool:
        return len(self.samples(Source.camera)) >= pictures and len(self.samples(Source.microphone)) >= sounds

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for news until the condition holds."""
        while not condition():
            self._news.clear()
            await self._news.wait()

    def _open(self, source: Source, codec: Codec) -> RememberingSink:
        assert source not in self.sinks, "opened twice"
        self.codecs[source] = codec
        self.sinks[source] = RememberingSink(self._news.set)
        return self.sinks[source]

    def _tell(self, state: str) -> None:
        self.states.append(state)
        self._news.set()


def play(scenario: Coroutine[Any, Any, None]) -> None:
    """Runs one scenario to its end, or fails at the deadline."""

    async def within_deadline() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await scenario

    asyncio.run(within_deadline())
