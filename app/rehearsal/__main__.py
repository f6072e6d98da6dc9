"""Rehearses on an open service; the demonstration starts it beside itself."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.rehearsal.stage import rehearse_on


def main(data: Annotated[Path, typer.Option()], url: Annotated[str, typer.Option()]) -> None:
    language = "en" if os.environ.get("YUANPING_LANG", "zh").startswith("en") else "zh"
    raise typer.Exit(rehearse_on(data, url, Console(highlight=False), language))


typer.run(main)
