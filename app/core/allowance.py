"""Keeps one asker from wanting more of the service than a person at a desk can mean."""

_NS_PER_S = 1_000_000_000


class Allowance:
    """So many at once, refilled evenly. Times are monotonic nanoseconds."""

    def __init__(self, at_once: int, per_second: float) -> None:
        self._most_ns = round(at_once * _NS_PER_S / per_second)
        self._price_ns = round(_NS_PER_S / per_second)
        self._saved_ns = self._most_ns
        self._asked_ns: int | None = None

    def take(self, now_ns: int) -> bool:
        """Whether one more is allowed now; if so it is counted."""
        if self._asked_ns is not None:
            self._saved_ns = min(self._most_ns, self._saved_ns + max(now_ns - self._asked_ns, 0))
        self._asked_ns = now_ns
        if self._saved_ns < self._price_ns:
            return False
        self._saved_ns -= self._price_ns
        return True
