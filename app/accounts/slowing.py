"""How long whoever was wrong has to wait: so many tries are free, then each further one costs a longer wait."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_MOST_DOUBLINGS = 30


@dataclass(frozen=True, slots=True)
class Wrong:
    """So many wrong tries in a row, the last one then."""

    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Slowing:
    """free: wrong tries without a wait. first: the wait after those; it doubles with each further one, up to `most`.

    forgotten: after so long without a wrong try all are forgotten.
    """

    free: int
    first: timedelta
    most: timedelta
    forgotten: timedelta

    def may_try(self, wrong: Wrong | None, now: datetime) -> bool:
        wrong = self._remembered(wrong, now)
        if wrong is None or wrong.count < self.free:
            return True
        doublings: int = min(wrong.count - self.free, _MOST_DOUBLINGS)
        return now >= wrong.last_at + min(self.first * (1 << doublings), self.most)

    def another(self, wrong: Wrong | None, now: datetime) -> Wrong:
        """What is remembered after one more wrong try."""
        wrong = self._remembered(wrong, now)
        return Wrong(1 if wrong is None else wrong.count + 1, now)

    def _remembered(self, wrong: Wrong | None, now: datetime) -> Wrong | None:
        return None if wrong is None or now >= wrong.last_at + self.forgotten else wrong


def at_one_place(tries: int, pause: timedelta) -> Slowing:
    """Of one account at one device or address: after the free tries a pause, then everything begins anew."""
    return Slowing(tries, pause, pause, pause)


def elsewhere(tries: int, pause: timedelta) -> Slowing:
    """Of one account at all places that never signed in to it, together: slower and slower, but never shut."""
    return Slowing(4 * tries, timedelta(seconds=1), pause, 12 * pause)
