"""What the rows say about a time and the units around a lot, brought into the form the rules of avoidance take."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlmodel import Session, col, or_, select

from app.core.sealing import Sealer
from app.rules.pack import RulePack
from expert_draw import sealed
from expert_draw.engine.avoidance import AvoidanceContext, Served
from expert_draw.engine.columns import NO_END, Spans, Unit, instant
from expert_draw.invitation import ACTIVE, InvitationState
from expert_draw.models import CreditEntry, Expert, ExpertLeave, ExpertRelation, Invitation, UnitControl
from expert_draw.roster_rows import CHINA
from expert_draw.roster_view import RosterView

_LONGEST = timedelta(days=7)
"""The longest an evaluation may last; one that began earlier is over."""
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Whom one evaluation must keep away: units and persons, and the time it takes.

    units: bidders and all others to avoid. purchaser, supervisors: whose staff must not sit. persons: fingerprints of
    identity numbers of people named for avoidance. used: ids of experts drawn for it before.
    """

    begins: datetime
    ends: datetime
    units: tuple[Unit, ...]
    purchaser: tuple[Unit, ...] = ()
    supervisors: tuple[Unit, ...] = ()
    persons: tuple[str, ...] = ()
    used: tuple[str, ...] = ()

    @property
    def day(self) -> date:
        """The day it begins in China."""
        return self.begins.astimezone(CHINA).date()


def context(
    session: Session,
    sealer: Sealer,
    view: RosterView,
    around: Surroundings,
    rules: RulePack,
    specialties: frozenset[int] | None = None,
) -> AvoidanceContext:
    """The evaluation as the rules of avoidance see it, read from the rows of its time.

    specialties: tokens of which everybody must have one, None to leave that to the lists of the places.
    """
    units = view.words.units
    begins, ends = around.begins, around.ends
    controlled, holders = _control(session, around.units)
    interval, cap = rules.integer("draw.interval_days_min"), rules.integer("draw.yearly_cap")
    named, kin = _persons(session, around.persons)
    return AvoidanceContext(
        day=around.day,
        begins=instant(begins),
        ends=instant(ends),
        units=units.units(around.units),
        controlled=units.units(Unit(code) for code in controlled),
        holders=view.rows(_by_fingerprint(session, holders)),
        purchaser_units=units.units(around.purchaser),
        supervisor_units=units.units(around.supervisors),
        look_back=rules.integer("avoidance.employment_lookback_years"),
        named=view.rows(named),
        kin=view.rows(kin),
        used=view.rows(around.used),
        age_limit=rules.integer("expert.age_max_exclusive"),
        least_years_in_field=rules.integer("expert.years_in_field_min"),
        specialties=specialties,
        busy=_busy(session, sealer, view, begins, ends),
        leaves=_leaves(session, view, begins, ends),
        credit=_credit(session, view, begins, ends),
        served=_served(session, sealer, view, around.day, interval) if interval or cap else Served(),
        interval=interval,
        yearly_cap=cap,
        cooling_off=rules.integer("draw.cooling_off_days"),
    )


def related(session: Session) -> tuple[tuple[str, str], ...]:
    """Pairs of ids of experts who are related to each other, each pair once."""
    rows = session.exec(
        select(ExpertRelation.expert_id, Expert.id).join(
            Expert, col(Expert.identity_fingerprint) == col(ExpertRelation.person)
        )
    ).all()
    return tuple(sorted({(min(pair), max(pair)) for pair in rows if pair[0] != pair[1]}))


def _busy(session: Session, sealer: Sealer, view: RosterView, begins: datetime, ends: datetime) -> Spans:
    rows = sealed.invited(
        session,
        sealer,
        col(Invitation.state).in_(ACTIVE),
        col(Invitation.starts_at) < ends,
        col(Invitation.starts_at) > begins - _LONGEST,
    )
    return _spans(view, ((one.expert_id, one.starts_at, one.ends_at) for one in rows))


def _leaves(session: Session, view: RosterView, begins: datetime, ends: datetime) -> Spans:
    return _spans(
        view,
        session.exec(
            select(ExpertLeave.expert_id, ExpertLeave.from_at, ExpertLeave.to_at).where(
                ExpertLeave.from_at < ends, ExpertLeave.to_at > begins
            )
        ).all(),
    )


def _credit(session: Session, view: RosterView, begins: datetime, ends: datetime) -> Spans:
    rows = session.exec(
        select(CreditEntry.expert_id, CreditEntry.from_at, CreditEntry.to_at).where(
            CreditEntry.from_at < ends, or_(col(CreditEntry.to_at).is_(None), col(CreditEntry.to_at) > begins)
        )
    ).all()
    return _spans(view, rows)


def _spans(view: RosterView, entries: Iterable[tuple[str, datetime, datetime | None]]) -> Spans:
    found = ((view.row(id_), begins, ends) for id_, begins, ends in entries)
    return Spans.of(
        [
            (row, instant(begins), NO_END if ends is None else instant(ends))
            for row, begins, ends in found
            if row is not None
        ]
    )


def _served(session: Session, sealer: Sealer, view: RosterView, day: date, interval: int) -> Served:
    """The committees of that calendar year, and those so near to the day that they may be too near."""
    first = min(date(day.year, 1, 1), day - timedelta(days=interval))
    last = max(date(day.year, 12, 31), day + timedelta(days=interval))
    rows = sealed.invited(
        session,
        sealer,
        col(Invitation.state) == InvitationState.accepted,
        col(Invitation.starts_at) >= _midnight(first),
        col(Invitation.starts_at) < _midnight(last + timedelta(days=1)),
    )
    found = ((view.row(one.expert_id), one.starts_at.astimezone(CHINA).date().toordinal()) for one in rows)
    return Served(tuple((row, at) for row, at in found if row is not None))


def _persons(session: Session, persons: Collection[str]) -> tuple[set[str], set[str]]:
    """Ids of the experts among the persons named, and of the experts related to one of those."""
    if not persons:
        return set(), set()
    named = _by_fingerprint(session, persons)
    kin = _column(session, ExpertRelation.expert_id, ExpertRelation.person, persons)
    of_named = _column(session, ExpertRelation.person, ExpertRelation.expert_id, named)
    return named, kin | _by_fingerprint(session, of_named)


def _control(session: Session, units: Iterable[Unit]) -> tuple[set[str], set[str]]:
    """Codes of the units that hold one of these or are held by one, through any number of steps; and all holders."""
    own = {unit.code for unit in units if unit.code}
    above = _reached(session, UnitControl.holder, UnitControl.unit_code, own)
    below = _reached(session, UnitControl.unit_code, UnitControl.holder, own)
    return (above | below) - own, above


def _reached(session: Session, to: Any, by: Any, start: set[str]) -> set[str]:
    found: set[str] = set()
    ahead = start
    while ahead:
        ahead = _column(session, to, by, ahead) - found
        found |= ahead
    return found


def _by_fingerprint(session: Session, persons: Collection[str]) -> set[str]:
    return _column(session, Expert.id, Expert.identity_fingerprint, persons)


def _column(session: Session, wanted: Any, by: Any, values: Collection[str]) -> set[str]:
    ordered = sorted(values)
    found: set[str] = set()
    for start in range(0, len(ordered), _AT_ONCE):
        rows = session.exec(select(wanted).where(by.in_(ordered[start : start + _AT_ONCE]))).all()
        found.update(str(row) for row in rows)
    return found


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=CHINA).astimezone(UTC)
