"""The frozen pool of a draw: whom the roster offers for each place, and who is left out on which ground."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, or_, select

from app.rules.pack import RulePack
from expert_draw.engine.avoidance import (
    AvoidanceContext,
    ExpertFacts,
    FormerEmployer,
    Span,
    Unit,
    Units,
    avoid,
)
from expert_draw.engine.pool import Candidate, DrawKind, DrawRequest, Slot
from expert_draw.invitation import ACTIVE
from expert_draw.models import Draw, Expert, ExpertLeave, ExpertSpecialty, Invitation
from expert_draw.placing import CHINA, NEAR, VenueOffer, home

EMPLOYER = "employer"


@dataclass(frozen=True, slots=True)
class SlotAsked:
    """So many experts of a specialty, given by a prefix of its code."""

    specialty: str
    count: int


@dataclass(frozen=True, slots=True)
class PoolQuestion:
    """For what the pool is asked: the places, the time, the units to avoid and the rules in force."""

    slots: tuple[SlotAsked, ...]
    starts_at: datetime
    minutes: int
    avoid: tuple[Unit, ...]
    rules: RulePack

    @property
    def span(self) -> Span:
        return Span(self.starts_at, self.starts_at + timedelta(minutes=self.minutes))


def expert_request(session: Session, question: PoolQuestion, offers: Sequence[VenueOffer]) -> DrawRequest:
    """The draw of experts as the engine takes it: one slot for each place, everyone qualified, everyone left out."""
    facts, regions = _facts(session, question)
    by_prefix = {
        slot.specialty: tuple(
            fact.id for fact in facts if any(code.startswith(slot.specialty) for code in fact.specialties)
        )
        for slot in question.slots
    }
    asked = [slot.specialty for slot in question.slots for _ in range(slot.count)]
    return DrawRequest(
        kind=DrawKind.expert,
        slots=tuple(
            Slot(str(seat_no), 1, by_prefix[specialty]) for seat_no, specialty in enumerate(asked, 1)
        ),
        candidates=tuple(
            Candidate(
                fact.id,
                (
                    (EMPLOYER, fact.employer.code or fact.employer.name),
                    (NEAR, home(regions[fact.id], offers)),
                ),
            )
            for fact in facts
        ),
        group_caps=((EMPLOYER, question.rules.integer("committee.same_employer_max")),),
        excluded=grounds(question, facts),
    )


def grounds(question: PoolQuestion, facts: Sequence[ExpertFacts]) -> tuple[tuple[str, str], ...]:
    """(expert id, ground) for everyone who must not be drawn."""
    rules = question.rules
    context = AvoidanceContext(
        day=question.starts_at.astimezone(CHINA).date(),
        time=question.span,
        units=Units.of(question.avoid),
        look_back=rules.integer("avoidance.employment_lookback_years"),
        age_limit=rules.integer("expert.age_max_exclusive"),
        least_years_in_field=rules.integer("expert.years_in_field_min"),
    )
    return tuple((id_, ground.value) for id_, ground in avoid(facts, context))


def newly_excluded(session: Session, question: PoolQuestion, known: set[str]) -> tuple[tuple[str, str], ...]:
    """(expert id, ground) for those of `known` who have become unable since the pool was frozen."""
    facts, _ = _facts(session, question)
    return grounds(question, [fact for fact in facts if fact.id in known])


def depth(session: Session, specialty: str) -> int:
    """How many active experts have a specialty under this prefix."""
    rows = session.exec(
        select(ExpertSpecialty.expert_id)
        .join(Expert, col(Expert.id) == col(ExpertSpecialty.expert_id))
        .where(col(ExpertSpecialty.code).startswith(specialty), Expert.state == "active")
        .distinct()
    ).all()
    return len(rows)


def _facts(session: Session, question: PoolQuestion) -> tuple[tuple[ExpertFacts, ...], dict[str, str]]:
    """What the rules may look at, for everyone with one of the specialties; and where each lives."""
    wanted = or_(*(col(ExpertSpecialty.code).startswith(slot.specialty) for slot in question.slots))
    codes: defaultdict[str, list[str]] = defaultdict(list)
    for expert_id, code in session.exec(
        select(ExpertSpecialty.expert_id, ExpertSpecialty.code).where(wanted)
    ).all():
        codes[expert_id].append(code)
    leaves, taken = _leaves(session, question.span), _taken(session, question.span)
    facts, regions = [], {}
    named = select(ExpertSpecialty.expert_id).where(wanted)
    for expert in session.exec(select(Expert).where(col(Expert.id).in_(named)).order_by(Expert.id)).all():
        regions[expert.id] = expert.region_code
        facts.append(
            ExpertFacts(
                id=expert.id,
                person=expert.identity_fingerprint,
                employer=Unit(expert.employer_code, expert.employer),
                former_employers=tuple(
                    FormerEmployer(Unit(name=name)) for name in json.loads(expert.former_employers)
                ),
                declared_units=tuple(Unit(name=name) for name in json.loads(expert.declared_avoidance)),
                specialties=tuple(sorted(codes[expert.id])),
                title=expert.title,
                years_in_field=expert.years_in_field,
                birth_year=expert.birth_year,
                suspended=expert.state != "active",
                valid_until=expert.valid_until.astimezone(CHINA).date() if expert.valid_until else None,
                leaves=tuple(leaves[expert.id]),
                busy=tuple(taken[expert.id]),
            )
        )
    return tuple(facts), regions


def _leaves(session: Session, span: Span) -> defaultdict[str, list[Span]]:
    found: defaultdict[str, list[Span]] = defaultdict(list)
    rows = session.exec(
        select(ExpertLeave).where(ExpertLeave.from_at < span.ends, ExpertLeave.to_at > span.begins)
    ).all()
    for row in rows:
        found[row.expert_id].append(Span(row.from_at, row.to_at))
    return found


def _taken(session: Session, span: Span) -> defaultdict[str, list[Span]]:
    """Times for which experts are already invited or have accepted."""
    found: defaultdict[str, list[Span]] = defaultdict(list)
    rows = session.exec(
        select(Invitation)
        .join(Draw, col(Draw.id) == col(Invitation.draw_id))
        .where(col(Invitation.state).in_(ACTIVE), Invitation.starts_at < span.ends)
    ).all()
    for row in rows:
        ends = row.starts_at + timedelta(minutes=row.minutes)
        if ends > span.begins:
            found[row.expert_id].append(Span(row.starts_at, ends))
    return found
