"""The people of the sample center that a newcomer may step into, and their sign-in links."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from app.accounts import tickets
from app.accounts.models import Account
from app.accounts.passwords import hash_password
from app.accounts.permissions import Role
from app.accounts.tickets import TicketKind
from app.core.i18n import N_
from app.core.ids import new_id
from app.core.sealing import Sealer

LINK_LIFETIME = timedelta(hours=12)
_DESK = "desk-"


@dataclass(frozen=True, slots=True)
class PersonaLink:
    """One persona and the address that signs them in; `what` is a Chinese catalogue text."""

    login: str
    name: str
    what: str
    path: str


_PERSONAS: tuple[tuple[str, str, Role, str], ...] = (
    ("operator", "主场经办", Role.host_operator, N_("预约评标、执行抽取、查看通知终端、开启和关闭评标")),
    ("supervisor", "行政监督", Role.supervisor, N_("旁观抽取、回放录像、校验记录")),
    ("drawing", "抽取监督", Role.draw_supervisor, N_("监督抽取，办理名单解密的第二人")),
    ("roster", "专家库管理", Role.pool_administrator, N_("导入专家名册")),
    ("guest", "副场服务", Role.guest_operator, N_("查看场地与工位")),
    ("admin", "系统管理", Role.administrator, N_("系统运行，不接触评标内容")),
)


def ensure_accounts(session: Session, now: datetime, center_id: str) -> None:
    """Creates the personas that are missing; nobody knows their passwords, they come in by link."""
    known = set(session.exec(select(Account.login)).all())
    session.add_all(
        Account(
            id=new_id(now),
            login=login,
            name=name,
            role=role,
            center_id=center_id,
            password_hash=hash_password(secrets.token_urlsafe(24)),
            created_at=now,
        )
        for login, name, role, _ in _PERSONAS
        if login not in known
    )
    session.flush()


def open_desks(session: Session, sealer: Sealer, now: datetime, center_ids: Iterable[str]) -> dict[str, str]:
    """Center → the address that signs in the pretend staff at its check-in desk, for as long as a rehearsal lasts."""
    found = {}
    for center_id in center_ids:
        login = f"{_DESK}{center_id}"
        account = session.exec(select(Account).where(Account.login == login)).first()
        if account is None:
            account = Account(
                id=new_id(now),
                login=login,
                name="签到台",
                role=Role.guest_operator,
                center_id=center_id,
                password_hash=hash_password(secrets.token_urlsafe(24)),
                created_at=now,
            )
            session.add(account)
        account.active = True
        session.flush()
        found[center_id] = _link(session, sealer, now, account)
    return found


def close_desks(session: Session) -> None:
    """The rehearsal is over: the pretend staff at the desks can sign in no more."""
    for account in session.exec(select(Account).where(col(Account.login).startswith(_DESK))).all():
        account.active = False
    session.flush()


def links(session: Session, sealer: Sealer, now: datetime) -> tuple[PersonaLink, ...]:
    """A fresh sign-in link for each persona, good for twelve hours and for more than one browser."""
    found = []
    for login, name, _, what in _PERSONAS:
        account = session.exec(select(Account).where(Account.login == login)).one()
        found.append(PersonaLink(login, name, what, _link(session, sealer, now, account)))
    return tuple(found)


def _link(session: Session, sealer: Sealer, now: datetime, account: Account) -> str:
    secret = tickets.issue(
        session,
        sealer,
        now,
        kind=TicketKind.sign_in,
        subject=f"account:{account.id}",
        lifetime=LINK_LIFETIME,
        reusable=True,
    )
    return f"/sign-in/ticket/{secret}"
