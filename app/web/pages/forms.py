"""What was typed into a page's form, before anybody judged it."""

import unicodedata
from datetime import datetime
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from app.web.templating import CHINA

Typed = dict[str, tuple[str, ...]]


async def _typed(request: Request) -> Typed:
    """Every text field by its name, in the order of the page; files are not taken."""
    form = await request.form(max_files=0, max_fields=3000)
    names = dict.fromkeys(form)
    return {name: tuple(value for value in form.getlist(name) if isinstance(value, str)) for name in names}


TypedDep = Annotated[Typed, Depends(_typed)]


def one(typed: Typed, name: str) -> str:
    """The first value of a field without the spaces around it; empty when it was not sent."""
    return next(iter(typed.get(name, ())), "").strip()


def plain(text: str) -> str:
    """Full-width digits and letters as the half-width ones they stand for."""
    return unicodedata.normalize("NFKC", text)


def instant(text: str) -> datetime | None:
    """The moment that clocks in China show as `2026-11-24T09:00`; None for anything else."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=CHINA)
    except ValueError:
        return None
