"""The environment that a command reads, without whatever this machine has in it."""

import os

import pytest


def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of ours but English."""
    for name in [one for one in os.environ if one.startswith("YUANPING_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("YUANPING_LANG", "en")
