"""Slows down whoever guesses: after some wrong tries from one address, a pause."""

import threading
from datetime import datetime, timedelta

_MOST_ADDRESSES = 10_000


class Throttle:
    """Counts wrong tries by address in this process's memory; a restart forgets them.

    Seat codes belong to nobody until they are right, so their wrong tries can only be counted by where they come from.
    """

    def __init__(self, tries: int, pause: timedelta) -> None:
        self._tries = tries
        self._pause = pause
        self._wrong: dict[str, tuple[int, datetime]] = {}
        self._guard = threading.Lock()

    def paused(self, now: datetime, address: str) -> bool:
        """Whether this address has to wait."""
        with self._guard:
            count, since = self._wrong.get(address, (0, now))
            return count >= self._tries and now < since + self._pause

    def wrong(self, now: datetime, address: str) -> None:
        """One more wrong try; tries further apart than the pause do not add up."""
        with self._guard:
            count, since = self._wrong.pop(address, (0, now))
            if now >= since + self._pause:
                count = 0
            if len(self._wrong) >= _MOST_ADDRESSES:
                del self._wrong[next(iter(self._wrong))]
            self._wrong[address] = (count + 1, now)

    def right(self, address: str) -> None:
        with self._guard:
            self._wrong.pop(address, None)
