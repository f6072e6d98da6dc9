"""Ten minutes down: how soon after the start every window that ended meanwhile is closed."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import inspect
from sqlmodel import SQLModel, col, func, select, update

from app.core.clock import SystemClock
from app.core.database import Database, UtcDateTime
from app.notify.models import OutgoingMessage, ProviderBudget
from expert_draw.invitation import OPEN
from expert_draw.models import Invitation
from tests.bench.invitations_calls import Stage, stage
from tests.bench.table import Figure, at_most, told
from tests.faults import province
from tests.faults.chance import Ways
from tests.faults.fleet import until, whole_service

DOWN = timedelta(minutes=10)
WITHIN_S = 5
WINDOW_S = 60
_LOOK_S = 0.02
_SILENT = Ways(nobody=1, engaged=0, rings_s=2)
_TABLES: tuple[type[SQLModel], ...] = (Invitation, OutgoingMessage, ProviderBudget)
_AHEAD = frozenset({"starts_at", "leave_until", "answer_by", "quiet_before"})
"""What stays where it is: these speak of the evaluation, not of what has happened."""


def figures(quick: bool) -> Iterator[Figure]:
    """The whole service with real draws, killed while windows are open; the rows then grow older, the clock stays."""
    evaluations = 10 if quick else 40
    count = evaluations * province.PLACES
    with stage(whole_service, _SILENT, per_second=200, evaluations=evaluations, window_s=WINDOW_S) as ready:
        _let_ring(ready, count)
        ready.node.kill()
        _grow_older(ready.database)
        overdue = _overdue(ready.database, SystemClock().now())
        if overdue < count:
            raise AssertionError(f"only {overdue} of {count} windows have ended")
        ready.node.begin()
        started = time.monotonic()
        up_after = ready.node.wait_until_up()
        asked = SystemClock().now()
        until(lambda: not _overdue(ready.database, asked), within_s=120, what="closed", every_s=_LOOK_S)
        closed_after = time.monotonic() - started
        until(lambda: _replaced(ready.database, count), within_s=600, what="asked anew", every_s=0.1)
        replaced_after = time.monotonic() - started
    yield at_most(
        "ten minutes down: every overdue window closed",
        closed_after,
        WITHIN_S,
        unit="s",
        beside=f"{count} of them; from the start of the process, which answers after {up_after:.1f} s",
    )
    yield told("of it: the next people drawn and their calls queued", f"{replaced_after:.3g} s")


def _let_ring(ready: Stage, count: int) -> None:
    """Draws all, and waits until the provider has every call."""
    assert ready.province is not None
    for evaluation_id in province.committed(ready.province):
        province.run(ready.province, SystemClock().now(), evaluation_id)
    until(lambda: _open_windows(ready.database) >= count, within_s=WINDOW_S - 10, what="every call is taken")


def _grow_older(database: Database) -> None:
    """Everything that has happened has happened ten minutes earlier."""
    with database.transaction() as session:
        for table in _TABLES:
            whole = inspect(table).local_table
            columns = whole.c
            times = [one for one in columns if isinstance(one.type, UtcDateTime) and one.name not in _AHEAD]
            keys = list(whole.primary_key.columns)
            for row in session.execute(select(*keys, *times)).all():
                known = dict(zip([one.name for one in times], row[len(keys) :], strict=True))
                earlier = {name: at - DOWN for name, at in known.items() if at is not None}
                same = [key == value for key, value in zip(keys, row[: len(keys)], strict=True)]
                session.execute(update(table).where(*same).values(**earlier))


def _open_windows(database: Database) -> int:
    with database.reading() as session:
        armed = col(Invitation.deadline).is_not(None), col(Invitation.state).in_(OPEN)
        return session.exec(select(func.count()).select_from(Invitation).where(*armed)).one()


def _overdue(database: Database, now: datetime) -> int:
    with database.reading() as session:
        late = col(Invitation.deadline) <= now, col(Invitation.state).in_(OPEN)
        return session.exec(select(func.count()).select_from(Invitation).where(*late)).one()


def _replaced(database: Database, count: int) -> bool:
    with database.reading() as session:
        return session.exec(select(func.count()).select_from(Invitation)).one() >= 2 * count
