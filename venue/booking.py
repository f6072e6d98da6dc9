"""Whether a seat is free for a time, and how many seats a center can still give."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Window:
    """A time from `start` up to, but not including, `end`; both aware. ValueError when it is empty."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window needs aware times")
        if self.end <= self.start:
            raise ValueError("a window ends after it starts")

    def overlaps(self, other: "Window") -> bool:
        """Whether there is a moment inside both; one that begins when the other ends does not overlap."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Agreement:
    """From when to when a center gives seats to others (合作协议); None means without an end on that side."""

    since: datetime | None = None
    until: datetime | None = None

    def in_force(self, at: datetime) -> bool:
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)

    def covers(self, window: Window, now: datetime) -> bool:
        """In force today, and still in force when the window ends."""
        return self.in_force(now) and (self.until is None or window.end <= self.until)


def is_free(taken: Iterable[Window], wanted: Window) -> bool:
    """Whether no taken window of the seat overlaps the wanted one."""
    return not any(window.overlaps(wanted) for window in taken)


def capacity(free: int, quota: int | None, given: int) -> int:
    """How many more seats a center can give: its free ones, within a quota of which `given` are already taken."""
    if quota is None:
        return free
    return max(0, min(free, quota - given))
