"""The very first account: no password comes with the house; whoever reads its console chooses one, once."""

from datetime import datetime, timedelta

from sqlmodel import Session

from app.accounts import staff, tickets
from app.accounts.models import Account
from app.accounts.permissions import Role
from app.accounts.tickets import TicketKind
from app.accounts.trail import record
from app.audit.tags import Tag
from app.core.database import in_turn
from app.core.errors import Forbidden, NotFound
from app.core.i18n import N_
from app.core.sealing import Sealer

CODE_LASTS = timedelta(hours=24)
_HOUSE = "house"
_TURN = "staff-accounts"


def new_code(session: Session, sealer: Sealer, now: datetime) -> str | None:
    """The code that opens the set-up page once, in place of any earlier one; None where there is an account already."""
    if staff.any_account(session):
        return None
    tickets.withdraw(session, now, kind=TicketKind.set_up, subject=_HOUSE)
    return tickets.issue(session, sealer, now, kind=TicketKind.set_up, subject=_HOUSE, lifetime=CODE_LASTS)


def require_open(session: Session) -> None:
    """NotFound as soon as there is any account: the page is gone."""
    if staff.any_account(session):
        raise NotFound("page-unknown", N_("没有这个页面"), N_("核对地址，或从首页进入"))


def first_account(
    session: Session, sealer: Sealer, now: datetime, *, code: str, login: str, name: str, password: str
) -> Account:
    """The first administrator. NotFound when somebody was faster, Forbidden for a code that opens nothing."""
    in_turn(session, _TURN)
    require_open(session)
    if tickets.redeem(session, sealer, now, kind=TicketKind.set_up, secret=code.strip()) is None:
        raise Forbidden(
            "set-up-code", N_("初始化码不正确或已失效"), N_("重新启动服务，控制台会显示新的初始化码")
        )
    account = staff.create_account(
        session,
        now,
        login=login,
        name=name,
        role=Role.administrator,
        password=password,
        center_id=None,
    )
    record(session, now, account.id, Tag.account_set_up, account.id)
    return account
