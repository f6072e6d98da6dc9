"""The clock of the database, in statements: what decides between processes is never the clock of one of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Integer, cast, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from app.core.database import UtcDateTime


class _Moment(FunctionElement[datetime]):
    """Now, and so many milliseconds later."""

    type = UtcDateTime()
    inherit_cache = True
    name = "database_moment"


def in_ms(milliseconds: int) -> ColumnElement[datetime]:
    """The moment so many milliseconds from now (negative: ago), by the clock of the database while it runs the statement."""
    return _Moment(cast(literal(milliseconds), Integer))


@compiles(_Moment, "sqlite")
def _sqlite(element: _Moment, compiler: SQLCompiler, **options: Any) -> str:
    span = compiler.process(element.clauses, **options)
    # Whole milliseconds, in the microseconds that an instant is kept in; older releases know no other way to ask for them.
    return f"((CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) + {span}) * 1000)"


@compiles(_Moment, "postgresql")
def _postgresql(element: _Moment, compiler: SQLCompiler, **options: Any) -> str:
    span = compiler.process(element.clauses, **options)
    return f"(clock_timestamp() + {span} * interval '1 millisecond')"
