"""Alembic's entry: runs the steps on the connection the runner hands over."""

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlmodel import AutoString

from app.core.database import UtcDateTime
from app.migrations.metadata import metadata


def _written(kind: str, item: object, autogen: AutogenContext) -> str | Literal[False]:
    """How our column types are spelled in a step."""
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        autogen.imports.add("from app.core.database import UtcDateTime")
        return "UtcDateTime()"
    if isinstance(item, AutoString):
        length = getattr(item, "length", None)
        return f"sa.String({length})" if length else "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata(),
    render_as_batch=True,
    compare_type=True,
    render_item=_written,
)
with context.begin_transaction():
    context.run_migrations()
