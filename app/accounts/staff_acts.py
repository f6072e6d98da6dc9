"""Acts on accounts that open what takes two persons: one administrator asks with a reason, another person confirms.

Nothing about the account changes before. Where it makes a link, whoever confirms is handed that, and whoever asked a code without which
it opens nothing: neither makes a second person of themselves alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from sqlmodel import Session, col, select, update

from app.accounts import duties, identities, second_factor, staff, tries, welcome_links
from app.accounts.access import Actor
from app.accounts.entering import NO_PASSWORD
from app.accounts.models import Account, StaffAct
from app.accounts.permissions import GRANTS, Permission, Role, may
from app.accounts.staff import COMMAND_LINE, Invitation
from app.accounts.trail import ACCOUNT, CASE
from app.audit import service as audit
from app.audit.tags import Tag
from app.core.canonical import canonical_json
from app.core.database import in_turn
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.core.ids import new_id
from app.core.sealing import Sealer

WEIGHTY = frozenset(
    {
        Permission.account_manage,
        Permission.identity_check,
        Permission.name_read,
        Permission.name_unseal,
        Permission.name_unseal_approve,
        Permission.person_unmask,
        Permission.recording_dispose,
        Permission.recording_export,
        Permission.recording_hold,
        Permission.recording_release,
        Permission.recording_replay,
        Permission.recording_watch,
    }
)
"""What a second account must not give to one person: what a house holds of people, and the keeping of its accounts."""
GUARDED = frozenset(role for role, granted in GRANTS.items() if WEIGHTY & granted.keys())
"""Roles that nobody is let into by one person alone."""
LASTS = timedelta(hours=72)
_CODE = "code"
"""In an act's detail: the mark of the code that belongs to its link."""
ASKED, DONE, REFUSED = "asked", "done", "refused"
_TURN = "staff-accounts"
_MACHINE = "command-line"


class StaffActKind(StrEnum):
    """What is asked to be done to an account."""

    enable = "enable"
    factor_reset = "factor_reset"
    identity_link = "identity_link"
    invitation = "invitation"  # a new account
    role_change = "role_change"
    welcome_link = "welcome_link"  # another link to choose a password by


_LETS_IN = frozenset({StaffActKind.invitation, StaffActKind.role_change, StaffActKind.welcome_link})
"""What makes a link, where it takes two persons."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done. account_id: empty for an account that is to be made. detail: what the kind needs.

    invitation: `name`, `role`, `center_id`; role_change: `role`; identity_link: `issuer`, `subject`.
    """

    kind: StaffActKind
    login: str
    account_id: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a wish: it waits for its second person as `act_id`, or is done, perhaps with a link to hand over.

    code: for who asked, to be handed over by them; the link that is made later opens nothing without it.
    """

    act_id: str = ""
    invitation: Invitation | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An act that waits. by: login of who asked; empty for the command line."""

    id: str
    kind: StaffActKind
    login: str
    detail: Mapping[str, str]
    reason: str
    by: str
    asked_at: datetime
    confirmable: bool


def of_account(session: Session, kind: StaffActKind, account_id: str, **detail: str) -> Wish:
    """A wish about an account that there is; NotFound for one that there is not."""
    return Wish(kind, staff.load(session, account_id).login, account_id, detail)


def takes_two(session: Session, wish: Wish) -> bool:
    """Whether the account has, has ever had, or would have a role that nobody is let into by one person alone."""
    if wish.kind in {StaffActKind.invitation, StaffActKind.role_change}:
        return wish.detail["role"] in GUARDED
    return bool(duties.held(session, staff.load(session, wish.account_id)) & GUARDED)


def request(
    session: Session, sealer: Sealer, now: datetime, wish: Wish, *, reason: str, actor_id: str
) -> Outcome:
    """Does it at once where one person may; else asks for it, with a reason, and changes nothing.

    Conflict while the same is asked already, and for one's own account.
    """
    in_turn(session, _TURN)
    if not takes_two(session, wish):
        return Outcome(invitation=_carry_out(session, sealer, now, wish, reason, actor_id))
    if wish.kind is StaffActKind.invitation:
        staff.require_free(session, wish.login, wish.detail["name"], Role(wish.detail["role"]))
    else:
        account = staff.require_other(session, wish.account_id, actor_id)
        if wish.kind is StaffActKind.role_change:
            duties.require_apart(session, account, Role(wish.detail["role"]))
    why = staff.require_reason(reason)
    same = [act for act in _open(session, now, wish.login) if act.kind == wish.kind]
    if same:
        raise Conflict(
            "staff-act-asked",
            N_("同一事项已经提出，正在等待另一人确认"),
            N_("由另一人确认或否决之后再提出"),
        )
    code = welcome_links.new_code() if _makes_link(session, now, wish) else ""
    marked = {_CODE: welcome_links.mark(sealer, wish.login, code)} if code else {}
    act = StaffAct(
        id=new_id(now),
        kind=wish.kind,
        account_id=wish.account_id,
        login=wish.login,
        detail=canonical_json({**wish.detail, **marked}).decode(),
        reason=why,
        asked_by=actor_id,
        asked_at=now,
        state=ASKED,
    )
    session.add(act)
    session.flush()
    _record(session, now, act, Tag.account_act_asked, actor_id, reason=why)
    return Outcome(act_id=act.id, code=code)


def confirm(session: Session, sealer: Sealer, now: datetime, act_id: str, *, actor: Actor) -> Outcome:
    """The second person says yes, and it is done on the word of who asked.

    Conflict for who asked and for whose account it is, for what is settled or too old, and where who asked keeps accounts no more.
    """
    in_turn(session, _TURN)
    act = _load(session, act_id)
    own = actor.id.removeprefix(ACCOUNT)
    if own in {act.asked_by, act.account_id}:
        raise Conflict(
            "second-person",
            N_("须由另一人确认，不能由提出的人或账号本人确认"),
            N_("请另一位系统管理员或监督人员确认"),
        )
    return _confirmed(session, sealer, now, act, own)


def confirm_on_the_machine(session: Session, sealer: Sealer, now: datetime, act_id: str) -> Outcome:
    """As `confirm`, by whoever has the machine, and only while there is nobody else who could."""
    in_turn(session, _TURN)
    act = _load(session, act_id)
    if _others(session, act):
        raise Conflict(
            "second-person-exists",
            N_("已有其他人可以确认"),
            N_("请另一位系统管理员或监督人员登录后确认；确已无法登录的，先停用其账号"),
        )
    return _confirmed(session, sealer, now, act, COMMAND_LINE)


def refuse(session: Session, now: datetime, act_id: str, *, reason: str, actor_id: str) -> None:
    """Somebody says no: whoever asked takes it back so, and the holder of the account defends it."""
    in_turn(session, _TURN)
    act, why = _load(session, act_id), staff.require_reason(reason)
    _settle(session, now, act, REFUSED, actor_id, why)
    _record(session, now, act, Tag.account_act_refused, actor_id, reason=why)


def waiting(session: Session, now: datetime, own: str = COMMAND_LINE) -> tuple[Waiting, ...]:
    """What waits for its second person, the first first. own: whose eyes see it; for `confirmable`."""
    acts = _open(session, now)
    askers = {act.asked_by for act in acts}
    found = session.exec(select(Account.id, Account.login).where(col(Account.id).in_(askers))).all()
    logins: dict[str, str] = dict(iter(found))
    return tuple(
        Waiting(
            act.id,
            StaffActKind(act.kind),
            act.login,
            json.loads(act.detail),
            act.reason,
            logins.get(act.asked_by, ""),
            act.asked_at,
            own not in {act.asked_by, act.account_id},
        )
        for act in acts
    )


def waiting_for(session: Session, now: datetime, login: str) -> tuple[str, ...]:
    """The ids of what waits about this login, the first first."""
    return tuple(act.id for act in _open(session, now, login))


def _confirmed(session: Session, sealer: Sealer, now: datetime, act: StaffAct, own: str) -> Outcome:
    if now - act.asked_at >= LASTS:
        raise Conflict("staff-act-late", N_("这一事项提出已久，不再有效"), N_("请重新提出"))
    if act.asked_by:
        asker = session.get(Account, act.asked_by, populate_existing=True)
        if asker is None or not asker.active or not may(Role(asker.role), Permission.account_manage):
            raise Conflict(
                "asker-gone", N_("提出的人已不再管理账号"), N_("否决这一事项，由现任系统管理员重新提出")
            )
    wish = Wish(StaffActKind(act.kind), act.login, act.account_id, json.loads(act.detail))
    if _makes_link(session, now, wish) and _CODE not in wish.detail:  # asked before codes belonged to links
        raise Conflict("staff-act-late", N_("这一事项提出已久，不再有效"), N_("请重新提出"))
    if act.account_id:  # before the turn at the trail, as whoever tries to get in does
        tries.hold_account(session, act.account_id)
    _settle(session, now, act, DONE, own, "")
    _record(session, now, act, Tag.account_act_confirmed, own)
    return Outcome(act.id, _carry_out(session, sealer, now, wish, act.reason, act.asked_by))


def _makes_link(session: Session, now: datetime, wish: Wish) -> bool:
    """Of what takes two persons. Whom two have let in before, each with their part, keeps their password in another role."""
    if wish.kind is not StaffActKind.role_change:
        return wish.kind in _LETS_IN
    earlier = select(StaffAct.detail).where(
        StaffAct.login == wish.login,
        StaffAct.state == DONE,
        col(StaffAct.kind).in_(_LETS_IN),
        col(StaffAct.settled_at) < now,
    )
    return not any(_CODE in json.loads(detail) for detail in session.exec(earlier))


def _settle(session: Session, now: datetime, act: StaffAct, state: str, own: str, why: str) -> None:
    settled = session.exec(
        update(StaffAct)
        .where(col(StaffAct.id) == act.id, col(StaffAct.state) == ASKED)
        .values(state=state, settled_by=own, settled_at=now, settled_reason=why)
    )
    if not settled.rowcount:
        raise Conflict("staff-act-settled", N_("这一事项已经处理"), N_("刷新页面查看最新状态"))


def _others(session: Session, act: StaffAct) -> bool:
    """Whether anybody who can sign in could be the second person."""
    roles = [role for role in Role if may(role, Permission.account_confirm)]
    found = session.exec(
        select(Account.id).where(
            col(Account.role).in_(roles),
            col(Account.active),
            Account.password_hash != NO_PASSWORD,
            col(Account.id).not_in([act.asked_by, act.account_id]),
        )
    ).first()
    return found is not None


def _open(session: Session, now: datetime, login: str | None = None) -> list[StaffAct]:
    asked = (
        select(StaffAct)
        .where(StaffAct.state == ASKED, col(StaffAct.asked_at) > now - LASTS)
        .order_by(col(StaffAct.asked_at), col(StaffAct.id))
    )
    return list(session.exec(asked if login is None else asked.where(StaffAct.login == login)).all())


def _load(session: Session, act_id: str) -> StaffAct:
    act = session.get(StaffAct, act_id, populate_existing=True)
    if act is None:
        raise NotFound("staff-act", N_("没有这一事项"), N_("返回待确认的列表核对"))
    return act


def _carry_out(
    session: Session, sealer: Sealer, now: datetime, wish: Wish, reason: str, by: str
) -> Invitation | None:
    """Does what is wished for, on the word of `by`; gives the link to hand over, if it makes one."""
    account_id, detail = wish.account_id, wish.detail
    match wish.kind:
        case StaffActKind.enable:
            staff.enable(session, now, account_id=account_id, actor_id=by)
        case StaffActKind.factor_reset:
            staff.reset_factor(session, now, account_id=account_id, reason=reason, actor_id=by)
        case StaffActKind.identity_link:
            identities.link(
                session,
                now,
                account_id=account_id,
                issuer=detail["issuer"],
                subject=detail["subject"],
                actor_id=by,
            )
        case StaffActKind.invitation:
            return staff.invite(
                session,
                sealer,
                now,
                login=wish.login,
                name=detail["name"],
                role=Role(detail["role"]),
                center_id=detail["center_id"] or None,
                actor_id=by,
                code_mark=detail.get(_CODE, ""),
            )
        case StaffActKind.role_change:
            return _change_role(session, sealer, now, wish, reason, by)
        case StaffActKind.welcome_link:
            return _invited_again(session, sealer, now, wish, by)
        case _:
            assert_never(wish.kind)
    return None


def _change_role(
    session: Session, sealer: Sealer, now: datetime, wish: Wish, reason: str, by: str
) -> Invitation | None:
    """An account that one person let somebody into is let into anew before it can do what takes two persons."""
    account, role = staff.load(session, wish.account_id), Role(wish.detail["role"])
    anew = role in GUARDED and _makes_link(session, now, wish)
    whose = Actor(f"{ACCOUNT}{by}" if by else _MACHINE, Role.administrator, "")
    staff.change_role(session, now, account_id=account.id, role=role, reason=reason, actor=whose)
    if not anew:
        return None
    account.password_hash = NO_PASSWORD
    second_factor.remove(session, account.id)
    tries.forget_devices(session, account.id)
    identities.forget(session, account.id)
    return _invited_again(session, sealer, now, wish, by)


def _invited_again(session: Session, sealer: Sealer, now: datetime, wish: Wish, by: str) -> Invitation:
    return staff.invite_again(
        session,
        sealer,
        now,
        account_id=wish.account_id,
        actor_id=by,
        code_mark=wish.detail.get(_CODE, ""),
    )


def _record(session: Session, now: datetime, act: StaffAct, tag: Tag, own: str, reason: str = "") -> None:
    audit.record(
        session,
        now,
        case=CASE,
        tag=tag,
        actor=f"{ACCOUNT}{own}" if own else _MACHINE,
        subject=f"{ACCOUNT}{act.account_id}" if act.account_id else f"login:{act.login}",
        data={"act": act.id, "kind": act.kind, **({"reason": reason} if reason else {})},
    )
