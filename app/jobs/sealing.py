"""Ends the rooms of evaluations that are over and binds their recordings: each by the worker that holds it."""

from pathlib import Path

from anyio import to_thread

from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import Conflict, Unavailable
from app.core.i18n import N_
from app.evaluation import binding, cases
from app.evaluation.ledgers import RecordedLedgers
from app.jobs.patience import Patience
from recordings.recorder import Recorder
from venue import service as venues
from venue.placement import leases
from venue.placement.keeper import Keeper
from venue.room import register
from venue.room.hub import RoomHub


class Sealing:
    """Seals what this worker holds or nobody holds any more; may run at any time and twice: rows decide what it does.

    data_dir: where the records of draws are kept beside the recordings.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        data_dir: Path,
        hub: RoomHub,
        recorder: Recorder,
        ledgers: RecordedLedgers,
        keeper: Keeper,
    ) -> None:
        self._database = database
        self._clock = clock
        self._data_dir = data_dir
        self._hub = hub
        self._recorder = recorder
        self._ledgers = ledgers
        self._keeper = keeper
        self._patience = Patience(clock)

    async def seal(self) -> None:
        """Ends the rooms of evaluations that are over and binds their recordings."""
        for evaluation_id, room_id in await to_thread.run_sync(self._over):
            # Unavailable while a worker that lost the room still adds to its files: the manifest follows as soon as it does not.
            with self._patience.trying(f"sealing {evaluation_id}", passing=Unavailable) as time_to_try:
                if time_to_try:
                    await self._seal(evaluation_id, room_id)

    async def _seal(self, evaluation_id: str, room_id: str) -> None:
        if not await to_thread.run_sync(self._may_seal, evaluation_id, room_id):
            return
        epoch = await to_thread.run_sync(self._keeper.claim, room_id)
        if epoch is None:
            return  # another worker holds the room, and seals it
        await self._hub.close_room(room_id)
        await to_thread.run_sync(self._bind, evaluation_id, room_id, epoch)

    def _over(self) -> tuple[tuple[str, str], ...]:
        with self._database.reading() as session:
            return cases.rooms_to_seal(session)

    def _may_seal(self, evaluation_id: str, room_id: str) -> bool:
        """Conflict where another machine has the recording: a manifest of nothing would bind the evaluation for ever.

        No session is opened before every seat is safely recorded, so whose folder is empty then did not record it.
        """
        with self._database.reading() as session:
            if leases.held_elsewhere(session, room_id, self._keeper.worker_id):
                return False
            opened = cases.load(session, evaluation_id).opened_at is not None
        if opened and not self._recorder.room_path(room_id).exists():
            raise Conflict(
                "recording-elsewhere",
                N_("评标室 {room} 的录制不在本服务的数据目录中，不予封存"),
                N_("由持有该录制的服务封存；目录丢失时先从备份恢复，无法恢复时新建同名空目录"),
                room=room_id,
            )
        return True

    def _bind(self, evaluation_id: str, room_id: str, epoch: int) -> None:
        with self._database.reading() as session:
            zero_at = venues.zero_of_room(session, room_id)
            binding.export_records(session, evaluation_id, self._data_dir)
        manifest = self._recorder.close_room(room_id, zero_at)
        events = self._ledgers.read(room_id)
        with self._database.transaction() as session:
            cases.load(session, evaluation_id)  # the evaluation's turn comes before the room's
            if leases.hold(session, room_id, self._keeper.worker_id) != epoch:
                raise Conflict(
                    "room-lost", N_("评标室已由另一个音视频进程接管"), N_("由接管的进程封存，无需处理")
                )
            register.keep(session, epoch, events)
            binding.seal(session, self._clock.now(), evaluation_id, manifest.sha256)
        self._ledgers.forget(room_id)
