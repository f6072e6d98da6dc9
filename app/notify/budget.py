"""The row by which all processes together keep to a provider's rate."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from app.notify.models import ProviderBudget


def spent_until(session: Session, key: str) -> datetime | None:
    """Up to when the rate of this provider and channel is used up; None before the first send."""
    return session.exec(select(ProviderBudget.spent_until).where(ProviderBudget.key == key)).first()


def hold(session: Session, now: datetime, key: str) -> datetime:
    """The same, kept from other nodes until this transaction ends."""
    held = select(ProviderBudget.spent_until).where(ProviderBudget.key == key).with_for_update()
    if (found := session.exec(held).first()) is not None:
        return found
    insert_budget = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.exec(insert_budget(ProviderBudget).values(key=key, spent_until=now).on_conflict_do_nothing())
    return session.exec(held).one()


def spend(session: Session, key: str, until: datetime) -> None:
    session.exec(update(ProviderBudget).where(col(ProviderBudget.key) == key).values(spent_until=until))
