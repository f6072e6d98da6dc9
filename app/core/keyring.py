"""The keys that fields are sealed under, by number: none is ever replaced, a new one joins the others.

Key 1 follows from the master key, so that a house needs nothing but `secret.key`. Each further one lies in a file of its
own, `keys/2.key` and so on, and is random: it helps nobody who has an old `secret.key`. Whoever seals takes the newest.
Number 0 stands for what was sealed before keys had numbers.
"""

import hmac
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock

from app.core.errors import InvalidInput, Unavailable
from app.core.i18n import N_

UNNUMBERED = 0
FIRST = 1
_KEY_BYTES = 32
_NAME = re.compile(r"([1-9]\d{0,5})\.key\Z")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What lay in the folder, and by what it is noticed that something else does now."""

    mark: int
    keys: Mapping[int, bytes]
    newest: int


class KeyRing:
    """The field keys of this house (字段密钥环). Follows its folder: a key made beside it is used at once."""

    def __init__(
        self, own: Mapping[int, bytes], folder: Path | None = None, retired: frozenset[int] = frozenset()
    ) -> None:
        """own: keys that follow from the master key. folder: of the others, which need not exist."""
        self._own = {number: key for number, key in own.items() if number not in retired}
        self._folder = folder
        self._retired = retired
        self._path = None if folder is None else str(folder)
        self._lock = Lock()
        self._seen = _Seen(-1, self._own, max(own))
        self._look()

    @property
    def newest(self) -> int:
        """The key to seal under."""
        if self._path is not None and _mark(self._path) != self._seen.mark:
            self._look()
        return self._seen.newest

    def get(self, number: int) -> bytes | None:
        """That key; None when it is not in the ring, even after a look at what was added since."""
        found = self._seen.keys.get(number)
        if found is None and self._folder is not None:
            self._look()
            found = self._seen.keys.get(number)
        return found

    def numbers(self) -> tuple[int, ...]:
        self._look()
        return tuple(sorted(self._seen.keys))

    def make(self, number: int) -> None:
        """Makes a key, safely on disk and readable by its owner alone, before anybody seals under it."""
        if self._folder is None:
            raise ValueError("a ring without a folder holds no further keys")
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_once(self._folder / f"{number}.key", secrets.token_hex(_KEY_BYTES))
        self._look()

    def put_away(self, number: int) -> Path | None:
        """Takes a key out of the ring; its file stays under another name until people destroy it."""
        self._retired |= {number}
        self._own.pop(number, None)
        put = None
        if self._folder is not None and (self._folder / f"{number}.key").exists():
            put = self._folder / f"{number}.retired"
            (self._folder / f"{number}.key").rename(put)
            sync_folder(self._folder)
        self._look()
        return put

    def _look(self) -> None:
        """Reads the folder; one thread at a time, and whoever reads meanwhile has what was there before."""
        with self._lock:
            if self._folder is None:
                self._seen = _Seen(0, self._own, max(self._own, default=FIRST))
                return
            mark = _mark(str(self._folder))  # before the names: what comes in between is noticed next time
            keys = dict(self._own)
            for number, file in _files(self._folder):
                if number not in self._retired and number not in keys:
                    keys[number] = _read(file)
            self._seen = _Seen(mark, keys, max(keys, default=FIRST))


def check_value(number: int, key: bytes) -> str:
    """By what a key is recognized, 64 hex digits; nothing leads from it back to the key."""
    return hmac.new(key, f"yuanping/field-key-check/{number}".encode(), sha256).hexdigest()


def write_once(path: Path, text: str) -> None:
    """Writes a file readable by its owner alone, safely on disk under its name; one that is there stays."""
    temporary = path.parent / f".secret-{secrets.token_hex(8)}"
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(temporary)  # whoever links first wins; the other reads the winner's key
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes a new name in the folder survive a power cut; Windows keeps names without being asked."""
    if os.name == "nt":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _mark(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116 -- asked before every seal, and half as long as by a Path
    except FileNotFoundError:
        return 0


def _files(folder: Path) -> list[tuple[int, Path]]:
    try:
        files = list(folder.iterdir())
    except FileNotFoundError:
        return []
    return [(int(match[1]), file) for file in files if (match := _NAME.match(file.name))]


def _read(file: Path) -> bytes:
    try:
        key = bytes.fromhex(file.read_text("ascii").strip())
    except (UnicodeDecodeError, ValueError):
        key = b""
    except OSError as error:
        raise Unavailable(
            "field-key-unreadable",
            N_("读不出字段密钥 {path}"),
            N_("检查文件的属主与权限，或从备份恢复"),
            path=file,
        ) from error
    if len(key) != _KEY_BYTES:
        raise InvalidInput(
            "field-key",
            N_("字段密钥 {path} 必须是 64 位十六进制数"),
            N_("从备份恢复这个文件"),
            path=file,
        )
    return key
