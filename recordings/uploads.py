"""Brings every file of a recording that has ended into the store, and notes it once the store has told its hash.

Off the recording path: it reads what lies on disk and compares it with rows. Nothing here is deleted on disk; a store that
is away is tried again, and what has gathered meanwhile follows.
"""

import logging
from collections.abc import Collection, Iterator
from pathlib import Path

from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import YuanpingError
from app.core.storage import ObjectStore, look
from recordings import repository
from recordings.events import event_leases
from recordings.lines import events_file
from recordings.manifest import MANIFEST_FILE, SIGNATURE_FILE
from recordings.models import StoredObject
from recordings.trackfile import has_ended, held, track_names

logger = logging.getLogger(__name__)

PREFIX = "recordings"
AT_ONCE = 16
"""Files brought in one go, so that whoever waits behind is not kept long."""


class Uploads:
    """One at a time is enough; several do no harm."""

    def __init__(self, database: Database, clock: Clock, folder: Path, store: ObjectStore) -> None:
        """folder: holds one directory per room."""
        self._database = database
        self._clock = clock
        self._folder = folder
        self._store = store
        self._whole: set[str] = set()
        self._refused: set[str] = set()

    def sweep(self, at_once: int = AT_ONCE) -> int:
        """Stores what has ended and has no row yet; returns how many files.

        Raises OSError when the store does not answer: call again later. A file that the store has otherwise, or that cannot be
        read, is logged and left until the next start, and does not hold up the rest. Where several processes look after one folder, one at a time does.
        """
        if not self._folder.is_dir():
            return 0
        with held(self._folder) as alone:
            return 0 if alone is None else self._sweep(at_once)

    def _sweep(self, at_once: int) -> int:
        done = 0
        for room in self._rooms():
            for path in self._missing(room)[: at_once - done]:
                done += self._bring(room.name, path)
            if done >= at_once:
                return done
            if (room / MANIFEST_FILE).exists() and not self._missing(room):
                self._whole.add(room.name)  # nothing can follow
        return done

    def _missing(self, room: Path) -> list[Path]:
        with self._database.reading() as session:
            known = repository.stored(session, room.name)
        return [
            path
            for path in ended_files(room, {name.rpartition("/")[2] for name in known})
            if _name(path) not in known | self._refused
        ]

    def _rooms(self) -> Iterator[Path]:
        if self._folder.is_dir():
            for room in sorted(self._folder.iterdir()):
                if room.is_dir() and room.name not in self._whole:
                    yield room

    def _bring(self, room_id: str, path: Path) -> bool:
        name = _name(path)
        try:
            here = look(path)
        except OSError:
            logger.exception("%s cannot be read and is not stored", path)
            self._refused.add(name)
            return False
        try:
            self._store.put(name, path)
        except YuanpingError:
            logger.exception("the store refuses %s", name)
            self._refused.add(name)
            return False
        there = self._store.head(name)
        if there != here:
            logger.error("the store has %s otherwise than it was given: %s, not %s", name, there, here)
            self._refused.add(name)
            return False
        with self._database.transaction() as session:
            if session.get(StoredObject, name) is None:
                session.add(
                    StoredObject(
                        name=name,
                        room_id=room_id,
                        size=here.size,
                        sha256=here.sha256,
                        stored_at=self._clock.now(),
                    )
                )
                session.flush()
        return True


def ended_files(room: Path, known: Collection[str] = ()) -> Iterator[Path]:
    """The files of a room that nothing will be added to any more, media before what tells of it.

    known: names that need not be looked at again.
    """
    for track in track_names(room):
        if track.index not in known and has_ended(room / track.index):
            if (room / track.media).exists():
                yield room / track.media
            yield room / track.index
    for lease in event_leases(room):
        if events_file(lease) not in known and has_ended(room / events_file(lease)):
            yield room / events_file(lease)
    if (room / MANIFEST_FILE).exists():  # until then its signature may be made anew
        if (room / SIGNATURE_FILE).exists():
            yield room / SIGNATURE_FILE
        yield room / MANIFEST_FILE


def _name(path: Path) -> str:
    return f"{PREFIX}/{path.parent.name}/{path.name}"
