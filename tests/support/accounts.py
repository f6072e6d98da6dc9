"""Accounts of staff that only have to be there: nobody signs in to them with a password."""

from datetime import datetime

from sqlmodel import Session

from app.accounts.models import Account
from app.accounts.permissions import Role


def add_account(session: Session, now: datetime, login: str = "li", role: Role = Role.supervisor) -> Account:
    """An account whose id is its login."""
    account = Account(id=login, login=login, name="", role=role, password_hash="-", created_at=now)
    session.add(account)
    session.flush()
    return account
