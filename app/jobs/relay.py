"""Tells open pages and rooms of this process what other processes have written: rows are looked at, and changes announced."""

from anyio import to_thread

from app.core import bus
from app.core.bus import News
from app.core.database import Database
from app.evaluation import marks
from app.evaluation.marks import Mark


class Relay:
    """Compares what the rows say with what they said before. What happened in this process is announced once more, which
    does no harm: news only say that something changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[str, Mark]] = {}

    async def look(self) -> None:
        """Announces what has changed since the last look."""
        before, self._known = self._known, await to_thread.run_sync(self._read)
        for evaluation_id in before.keys() | self._known.keys():
            was, now = before.get(evaluation_id), self._known.get(evaluation_id)
            if was == now:
                continue
            if was is None or now is None or was[0] != now[0]:
                bus.announce(News(f"evaluation:{evaluation_id}", "state"))
                bus.announce(News("evaluations", "state"))
            else:
                bus.announce(News(f"evaluation:{evaluation_id}", "members"))

    def _read(self) -> dict[str, tuple[str, Mark]]:
        with self._database.reading() as session:
            return marks.open_evaluations(session)
