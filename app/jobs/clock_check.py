"""Looks whether the clock has been set, or is not the database's, and says so in the log and in the trail."""

import logging
from datetime import datetime, timedelta

from anyio import to_thread

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.clock import Clock
from app.core.clock_watch import ClockFinding, ClockWatch
from app.core.database import Database, time_of

_DATABASE_EVERY_NS = 30 * 1_000_000_000
_CASE, _SERVICE, _CLOCK = "house", "service", "clock"

logger = logging.getLogger(__name__)


class ClockCheck:
    """Each service watches its own clock; what could not be entered in the trail is entered at a later look."""

    def __init__(self, database: Database, clock: Clock, watch: ClockWatch) -> None:
        self._database = database
        self._clock = clock
        self._watch = watch
        self._apart = timedelta()
        self._asked_ns: int | None = None
        self._untold: list[ClockFinding] = []

    async def look(self) -> None:
        now, monotonic_ns = self._clock.now(), self._clock.monotonic_ns()
        if self._asked_ns is None or monotonic_ns - self._asked_ns >= _DATABASE_EVERY_NS:
            self._asked_ns = monotonic_ns
            self._apart = await to_thread.run_sync(self._ask)
            now, monotonic_ns = self._clock.now(), self._clock.monotonic_ns()
        found = self._watch.look(now, monotonic_ns, self._apart)
        if found is not None:
            _say(found)
            self._untold.append(found)
        if self._untold:
            await to_thread.run_sync(self._enter)

    def _ask(self) -> timedelta:
        """By how much the database's clock is off for certain: what asking took is no difference."""
        with self._database.reading() as session:
            before = self._clock.now()
            theirs = time_of(session)
            return _beyond(theirs, before, self._clock.now()) if theirs is not None else timedelta()

    def _enter(self) -> None:
        while self._untold:
            found = self._untold[0]
            with self._database.transaction() as session:
                audit.record(
                    session,
                    self._clock.now(),
                    case=_CASE,
                    tag=Tag.clock_right if found.trouble is None else Tag.clock_off,
                    actor=_SERVICE,
                    subject=_CLOCK,
                    data={"off_ms": found.off_ms, **({"why": str(found.trouble)} if found.trouble else {})},
                )
            self._untold.pop(0)


def _beyond(theirs: datetime, before: datetime, after: datetime) -> timedelta:
    """How far a time lies outside of two others; nothing between them."""
    if theirs < before:
        return theirs - before
    return theirs - after if theirs > after else timedelta()


def _say(found: ClockFinding) -> None:
    if found.trouble is None:
        logger.warning("the clock is right again, or has stood as it is for ten minutes")
    else:
        logger.error(
            "the clock is not to be trusted (%s, %d ms): check the time service", found.trouble, found.off_ms
        )
