"""Seals anew, under the newest key, what older keys hold: a few rows at a time, while everybody goes on working.

Where it stands is asked of the rows, so whoever is killed in the middle has nothing to remember: what is already under
the newest key is passed over.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    TableClause,
    and_,
    bindparam,
    case,
    func,
    select,
    table,
    tuple_,
    update,
)
from sqlalchemy import column as sql_column
from sqlmodel import Session

from app.core.database import Database
from app.core.errors import Conflict, NotFound, Unavailable
from app.core.i18n import N_
from app.core.keyring import FIRST, UNNUMBERED, check_value
from app.core.keys import remember_ring
from app.core.models import FieldKey
from app.core.sealed_columns import ERASED, SEALED_COLUMNS, SealedColumn
from app.core.sealing import Sealer, taken_apart

_SETTLED = timedelta(hours=1)
"""So long after a newer key was made, nobody can be in the middle of sealing under an older one."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """How many values of a column lie under one key and suite."""

    column: SealedColumn
    number: int
    suite: str
    count: int


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key, whether new values are sealed under it, and what it still holds. made_at: None for those from the master key."""

    number: int
    newest: bool
    made_at: datetime | None
    retired_at: datetime | None
    holds: tuple[Held, ...]

    @property
    def count(self) -> int:
        return sum(one.count for one in self.holds)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn of the work came to. unreadable: values nobody can open; they stay as they are, for people to look at."""

    resealed: int
    unreadable: int
    finished: bool


def begin(session: Session, now: datetime, sealer: Sealer) -> int:
    """The number of a new key, safely on disk: it may be one that was made before whoever made it could say so."""
    before = {row.number for row in session.execute(select(FieldKey)).scalars()} | {FIRST}
    for number in sealer.ring.numbers():
        if number > max(before):
            remember_ring(session, now, sealer)
            return sealer.ring.newest
    number = max(before) + 1
    sealer.ring.make(number)
    remember_ring(session, now, sealer)
    return number


def states(session: Session, sealer: Sealer) -> tuple[KeyState, ...]:
    """All keys there are or were, the oldest first, with what they hold."""
    known = {row.number: row for row in session.execute(select(FieldKey)).scalars()}
    held: dict[int, list[Held]] = {}
    for column in SEALED_COLUMNS:
        if not column.inner:
            for one in holdings(session, column):
                held.setdefault(one.number, []).append(one)
    newest = sealer.ring.newest
    return tuple(
        KeyState(
            number,
            number == newest,
            known[number].made_at if number in known and number > FIRST else None,
            known[number].retired_at if number in known else None,
            tuple(held.get(number, ())),
        )
        for number in sorted({UNNUMBERED, FIRST, *known, *held, *sealer.ring.numbers()})
    )


def left(session: Session, sealer: Sealer) -> int:
    """How many values rotation still has to seal anew."""
    newest, suite = sealer.ring.newest, sealer.suite.value
    return sum(
        one.count
        for column in rotated()
        for one in holdings(session, column)
        if (one.number, one.suite) != (newest, suite)
    )


def rotated() -> Iterator[SealedColumn]:
    """The columns whose values can be sealed anew: not what may never be altered, nor what lies under the key of a draw."""
    return (column for column in SEALED_COLUMNS if not column.fixed and not column.inner)


def holdings(session: Session, column: SealedColumn) -> tuple[Held, ...]:
    """How many values of this column lie under which key."""
    value = _table(column).c[column.column]
    place = func.strpos if session.get_bind().dialect.name == "postgresql" else func.instr
    prefix: Any = case((place(value, ".") == 0, ""), else_=func.substr(value, 1, place(value, ".") + 1))
    rows = session.execute(
        select(prefix, func.count()).where(value.is_not(None), value != ERASED).group_by(prefix)
    ).all()
    parted = ((taken_apart(f"{head}." if head else ""), count) for head, count in rows)
    return tuple(Held(column, number, letter, count) for (number, letter, _), count in sorted(parted))


def reseal(database: Database, sealer: Sealer, *, batches: int, at_once: int) -> Turn:
    """One turn: at most so many transactions that change so many rows each, then somebody else may go on."""
    resealed = unreadable = 0
    for column in rotated():
        after: tuple[Any, ...] | None = None
        while True:
            with database.transaction() as session:
                rows = _older(session, sealer, column, after, at_once)
                if not rows:
                    break
                if not batches:
                    return Turn(resealed, unreadable, finished=False)
                done, spoilt = _renew(session, sealer, column, rows)
            batches -= 1
            resealed += done
            unreadable += spoilt
            if len(rows) < at_once:
                break
            after = tuple(rows[-1][:-1])
    return Turn(resealed, unreadable, finished=True)


def retire(session: Session, now: datetime, sealer: Sealer, number: int) -> None:
    """Notes that a key opens nothing any more; Conflict while it is needed or may be. `put_away` of the ring comes after."""
    known = remember_ring(session, now, sealer)
    found = {one.number: one for one in states(session, sealer)}
    state = found.get(number)
    if state is None or state.retired_at is not None:
        raise NotFound(
            "field-key", N_("没有编号为 {number} 的在用密钥"), N_("用 yuanping key list 查看"), number=number
        )
    if state.newest:
        raise Conflict(
            "key-newest", N_("密钥 {number} 正在用于封存"), N_("先运行 yuanping key rotate"), number=number
        )
    if state.count:
        raise Conflict(
            "key-holds",
            N_("密钥 {number} 下还有 {count} 个值：{columns}"),
            N_("等轮换作业完成；不可更改的记录要到保存期满后才能停用其密钥"),
            number=number,
            count=state.count,
            columns=", ".join(f"{one.column.table}.{one.column.column} {one.count}" for one in state.holds),
        )
    newest = next((row for row in known if row.number == sealer.ring.newest), None)
    if newest is None or (newest.number > FIRST and now < newest.made_at + _SETTLED):
        raise Conflict(
            "key-young",
            N_("新密钥启用不到一小时，可能还有进程正在用旧密钥写入"),
            N_("一小时后再停用"),
        )
    row = next((one for one in known if one.number == number), None)
    if row is None:
        key = sealer.ring.get(number)
        row = FieldKey(number=number, check_value=check_value(number, key or b""), made_at=now)
    row.retired_at = now
    session.add(row)
    session.flush()


def _older(
    session: Session, sealer: Sealer, column: SealedColumn, after: tuple[Any, ...] | None, most: int
) -> Sequence[Any]:
    """Rows, by primary key, whose value is not under the newest key and suite; not those somebody is just changing."""
    rows_of = _table(column)
    value, keys = rows_of.c[column.column], [rows_of.c[name] for name in column.keys]
    wanted: list[ColumnElement[bool]] = [
        value.is_not(None),
        value != ERASED,
        value.not_like(f"{sealer.ring.newest}.{sealer.suite.value}.%"),
    ]
    if after is not None:
        wanted.append(tuple_(*keys) > tuple_(*after))
    return session.execute(
        select(*keys, value)
        .where(and_(*wanted))
        .order_by(*keys)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()


def _renew(session: Session, sealer: Sealer, column: SealedColumn, rows: Sequence[Any]) -> tuple[int, int]:
    rows_of = _table(column)
    changes, spoilt = [], 0
    for *keys, old in rows:
        try:
            new = sealer.reseal(old, column.at(*keys))
        except Unavailable as error:
            spoilt += 1
            _log.error("%s.%s of %s cannot be sealed anew: %s", column.table, column.column, keys, error.code)
            continue
        changes.append({"new": new, "old": old, **{f"key_{n}": key for n, key in enumerate(keys)}})
    if not changes:
        return 0, spoilt
    mine = [rows_of.c[name] == bindparam(f"key_{n}") for n, name in enumerate(column.keys)]
    changed = (
        update(rows_of)
        .where(
            *mine, rows_of.c[column.column] == bindparam("old")
        )  # somebody may have sealed another text meanwhile
        .values({column.column: bindparam("new")})
    )
    session.connection().execute(changed, changes)
    return len(changes), spoilt


def _table(column: SealedColumn) -> TableClause:
    """The table as far as it is needed here, whether or not its part is loaded in this process."""
    return table(column.table, *(sql_column(name) for name in (*column.keys, column.column)))
