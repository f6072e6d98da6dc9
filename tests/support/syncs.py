"""The order in which things reach the disk."""

import os
import stat
from pathlib import Path

import pytest


def noted_syncs(monkeypatch: pytest.MonkeyPatch, file: Path) -> list[str]:
    """What is brought to disk from now on, each `file` or `folder`; `file` gets its name only when it is whole, and before its folder is."""
    synced: list[str] = []
    sync = os.fsync

    def noting(opened: int) -> None:
        folder = stat.S_ISDIR(os.fstat(opened).st_mode)
        synced.append("folder" if folder else "file")
        assert file.exists() == folder
        sync(opened)

    monkeypatch.setattr(os, "fsync", noting)
    return synced
