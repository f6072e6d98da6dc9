"""Does the jobs that are due: some of each kind at a time, beside the service, and none waits for another one's trouble."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from anyio import to_thread

from app.core import work
from app.core.clock import Clock
from app.core.database import Database
from app.core.work import Claim, Failed, JobState, Kind, Result

_LEASE_SPARE_S = 30.0  # what reporting may take, and how far the clocks of two machines may be apart
_PATIENCE_S = 10.0

logger = logging.getLogger(__name__)


class Worker:
    """Any number of processes may have one each: rows decide who does what."""

    def __init__(self, database: Database, clock: Clock, kinds: Sequence[Kind]) -> None:
        self._database = database
        self._clock = clock
        self._kinds = tuple(kinds)
        self._running: dict[str, set[asyncio.Task[None]]] = {kind.name: set() for kind in kinds}

    async def start_due(self) -> int:
        """Starts what is due, as far as there is room, and returns at once with how many."""
        started = 0
        for kind in self._kinds:
            room = kind.at_once - len(self._running[kind.name])
            if room < 1:
                continue
            for held in await to_thread.run_sync(self._claim, kind, room):
                task = asyncio.create_task(self._do(kind, held), name=f"job {held.id}")
                self._running[kind.name].add(task)
                task.add_done_callback(self._running[kind.name].discard)
                started += 1
        return started

    async def idle(self, patience_s: float | None = None) -> bool:
        """Waits until nothing runs any more; False when that took longer."""
        running = {task for tasks in self._running.values() for task in tasks}
        if running:
            _, still = await asyncio.wait(running, timeout=patience_s)
            return not still
        return True

    async def stop(self) -> None:
        """Lets what runs come to its end for a while. What does not is done again after its lease, here or elsewhere."""
        if not await self.idle(_PATIENCE_S):
            running = {task for tasks in self._running.values() for task in tasks}
            for task in running:
                task.cancel()
            await asyncio.wait(running)

    def _claim(self, kind: Kind, most: int) -> tuple[Claim, ...]:
        now = self._clock.now()
        with self._database.reading() as session:
            if not work.anything_due(session, now, kind.name):
                return ()  # an idle service takes no writer's turn
        lease = timedelta(seconds=kind.timeout_s + _LEASE_SPARE_S)
        with self._database.transaction() as session:
            for lost in work.bury(session, now, kind.name, kind.most_tries):
                kind.died(session, now, lost, work.LOST)
                logger.error("job %s (%s) is dead: its holders never reported", lost.id, kind.name)
            return work.claim(session, now, kind.name, most=most, lease=lease)

    async def _do(self, kind: Kind, held: Claim) -> None:
        try:
            try:
                async with asyncio.timeout(kind.timeout_s):
                    result = await kind.run(held)
            except Failed as failed:
                await to_thread.run_sync(self._failed, kind, held, failed)
            except TimeoutError:
                await to_thread.run_sync(self._failed, kind, held, Failed("timeout"))
            except Exception as error:  # whatever it was, it concerns this job only
                logger.exception("job %s (%s) failed", held.id, kind.name)
                await to_thread.run_sync(self._failed, kind, held, Failed(type(error).__name__))
            else:
                await to_thread.run_sync(self._finished, kind, held, result)
        except Exception:  # nothing was noted, so the job is done again when the lease has run out
            logger.exception("what came of job %s (%s) could not be noted", held.id, kind.name)

    def _finished(self, kind: Kind, held: Claim, result: Result) -> None:
        now = self._clock.now()
        with self._database.transaction() as session:
            if work.finish(session, now, held, result):
                kind.done(session, now, held, result)

    def _failed(self, kind: Kind, held: Claim, failed: Failed) -> None:
        now = self._clock.now()
        most = kind.most_tries if failed.most_tries is None else min(failed.most_tries, kind.most_tries)
        with self._database.transaction() as session:
            state = work.fail(session, now, held, failed.reason, most)
            if state is JobState.dead:
                kind.died(session, now, held, failed.reason)
        if state is JobState.dead:
            logger.error(
                "job %s (%s) is dead after %d tries: %s", held.id, kind.name, held.tries, failed.reason
            )
        elif state is JobState.queued:
            logger.warning("job %s (%s) is tried again: %s", held.id, kind.name, failed.reason)
