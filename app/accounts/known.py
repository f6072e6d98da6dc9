"""Who an actor of the trail is by now: their account may have been shut, or have another role, since they acted."""

from sqlmodel import Session

from app.accounts.access import Actor
from app.accounts.models import Account
from app.accounts.permissions import Role
from app.accounts.trail import ACCOUNT


def actor(session: Session, actor_id: str) -> Actor | None:
    """As their account is now, without a session; None for who has none that is active."""
    account = session.get(Account, actor_id.removeprefix(ACCOUNT), populate_existing=True)
    if account is None or not account.active:
        return None
    return Actor(id=actor_id, role=Role(account.role), name=account.name, center_id=account.center_id)
