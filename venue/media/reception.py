"""Counts what arrived of one track, in the figures that a receiver report tells its sender (RFC 3550, 6.4)."""

_FRACTION = 256
_MOST_LOST = (1 << 23) - 1
_WRAP = 1 << 32


class Reception:
    """Reception of one RTP source. Sequences are counted on over wraps; times are room milliseconds."""

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self._first: int | None = None
        self._highest = 0
        self._received = 0
        self._expected_before = 0
        self._received_before = 0
        self._timestamp: int | None = None
        self._transit: int | None = None
        self._jitter_q4 = 0

    def arrived(self, sequence: int, timestamp: int, now_ms: int) -> None:
        if self._first is None or sequence < self._first:
            self._first = sequence
            self._highest = max(self._highest, sequence)
        self._received += 1
        if sequence < self._highest:
            return
        self._highest = sequence
        if timestamp == self._timestamp:
            return  # the packets of one picture leave one after another, whatever their common time says
        self._timestamp = timestamp
        transit = (now_ms * self._clock_rate // 1000 - timestamp) % _WRAP
        if self._transit is not None:
            step = (transit - self._transit) % _WRAP
            self._jitter_q4 += min(step, _WRAP - step) - ((self._jitter_q4 + 8) >> 4)
        self._transit = transit

    @property
    def highest(self) -> int:
        """Highest sequence with wraps, in the report's 32 bits."""
        return self._highest % _WRAP

    @property
    def jitter(self) -> int:
        """Variation of transit in media time units, in the report's 32 bits."""
        return min(self._jitter_q4 >> 4, _WRAP - 1)

    @property
    def lost(self) -> int:
        """Packets that never came; duplicates count against it, as the report wants it."""
        return max(-_MOST_LOST, min(self._expected - self._received, _MOST_LOST))

    @property
    def _expected(self) -> int:
        return 0 if self._first is None else self._highest - self._first + 1

    def take_fraction_lost(self) -> int:
        """Share of packets lost since the last call, in 256ths."""
        expected = self._expected - self._expected_before
        received = self._received - self._received_before
        self._expected_before, self._received_before = self._expected, self._received
        lost = expected - received
        return 0 if expected <= 0 or lost <= 0 else min(lost * _FRACTION // expected, _FRACTION - 1)
