"""Which account somebody of a center's own sign-in service is; an administrator says so, nothing else does."""

from datetime import datetime

from sqlmodel import Session, select

from app.accounts import shutting, staff, tries
from app.accounts.models import ExternalIdentity
from app.accounts.trail import record
from app.audit.tags import Tag
from app.core.errors import Conflict, InvalidInput
from app.core.i18n import N_

_LONGEST = 255


def account_of(session: Session, issuer: str, subject: str) -> str | None:
    """The id of the account that this identity was linked to; None for a stranger."""
    found = session.get(ExternalIdentity, (issuer, subject), populate_existing=True)
    return None if found is None else found.account_id


def subjects_of(session: Session, account_id: str) -> tuple[str, ...]:
    """Who may come in as this account, as the provider calls them."""
    rows = session.exec(select(ExternalIdentity.subject).where(ExternalIdentity.account_id == account_id))
    return tuple(sorted(rows.all()))


def link(
    session: Session, now: datetime, *, account_id: str, issuer: str, subject: str, actor_id: str
) -> None:
    """From now on this identity comes in as this account. Conflict when it does as another one."""
    subject = subject.strip()
    if not subject or len(subject) > _LONGEST:
        raise InvalidInput(
            "subject-unfit", N_("统一身份认证的标识不合要求"), N_("填写对方登录时页面显示的标识")
        )
    staff.require_other(session, account_id, actor_id)
    known = account_of(session, issuer, subject)
    if known == account_id:
        return
    if known is not None:
        raise Conflict("subject-taken", N_("这个标识已关联另一个账号"), N_("先在那个账号解除关联"))
    session.add(
        ExternalIdentity(
            issuer=issuer, subject=subject, account_id=account_id, linked_at=now, linked_by=actor_id
        )
    )
    session.flush()
    record(session, now, actor_id, Tag.account_identity_linked, account_id)


def forget(session: Session, account_id: str) -> None:
    """Nobody of any provider comes in as this account any more."""
    rows = session.exec(select(ExternalIdentity).where(ExternalIdentity.account_id == account_id)).all()
    for row in rows:
        session.delete(row)
    session.flush()


def unlink(session: Session, now: datetime, *, account_id: str, issuer: str, actor_id: str) -> None:
    """Nobody of the provider comes in as this account any more, and who has is out."""
    staff.require_other(session, account_id, actor_id)
    tries.hold_account(session, account_id)
    rows = session.exec(
        select(ExternalIdentity).where(
            ExternalIdentity.account_id == account_id, ExternalIdentity.issuer == issuer
        )
    ).all()
    if not rows:
        return
    for row in rows:
        session.delete(row)
    session.flush()
    shutting.shut(session, now, account_id)
    record(session, now, actor_id, Tag.account_identity_unlinked, account_id)
