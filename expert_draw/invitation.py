"""The states of an invitation and how it may move from one to the next."""

from enum import StrEnum

from app.core.errors import Conflict
from app.core.i18n import N_


class InvitationState(StrEnum):
    """What each state means in the world."""

    queued = "queued"  # drawn and booked; no provider has taken the first message yet
    contacting = "contacting"  # the phone rings or the text is under way; the answer window is open
    accepted = "accepted"  # the expert said yes and confirmed it: the place is filled
    declined = "declined"  # the expert said no and confirmed it
    expired = "expired"  # the window closed without an answer
    unreachable = "unreachable"  # no provider would take any message: nobody was asked
    cancelled = "cancelled"  # the house took it back: the evaluation was given up
    struck = "struck"  # found to be ineligible when the list of bidders came; told the same as the cancelled
    withdrawn = "withdrawn"  # asked leave in time after accepting
    no_show = "no_show"  # accepted and did not come
    recused = "recused"  # declared a conflict of interest after accepting
    removed = "removed"  # sent away by order of the supervisor
    ill = "ill"  # fell ill and cannot go on


class InvitationEvent(StrEnum):
    """What can happen to one."""

    taken = "taken"  # a provider took the first message
    accept = "accept"
    decline = "decline"
    lapse = "lapse"  # the window's end passed
    fail = "fail"  # the ladder ended without one message taken
    withdraw = "withdraw"  # the house takes it back
    strike = "strike"
    withdraw_leave = "withdraw_leave"  # leave is granted
    no_show = "no_show"
    recuse = "recuse"
    remove = "remove"
    fall_ill = "fall_ill"


ACTIVE = (InvitationState.queued, InvitationState.contacting, InvitationState.accepted)
OPEN = (InvitationState.queued, InvitationState.contacting)
LEFT = (
    InvitationState.struck,
    InvitationState.withdrawn,
    InvitationState.no_show,
    InvitationState.recused,
    InvitationState.removed,
    InvitationState.ill,
)
"""Left after being drawn, other than by their own answer."""
VACATES = (InvitationState.declined, InvitationState.expired, InvitationState.unreachable, *LEFT)

_TABLE: dict[tuple[InvitationState, InvitationEvent], InvitationState] = {
    (InvitationState.queued, InvitationEvent.taken): InvitationState.contacting,
    # An answer can overtake the provider's own report that it took the message.
    (InvitationState.queued, InvitationEvent.accept): InvitationState.accepted,
    (InvitationState.queued, InvitationEvent.decline): InvitationState.declined,
    (InvitationState.queued, InvitationEvent.withdraw): InvitationState.cancelled,
    (InvitationState.queued, InvitationEvent.fail): InvitationState.unreachable,
    (InvitationState.contacting, InvitationEvent.accept): InvitationState.accepted,
    (InvitationState.contacting, InvitationEvent.decline): InvitationState.declined,
    (InvitationState.contacting, InvitationEvent.lapse): InvitationState.expired,
    (InvitationState.contacting, InvitationEvent.withdraw): InvitationState.cancelled,
    (InvitationState.accepted, InvitationEvent.withdraw): InvitationState.cancelled,
    (InvitationState.queued, InvitationEvent.strike): InvitationState.struck,
    (InvitationState.contacting, InvitationEvent.strike): InvitationState.struck,
    (InvitationState.accepted, InvitationEvent.strike): InvitationState.struck,
    (InvitationState.accepted, InvitationEvent.withdraw_leave): InvitationState.withdrawn,
    (InvitationState.accepted, InvitationEvent.no_show): InvitationState.no_show,
    (InvitationState.accepted, InvitationEvent.recuse): InvitationState.recused,
    (InvitationState.accepted, InvitationEvent.remove): InvitationState.removed,
    (InvitationState.accepted, InvitationEvent.fall_ill): InvitationState.ill,
}


def advance(state: InvitationState, event: InvitationEvent) -> InvitationState:
    """The state after `event`; Conflict names the two when the event cannot happen in that state."""
    after = _TABLE.get((state, event))
    if after is None:
        raise Conflict(
            "invitation-state",
            N_("邀请现在的状态不允许这一步"),
            N_("刷新页面查看最新状态"),
            state=state.value,
            event=event.value,
        )
    return after


def states_before(event: InvitationEvent) -> tuple[InvitationState, ...]:
    """The states in which the event may happen: the condition of its one update."""
    return tuple(state for state, possible in _TABLE if possible is event)
