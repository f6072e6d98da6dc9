"""Whom the codes and invitations of a draw stand for, sealed under a key of that draw alone (名单封存).

No row tells who was drawn: not by name, and not by a reference to the roster either. The house opens a seal in memory to
invite, to keep people from being asked twice, and to send; what is shown to anybody goes through `release`.
"""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, insert
from sqlmodel import Session, col, select

from app.core.sealed_columns import CANDIDATES, DRAW_KEY, INVITED
from app.core.sealing import Place, Sealer
from expert_draw.models import CandidateBatch, Draw, Expert, Invitation

_KEY_BYTES = 32
_BATCH = 5000
_INVITED: tuple[Any, ...] = (
    Invitation.id,
    Invitation.draw_id,
    Invitation.expert_sealed,
    Invitation.state,
    Invitation.starts_at,
    Invitation.minutes,
    Draw.key_sealed,
)


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation with the person behind it: `expert_id` of the roster, the time they are asked for, what became of it."""

    expert_id: str
    state: str
    starts_at: datetime
    minutes: int

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)


def new_key(sealer: Sealer, draw_id: str) -> str:
    """A key for this draw and no other, sealed by the house's."""
    return sealer.seal(secrets.token_hex(_KEY_BYTES), DRAW_KEY.at(draw_id))


def key_of(sealer: Sealer, draw: Draw) -> Sealer:
    """What seals and marks within this draw. Unavailable when its key cannot be opened."""
    return _opened(sealer, draw.id, draw.key_sealed)


def remember(session: Session, sealer: Sealer, draw: Draw, people: Mapping[str, str]) -> None:
    """Keeps whom each code of the record stands for. people: code → id of the expert."""
    key, entries = key_of(sealer, draw), iter(sorted(people.items()))
    rows = []
    while batch := dict(islice(entries, _BATCH)):
        first = next(iter(batch))
        text = json.dumps(batch, separators=(",", ":"))
        rows.append(
            {
                "draw_id": draw.id,
                "first": first,
                "people_sealed": key.seal(text, CANDIDATES.at(draw.id, first)),
            }
        )
    if rows:
        session.execute(insert(CandidateBatch), rows)


def people_of(session: Session, sealer: Sealer, draw: Draw) -> dict[str, str]:
    """Code → id of the expert, for everybody in the lists of the draw."""
    key = key_of(sealer, draw)
    batches = session.exec(select(CandidateBatch).where(CandidateBatch.draw_id == draw.id)).all()
    return {code: expert_id for one in batches for code, expert_id in _read(key, one).items()}


def expert_of(session: Session, sealer: Sealer, draw: Draw, code: str) -> str:
    """The id of the expert behind a code of the record; KeyError for a code that is in no list of the draw."""
    batch = session.exec(
        select(CandidateBatch)
        .where(CandidateBatch.draw_id == draw.id, CandidateBatch.first <= code)
        .order_by(col(CandidateBatch.first).desc())
        .limit(1)
    ).first()
    if batch is None:
        raise KeyError(code)
    return _read(key_of(sealer, draw), batch)[code]


def enclosed(sealer: Sealer, draw: Draw, invitation_id: str, expert: Expert) -> dict[str, Any]:
    """The columns of an invitation that stand for its person; equal people give equal marks within the draw only."""
    key = key_of(sealer, draw)
    return {
        "expert_sealed": key.seal(expert.id, INVITED.at(invitation_id)),
        "mark": mark(key, expert.id),
        "caller_mark": caller_mark(key, expert.phone_fingerprint),
    }


def mark(key: Sealer, expert_id: str) -> str:
    """By what a person is known again within the draw of this key."""
    return key.fingerprint(f"expert:{expert_id}")


def caller_mark(key: Sealer, phone_fingerprint: str) -> str:
    """By what a number that calls is known again within the draw of this key."""
    return key.fingerprint(f"caller:{phone_fingerprint}")


def caller_marks(
    session: Session, sealer: Sealer, since: datetime, phone_fingerprint: str
) -> tuple[str, ...]:
    """The marks this number would have in each draw whose evaluations start at `since` or later."""
    recent = select(Invitation.draw_id).where(Invitation.starts_at >= since)
    draws = session.exec(select(Draw).where(col(Draw.id).in_(recent))).all()
    return tuple(caller_mark(key_of(sealer, draw), phone_fingerprint) for draw in draws)


def named(sealer: Sealer, draw: Draw, seat_no: int, expert_id: str) -> str:
    """Somebody who is to be named for a place, as it is kept until it is decided."""
    return key_of(sealer, draw).seal(expert_id, _named(draw, seat_no))


def read_named(sealer: Sealer, draw: Draw, seat_no: int, kept: str) -> str:
    """The id of the expert in what `named` gave."""
    return key_of(sealer, draw).unseal(kept, _named(draw, seat_no))


def person(session: Session, sealer: Sealer, invitation: Invitation) -> str:
    """The id of the expert who is invited."""
    key = key_of(sealer, session.get_one(Draw, invitation.draw_id))
    return key.unseal(invitation.expert_sealed, INVITED.at(invitation.id))


def expert(session: Session, sealer: Sealer, invitation: Invitation) -> Expert:
    """The expert who is invited."""
    return session.get_one(Expert, person(session, sealer, invitation))


def invited(session: Session, sealer: Sealer, *where: ColumnElement[bool]) -> Iterator[Invited]:
    """The invitations for which all of this holds, with the people behind them."""
    wanted: Any = select(*_INVITED).join(Draw, col(Draw.id) == col(Invitation.draw_id)).where(*where)
    keys: dict[str, Sealer] = {}
    for row in session.exec(wanted).all():
        if row.draw_id not in keys:
            keys[row.draw_id] = _opened(sealer, row.draw_id, row.key_sealed)
        expert_id = keys[row.draw_id].unseal(row.expert_sealed, INVITED.at(row.id))
        yield Invited(expert_id, row.state, row.starts_at, row.minutes)


def _read(key: Sealer, batch: CandidateBatch) -> dict[str, str]:
    found: dict[str, str] = json.loads(
        key.unseal(batch.people_sealed, CANDIDATES.at(batch.draw_id, batch.first))
    )
    return found


def _opened(sealer: Sealer, draw_id: str, key_sealed: str) -> Sealer:
    return sealer.within(bytes.fromhex(sealer.unseal(key_sealed, DRAW_KEY.at(draw_id))))


def _named(draw: Draw, seat_no: int) -> Place:
    return Place("joint_act", "detail", f"{draw.id}:{seat_no}")
