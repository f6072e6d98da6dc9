"""One service on one data folder: a lock that the operating system lets go when the process ends, however it ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.errors import Conflict
from app.core.i18n import N_


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Holds the folder for this process; Conflict while another one holds it.

    A second service would end the recordings that the first is writing, taking them for leftovers of a crash.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "service.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                "folder-in-use",
                N_("数据目录 {folder} 正由另一个远评服务使用"),
                N_("先停止那个服务，或用 --data 换一个目录"),
                folder=folder,
            ) from error
        yield
