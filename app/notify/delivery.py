"""How far a call or a text has come, and why late news never moves it back."""

from enum import StrEnum


class MessageState(StrEnum):
    """Where a message is, in the world."""

    queued = "queued"  # waits in our table for its hour and its turn
    sending = "sending"  # one of our processes is handing it to the provider right now
    unknown = "unknown"  # we handed it over and heard nothing certain: it may ring, or never have arrived
    sent = "sent"  # the provider took it
    ringing = "ringing"  # the phone rings
    answered = "answered"  # somebody picked up and is listening
    delivered = "delivered"  # the text is on the phone
    completed = "completed"  # the call was picked up and is over
    no_answer = "no_answer"  # rang out
    busy = "busy"  # engaged, or declined on the phone
    failed = "failed"  # the provider refused it for good or could not place it
    undelivered = "undelivered"  # the network or the phone did not take the text
    untold = "untold"  # the provider took it, and nobody ever told what became of it
    cancelled = "cancelled"  # not needed any more before it left


class Event(StrEnum):
    """What we ourselves do with a message, or learn at the moment of sending."""

    claim = "claim"  # a process takes the due row to send it
    accept = "accept"  # the provider answered 201
    put_back = "put_back"  # the provider certainly did not take it (429, connection refused): try again later
    reject = "reject"  # the provider refused it for good (permanent 4xx)
    lose_track = "lose_track"  # time-out, 5xx, dropped reply, or the process died while sending
    disown = "disown"  # what a look-up gave this message turns out to be another one's
    find_missing = "find_missing"  # asked twice, the provider has never seen it: send again
    cancel = "cancel"  # the subject needs it no more


_S, _E = MessageState, Event

_MOVES: dict[tuple[MessageState, Event], MessageState] = {
    (_S.queued, _E.claim): _S.sending,
    (_S.queued, _E.cancel): _S.cancelled,
    (_S.queued, _E.reject): _S.failed,
    (_S.sending, _E.accept): _S.sent,
    (_S.sending, _E.put_back): _S.queued,
    (_S.sending, _E.reject): _S.failed,
    (_S.sending, _E.lose_track): _S.unknown,
    (_S.unknown, _E.accept): _S.sent,
    (_S.unknown, _E.reject): _S.failed,
    (_S.unknown, _E.find_missing): _S.queued,
    (_S.sent, _E.disown): _S.unknown,
    (_S.ringing, _E.disown): _S.unknown,
    (_S.answered, _E.disown): _S.unknown,
    (_S.sent, _E.reject): _S.failed,
    (_S.ringing, _E.reject): _S.failed,
    (_S.answered, _E.reject): _S.failed,
}

RANK: dict[MessageState, int] = {
    _S.queued: 0,
    _S.sending: 1,
    _S.unknown: 1,
    _S.sent: 2,
    _S.ringing: 3,
    _S.answered: 4,
    _S.delivered: 9,
    _S.completed: 9,
    _S.no_answer: 9,
    _S.busy: 9,
    _S.failed: 9,
    _S.undelivered: 9,
    _S.untold: 9,
    _S.cancelled: 9,
}

TAKEN = RANK[_S.sent]  # from this rank on the provider has the message
FINAL = RANK[_S.completed]  # at this rank nothing moves any more

_REPORTS: dict[str, MessageState] = {
    # calls
    "queued": _S.sent,
    "initiated": _S.sent,
    "ringing": _S.ringing,
    "in-progress": _S.answered,
    "answered": _S.answered,
    "completed": _S.completed,
    "busy": _S.busy,
    "no-answer": _S.no_answer,
    "failed": _S.failed,
    "canceled": _S.failed,
    # texts
    "accepted": _S.sent,
    "scheduled": _S.sent,
    "sending": _S.sent,
    "sent": _S.sent,
    "delivered": _S.delivered,
    "read": _S.delivered,
    "undelivered": _S.undelivered,
}


class MoveRefused(Exception):
    """The event does not fit the state; names both."""

    def __init__(self, state: MessageState, event: Event) -> None:
        self.state = state
        self.event = event
        super().__init__(f"{event} does not apply to a message that is {state}")


def advance(state: MessageState, event: Event) -> MessageState:
    """The next state by our own act, or MoveRefused."""
    try:
        return _MOVES[state, event]
    except KeyError:
        raise MoveRefused(state, event) from None


def sources(event: Event) -> tuple[MessageState, ...]:
    """The states from which the event applies: the guard of its conditional update."""
    return tuple(state for state, known in _MOVES if known is event)


def heard(state: MessageState, report: MessageState) -> MessageState:
    """The state after a provider's report: forward or unchanged, whatever the order reports arrive in."""
    return report if RANK[report] > RANK[state] and RANK[report] >= TAKEN else state


def state_of(status: str) -> MessageState | None:
    """The provider's word as our state; None for a word we do not know."""
    return _REPORTS.get(status)


def is_final(state: MessageState) -> bool:
    return RANK[state] >= FINAL


def backoff_s(tries: int) -> int:
    """Seconds to wait before the next try after the provider refused the last one: 1, 2, 4 … 60."""
    return int(min(2 ** max(tries - 1, 0), 60))
