"""Gives the fingerprints of earlier versions their own purposes, when a database is brought to this version.

Before, the same number had the same fingerprint in every table, so that a copy of the database could be joined by it.
The texts lie sealed beside almost all of them, without the number of a key: so it is seen which rows are of an earlier version,
and they are sealed anew for their row at the same time. Numbers of those who want no texts are found among people and messages.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from app.core.errors import Unavailable
from app.core.sealed_columns import (
    BIDDER_LIST,
    CALL_PHONE,
    ERASED,
    EXPERT_PHONE,
    MESSAGE_TO,
    TEXT_PHONE,
    SealedColumn,
)
from app.core.sealing import Sealer
from app.evaluation.models import BidderList
from app.evaluation.second_phase import list_mark
from app.notify.enclosed import PRETEND, callee_mark
from app.notify.models import OutgoingMessage, SimulatedCall, SimulatedOptOut, SimulatedText, SmsOptOut
from expert_draw.models import Expert


def renew(session: Session, sealer: Sealer) -> None:
    """All tables, in the caller's transaction; where nothing is of an earlier version, nothing happens."""
    numbers: set[str] = set()
    for table, column, name in (
        (OutgoingMessage, MESSAGE_TO, "to_fingerprint"),
        (SimulatedCall, CALL_PHONE, "phone_fingerprint"),
        (SimulatedText, TEXT_PHONE, "phone_fingerprint"),
    ):
        for key, number in list(_of_before(session, sealer, table, column)):
            mark = _callee(sealer, number) if table is OutgoingMessage else _pretend(sealer, number)
            _write(session, sealer, table, column, key, number, {name: mark})
            numbers.add(number)
    numbers.update(number for _, number in _of_before(session, sealer, Expert, EXPERT_PHONE))
    for opted, marked in ((SmsOptOut, _callee), (SimulatedOptOut, _pretend)):
        wanted = set(session.execute(select(col(opted.phone_fingerprint))).scalars())
        for number in numbers if wanted else ():
            before = sealer.fingerprint(number)
            if before in wanted:
                session.execute(
                    update(opted)
                    .where(col(opted.phone_fingerprint) == before)
                    .values(phone_fingerprint=marked(sealer, number))
                )
    for key, text in list(_of_before(session, sealer, BidderList, BIDDER_LIST)):
        _write(session, sealer, BidderList, BIDDER_LIST, key, text, {"fingerprint": list_mark(sealer, text)})


def _of_before(
    session: Session, sealer: Sealer, table: Any, column: SealedColumn
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Primary key and text of each row an earlier version has sealed; not of one that nobody can open."""
    value = getattr(table, column.column)
    wanted: Any = select(*(getattr(table, key) for key in column.keys), value)
    for *key, sealed in session.execute(wanted.where(value.not_like("%.%"), value != ERASED)).all():
        try:
            yield tuple(key), sealer.unseal(sealed, column.at(*key))
        except Unavailable:
            continue  # rotation counts and names it


def _write(
    session: Session,
    sealer: Sealer,
    table: Any,
    column: SealedColumn,
    key: tuple[str | int, ...],
    text: str,
    marks: dict[str, str],
) -> None:
    session.execute(
        update(table)
        .where(*(getattr(table, name) == value for name, value in zip(column.keys, key, strict=True)))
        .values({column.column: sealer.seal(text, column.at(*key)), **marks})
    )


def _callee(sealer: Sealer, number: str) -> str:
    return callee_mark(sealer, number)


def _pretend(sealer: Sealer, number: str) -> str:
    return sealer.fingerprint(number, PRETEND)
