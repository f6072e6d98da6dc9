"""Avoidance in its second phase: the sealed list of bidders arrives, and whoever may not sit before them leaves in silence."""

import json
from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session, col, select

from app.accounts.access import Actor
from app.accounts.permissions import Permission
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.core.canonical import canonical_json
from app.core.errors import Conflict
from app.core.i18n import N_
from app.core.sealed_columns import BIDDER_LIST
from app.core.sealing import Sealer
from app.evaluation import booking, cases, members
from app.evaluation.cases import House
from app.evaluation.lifecycle import EvaluationState
from app.evaluation.models import BidderList, Evaluation
from app.evaluation.schemas import BidderListIn, BidderListOut
from app.projects import service as projects
from app.projects.service import PartyIn, PartyRole
from expert_draw import departures, pooling, sealed
from expert_draw.engine.avoidance import Ground
from expert_draw.invitation import ACTIVE, InvitationEvent
from expert_draw.models import Draw, Invitation

_BY_THE_LIST = frozenset(
    {
        Ground.controlling_interest.value,
        Ground.declared_unit.value,
        Ground.employer.value,
        Ground.former_employer.value,
        Ground.kin.value,
        Ground.named_person.value,
    }
)
"""Grounds that units and people on the list can give; being busy with this very evaluation is none."""
OVER = frozenset({EvaluationState.closed, EvaluationState.sealed, EvaluationState.given_up})
"""States in which it does not go on: no list is taken any more, and nobody is needed for it."""


def deliver(
    session: Session, now: datetime, house: House, actor: Actor, evaluation_id: str, wanted: BidderListIn
) -> None:
    """Takes the list, checks everybody who is asked or has accepted, and lets whoever is hit leave as anybody else who is
    not needed. The same list again is not noted again, but everybody is checked again; another one is noted anew.

    What comes back is the same whether anybody was hit or not. Whoever sees the pages does see that a place of somebody
    who had been asked is vacant again; see docs/notifications.md for what that tells.
    """
    evaluation = cases.load_for(session, actor, evaluation_id, Permission.evaluation_conduct)
    if evaluation.state in OVER:
        raise Conflict(
            "bidders-late", N_("评标已经结束，不能再送交投标人名单"), N_("名单有误时请联系监督人员")
        )
    persons = sorted({house.sealer.fingerprint(identity) for identity in wanted.persons})
    units = sorted([unit.name, unit.credit_code or ""] for unit in wanted.bidders)
    text = canonical_json({"bidders": units, "persons": persons}).decode()
    fingerprint = list_mark(house.sealer, text)
    last = latest(session, evaluation.id)
    if last is not None and last.fingerprint == fingerprint:
        _check_again(session, now, house, evaluation, last, actor.id, fresh=())
        return
    _enter(session, now, evaluation, wanted, persons)
    checked, struck, places = _check(session, now, house, evaluation)
    n = last.n + 1 if last else 1
    delivered = BidderList(
        evaluation_id=evaluation.id,
        n=n,
        fingerprint=fingerprint,
        list_sealed=house.sealer.seal(text, BIDDER_LIST.at(evaluation.id, n)),
        delivered_by=actor.id,
        at=now,
        checked=checked,
        struck=places,
    )
    session.add(delivered)
    session.flush()
    audit.record(
        session,
        now,
        case=evaluation.id,
        tag=Tag.evaluation_bidders,
        actor=actor.id,
        subject=f"evaluation:{evaluation.number}",
        data={
            "checked": checked,
            "fingerprint": fingerprint,
            "n": delivered.n,
            "persons": len(persons),
            "struck": struck,
            "units": len(units),
        },
    )
    bus.publish(session, f"evaluation:{evaluation.id}", "bidders")


def check_drawn(
    session: Session, now: datetime, house: House, evaluation: Evaluation, expert_ids: Collection[str]
) -> None:
    """Checks everybody again once these have got places in a round: its candidates were stated when its parties were
    called, and the list may have come between. Does nothing while there is no list."""
    last = latest(session, evaluation.id)
    if last is not None:
        _check_again(session, now, house, evaluation, last, "house", fresh=expert_ids)


def list_mark(sealer: Sealer, text: str) -> str:
    """By what the same list is known again, and nowhere else."""
    return sealer.fingerprint(f"bidders:{text}", "bidder-list")


def latest(session: Session, evaluation_id: str) -> BidderList | None:
    """The list that was delivered last."""
    return session.exec(
        select(BidderList)
        .where(BidderList.evaluation_id == evaluation_id)
        .order_by(col(BidderList.n).desc())
        .limit(1)
    ).first()


def shown(session: Session, actor: Actor, evaluation_id: str) -> BidderListOut:
    """What this actor may know of it: that and when it came; how many had to go is for supervisors."""
    found = latest(session, evaluation_id)
    if found is None or not actor.may(Permission.avoidance_read):
        return BidderListOut(received=found is not None, at=found.at if found else None)
    return BidderListOut(received=True, at=found.at, checked=found.checked, refilling=found.struck)


def _enter(
    session: Session, now: datetime, evaluation: Evaluation, wanted: BidderListIn, persons: list[str]
) -> None:
    """From now on every question to the roster heeds these units and people."""
    projects.enter_bidders(
        session,
        now,
        evaluation.lot_id,
        [PartyIn(PartyRole.bidder, unit.name, unit.credit_code) for unit in wanted.bidders],
        scored=evaluation.opened_at is None,
    )
    conditions = json.loads(evaluation.conditions)
    conditions["persons"] = sorted({*conditions.get("persons", ()), *persons})
    evaluation.conditions = canonical_json(conditions).decode()
    session.flush()


def _check_again(
    session: Session,
    now: datetime,
    house: House,
    evaluation: Evaluation,
    last: BidderList,
    actor: str,
    *,
    fresh: Collection[str],
) -> None:
    """Checks everybody against a list that is noted already. fresh: ids of experts nobody has counted as checked yet."""
    _, struck, places = _check(session, now, house, evaluation)
    last.checked += len(fresh)
    last.struck += places
    session.add(last)
    session.flush()
    if struck:
        audit.record(
            session,
            now,
            case=evaluation.id,
            tag=Tag.evaluation_bidders,
            actor=actor,
            subject=f"evaluation:{evaluation.number}",
            data={"fingerprint": last.fingerprint, "n": last.n, "struck": struck},
        )


def _check(session: Session, now: datetime, house: House, evaluation: Evaluation) -> tuple[int, int, int]:
    """(how many were checked, how many had to go, how many places that leaves vacant): who holds a place and who stands by.
    Whoever is not drawn yet is left out of the next round, or checked once they are drawn."""
    draw = session.get(Draw, evaluation.draw_id) if evaluation.draw_id else None
    if draw is None:
        return 0, 0, 0
    standing = session.exec(
        select(Invitation).where(Invitation.draw_id == draw.id, col(Invitation.state).in_(ACTIVE))
    ).all()
    people = {one.id: sealed.person(session, house.sealer, one) for one in standing}
    found = pooling.grounds_now(
        session,
        house.sealer,
        house.rosters.current(session),
        booking.question(session, house.sealer, evaluation),
        set(people.values()),
    )
    hit = [one for one in standing if not _BY_THE_LIST.isdisjoint(found.get(people[one.id], ()))]
    gone = [
        one
        for one in hit
        if departures.depart(session, now, house.sealer, one, InvitationEvent.strike, actor="house")
    ]
    members.keep_step(session, now, house, evaluation, draw)
    return len(standing), len(gone), sum(not one.standby for one in gone)
