"""The clock of one online room: milliseconds since its zero, never going back."""

from datetime import datetime, timedelta

from app.core.clock import Clock

_NS_PER_MS = 1_000_000


class RoomClock:
    """Room time (室内时间). Reads the wall once and then follows the monotonic clock.

    A wall that is set forward or back while the room runs therefore moves nothing. `not_before_ms` keeps room time
    from going back over a restart with a wall set back in between.
    """

    def __init__(self, clock: Clock, zero_at: datetime, not_before_ms: int = 0) -> None:
        self._clock = clock
        self._start_ns = clock.monotonic_ns()
        self._start_ms = max((clock.now() - zero_at) // timedelta(milliseconds=1), not_before_ms, 0)

    def __call__(self) -> int:
        """Whole milliseconds since the room's zero."""
        return self._start_ms + (self._clock.monotonic_ns() - self._start_ns) // _NS_PER_MS
