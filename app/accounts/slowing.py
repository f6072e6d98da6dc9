"""How guessing is slowed: so many tries are free, then one has to wait, or only one in so much time counts, by lot."""

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
        wrong = _remembered(wrong, now, self.forgotten)
        if wrong is None or wrong.count < self.free:
            return True
        doublings: int = min(wrong.count - self.free, _MOST_DOUBLINGS)
        return now >= wrong.last_at + min(self.first * (1 << doublings), self.most)

    def another(self, wrong: Wrong | None, now: datetime) -> Wrong:
        """What is remembered after one more wrong try."""
        return _another(_remembered(wrong, now, self.forgotten), now)


@dataclass(frozen=True, slots=True)
class ByLot:
    """free: tries that all count. each: after those, one in so much time counts on average, however many there are.

    forgotten: after so long without a try all are forgotten.
    """

    free: int
    each: timedelta
    forgotten: timedelta

    def chance(self, wrong: Wrong | None, now: datetime) -> float:
        """That a try counts. The chances of all tries in a stretch of time add up to the stretch in units of `each`.

        Nobody wins it by asking again at the very moment that a wait is over, and who asks seldom has as much of a chance as
        those who ask all the time: the time since the last one asked.
        """
        wrong = _remembered(wrong, now, self.forgotten)
        if wrong is None or wrong.count < self.free:
            return 1.0
        return min((now - wrong.last_at) / self.each, 1.0)

    def another(self, wrong: Wrong | None, now: datetime) -> Wrong:
        """What is remembered after one more try that was wrong or did not count."""
        return _another(_remembered(wrong, now, self.forgotten), now)


def at_one_place(tries: int, pause: timedelta) -> Slowing:
    """Of one account at one device or address: after the free tries a pause, then everything begins anew."""
    return Slowing(tries, pause, pause, pause)


def elsewhere(tries: int, pause: timedelta) -> ByLot:
    """Passwords for one account at all places that never signed in to it, together: few count, but nobody is shut out by others.

    With the usual pause of five minutes one counts in ten seconds, 2880 in eight hours.
    """
    return ByLot(4 * tries, pause / 30, 12 * pause)


def codes_elsewhere(tries: int, pause: timedelta) -> Slowing:
    """The same of codes: slower and slower. Only who has shown the first factor gets so far, and six digits are few."""
    return Slowing(4 * tries, timedelta(seconds=1), pause, 12 * pause)


def _another(wrong: Wrong | None, now: datetime) -> Wrong:
    return Wrong(1 if wrong is None else wrong.count + 1, now)


def _remembered(wrong: Wrong | None, now: datetime, forgotten: timedelta) -> Wrong | None:
    return None if wrong is None or now >= wrong.last_at + forgotten else wrong
