"""Tells at which moment of the room each frame was captured.

A frame carries the sender's media time. While only arrivals are known, the fastest recent packet fixes where media
time lies on the room clock. Once the sender reports its wall clock for both tracks (RTCP sender reports), the two
tracks of a seat share one such fix, so that lips and voice stay together. A report that disagrees with the arrivals
by more than a quarter of a second is not believed. The fix is moved gently, and room time never goes back.
"""

from collections import deque
from dataclasses import dataclass

_WRAP = 1 << 32
_HALF = 1 << 31
_BUCKET_US = 2_000_000
_BUCKETS = 10
_ROUND_TRIPS = 12
_MOST_DISAGREEMENT_US = 250_000
_JUMP_US = 500_000
_LEAP_BACK_US = 30_000_000
"""No packet is that late, not even one that lay in the socket while this process stood still: its sender has set media
time back."""
_SLEW_PER_MILLE = 50
_NTP_FRACTION_BITS = 32


class FastestArrival:
    """Least delay seen in the last twenty seconds, so that a slowly drifting clock is followed in both directions."""

    def __init__(self) -> None:
        self.delay_us: int | None = None
        """The least delay, None before the first packet. Kept ready: it is asked for every frame."""
        self._bucket, self._least_us = -1, 0
        self._buckets: deque[int] = deque(maxlen=_BUCKETS)
        self._round_trips: deque[int] = deque(maxlen=_ROUND_TRIPS)
        self.round_trip_us: int | None = None
        """The shortest of the last minute, None before the first."""
        self.one_way_us = 0
        """How long a packet takes at least from the sender to us."""

    def round_trip(self, seconds: float) -> None:
        """A packet there and back took so long."""
        self._round_trips.append(round(seconds * 1_000_000))
        self.round_trip_us = min(self._round_trips)
        self.one_way_us = self.round_trip_us // 2

    def observe(self, delay_us: int, now_us: int) -> None:
        bucket = now_us // _BUCKET_US
        if bucket != self._bucket:
            self._bucket = bucket
            self._buckets.append(delay_us)
        elif delay_us < self._least_us:
            self._buckets[-1] = delay_us
        else:
            return
        self._least_us = delay_us
        self.delay_us = min(self._buckets)


@dataclass(frozen=True, slots=True)
class _Report:
    """One sender report: this media time was at that time on the sender's wall clock."""

    media_us: int
    sender_us: int


class TrackTime:
    """Media time of one track on the room clock; `shared` is the same object for all tracks of one sender."""

    def __init__(self, clock_rate: int, shared: FastestArrival) -> None:
        self._clock_rate = clock_rate
        self._shared = shared
        self._own = FastestArrival()
        self._highest: int | None = None
        self._asked, self._asked_us = -1, 0
        self._report: _Report | None = None
        self._fix_us: int | None = None
        self._fixed_at_us = 0
        self._last_ms: int | None = None

    def arrived(self, timestamp: int, arrived_ms: int) -> None:
        """A packet of that media time came for the first time; `timestamp` is RTP's, with 32 bits."""
        media_us = self._media_us(timestamp)
        now_us = arrived_ms * 1000
        least_us = self._own.delay_us
        if least_us is not None and now_us - media_us - least_us > _LEAP_BACK_US:
            self._own, self._report = FastestArrival(), None
        self._own.observe(now_us - media_us, now_us)
        if self._report is not None:
            sender_us = self._report.sender_us + media_us - self._report.media_us
            self._shared.observe(now_us - sender_us, now_us)

    def reported(self, ntp: int, timestamp: int) -> None:
        """A sender report came: 64-bit NTP time and the media time that belongs to it."""
        if ntp == 0 or self._highest is None:
            return  # nothing sent yet
        seconds, fraction = ntp >> _NTP_FRACTION_BITS, ntp & (_WRAP - 1)
        sender_us = seconds * 1_000_000 + (fraction * 1_000_000 >> _NTP_FRACTION_BITS)
        self._report = _Report(self._media_us(timestamp), sender_us)

    @property
    def shift_us(self) -> int:
        """By how much samples are placed earlier than they would be by the arrivals of this track alone."""
        own = self._own.delay_us
        return 0 if own is None or self._fix_us is None else own - self._fix_us

    def restart(self) -> None:
        """The sender began anew, with media time from somewhere else; room time goes on."""
        self._own = FastestArrival()
        self._highest = self._report = self._fix_us = None
        self._asked = -1

    def room_ms(self, timestamp: int, arrived_ms: int) -> int:
        """Room time of that media time: never before one given earlier, and later than it unless that would be after the arrival.

        Whatever a sender writes into its packets, nothing is placed in the future.
        """
        media_us = self._media_us(timestamp)
        moment = min((media_us + self._fix(media_us)) // 1000, arrived_ms)
        last = self._last_ms
        if last is not None and moment <= last:
            moment = min(last + 1, max(last, arrived_ms))
        self._last_ms = moment
        return moment

    def _media_us(self, timestamp: int) -> int:
        if timestamp == self._asked:  # each frame is asked for twice: when it comes, and when it is whole
            return self._asked_us
        highest = timestamp if self._highest is None else self._highest
        step = (timestamp - highest) % _WRAP
        counted = highest + (step - _WRAP if step >= _HALF else step)
        self._highest = max(highest, counted)
        self._asked, self._asked_us = timestamp, counted * 1_000_000 // self._clock_rate
        return self._asked_us

    def _fix(self, media_us: int) -> int:
        target, fix = self._target(), self._fix_us
        if fix is None or abs(target - fix) > _JUMP_US:
            fix = target
        elif fix != target:
            most = max(0, media_us - self._fixed_at_us) * _SLEW_PER_MILLE // 1000
            fix += max(-most, min(most, target - fix))
        self._fix_us, self._fixed_at_us = fix, media_us
        return fix

    def _target(self) -> int:
        own = self._own.delay_us
        if own is None:
            raise ValueError("room time was asked for before any packet arrived")
        shared = self._shared.delay_us
        if self._report is None or shared is None:
            return own - self._shared.one_way_us
        reported = self._report.sender_us - self._report.media_us + shared
        believed = reported if abs(reported - own) <= _MOST_DISAGREEMENT_US else own
        return believed - self._shared.one_way_us
