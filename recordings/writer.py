"""The threads that bring what was handed over to disk: tracks about twice a second, events at once."""

import logging
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from pathlib import Path

from app.core.clock import Clock
from recordings.events import EventLedger
from recordings.sink import Job, Sink
from recordings.trackfile import sync_directory

logger = logging.getLogger(__name__)

_SECOND_NS = 1_000_000_000
_LEAST_REST = 0.1
_AGAIN_S = 1.0


class _Thread(threading.Thread, ABC):
    """A thread that works when it is woken or when some time has passed, and can be waited for."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._barriers: list[threading.Event] = []
        self._stopping = False

    def barrier(self) -> None:
        """Returns when everything handed over before has been worked on."""
        done = threading.Event()
        with self._lock:
            if self._stopping:
                return
            self._barriers.append(done)
        self._wake.set()
        done.wait()

    def stop(self) -> None:
        """Works on what waits and ends the thread."""
        with self._lock:
            self._stopping = True
        self._wake.set()
        self.join()

    def run(self) -> None:
        rest_s = self.rest()
        while True:
            self._wake.wait(rest_s)
            self._wake.clear()
            with self._lock:
                barriers, self._barriers = self._barriers, []
                stopping = self._stopping
            try:
                rest_s = self.work()
            except Exception:
                logger.exception("%s goes on after an error", self.name)
            for done in barriers:
                done.set()
            if stopping:
                return

    @abstractmethod
    def rest(self) -> float | None:
        """Seconds before the first work; None when it waits to be woken."""

    @abstractmethod
    def work(self) -> float | None:
        """Does what there is to do, and tells after how many seconds to look again; None when woken."""


class Writer(_Thread):
    """Brings some tracks to disk, in order for each track, each step for all of them before the next."""

    def __init__(self, clock: Clock, every_s: float, watch: Callable[[], None] | None = None) -> None:
        """every_s: how often it works. watch: called each time as well."""
        super().__init__("recorder")
        self._clock = clock
        self._every_s = every_s
        self._watch = watch
        self._new: deque[Sink] = deque()
        self._sinks: set[Sink] = set()

    def add(self, sink: Sink) -> None:
        self._new.append(sink)

    def rest(self) -> float:
        return self._every_s

    def work(self) -> float:
        started_ns = self._clock.monotonic_ns()
        if self._watch is not None:
            self._watch()
        while self._new:
            self._sinks.add(self._new.popleft())
        wall_ms = round(self._clock.now().timestamp() * 1000)
        jobs = [job for sink in tuple(self._sinks) for job in self._gather(sink, wall_ms)]
        if jobs:
            self._bring(jobs, wall_ms)
        for sink in [sink for sink in self._sinks if sink.ended]:
            self._sinks.discard(sink)
            sink.forget()
        took_s = (self._clock.monotonic_ns() - started_ns) / _SECOND_NS
        return max(self._every_s - took_s, self._every_s * _LEAST_REST)

    def _gather(self, sink: Sink, wall_ms: int) -> list[Job]:
        try:
            return sink.gather(wall_ms)
        except Exception:
            logger.exception("cannot cut %s", sink.key)
            return []

    def _bring(self, jobs: list[Job], wall_ms: int) -> None:
        """Media of all is on disk before any index tells of it."""
        jobs = self._each(jobs, lambda job: job.file.stage(job.notes, wall_ms))
        jobs = self._sync_rooms(jobs)
        jobs = self._each(jobs, lambda job: job.file.settle())
        jobs = self._each(jobs, lambda job: job.file.tell())
        jobs = self._each(jobs, lambda job: job.file.settle_index())
        for job in jobs:
            job.sink.done(job)

    def _each(self, jobs: list[Job], step: Callable[[Job], None]) -> list[Job]:
        """Those jobs for which the step went well."""
        well = []
        for job in jobs:
            try:
                step(job)
            except Exception:
                logger.exception("cannot store %s", job.sink.key)
                job.sink.fail(job)
            else:
                well.append(job)
        return well

    def _sync_rooms(self, jobs: list[Job]) -> list[Job]:
        """New names are durable before anything is told of what is in them."""
        rooms = {job.sink.room for job in jobs if job.fresh}
        unsure = {room for room in rooms if not self._synced(room)}
        for job in jobs:
            if job.fresh and job.sink.room in unsure:
                job.sink.fail(job)
        return [job for job in jobs if not (job.fresh and job.sink.room in unsure)]

    def _synced(self, room: Path) -> bool:
        try:
            sync_directory(room)
        except OSError:
            logger.exception("cannot store the names in %s", room)
            return False
        return True


class LedgerWriter(_Thread):
    """Brings events to disk as soon as they are noted; no track's disk trouble holds them up."""

    def __init__(self) -> None:
        super().__init__("recorder-events")
        self._waiting: deque[EventLedger] = deque()

    def put(self, ledger: EventLedger) -> None:
        """Something was noted there."""
        self._waiting.append(ledger)
        self._wake.set()

    def rest(self) -> None:
        return None

    def work(self) -> float | None:
        ledgers = {self._waiting.popleft(): None for _ in range(len(self._waiting))}
        failed = [ledger for ledger in ledgers if not ledger.store()]
        self._waiting.extend(failed)
        return _AGAIN_S if failed else None
