"""What every command stands on: the configured settings, and the ground laid from them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from app.core.ground import Ground, lay
from app.core.settings import Settings, configured

DataDir = Annotated[Path | None, typer.Option("--data", help="数据目录 · data folder (default: var)")]


def settings(data: Path | None, port: int | None = None) -> Settings:
    """The configured settings, with what the command line says on top."""
    chosen = configured()
    if data is not None:
        chosen.data_dir = data
    if port is not None:
        chosen.server.port = port
    return chosen


@contextmanager
def ground(chosen: Settings) -> Iterator[Ground]:
    laid = lay(chosen)
    try:
        yield laid
    finally:
        laid.database.dispose()
