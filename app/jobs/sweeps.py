"""What each tick looks for: messages to send, windows that closed, places to draw again, rooms to seal, jobs to do."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from anyio import to_thread
from sqlmodel import Session

from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import Conflict
from app.core.i18n import N_
from app.evaluation import cases, committee, conductor, evidence
from app.evaluation.cases import House
from app.exchange import filing
from app.jobs.worker import Worker
from app.notify.phone_room import PhoneRoom
from expert_draw import answers
from recordings.recorder import Recorder
from venue import service as venues
from venue.room.hub import RoomHub

logger = logging.getLogger(__name__)

_FIRST_PAUSE_NS, _LONGEST_PAUSE_NS = 1_000_000_000, 60_000_000_000


@dataclass(slots=True)
class Patience:
    """What failed is tried again after a pause that grows, and holds up nothing else meanwhile."""

    clock: Clock
    _pauses: dict[str, tuple[int, int]] = field(default_factory=dict)

    @contextmanager
    def trying(self, what: str) -> Iterator[bool]:
        """Yields whether it is time to try `what`; an error inside is logged with its trace and ends the block."""
        until_ns, pause_ns = self._pauses.get(what, (0, _FIRST_PAUSE_NS))
        if self.clock.monotonic_ns() < until_ns:
            yield False
            return
        try:
            yield True
        except Exception:  # whatever it was, it concerns this one only; its transaction is undone
            logger.exception("%s failed and is tried again in %d s", what, pause_ns // 1_000_000_000)
            longer = min(2 * pause_ns, _LONGEST_PAUSE_NS)
            self._pauses[what] = (self.clock.monotonic_ns() + pause_ns, longer)
        else:
            self._pauses.pop(what, None)


class Sweeps:
    """Every sweep may run at any time and twice: what it does is decided by rows."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        house: House,
        phone_room: PhoneRoom,
        hub: RoomHub,
        recorder: Recorder,
        worker: Worker,
    ) -> None:
        self._database = database
        self._clock = clock
        self._house = house
        self._phone_room = phone_room
        self._hub = hub
        self._recorder = recorder
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

    async def seal(self) -> None:
        """Ends the rooms of evaluations that are over and binds their recordings."""
        for evaluation_id, room_id in await to_thread.run_sync(self._over):
            with self._patience.trying(f"sealing {evaluation_id}") as time_to_try:
                if time_to_try:
                    await self._hub.close_room(room_id)
                    await to_thread.run_sync(self._seal, evaluation_id, room_id)

    async def filing(self) -> None:
        """Orders the filing of draws that have ended."""
        await to_thread.run_sync(self._file)

    async def work(self) -> None:
        """Starts jobs that are due; they go on by themselves."""
        await self._worker.start_due()

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

    def _over(self) -> tuple[tuple[str, str], ...]:
        with self._database.reading() as session:
            return cases.rooms_to_seal(session)

    def _seal(self, evaluation_id: str, room_id: str) -> None:
        with self._database.reading() as session:
            self._require_recording(session, evaluation_id, room_id)
            zero_at = venues.zero_of_room(session, room_id)
            evidence.export_records(session, evaluation_id, self._house.settings.data_dir)
        manifest = self._recorder.close_room(room_id, zero_at)
        with self._database.transaction() as session:
            conductor.seal(session, self._clock.now(), evaluation_id, manifest.sha256)

    def _require_recording(self, session: Session, evaluation_id: str, room_id: str) -> None:
        """Conflict where another process has the recording: a manifest of nothing would bind the evaluation for ever.

        No session is opened before every seat is safely recorded, so whose folder is empty then did not record it.
        """
        opened = cases.load(session, evaluation_id).opened_at is not None
        if opened and not self._recorder.room_path(room_id).exists():
            raise Conflict(
                "recording-elsewhere",
                N_("评标室 {room} 的录制不在本服务的数据目录中，不予封存"),
                N_("由持有该录制的服务封存；目录丢失时先从备份恢复，无法恢复时新建同名空目录"),
                room=room_id,
            )
