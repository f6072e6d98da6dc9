"""What stands in the top bar, by what one may do."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from app.accounts.access import Actor
from app.accounts.permissions import Permission, Role, may
from app.core.i18n import N_


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the top bar; `label` is a Chinese catalogue text. unless: who may that finds it elsewhere."""

    href: str
    label: str
    icon: str
    permission: Permission
    unless: Permission | None = None


_ENTRIES = (
    Entry("/today", N_("今日"), "calendar", Permission.center_read),
    Entry("/evaluations/new", N_("预约评标"), "plus", Permission.evaluation_book),
    Entry("/check-in", N_("签到核验"), "shield", Permission.identity_check),
    Entry("/hotline", N_("热线"), "phone", Permission.hotline_answer),
    Entry("/rules", N_("规则"), "list", Permission.center_read),
    Entry("/audit", N_("留痕"), "shield", Permission.audit_read),
    Entry("/accounts", N_("账号"), "users", Permission.account_manage),
    Entry("/account-acts", N_("账号"), "users", Permission.account_confirm, unless=Permission.account_manage),
    Entry("/simulator", N_("模拟电话"), "message", Permission.simulator_use),
    Entry("/seat/desk", N_("我的席位"), "seat", Permission.seat_sit),
)


def menu(actor: Actor | None) -> tuple[Entry, ...]:
    """The links this actor may follow."""
    if actor is None:
        return ()
    return tuple(
        entry
        for entry in _ENTRIES
        if actor.may(entry.permission) and (entry.unless is None or not actor.may(entry.unless))
    )


def home(actor: Actor) -> str:
    """Where somebody lands after signing in."""
    return home_of(actor.role)


def home_of(role: Role) -> str:
    return "/seat/desk" if may(role, Permission.seat_sit) else "/today"


def local(address: str) -> str:
    """The address if it is a page of ours, else nothing: no link to our sign-in page sends anybody elsewhere."""
    parts = urlsplit(address)
    plain = address.isprintable() and "\\" not in address
    if parts.scheme or parts.netloc or not plain or not address.startswith("/") or address.startswith("//"):
        return ""
    return address
