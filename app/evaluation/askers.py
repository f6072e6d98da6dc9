"""Whether whoever asked for what takes two persons still may ask for it: nobody confirms the word of somebody who is gone."""

from sqlmodel import Session

from app.accounts import known
from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.core.errors import Conflict
from app.core.i18n import N_


def present(session: Session, actor_id: str, permission: Permission) -> Actor | None:
    """Who asked, as their account is now; None once it is shut, or its role has the permission no more."""
    asker = known.actor(session, actor_id)
    return asker if asker is not None and asker.may(permission) else None


def gone() -> Conflict:
    """What is said to the second person then."""
    return Conflict(
        "asker-gone", N_("提出的人已不再有权办理这一事项"), N_("由现在有权的人员重新提出，再由另一人确认")
    )
