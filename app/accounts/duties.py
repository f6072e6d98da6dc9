"""Duties that no one person may hold, not even one after the other; and the only way an account's role is changed."""

from datetime import datetime

from sqlmodel import Session, select

from app.accounts import shutting
from app.accounts.access import Actor
from app.accounts.models import Account, RoleChange
from app.accounts.permissions import Permission, Relation, Role
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from app.core.i18n import N_
from app.core.ids import new_id

_CASE = "house"
APART: tuple[tuple[frozenset[Role], frozenset[Role]], ...] = (
    # Whoever keeps the roster neither books, nor draws from it, nor supervises that.
    (
        frozenset({Role.pool_administrator}),
        frozenset({Role.agency, Role.draw_supervisor, Role.host_operator, Role.supervisor}),
    ),
)
"""Pairs of duties that stay apart for good. That who booked or drew cannot supervise is asked of each evaluation's own trail."""
NOT_STAFF = frozenset({Role.expert, Role.tenderee})
"""Experts come by their seat, the tenderee's representative by a link: no account has these roles."""


def change_role(
    session: Session, now: datetime, actor: Actor, account_id: str, role: Role, reason: str
) -> Account:
    """Gives an account another role and signs it out everywhere; what it did before stays its own.

    Forbidden for one's own account. Conflict `duties-apart` where it holds, or has ever held, a duty that has to stay apart
    from the new one.
    """
    account = session.get(Account, account_id, with_for_update=True)
    if account is None:
        raise NotFound("account", N_("没有这个账号"), N_("从账号列表中选择"))
    own = actor.id == f"account:{account.id}"
    if not actor.reaches(Permission.account_manage, *(() if own else (Relation.not_oneself,))):
        raise Forbidden("own-account", N_("不能更改自己的岗位"), N_("由另一位系统管理员更改"))
    if role in NOT_STAFF:
        raise InvalidInput("role-not-staff", N_("这个岗位没有账号"), N_("选择工作人员的岗位"))
    if account.role == role:
        return account
    require_apart(session, account, role)
    before = account.role
    account.role = role
    session.add(account)
    session.add(
        RoleChange(
            id=new_id(now),
            account_id=account.id,
            before=before,
            after=role,
            reason=reason,
            changed_by=actor.id,
            changed_at=now,
        )
    )
    session.flush()
    shutting.shut(session, now, account.id)
    audit.record(
        session,
        now,
        case=_CASE,
        tag=Tag.account_role_changed,
        actor=actor.id,
        subject=f"account:{account.id}",
        data={"before": before, "after": role, "reason": reason},
    )
    return account


def require_apart(session: Session, account: Account, role: Role) -> None:
    """Conflict `duties-apart` where the account holds, or has ever held, a duty that stays apart from this role."""
    if conflicts(held(session, account), role):
        raise Conflict(
            "duties-apart",
            N_("这个账号现在或曾经承担与该岗位不相容的职责"),
            N_("为该岗位另设账号，由另一人使用"),
        )


def held(session: Session, account: Account) -> frozenset[Role]:
    """Every role the account has or has ever had."""
    changes = session.exec(select(RoleChange).where(RoleChange.account_id == account.id)).all()
    return frozenset(
        Role(role)
        for role in {account.role, *(one.before for one in changes), *(one.after for one in changes)}
    )


def conflicts(roles: frozenset[Role], wanted: Role) -> frozenset[Role]:
    """Those of the roles that have to stay apart from the wanted one."""
    found: set[Role] = set()
    for one, other in APART:
        if wanted in one:
            found |= roles & other
        if wanted in other:
            found |= roles & one
    return frozenset(found)
