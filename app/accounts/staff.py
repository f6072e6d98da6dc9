"""Keeps the accounts of staff: adds, invites, disables, changes roles; whatever is changed ends the account's sessions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from app.accounts import duties, second_factor, sessions, shutting, tries, welcome_links
from app.accounts.access import Actor
from app.accounts.entering import NO_PASSWORD
from app.accounts.models import Account
from app.accounts.passwords import hash_password, require_fit
from app.accounts.permissions import Role
from app.accounts.trail import record
from app.audit.tags import Tag
from app.core import reasons_given
from app.core.database import in_turn
from app.core.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from app.core.i18n import N_
from app.core.ids import new_id
from app.core.sealing import Sealer

ROLES: tuple[Role, ...] = tuple(role for role in Role if role not in duties.NOT_STAFF)
"""What an account can be: experts come by a seat code, the tenderee's representative by a link of their own."""
COMMAND_LINE = ""
"""Who acts where nobody is signed in: whoever may run commands on the machine."""
_LONGEST = 64
_TURN = "staff-accounts"


@dataclass(frozen=True, slots=True)
class Persona:
    """An account of the sample center that a newcomer may step into."""

    id: str
    login: str
    name: str
    role: Role
    center_id: str | None


@dataclass(frozen=True, slots=True)
class Invitation:
    """An account and the secret of the one-use link by which its holder chooses a password."""

    account_id: str
    secret: str


def any_account(session: Session) -> bool:
    return session.exec(select(Account.id).limit(1)).first() is not None


def create_account(
    session: Session,
    now: datetime,
    *,
    login: str,
    name: str,
    role: Role,
    password: str,
    center_id: str | None,
    actor_id: str = COMMAND_LINE,
) -> Account:
    """A new member of staff with a password. Conflict for a login in use, InvalidInput for a password that anybody would guess."""
    require_fit(password, login, name)
    return _add(
        session,
        now,
        login=login,
        name=name,
        role=role,
        center_id=center_id,
        password_hash=hash_password(password),
        actor_id=actor_id,
    )


def invite(
    session: Session,
    sealer: Sealer,
    now: datetime,
    *,
    login: str,
    name: str,
    role: Role,
    center_id: str | None,
    actor_id: str,
    code_mark: str = "",
) -> Invitation:
    """A new member of staff, who chooses their own password by a link. Conflict for a login in use.

    code_mark: of the code that has to be shown with the link; as in `welcome_links.issue`.
    """
    account = _add(
        session,
        now,
        login=login,
        name=name,
        role=role,
        center_id=center_id,
        password_hash=NO_PASSWORD,
        actor_id=actor_id,
    )
    return _invitation(session, sealer, now, account.id, actor_id, code_mark)


def invite_again(
    session: Session,
    sealer: Sealer,
    now: datetime,
    *,
    account_id: str,
    actor_id: str,
    code_mark: str = "",
) -> Invitation:
    """A new link for who has lost theirs or forgotten the password; earlier links open nothing any more. code_mark: as above."""
    account = load(session, account_id)
    if not account.active:
        raise Conflict("account-disabled", N_("账号已停用"), N_("先启用账号"))
    return _invitation(session, sealer, now, account.id, actor_id, code_mark)


def welcome(
    session: Session, sealer: Sealer, now: datetime, *, secret: str, code: str, new_hash: str
) -> Account | None:
    """The holder of the link has chosen a password; None when another was faster, or it opens nothing with this code."""
    account = welcome_links.redeem(session, sealer, now, secret, code)
    if account is not None:
        set_password(session, now, account.id, new_hash, actor_id=account.id)
    return account


def set_password(
    session: Session, now: datetime, account_id: str, new_hash: str, *, actor_id: str, but: str = ""
) -> None:
    """The account has another password; whatever was open to it is shut, except the session `but`, in which it was changed."""
    load(session, account_id).password_hash = new_hash
    session.flush()
    shutting.shut(session, now, account_id, but=but)
    record(session, now, actor_id, Tag.account_password_set, account_id)


def require_not_ended(session: Session, account_id: str, session_id: str) -> None:
    """Unauthenticated where somebody has ended the session since it was looked at; holds the account."""
    tries.hold_account(session, account_id)
    if sessions.ended(session, session_id):
        raise Unauthenticated("sign-in-needed", N_("请先登录"), N_("登录后再试"))


def disable(session: Session, now: datetime, *, account_id: str, actor_id: str) -> None:
    """Nobody gets in by this account any more, and whoever is in is out at once."""
    account = require_other(session, account_id, actor_id)
    if account.active:
        _require_another(session, account)
        account.active = False
        session.flush()
        welcome_links.void(session, now, account_id)
        shutting.shut(session, now, account_id)
        record(session, now, actor_id, Tag.account_disabled, account_id)


def enable(session: Session, now: datetime, *, account_id: str, actor_id: str) -> None:
    account = require_other(session, account_id, actor_id)
    if not account.active:
        account.active = True
        session.flush()
        record(session, now, actor_id, Tag.account_enabled, account_id)


def change_role(
    session: Session, now: datetime, *, account_id: str, role: Role, reason: str, actor: Actor
) -> None:
    """From now on they are something else; they sign in anew. Refuses as `duties.change_role`, and without a reason."""
    in_turn(session, _TURN)
    why = require_reason(reason)
    account = load(session, account_id)
    if account.role != role:
        _require_another(session, account)
    duties.change_role(session, now, actor, account_id, role, why)


def reset_factor(session: Session, now: datetime, *, account_id: str, reason: str, actor_id: str) -> None:
    """Takes the second factor away from who has lost it; at the next sign-in they set up a new one.

    Whoever can ask for this can get into the account with its password alone: it needs a reason, which is kept.
    """
    require_other(session, account_id, actor_id)
    why = require_reason(reason)
    tries.hold_account(session, account_id)
    second_factor.remove(session, account_id)
    tries.forget_devices(session, account_id)
    shutting.shut(session, now, account_id)
    record(
        session,
        now,
        actor_id,
        Tag.account_factor_reset,
        account_id,
        {"reason": why},
    )


def end_sessions(session: Session, now: datetime, *, account_id: str, actor_id: str, but: str = "") -> int:
    """Ends all sessions of the account except `but`; how many there were."""
    tries.hold_account(session, account_id)
    ended = sessions.end_for_account(session, now, account_id, but=but)
    if ended:
        record(session, now, actor_id, Tag.account_session_ended, account_id, {"sessions": ended})
    return ended


def end_session(session: Session, now: datetime, *, account_id: str, session_id: str, actor_id: str) -> None:
    """Ends one session; one of somebody else or one that is over changes nothing."""
    if sessions.end_one(session, now, session_id, account_id):
        record(session, now, actor_id, Tag.account_session_ended, account_id, {"sessions": 1})


def load(session: Session, account_id: str) -> Account:
    account = session.get(Account, account_id, populate_existing=True)
    if account is None:
        raise NotFound("account-unknown", N_("没有这个账号"), N_("返回账号列表核对"))
    return account


def names(session: Session, account_ids: Collection[str]) -> Mapping[str, str]:
    """Account → the name its holder goes by; without those that are not there."""
    rows = session.exec(select(Account.id, Account.name).where(col(Account.id).in_(account_ids)))
    return dict(rows.all())


def by_login(session: Session, login: str) -> Account:
    account = session.exec(select(Account).where(Account.login == login)).first()
    if account is None:
        raise NotFound("login-unknown", N_("没有登录名为 {login} 的账号"), N_("核对登录名"), login=login)
    return account


def personas(session: Session, limit: int = 12) -> tuple[Persona, ...]:
    """The first accounts of the sample center, for the sign-in page of a demonstration."""
    rows = session.exec(
        select(Account)
        .where(col(Account.active))
        .order_by(col(Account.created_at), col(Account.id))
        .limit(limit)
    ).all()
    return tuple(Persona(row.id, row.login, row.name, Role(row.role), row.center_id) for row in rows)


def _add(
    session: Session,
    now: datetime,
    *,
    login: str,
    name: str,
    role: Role,
    center_id: str | None,
    password_hash: str,
    actor_id: str,
) -> Account:
    login, name = login.strip(), name.strip()
    require_free(session, login, name, role)
    account = Account(
        id=new_id(now),
        login=login,
        name=name,
        role=role,
        center_id=center_id,
        password_hash=password_hash,
        created_at=now,
    )
    session.add(account)
    session.flush()
    record(session, now, actor_id, Tag.account_added, account.id, {"role": str(role)})
    return account


def _invitation(
    session: Session, sealer: Sealer, now: datetime, account_id: str, actor_id: str, code_mark: str
) -> Invitation:
    secret = welcome_links.issue(session, sealer, now, account_id, code_mark)
    record(session, now, actor_id, Tag.account_invited, account_id)
    return Invitation(account_id, secret)


def require_free(session: Session, login: str, name: str, role: Role) -> None:
    """Refuses what no account can be made of: an unfit login or name, an expert's role, a login in use."""
    if not login or len(login) > _LONGEST or not login.isprintable() or " " in login:
        raise InvalidInput("login-unfit", N_("登录名不合要求"), N_("用不超过 64 个字符、不含空格的登录名"))
    if len(name) > _LONGEST:
        raise InvalidInput("name-long", N_("姓名过长"), N_("缩短到 64 个字符以内"))
    _require_role(role)
    in_turn(session, _TURN)
    if session.exec(select(Account.id).where(Account.login == login)).first() is not None:
        raise Conflict("login-taken", N_("登录名 {login} 已被使用"), N_("换一个登录名"), login=login)


def require_other(session: Session, account_id: str, actor_id: str) -> Account:
    """The account, which is not the actor's own: nobody changes what they themselves may do."""
    in_turn(session, _TURN)
    if account_id == actor_id:
        raise Conflict("own-account", N_("不能这样更改自己的账号"), N_("请另一位系统管理员办理"))
    return load(session, account_id)


def require_reason(reason: str) -> str:
    """The reason as it is kept; InvalidInput where none is given, or one that says nothing."""
    if not reason.strip():
        raise InvalidInput("reason-missing", N_("没有写明理由"), N_("写明为什么，理由会留在留痕里"))
    return reasons_given.reason(reason)


def _require_role(role: Role) -> None:
    if role not in ROLES:
        raise InvalidInput("role-unfit", N_("这个岗位不用账号登录"), N_("换一个岗位"))


def _require_another(session: Session, account: Account) -> None:
    """Refuses to leave the house without anybody who could let others in."""
    if account.role != Role.administrator or not account.active:
        return
    others = session.exec(
        select(func.count())
        .select_from(Account)
        .where(Account.role == Role.administrator, col(Account.active), Account.id != account.id)
    ).one()
    if not others:
        raise Conflict("last-administrator", N_("这是最后一位系统管理员"), N_("先让另一位成为系统管理员"))
