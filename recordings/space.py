"""Watches the room that is left for recordings: warns in good time, and begins no new room when little is left.

Rooms that run use the reserve. Nothing is ever deleted to make room.
"""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sqlmodel import Session

from app.audit import service as audit
from app.audit.tags import Tag
from app.core.clock import Clock
from app.core.database import Database, in_turn
from app.core.errors import Unavailable
from app.core.i18n import N_
from app.core.settings_rooms import RecordingSettings
from recordings import repository
from recordings.models import SpaceAlarm

logger = logging.getLogger(__name__)

EASED_BELOW = 2
"""A warning ends when the volume is this many per cent emptier than its level, so that it does not come and go."""
_MB = 1_000_000
_HOUSE = "house"


class Usage(Protocol):
    """How large a volume is and what of it may still be used, in bytes."""

    @property
    def total(self) -> int: ...

    @property
    def free(self) -> int: ...


class Space:
    """The volume that recordings are written to; every method may be called from any thread."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        folder: Path,
        settings: RecordingSettings,
        *,
        volume: str = "recordings",
        usage: Callable[[Path], Usage] = shutil.disk_usage,
    ) -> None:
        """volume: what warnings call it; each machine with a volume of its own gives it another name."""
        self._database = database
        self._clock = clock
        self._folder = folder
        self._settings = settings
        self._volume = volume
        self._usage = usage

    def require(self) -> None:
        """For who is about to begin a room that has not been recorded yet. Raises Unavailable when little is left."""
        free = self._look().free
        if free < self._settings.reserve_mb * _MB:
            raise Unavailable(
                "recording-space",
                N_("录制磁盘剩余 {free} MB，不足以开始新的评标室；已开始的评标室照常录制"),
                N_("请系统管理员扩充磁盘后重试；系统不会删除任何录制来腾出空间"),
                free=free // _MB,
            )

    def check(self) -> tuple[int, ...]:
        """Raises and ends warnings; returns the levels, in per cent, that are being warned of now.

        Each is logged and noted in the audit trail once, however often and by however many this is called.
        """
        usage = self._look()
        full = 100 - 100 * usage.free / max(usage.total, 1)
        with self._database.reading() as session:
            known = [alarm.level for alarm in repository.space_alarms(session, self._volume)]
        if known == self._due(full, known):
            return tuple(known)
        with self._database.transaction() as session:
            in_turn(session, _HOUSE)
            return self._follow(session, full, usage.free)

    def _follow(self, session: Session, full: float, free: int) -> tuple[int, ...]:
        now = self._clock.now()
        open_ = {alarm.level: alarm for alarm in repository.space_alarms(session, self._volume)}
        due = self._due(full, list(open_))
        for level in due:
            if level not in open_:
                logger.warning(
                    "volume %s is %d per cent full, %d MB are left", self._volume, full, free // _MB
                )
                session.add(SpaceAlarm(volume=self._volume, level=level, raised_at=now))
                self._note(session, Tag.space_short, level, full)
        for level, alarm in open_.items():
            if level not in due:
                logger.info("volume %s is below %d per cent again", self._volume, level)
                session.delete(alarm)
                self._note(session, Tag.space_eased, level, full)
        session.flush()
        return tuple(due)

    def _due(self, full: float, known: list[int]) -> list[int]:
        levels = sorted({*self._settings.space_alarms, *known})
        wanted = self._settings.space_alarms
        return [
            level
            for level in levels
            if level in wanted and full >= level - (EASED_BELOW if level in known else 0)
        ]

    def _note(self, session: Session, tag: Tag, level: int, full: float) -> None:
        data = {"level": level, "full": int(full)}
        audit.record(
            session, self._clock.now(), case=_HOUSE, tag=tag, actor=_HOUSE, subject=self._volume, data=data
        )

    def _look(self) -> Usage:
        """Of the folder, or of what it will be made in."""
        folder = next(path for path in (self._folder, *self._folder.parents) if path.exists())
        return self._usage(folder)
