"""What stands in the top bar, by what one may do."""

from dataclasses import dataclass

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.core.i18n import N_


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the top bar; `label` is a Chinese catalogue text."""

    href: str
    label: str
    icon: str
    permission: Permission


_ENTRIES = (
    Entry("/today", N_("今日"), "calendar", Permission.center_read),
    Entry("/evaluations/new", N_("预约评标"), "plus", Permission.evaluation_book),
    Entry("/simulator", N_("模拟电话"), "phone", Permission.simulator_use),
    Entry("/seat/desk", N_("我的席位"), "seat", Permission.seat_sit),
)


def menu(actor: Actor | None) -> tuple[Entry, ...]:
    """The links this actor may follow."""
    return () if actor is None else tuple(entry for entry in _ENTRIES if actor.may(entry.permission))


def home(actor: Actor) -> str:
    """Where somebody lands after signing in."""
    return "/seat/desk" if actor.may(Permission.seat_sit) else "/today"
