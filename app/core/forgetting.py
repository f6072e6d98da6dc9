"""Takes away rows that nobody needs any more, a few at a time, so that no writer waits long."""

from sqlalchemy import ColumnElement, delete, inspect, select, tuple_
from sqlmodel import Session, SQLModel

AT_ONCE = 500


def forget_some(session: Session, table: type[SQLModel], over: ColumnElement[bool]) -> bool:
    """Takes away at most `AT_ONCE` rows for which `over` holds; whether there may be more of them."""
    key = inspect(table).primary_key
    some = select(*key).where(over).limit(AT_ONCE)
    gone = session.connection().execute(delete(table).where(tuple_(*key).in_(some)))
    return int(gone.rowcount) == AT_ONCE
