"""Slows down whoever guesses: after some wrong tries from one address, a pause."""

import threading
from datetime import datetime, timedelta

_MOST_ADDRESSES = 10_000


class Throttle:
    """Counts tries by address in this process's memory; a restart forgets them.

    A try counts as wrong before it is made, so that many at once get no more than one after the other; who turns
    out right takes it back. What belongs to nobody until it is right, as a seat code or an unknown login, can only
    be counted by where it comes from.
    """

    def __init__(self, tries: int, pause: timedelta) -> None:
        self.tries = tries
        self.turn = threading.Lock()
        """Held from the try to its end where tries are quick: right ones at once then never count each other."""
        self._pause = pause
        self._wrong: dict[str, tuple[int, datetime]] = {}
        self._guard = threading.Lock()

    def attempt(self, now: datetime, address: str) -> int | None:
        """The number of this try, from 1 to `tries`; None while the address has to wait.

        Tries further apart than the pause do not add up. When the last number turns out wrong, the pause has begun.
        """
        with self._guard:
            count, since = self._wrong.get(address, (0, now))
            if now >= since + self._pause:
                count = 0
            if count >= self.tries:
                return None
            self._wrong.pop(address, None)
            if len(self._wrong) >= _MOST_ADDRESSES:
                del self._wrong[next(iter(self._wrong))]
            self._wrong[address] = (count + 1, now)
            return count + 1

    def right(self, address: str) -> None:
        """The try was right, and all wrong ones before it are forgiven."""
        with self._guard:
            self._wrong.pop(address, None)

    def take_back(self, address: str) -> None:
        """The try was right; the wrong ones before it stay, as others may share the address."""
        with self._guard:
            count, since = self._wrong.get(address, (0, None))
            if count > 1 and since is not None:
                self._wrong[address] = (count - 1, since)
            else:
                self._wrong.pop(address, None)
