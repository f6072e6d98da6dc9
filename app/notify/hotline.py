"""Callers who want to talk to our staff (人工热线): who waits, who has taken the call, what was registered; never who it is.

Only calls that came in and were matched to a notice by the service itself stand here: nobody can look anybody up.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session, col, select, update

from app.audit import service as audit
from app.audit.tags import Tag
from app.core import bus
from app.core.errors import Conflict
from app.core.i18n import N_
from app.core.ids import new_id
from app.notify.listener import Heard, Listener, Position, Standing
from app.notify.models import HotlineCall, OutgoingMessage

TOPIC = "hotline"
CHANNEL = "hotline"
PATIENCE = timedelta(minutes=10)
"""So long somebody waits for our staff before they are asked to call again."""
_UNHEARD = timedelta(seconds=45)  # who waits is heard of every few seconds, else they have hung up
_PUT_THROUGH = timedelta(minutes=2)  # whoever picks up the phone takes the call on the screen, too
_TO_REGISTER = timedelta(minutes=30)  # after taking a call, even when the caller has hung up meanwhile


class CallState(StrEnum):
    """Where a call stands."""

    waiting = "waiting"  # nobody has taken it
    taken = "taken"  # one of our staff talks to the caller
    done = "done"  # registered, closed, or the caller left


class Act(StrEnum):
    """What the staff may register for a caller."""

    accept = "accept"
    decline = "decline"
    leave = "leave"


LEFT, CLOSED = "left", "closed"
"""How a call ended in which nothing was registered: the caller went, or the staff closed it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """One call as the staff sees it. `reference`: four digits the caller was told; `position` of their notice."""

    id: str
    reference: str
    state: CallState
    since: datetime
    mine: bool
    position: Position

    @property
    def acts(self) -> tuple[Act, ...]:
        """What can be registered now."""
        if self.position.standing is Standing.open:
            return (Act.accept, Act.decline)
        return () if self.position.standing is Standing.over else (Act.leave,)


def newest(session: Session, message_id: str) -> HotlineCall | None:
    """The latest call in which whoever got this notice wanted to talk to us."""
    return session.exec(
        select(HotlineCall)
        .where(HotlineCall.message_id == message_id)
        .order_by(col(HotlineCall.at).desc(), col(HotlineCall.id).desc())
        .limit(1)
    ).first()


def waits(
    session: Session, now: datetime, message: OutgoingMessage, call: HotlineCall | None, *, put_through: bool
) -> HotlineCall:
    """The caller waits on in this call, or begins to wait if there is none.

    put_through: they are connected to a phone of our staff and not heard of meanwhile.
    """
    until = now + (_PUT_THROUGH if put_through else _UNHEARD)
    if call is not None:
        # Never sooner than it stands: whoever took the call meanwhile has set it further.
        longer = col(HotlineCall.id) == call.id, col(HotlineCall.until) < until
        session.exec(update(HotlineCall).where(*longer).values(until=until))
        return session.get_one(HotlineCall, call.id, populate_existing=True)
    call = HotlineCall(
        id=new_id(now),
        message_id=message.id,
        subject=message.subject,
        reference=_reference(session, now),
        state=CallState.waiting,
        at=now,
        until=until,
    )
    bus.publish(session, TOPIC, "calls")
    session.add(call)
    session.flush()
    return call


def leaves(session: Session, now: datetime, message_id: str) -> None:
    """The caller waits no more; whoever has taken the call may still register what was said."""
    gone = session.exec(
        update(HotlineCall)
        .where(col(HotlineCall.message_id) == message_id, col(HotlineCall.state) == CallState.waiting)
        .values(state=CallState.done, outcome=LEFT, done_at=now)
    )
    if gone.rowcount:
        bus.publish(session, TOPIC, "calls")


def on_the_line(session: Session, now: datetime, listener: Listener, account_id: str) -> tuple[Caller, ...]:
    """Calls that wait, then those this account has taken, then those others have; each as long as it lasts."""
    rows = session.exec(
        select(HotlineCall)
        .where(col(HotlineCall.state) != CallState.done, col(HotlineCall.until) > now)
        .order_by(col(HotlineCall.at), col(HotlineCall.id))
    ).all()
    found = [_caller(session, now, listener, row, account_id) for row in rows]
    return tuple(sorted(found, key=lambda one: (not one.mine, one.state is not CallState.waiting)))


def caller(session: Session, now: datetime, listener: Listener, call_id: str, account_id: str) -> Caller:
    """A call that this account has taken; Conflict `hotline-gone` when it has none such."""
    row = session.get(HotlineCall, call_id)
    if row is None or row.state != CallState.taken or row.taken_by != account_id or row.until <= now:
        raise _gone()
    return _caller(session, now, listener, row, account_id)


def take(session: Session, now: datetime, call_id: str, account_id: str) -> None:
    """One of our staff talks to the caller; Conflict when somebody else does, or the caller has gone."""
    taken = session.exec(
        update(HotlineCall)
        .where(
            col(HotlineCall.id) == call_id,
            col(HotlineCall.state) == CallState.waiting,
            col(HotlineCall.until) > now,
        )
        .values(state=CallState.taken, taken_by=account_id, taken_at=now, until=now + _TO_REGISTER)
    )
    if not taken.rowcount:
        raise Conflict("hotline-taken", N_("这通来电已由他人接起，或对方已挂断"), N_("刷新后接听下一通"))
    _note(session, now, call_id, account_id, Tag.hotline_taken, "", "")
    bus.publish(session, TOPIC, "calls")


def register(
    session: Session, now: datetime, listener: Listener, call_id: str, account_id: str, act: Act
) -> Heard:
    """Registers what the caller said, in the trail under the account's name; Conflict when the call is not theirs any more."""
    call = _finish(session, now, call_id, account_id)
    if act is Act.leave:
        heard = listener.ask_leave(session, now, call.subject, CHANNEL)
    else:
        heard = listener.answer(session, now, call.subject, act is Act.accept, CHANNEL)
    call.outcome = heard.value
    session.flush()
    _note(session, now, call_id, account_id, Tag.hotline_registered, act.value, heard.value)
    return heard


def close(session: Session, now: datetime, call_id: str, account_id: str) -> None:
    """The conversation is over and nothing is to be registered."""
    _finish(session, now, call_id, account_id).outcome = CLOSED
    session.flush()
    _note(session, now, call_id, account_id, Tag.hotline_closed, "", CLOSED)


def _finish(session: Session, now: datetime, call_id: str, account_id: str) -> HotlineCall:
    done = session.exec(
        update(HotlineCall)
        .where(
            col(HotlineCall.id) == call_id,
            col(HotlineCall.state) == CallState.taken,
            col(HotlineCall.taken_by) == account_id,
            col(HotlineCall.until) > now,
        )
        .values(state=CallState.done, done_at=now)
    )
    if not done.rowcount:
        raise _gone()
    bus.publish(session, TOPIC, "calls")
    return session.get_one(HotlineCall, call_id, populate_existing=True)


def _gone() -> Conflict:
    return Conflict("hotline-gone", N_("这通来电已经结束，或不是由您接起的"), N_("请对方再次拨打热线"))


def _caller(session: Session, now: datetime, listener: Listener, row: HotlineCall, account_id: str) -> Caller:
    return Caller(
        id=row.id,
        reference=row.reference,
        state=CallState(row.state),
        since=row.at,
        mine=row.taken_by == account_id,
        position=listener.position(session, now, row.subject),
    )


def _note(
    session: Session, now: datetime, call_id: str, account_id: str, tag: Tag, act: str, outcome: str
) -> None:
    """Into the trail of the house: the evaluation's own trail says what became of the notice, this one who registered it."""
    call = session.get_one(HotlineCall, call_id)
    audit.record(
        session,
        now,
        case="house",
        tag=tag,
        actor=account_id,
        subject=f"hotline-call:{call_id}",
        data={"act": act, "channel": CHANNEL, "notice": call.subject, "outcome": outcome},
    )


def _reference(session: Session, now: datetime) -> str:
    """Four digits no other call on the line has."""
    used = set(
        session.exec(
            select(HotlineCall.reference).where(
                col(HotlineCall.state) != CallState.done, col(HotlineCall.until) > now
            )
        ).all()
    )
    while True:
        chosen = str(1000 + secrets.randbelow(9000))
        if chosen not in used:
            return chosen
