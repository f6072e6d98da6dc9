"""Writes docs/settings.md from the settings themselves, so that the page cannot say anything else than the program does."""

from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from app.core.settings import Settings
from tools.made_page import MadePage

OPENING = """# Settings

Every setting has a default that runs. Change one with an environment variable: the prefix `YUANPING_`, and `__` between
levels. A value that cannot be meant stops the start with a message that names it.

```sh
YUANPING_SERVER__PORT=9000 YUANPING_DATA_DIR=/srv/yuanping/var yuanping serve
```

This page is written by `make fix` from `app/core/settings.py`.
"""


def kind(annotation: Any) -> str:
    """A type as people name it."""
    if get_origin(annotation) in {Union, UnionType}:
        return " or ".join(kind(part) for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    names = {int: "whole number", float: "number", str: "text", bool: "`true` or `false`", Path: "folder"}
    names |= {SecretStr: "text", dict[str, str]: "JSON object", tuple[int, ...]: "JSON list of whole numbers"}
    if annotation in names:
        return names[annotation]
    members = getattr(annotation, "__members__", None)
    return " or ".join(f"`{member.value}`" for member in members.values()) if members else str(annotation)


def limits(field: FieldInfo) -> str:
    """The bounds of a number, in words; empty when there are none."""
    words = {"ge": "at least {}", "gt": "more than {}", "le": "at most {}", "lt": "less than {}"}
    found = [(word, getattr(bound, name, None)) for bound in field.metadata for name, word in words.items()]
    return ", ".join(word.format(value) for word, value in found if value is not None)


def default(field: FieldInfo) -> str:
    """The default as one would write it into the environment."""
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None:
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def sections(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, str, list[str]]]:
    """Each level of the tree: its path, its sentence, and one table row per setting of its own."""
    rows = []
    below = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            below.append((field.annotation, f"{path}{name}__"))
            continue
        meant = ", ".join(filter(None, [kind(field.annotation), limits(field)]))
        variable = f"YUANPING_{path}{name}".upper()
        rows.append(f"| `{variable}` | {default(field)} | {field.description} | {meant} |")
    yield path.rstrip("_"), (model.__doc__ or "").strip() if "__doc__" in vars(model) else "", rows
    for inner, longer in below:
        yield from sections(inner, longer)


def page() -> str:
    """The whole page."""
    parts = [OPENING]
    for path, sentence, rows in sections(Settings):
        heading = path.replace("__", " · ").replace("_", " ").capitalize() or "General"
        parts.append(f"## {heading}\n")
        if path and sentence:
            parts.append(f"{sentence}\n")
        parts.append("| Variable | Default | What it does | Takes |\n|---|---|---|---|")
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


PAGE = MadePage("settings.md", page)

if __name__ == "__main__":
    raise SystemExit(PAGE.main())
