"""Deletes what a recording consists of, on disk and in the store; the manifest and its signature stay."""

from collections.abc import Iterator
from pathlib import Path

from sqlmodel import Session, col, delete

from app.core.storage import ObjectStore
from recordings.manifest import MANIFEST_FILE, SIGNATURE_FILE
from recordings.models import StoredObject
from recordings.uploads import PREFIX

STAYS = frozenset({MANIFEST_FILE, SIGNATURE_FILE})
"""What says for good which files there were, with their hashes, and who vouched for it."""


def files(room: Path) -> Iterator[Path]:
    """What of a room is deleted, in order."""
    if room.is_dir():
        yield from sorted(path for path in room.iterdir() if path.is_file() and path.name not in STAYS)


def remove(room: Path, store: ObjectStore) -> int:
    """Deletes the files of the room in both places; how many lay on disk. Doing it again finds nothing.

    Raises OSError when the disk or the store does not answer: call again later.
    """
    for name in list(store.names(f"{PREFIX}/{room.name}")):
        if name.rpartition("/")[2] not in STAYS:
            store.remove(name)
    gone = list(files(room))
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


def forget(session: Session, room_id: str) -> None:
    """The rows of what the store no longer has."""
    stays = [f"{PREFIX}/{room_id}/{name}" for name in sorted(STAYS)]
    session.exec(
        delete(StoredObject).where(col(StoredObject.room_id) == room_id, col(StoredObject.name).not_in(stays))
    )
