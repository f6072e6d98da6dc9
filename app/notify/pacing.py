"""How fast and when people may be called: the provider's rate, each person's limits, the quiet hours of the night."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta


@dataclass(frozen=True, slots=True)
class CalleeLimit:
    """At most so many messages of a channel to one number within so many seconds."""

    channel: str
    most: int
    within_s: int


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Nobody is called from one hour of the day to another, local time; over midnight if `begins` is the later one."""

    begins: time
    ends: time

    @classmethod
    def read(cls, text: str) -> "QuietHours | None":
        """As `21:00-08:00`; None for an empty text. ValueError for anything else."""
        if not text:
            return None
        begins, _, ends = text.partition("-")
        return cls(time.fromisoformat(begins), time.fromisoformat(ends))

    def until(self, local: datetime) -> datetime | None:
        """When they end, if `local` lies in them; in the same time zone."""
        at = local.time()
        over_midnight = self.begins > self.ends
        inside = at >= self.begins or at < self.ends if over_midnight else self.begins <= at < self.ends
        if not inside:
            return None
        ends = local.replace(hour=self.ends.hour, minute=self.ends.minute, second=0, microsecond=0)
        return ends + timedelta(days=1) if over_midnight and at >= self.begins else ends


def read_limits(text: str) -> tuple[CalleeLimit, ...]:
    """As `voice 1/60, sms 10/86400`: at most so many of a channel within so many seconds. ValueError for anything else."""
    limits = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        channel, _, amount = part.partition(" ")
        most, _, within_s = amount.partition("/")
        limits.append(CalleeLimit(channel, int(most), int(within_s)))
    return tuple(limits)


@dataclass(frozen=True, slots=True)
class Pacing:
    """How a service uses its provider: messages a second by channel, limits for one number, quiet hours if there are any."""

    rates: Mapping[str, float]
    limits: tuple[CalleeLimit, ...]
    quiet: QuietHours | None


def allowance(spent_until: datetime, now: datetime, rate: float) -> int:
    """How many may leave now at `rate` a second, when the rate is used up to `spent_until`: one second's worth at once."""
    interval = 1 / rate
    free = (now - max(spent_until, now)).total_seconds() + max(1.0, interval)
    return max(int(free / interval + 1e-9), 0)


def spend(spent_until: datetime, now: datetime, rate: float, count: int) -> datetime:
    """Up to when the rate is used up once `count` more have left."""
    return max(spent_until, now) + timedelta(seconds=count / rate)


def free_at(
    limits: Sequence[CalleeLimit], channel: str, former: Sequence[datetime], now: datetime
) -> datetime | None:
    """When one more may leave to somebody who was sent some at these times; None if it may leave now.

    former: in any order, of this channel only.
    """
    newest_first = sorted(former, reverse=True)
    waits = [
        newest_first[limit.most - 1] + timedelta(seconds=limit.within_s)
        for limit in limits
        if limit.channel == channel and len(newest_first) >= limit.most
    ]
    last = max(waits, default=now)
    return last if last > now else None
