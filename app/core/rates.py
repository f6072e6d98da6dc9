"""How often one may ask: evenly refilled rations in memory, and counted windows that all processes share (限流)."""

import ipaddress
import threading
from collections import OrderedDict
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from app.core.allowance import Allowance
from app.core.forgetting import forget_some
from app.core.models import RateWindow

_MOST_KEYS = 50_000
_V6_HOUSE = 64
"""Whoever has one address of IPv6 has all of this prefix."""


class Rations:
    """So many at once for each key, refilled evenly; of so many keys that who asks under ever new ones fills no memory."""

    def __init__(self, at_once: int, per_second: float, most_keys: int = _MOST_KEYS) -> None:
        self._at_once, self._per_second, self._most_keys = at_once, per_second, most_keys
        self._known: OrderedDict[str, Allowance] = OrderedDict()
        self._guard = threading.Lock()

    def take(self, key: str, now_ns: int) -> bool:
        """Whether one more is allowed for this key; if so it is counted."""
        with self._guard:
            allowance = self._known.get(key)
            if allowance is None:
                allowance = self._known[key] = Allowance(self._at_once, self._per_second)
                if len(self._known) > self._most_keys:
                    self._known.popitem(last=False)
            else:
                self._known.move_to_end(key)
            return allowance.take(now_ns)


class Open:
    """How many things each key holds open at this moment."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[str, int] = {}
        self._guard = threading.Lock()

    def take(self, key: str) -> bool:
        """Whether the key may hold one more; if so `give_back` has to follow."""
        with self._guard:
            held = self._held.get(key, 0)
            if held >= self._most:
                return False
            self._held[key] = held + 1
            return True

    def give_back(self, key: str) -> None:
        with self._guard:
            held = self._held[key] - 1
            if held:
                self._held[key] = held
            else:
                del self._held[key]


def count(session: Session, now: datetime, key: str, window_s: int) -> int:
    """Counts one more under this key in the window that `now` lies in, and tells how many that makes.

    In one statement, so that many at once, in however many processes, are each counted.
    """
    began = window(now, window_s)
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    new = insert(RateWindow).values(key=key, began_at=began, count=1)
    counted = new.on_conflict_do_update(
        index_elements=["key", "began_at"], set_={"count": col(RateWindow.count) + 1}
    ).returning(col(RateWindow.count))
    return int(session.connection().execute(counted).scalar_one())


def forget(session: Session, before: datetime) -> None:
    """Takes away the windows that began before a moment; none of them counts any more."""
    session.connection().execute(delete(RateWindow).where(col(RateWindow.began_at) < before))


def forget_old(session: Session, before: datetime) -> bool:
    """As `forget`, a few of them; whether there may be more."""
    return forget_some(session, RateWindow, col(RateWindow.began_at) < before)


def window(now: datetime, window_s: int) -> datetime:
    """When the window that a moment lies in began."""
    since = now.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return now - timedelta(microseconds=since // timedelta(microseconds=1) % (window_s * 1_000_000))


def neighborhood(address: str) -> str:
    """What of an address is counted together: one of IPv4, the whole prefix of a house with IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, _V6_HOUSE), strict=False))
