"""Tells what is open in this process that its session has ended, wherever that was done, or that its time is over."""

from datetime import timedelta

from anyio import to_thread

from app.accounts import sessions
from app.accounts.uses import Uses
from app.core import bus
from app.core.bus import News
from app.core.clock import Clock
from app.core.database import Database

_BACK = timedelta(seconds=30)
"""Clocks of other processes may differ by so much."""


class Revocations:
    """Asks the rows after every session that somebody here listens to; what rests on one that has ended closes.

    Rooms follow their evaluation instead of a session, so an end of a committee member's session is news of that.
    """

    def __init__(self, database: Database, clock: Clock, uses: Uses | None = None) -> None:
        self._database = database
        self._clock = clock
        self._uses = uses or Uses()
        self._told: frozenset[tuple[str, str]] = frozenset()

    async def look(self) -> None:
        """Announces what has ended since the last look."""
        listened = frozenset(one.removeprefix(sessions.TOPIC) for one in bus.listened(sessions.TOPIC))
        alive, seats = await to_thread.run_sync(self._read, listened)
        for session_id in listened - alive:
            bus.announce(News(sessions.topic(session_id), sessions.REVOKED))
        for evaluation_id in {evaluation for _, evaluation in seats - self._told}:
            bus.announce(News(f"evaluation:{evaluation_id}", "members"))
        self._told = seats

    async def write_down(self) -> None:
        """Lets the rows know which sessions were used here. Apart from the look, which waits for no writer."""
        await to_thread.run_sync(self._write_down)

    def _write_down(self) -> None:
        waiting = self._uses.waiting()
        if not waiting:
            return
        with self._database.transaction() as session:
            for session_id, at in sorted(
                waiting.items()
            ):  # in one order, so that no two processes wait for each other
                sessions.touch(session, at, session_id)
        self._uses.written(waiting)

    def _read(self, listened: frozenset[str]) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
        now = self._clock.now()
        with self._database.reading() as session:
            return sessions.alive(session, now, listened, self._uses), sessions.seats_ended(
                session, now - _BACK
            )
