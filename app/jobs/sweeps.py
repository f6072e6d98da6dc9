"""What each tick looks for: messages to send, windows that closed, places to draw again, jobs to do, what to forget."""

from datetime import timedelta

from anyio import to_thread

from app.accounts import forgetting
from app.core import rates
from app.core.clock import Clock
from app.core.database import Database
from app.evaluation import committee
from app.evaluation.cases import House
from app.exchange import custody_jobs, filing
from app.jobs.patience import Patience
from app.jobs.worker import Worker
from app.notify.phone_room import PhoneRoom
from expert_draw import answers

_FORGOTTEN = timedelta(days=7)
"""So long after its end a ticket, a session or a wrong try is still there to be looked at."""
_MOST_ROUNDS = 200
"""So many short transactions at a time; the rest waits for the next hour."""


class Sweeps:
    """Every sweep may run at any time and twice: what it does is decided by rows."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        house: House,
        phone_room: PhoneRoom,
        worker: Worker,
    ) -> None:
        self._database = database
        self._clock = clock
        self._house = house
        self._phone_room = phone_room
        self._worker = worker
        self._patience = Patience(clock)

    async def deliver(self) -> None:
        """Sends what is due. Apart from the look-ups, so that a slow provider holds up no call."""
        await self._phone_room.dispatch.start_due()

    async def reconcile(self) -> None:
        """Follows messages whose fate is uncertain."""
        await self._phone_room.inquiry.reconcile()

    async def pretend(self) -> None:
        """Lets the pretend phones ring, where there are any."""
        if self._phone_room.line is not None:
            await self._phone_room.line.tick()

    async def invitations(self) -> None:
        """Closes windows that have ended and moves every inviting evaluation on."""
        await to_thread.run_sync(self._expire)
        await to_thread.run_sync(self._refill)

    async def filing(self) -> None:
        """Orders the filing of draws that have ended."""
        await to_thread.run_sync(self._file)

    async def work(self) -> None:
        """Starts jobs that are due; they go on by themselves."""
        await self._worker.start_due()

    async def forget(self) -> None:
        """Takes away what has been over for days, and packages that nobody may fetch any more."""
        await to_thread.run_sync(self._forget)

    def _forget(self) -> None:
        now, settings = self._clock.now(), self._house.settings
        custody_jobs.clear(settings.exports_dir, now - timedelta(hours=settings.recording.package_hours))
        for old in (forgetting.forget, rates.forget_old):
            for _ in range(_MOST_ROUNDS):
                with self._database.transaction() as session:
                    more = old(session, now - _FORGOTTEN)
                if not more:
                    break

    def _file(self) -> None:
        with self._database.reading() as session:
            waiting = filing.waiting(session)
        for draw_id in waiting:
            with self._patience.trying(f"filing {draw_id}") as time_to_try:
                if time_to_try:
                    with self._database.transaction() as session:
                        filing.order(session, self._clock.now(), draw_id)

    def _expire(self) -> None:
        with self._database.reading() as session:
            due = answers.due(session, self._clock.now())
        for invitation_id in due:
            with self._patience.trying(f"expiring {invitation_id}") as time_to_try:
                if time_to_try:
                    with self._database.transaction() as session:
                        answers.expire(session, self._clock.now(), self._house.sealer, invitation_id)

    def _refill(self) -> None:
        with self._database.reading() as session:
            waiting = committee.waiting_to_move(session, self._clock.now())
        for evaluation_id in waiting:
            with self._patience.trying(f"refilling {evaluation_id}") as time_to_try:
                if time_to_try:
                    with self._database.transaction() as session:
                        committee.refill(session, self._clock.now(), self._house, evaluation_id)
