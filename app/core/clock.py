"""The only place that reads the time."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time in UTC for what people read, monotonic nanoseconds for measuring spans."""

    def now(self) -> datetime: ...

    def monotonic_ns(self) -> int: ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()


@dataclass(frozen=True, slots=True)
class BoundedTime:
    """Now by the clock on the wall, and between which two moments it must lie whoever sets that clock.

    Something that must not open early opens once the `earliest` has come, and what must end ends with the `latest`.
    """

    now: datetime
    earliest: datetime
    latest: datetime


class BoundedClock:
    """Doubts the wall clock: what the monotonic clock says of the time since this was made cannot be set by anybody."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began, self._began_ns = clock.now(), clock.monotonic_ns()

    def now(self) -> BoundedTime:
        """Earliest and latest are equal but for milliseconds unless a clock was set."""
        lasted = timedelta(microseconds=(self._clock.monotonic_ns() - self._began_ns) // 1000)
        told, kept = self._clock.now(), self._began + lasted
        return BoundedTime(told, min(told, kept), max(told, kept))


class ManualClock:
    """A clock that moves only when told to: tests step over hours in no time."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware start time")
        self._now = start.astimezone(UTC)
        self._monotonic_ns = 0

    def now(self) -> datetime:
        return self._now

    def monotonic_ns(self) -> int:
        return self._monotonic_ns

    def advance(self, seconds: float) -> None:
        """Moves both clocks forward; going back raises ValueError."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._now += timedelta(seconds=seconds)
        self._monotonic_ns += round(seconds * 1_000_000_000)

    def jump(self, seconds: float) -> None:
        """Sets the wall clock, forward or back, as people and time servers do; the monotonic one takes no notice."""
        self._now += timedelta(seconds=seconds)
