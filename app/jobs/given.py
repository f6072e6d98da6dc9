"""What a media worker is given by the service that starts it: in one line, over a pipe, so that no list of processes shows it."""

import json
import logging
from collections.abc import Sequence
from typing import Any, Self

from pydantic import BaseModel, SecretStr

from app.core.settings import OwnSettings, Settings

_NEEDED = frozenset(
    {
        "data_dir",
        "database_url",
        "default_language",
        "demo",
        "limits",
        "media",
        "recording",
        "secret_key",
        "server",
    }
)


class Given(BaseModel):
    """settings: those that a worker needs. url: as in `MediaWorker.url`. sockets: file numbers of its open port. level: of logs."""

    settings: dict[str, Any]
    worker_id: str
    url: str
    sockets: tuple[int, ...]
    level: str

    @classmethod
    def of(cls, settings: Settings, worker_id: str, url: str, sockets: Sequence[int]) -> Self:
        return cls(
            settings=json.loads(json.dumps(settings.model_dump(include=set(_NEEDED)), default=_spoken)),
            worker_id=worker_id,
            url=url,
            sockets=tuple(sockets),
            level=logging.getLevelName(logging.getLogger().getEffectiveLevel()),
        )

    def line(self) -> bytes:
        return self.model_dump_json().encode() + b"\n"

    def chosen(self) -> Settings:
        """The settings; nothing of them comes from the worker's environment."""
        return OwnSettings(**self.settings)


def _spoken(value: object) -> str:
    """Secrets, which the pipe may know, and paths."""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
