"""Who watched what: one line in the audit trail for each viewer and track, not one for each request."""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta

WATCHED_AGAIN_AFTER = timedelta(hours=1)


class Viewings:
    """Remembers which tracks and timelines a viewer has just been noted for, so that the trail holds one line and not thousands."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._noted: OrderedDict[tuple[str, str, str], datetime] = OrderedDict()

    def first(self, now: datetime, actor_id: str, room_id: str, track_id: str) -> bool:
        """Whether this viewer's look at this track is still to be written into the audit trail."""
        key = (actor_id, room_id, track_id)
        with self._lock:
            noted = self._noted.get(key)
            if noted is not None and now - noted < WATCHED_AGAIN_AFTER:
                return False
            self._noted[key] = now
            self._noted.move_to_end(key)
            if len(self._noted) > self._limit:
                self._noted.popitem(last=False)
            return True

    def forget(self, actor_id: str, room_id: str, track_id: str) -> None:
        """Takes a note back because it could not be written."""
        with self._lock:
            self._noted.pop((actor_id, room_id, track_id), None)
