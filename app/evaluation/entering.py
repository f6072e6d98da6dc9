"""How a member takes their seat (入席): their code, at the terminal of their own seat, in their time, after the check at the desk.

None of them alone opens anything. Whoever is refused learns what to do and not what was wrong, so that nobody can find out by
trying whether a code is right; the trail says why.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from app.accounts import service as accounts
from app.accounts import sessions, tickets
from app.accounts.service import SignedIn
from app.accounts.tickets import TicketKind
from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.core.clock import BoundedTime
from app.core.database import in_turn
from app.core.errors import Forbidden
from app.core.i18n import N_
from app.core.settings_rooms import SeatRules
from app.evaluation import alarms, cases, check_in, desk
from app.evaluation.alarms import AlarmKind
from app.evaluation.cases import House
from app.evaluation.lifecycle import EvaluationState
from app.evaluation.models import CommitteeMember, Evaluation
from expert_draw import release
from venue import devices
from venue.models import SeatTerminal
from venue.proofs import Proof, Purpose

ENTERS = (
    EvaluationState.convened,
    EvaluationState.in_session,
    EvaluationState.replacing,
    EvaluationState.short,
)
"""While a seat can be taken."""


class Why(StrEnum):
    """Why a seat was refused, for the trail alone."""

    code = "code"  # unknown, used up or too old
    early = "early"
    identity = "identity"  # the desk has not found them to be who is expected
    late = "late"
    left = "left"  # no longer on the committee, or the evaluation is over
    seat = "seat"  # the terminal stands at another seat


@dataclass(frozen=True, slots=True)
class Shown:
    """What somebody shows who wants to sit. proof: of the terminal; None from a machine that is none."""

    code: str
    proof: Proof | None


def take(session: Session, moment: BoundedTime, house: House, shown: Shown) -> SignedIn | None:
    """The member's session at their seat; None when it is refused, which the trail then holds.

    Forbidden where the machine proves nothing, before the code is even looked at.
    """
    now, sealer, rules = moment.now, house.sealer, house.settings.seat_rules
    terminal = None
    if shown.proof is not None:
        terminal = devices.prove(
            session, sealer, now, shown.proof, Purpose.seat, said=devices.digits(shown.code)
        )
    elif rules.terminal:
        raise Forbidden(
            "terminal-needed",
            N_("这台电脑还不是登记过的工位终端"),
            N_("请到您的工位入席；工位终端未登记时请现场工作人员登记"),
        )
    code = devices.digits(shown.code)
    subject = tickets.peek(session, sealer, now, kind=TicketKind.seat_code, secret=code)
    member = _member(session, subject)
    if member is None:
        _refuse(session, now, terminal, Why.code)
        return None
    evaluation = session.get_one(Evaluation, member.evaluation_id, populate_existing=True)
    why = _refusal(session, moment, rules, evaluation, member, terminal)
    if why is None and tickets.redeem(session, sealer, now, kind=TicketKind.seat_code, secret=code) is None:
        why = Why.code
    if why is not None:
        _refuse(session, now, terminal, why, member)
        return None
    return _seat(session, moment, house, member, terminal)


def note_machine(session: Session, now: datetime, shown: Shown, code: str) -> None:
    """Writes down that a machine was refused; code: of the refusal."""
    machine = shown.proof.terminal_id if shown.proof else ""
    subject = f"terminal:{machine}" if len(machine) <= _LONGEST_ID else "terminal:unknown"
    audit.record(
        session,
        now,
        case="house",
        tag=Tag.seat_refused,
        actor="anonymous",
        subject=subject,
        data={"why": code},
    )


def _member(session: Session, subject: str | None) -> CommitteeMember | None:
    """The member of a seat code; who is going to write has their evaluation to themselves from here on."""
    member = session.get(CommitteeMember, (subject or "").removeprefix("member:"))
    if member is not None and in_turn(session, member.evaluation_id):
        session.refresh(member)
    return member


def _refusal(
    session: Session,
    moment: BoundedTime,
    rules: SeatRules,
    evaluation: Evaluation,
    member: CommitteeMember,
    terminal: SeatTerminal | None,
) -> Why | None:
    start, end = cases.span(evaluation)
    if member.left_at is not None or evaluation.state not in ENTERS:
        return Why.left
    if terminal is not None and terminal.seat_id != member.seat_id:
        return Why.seat
    if rules.opens is not None and moment.earliest < start - rules.opens:
        return Why.early
    if moment.latest >= end and evaluation.opened_at is None:
        return Why.late  # a session that runs longer than planned still takes its members back
    if rules.identity and not check_in.passed(session, member.id):
        return Why.identity
    return None


def _seat(
    session: Session,
    moment: BoundedTime,
    house: House,
    member: CommitteeMember,
    terminal: SeatTerminal | None,
) -> SignedIn:
    now = moment.now
    terminal_id = terminal.id if terminal is not None else None
    earlier = sessions.at_seat(session, member.id)
    if earlier is not None and earlier.expires_at > now:
        alarms.raise_alarm(
            session, now, member, AlarmKind.second_join, same_terminal=earlier.terminal_id == terminal_id
        )
    if not house.settings.seat_rules.identity:
        release.admit(
            session, now, member.evaluation_id, member.invitation_id
        )  # nobody checks them at a desk
    desk.enter(session, now, member.id)
    signed = accounts.open_seat(
        session,
        house.sealer,
        now,
        house.settings.accounts,
        member_id=member.id,
        evaluation_id=member.evaluation_id,
        terminal_id=terminal_id,
    )
    bus.publish(session, f"evaluation:{member.evaluation_id}", "members")
    return signed


def _refuse(
    session: Session,
    now: datetime,
    terminal: SeatTerminal | None,
    why: Why,
    member: CommitteeMember | None = None,
) -> None:
    at = f"terminal:{terminal.id}" if terminal is not None else "anonymous"
    if member is None:
        audit.record(
            session, now, case="house", tag=Tag.seat_refused, actor="anonymous", subject=at, data={"why": why}
        )
        return
    audit.record(
        session,
        now,
        case=member.evaluation_id,
        tag=Tag.seat_refused,
        actor=at,
        subject=f"seat:{member.seat_no}",
        data={"member": member.id, "why": why},
    )


_LONGEST_ID = 36
