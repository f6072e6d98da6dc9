"""What was typed into a page's form, before anybody judged it."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

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
