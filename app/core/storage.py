"""Keeps objects that are written once and never changed: in a folder, or in an object store behind the same port.

put   → the object is whole and durable under its name, or an error and nothing under it
head  → how large it is and what its bytes hash to, read back from where they lie
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.i18n import N_

_PIECE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_MOST_PIECES = 8
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """What lies under a name: bytes, and their SHA-256 in hex."""

    size: int
    sha256: str


class ObjectStore(Protocol):
    """Names are pieces of letters, digits, `.`, `_` and `-`, parted by `/`; anything else is InvalidInput.

    Trouble with the store itself is OSError: nothing was lost, try again.
    """

    def put(self, name: str, source: Path) -> None:
        """Keeps the bytes of a file that no longer changes. The same bytes under the same name again change nothing.

        Raises Conflict when other bytes lie under that name.
        """
        ...

    def open(self, name: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` on, `length` of them or all, in blocks; fewer at the end. Raises NotFound."""
        ...

    def head(self, name: str) -> Kept | None:
        """What lies under the name; None when nothing does."""
        ...

    def names(self, prefix: str) -> Iterator[str]:
        """Every name that begins with `prefix/`, in order."""
        ...

    def remove(self, name: str) -> None:
        """Lets go of what lies under the name, for what two persons have disposed of; of nothing it is no trouble."""
        ...


class DirectoryStore:
    """An `ObjectStore` in a folder of a file system that knows hard links.

    A file of the same file system is linked instead of copied: it takes no space of its own, and is no second copy.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, source: Path) -> None:
        target = self._path(name)
        if not target.exists():
            _make_folders(target.parent, self._folder)
            _sync(source)
            try:
                self._bring(source, target)
            except FileExistsError:
                pass  # somebody else was quicker; compared below
            else:
                _sync(target.parent)
                return
        if look(target) != look(source):
            raise Conflict(
                "object-differs",
                N_("存储中已有同名但内容不同的对象：{name}"),
                N_("请保留两份文件并联系系统管理员核查"),
                name=name,
            )
        _sync(target)  # the one who was quicker may not have come that far yet
        _sync(target.parent)

    def open(self, name: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        path = self._path(name)
        if not path.is_file():
            raise NotFound("object-not-found", N_("存储中没有这个对象"))
        return _blocks(path, start, length)

    def head(self, name: str) -> Kept | None:
        try:
            return look(self._path(name))
        except FileNotFoundError:
            return None

    def names(self, prefix: str) -> Iterator[str]:
        top = self._path(prefix)
        for path in sorted(top.rglob("*")):
            if path.is_file() and _PIECE.fullmatch(path.name):
                yield path.relative_to(self._folder).as_posix()

    def remove(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def _bring(self, source: Path, target: Path) -> None:
        """The whole file appears under its name at once. Raises FileExistsError when something lies there."""
        try:
            os.link(source, target, follow_symlinks=False)
        except FileExistsError:
            raise
        except OSError:  # another file system, or one without links
            _copy(source, target)

    def _path(self, name: str) -> Path:
        pieces = name.split("/")
        if len(pieces) > _MOST_PIECES or not all(_PIECE.fullmatch(piece) for piece in pieces):
            raise InvalidInput("object-name", N_("对象名称不合规：{name}"), name=name)
        return self._folder.joinpath(*pieces)


def look(path: Path) -> Kept:
    """Reads a file from where it lies. Raises OSError, FileNotFoundError when it is not there."""
    told, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            told.update(block)
            size += len(block)
    return Kept(size, told.hexdigest())


def _blocks(path: Path, start: int, length: int | None) -> Iterator[bytes]:
    left = length
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(_BLOCK if left is None else min(_BLOCK, left)):
            left = None if left is None else left - len(block)
            yield block


def _copy(source: Path, target: Path) -> None:
    descriptor, part = tempfile.mkstemp(
        prefix=".", dir=target.parent
    )  # opened exclusively; no name of an object
    try:
        with os.fdopen(descriptor, "wb") as file, source.open("rb") as given:
            while block := given.read(_BLOCK):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, target)  # never over what is there already
    finally:
        Path(part).unlink()


def _make_folders(folder: Path, top: Path) -> None:
    """Makes what is missing down from the store's own folder; each is in its parent for good before it is used."""
    if folder.is_dir():
        return
    if folder != top:
        _make_folders(folder.parent, top)
    folder.mkdir(mode=0o700, parents=folder == top, exist_ok=True)
    _sync(folder.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
