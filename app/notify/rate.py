"""Keeps to the number of calls a second that the provider allows: it would queue the rest for hours."""

from app.core.clock import Clock


class TokenBucket:
    """How many sends may leave now, at `rate` a second and at most one second's worth at once."""

    def __init__(self, clock: Clock, rate: float) -> None:
        self._clock = clock
        self._rate = rate
        self._most = max(rate, 1.0)
        self._tokens = self._most
        self._at = clock.monotonic_ns()

    def available(self) -> int:
        now = self._clock.monotonic_ns()
        self._tokens = min(self._most, self._tokens + (now - self._at) / 1e9 * self._rate)
        self._at = now
        return int(self._tokens)

    def spend(self, count: int) -> None:
        self._tokens -= count
