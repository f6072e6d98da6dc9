"""Which sessions were used lately, kept in memory until it is written down, so that no look at a page waits for a writer."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime

_MOST = 50_000


class Uses:
    """Uses of sessions in this process that their rows do not tell yet; here they count at once."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, datetime] = OrderedDict()
        self._guard = threading.Lock()

    def note(self, session_id: str, at: datetime) -> None:
        with self._guard:
            self._waiting[session_id] = at
            if len(self._waiting) > _MOST:
                self._waiting.popitem(last=False)

    def latest(self, session_id: str, written: datetime) -> datetime:
        """When the session was used last. written: what its row says."""
        with self._guard:
            return max(self._waiting.get(session_id, written), written)

    def waiting(self) -> Mapping[str, datetime]:
        """What is to be written down."""
        with self._guard:
            return dict(self._waiting)

    def written(self, done: Mapping[str, datetime]) -> None:
        """So much has been written down; what came meanwhile waits on."""
        with self._guard:
            for session_id, at in done.items():
                if self._waiting.get(session_id) == at:
                    del self._waiting[session_id]
