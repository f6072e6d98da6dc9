"""The states of an evaluation and what moves it from one to the next."""

from enum import StrEnum

from app.core.errors import Conflict
from app.core.i18n import N_


class EvaluationState(StrEnum):
    """What each state means in the world."""

    booked = "booked"  # entered and checked against the rules; nothing is promised yet
    committed = "committed"  # the pool is frozen and the draw's commitment is published
    inviting = "inviting"  # drawn; experts are being called, vacated places are drawn again
    ready = "ready"  # every place is filled
    convened = "convened"  # seat codes are out; experts sign in and take their seats
    in_session = "in_session"  # every seat is recorded; score sheets are open
    closed = "closed"  # every sheet is in; nothing can be scored any more
    sealed = "sealed"  # recordings and draw record are closed and bound by their hashes
    replacing = (
        "replacing"  # a member left the open room; their place is drawn again, scoring is locked meanwhile
    )
    short = "short"  # chance cannot fill it, or a share was withheld: staff widens, designates, postpones or gives up
    given_up = "given_up"  # staff ended it with a reason; what was recorded is sealed, it may be booked anew


class EvaluationEvent(StrEnum):
    """What can happen to one."""

    commit = "commit"
    run = "run"
    fill = "fill"
    convene = "convene"
    open = "open"
    close = "close"
    seal = "seal"
    exhaust = "exhaust"
    vacate = "vacate"  # somebody left a committee that was whole
    widen = "widen"  # back to the start with wider conditions
    postpone = "postpone"  # back to the start with a later time
    designate = "designate"  # people are named for the vacant places
    designate_successor = "designate_successor"  # the same, for members who left the open room
    give_up = "give_up"


_S, _E = EvaluationState, EvaluationEvent
_TABLE: dict[tuple[EvaluationState, EvaluationEvent], EvaluationState] = {
    (_S.booked, _E.commit): _S.committed,
    (_S.committed, _E.run): _S.inviting,
    (_S.inviting, _E.fill): _S.ready,
    (_S.committed, _E.exhaust): _S.short,
    (_S.inviting, _E.exhaust): _S.short,
    (_S.ready, _E.vacate): _S.inviting,
    (_S.convened, _E.vacate): _S.replacing,
    (_S.in_session, _E.vacate): _S.replacing,
    (_S.replacing, _E.fill): _S.convened,
    (_S.replacing, _E.exhaust): _S.short,
    (_S.short, _E.widen): _S.booked,
    (_S.short, _E.postpone): _S.booked,
    (_S.short, _E.designate): _S.inviting,
    (_S.short, _E.designate_successor): _S.replacing,
    (_S.ready, _E.convene): _S.convened,
    (_S.convened, _E.open): _S.in_session,
    (_S.in_session, _E.close): _S.closed,
    (_S.closed, _E.seal): _S.sealed,
    (_S.booked, _E.give_up): _S.given_up,
    (_S.committed, _E.give_up): _S.given_up,
    (_S.inviting, _E.give_up): _S.given_up,
    (_S.ready, _E.give_up): _S.given_up,
    (_S.convened, _E.give_up): _S.given_up,
    (_S.in_session, _E.give_up): _S.given_up,
    (_S.replacing, _E.give_up): _S.given_up,
    (_S.short, _E.give_up): _S.given_up,
}
OVER = (_S.closed, _S.given_up)
"""States in which the room is to be ended and its recordings sealed."""


def advance(state: EvaluationState, event: EvaluationEvent) -> EvaluationState:
    """The state after `event`; Conflict names the two when the event cannot happen in that state."""
    after = _TABLE.get((state, event))
    if after is None:
        raise Conflict(
            "evaluation-state",
            N_("评标现在的状态不允许这一步"),
            N_("按页面顶部的流程提示进行下一步"),
            state=state.value,
            event=event.value,
        )
    return after


def possible(state: EvaluationState) -> tuple[EvaluationEvent, ...]:
    return tuple(event for before, event in _TABLE if before is state)
