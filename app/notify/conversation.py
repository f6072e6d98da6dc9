"""What follows when somebody on the phone presses a key.

1 yes, 2 no, 3 leave, * again, 0 a person; and the same key twice to confirm. 3 and 0 are for those who call us.
"""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from app.notify.wording import TemplateId

_PATIENCE = 3  # so often a call asks again after silence or a wrong key


class Step(StrEnum):
    """Where a call stands: which sentence was spoken last."""

    invite = "invite"  # we called, and read the notice
    callback = "callback"  # they called while an answer counts, and were read the notice
    accept = "accept"
    decline = "decline"
    registered = "registered"  # they called after accepting
    standby = "standby"  # the same, of somebody who is asked to hold themselves ready
    leave = "leave"
    hold = "hold"  # they wait for our staff
    dialed = "dialed"  # the line to our staff has ended


MENUS = frozenset({Step.callback, Step.registered, Step.standby})
"""What somebody who calls us may hear first, and comes back to."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Speak the step's sentence (after a hint when the key was not understood) and wait for a key."""

    step: Step
    silent: int = 0
    misheard: bool = False


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The same key was pressed twice: this is the answer."""

    accept: bool


@dataclass(frozen=True, slots=True)
class LeaveConfirmed:
    """3 was pressed twice: they ask leave."""


@dataclass(frozen=True, slots=True)
class Menu:
    """Back to whatever somebody who calls us is to hear now."""


@dataclass(frozen=True, slots=True)
class Talk:
    """They want to talk to our staff, or still wait for it."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nobody answers; the call ends, the invitation stays as it is."""


Follows = Ask | Confirmed | LeaveConfirmed | Menu | Talk | GiveUp

SENTENCE: dict[Step, TemplateId] = {
    Step.invite: TemplateId.invitation_voice,
    Step.callback: TemplateId.invitation_callback,
    Step.accept: TemplateId.confirm_accept,
    Step.decline: TemplateId.confirm_decline,
    Step.registered: TemplateId.registered,
    Step.standby: TemplateId.registered_standby,
    Step.leave: TemplateId.leave_confirm,
}

_KEYS: dict[tuple[Step, str], Follows] = {
    (Step.invite, "1"): Ask(Step.accept),
    (Step.invite, "2"): Ask(Step.decline),
    (Step.invite, "*"): Ask(Step.invite),
    (Step.callback, "1"): Ask(Step.accept),
    (Step.callback, "2"): Ask(Step.decline),
    (Step.callback, "*"): Ask(Step.callback),
    (Step.callback, "0"): Talk(),
    (Step.accept, "1"): Confirmed(accept=True),
    (Step.accept, "2"): Ask(Step.decline),
    (Step.accept, "*"): Ask(Step.accept),
    (Step.decline, "1"): Ask(Step.accept),
    (Step.decline, "2"): Confirmed(accept=False),
    (Step.decline, "*"): Ask(Step.decline),
    (Step.registered, "3"): Ask(Step.leave),
    (Step.registered, "*"): Ask(Step.registered),
    (Step.registered, "0"): Talk(),
    (Step.standby, "3"): Ask(Step.leave),
    (Step.standby, "*"): Ask(Step.standby),
    (Step.standby, "0"): Talk(),
    (Step.leave, "1"): Menu(),
    (Step.leave, "3"): LeaveConfirmed(),
    (Step.leave, "*"): Ask(Step.leave),
    (Step.hold, "*"): Menu(),
}


def pressed(step: Step, key: str, silent: int) -> Follows:
    """What follows the key; `key` empty means silence, `silent` counts the times nothing useful came.

    Who waits for our staff waits on, whatever they press, until they go back or the staff has done with the call.
    """
    known = _KEYS.get((step, key))
    if known is not None:
        return known
    if step in {Step.hold, Step.dialed}:
        return Talk()
    if silent + 1 >= _PATIENCE:
        return GiveUp()
    return Ask(step, silent + 1, misheard=bool(key))


class Reply(StrEnum):
    """What a text says."""

    accept = "accept"
    decline = "decline"
    start = "start"
    stop = "stop"
    other = "other"


_REPLIES = {
    "1": Reply.accept,
    "2": Reply.decline,
    **dict.fromkeys(
        ("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "td", "t", "退订"), Reply.stop
    ),
    **dict.fromkeys(("start", "unstop", "hf", "恢复"), Reply.start),
}


def read_text(body: str) -> Reply:
    """Reads a reply as people type it: full-width digits, spaces, quotation marks, a full stop at the end."""
    plain = unicodedata.normalize("NFKC", body).strip().strip('。.!,“”"').strip().lower()
    return _REPLIES.get(plain, Reply.other)
