"""What each tick looks for: messages to send, windows that closed, places to draw again, rooms to seal."""

import logging
from dataclasses import dataclass

from anyio import to_thread

from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import YuanpingError
from app.evaluation import conductor, evidence
from app.evaluation.conductor import House
from app.evaluation.lifecycle import EvaluationState
from app.notify.phone_room import PhoneRoom
from expert_draw import answers
from recordings.recorder import Recorder
from venue import service as venues
from venue.room.hub import RoomHub

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sweeps:
    """Every sweep may run at any time and twice: what it does is decided by rows."""

    database: Database
    clock: Clock
    house: House
    phone_room: PhoneRoom
    hub: RoomHub
    recorder: Recorder

    async def phones(self) -> None:
        """Sends what is due, follows what is uncertain and, with pretend phones, lets them ring."""
        await self.phone_room.tick()

    async def invitations(self) -> None:
        """Closes windows that have ended and moves every inviting evaluation on."""
        await to_thread.run_sync(self._invitations)

    async def seal(self) -> None:
        """Ends the rooms of closed evaluations and binds their recordings."""
        for evaluation_id, room_id in await to_thread.run_sync(self._closed):
            await self.hub.close_room(room_id)
            await to_thread.run_sync(self._seal, evaluation_id, room_id)

    def _invitations(self) -> None:
        now = self.clock.now()
        with self.database.reading() as session:
            due = answers.any_due(session, now)
            waiting = [row.id for row in conductor.in_state(session, EvaluationState.inviting)]
        if due:
            with self.database.transaction() as session:
                answers.expire_due(session, now)
        for evaluation_id in waiting:
            with self.database.reading() as session:
                needed = conductor.needs_moving(session, evaluation_id)
            if not needed:
                continue
            try:
                with self.database.transaction() as session:
                    conductor.refill(session, self.clock.now(), self.house, evaluation_id)
            except YuanpingError as error:
                # One evaluation that cannot go on must not hold up the others; its rows are as they were.
                logger.error("evaluation %s could not be refilled: %s", evaluation_id, error.code)  # noqa: TRY400

    def _closed(self) -> list[tuple[str, str]]:
        with self.database.reading() as session:
            return [(row.id, str(row.room_id)) for row in conductor.in_state(session, EvaluationState.closed)]

    def _seal(self, evaluation_id: str, room_id: str) -> None:
        with self.database.reading() as session:
            zero_at = venues.zero_of_room(session, room_id)
            evidence.export_record(session, evaluation_id, self.house.settings.data_dir)
        manifest = self.recorder.close_room(room_id, zero_at)
        with self.database.transaction() as session:
            conductor.seal(session, self.clock.now(), evaluation_id, manifest.sha256)
