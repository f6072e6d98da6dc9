"""What follows when somebody on the phone presses a key: 1 yes, 2 no, * again, and the same key twice to confirm."""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from app.notify.wording import TemplateId

_PATIENCE = 3  # so often a call asks again after silence or a wrong key


class Step(StrEnum):
    """Where a call stands: which sentence was spoken last."""

    invite = "invite"
    accept = "accept"
    decline = "decline"


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
class GiveUp:
    """Nobody answers; the call ends, the invitation stays open."""


SENTENCE: dict[Step, TemplateId] = {
    Step.invite: TemplateId.invitation_voice,
    Step.accept: TemplateId.confirm_accept,
    Step.decline: TemplateId.confirm_decline,
}

_KEYS: dict[tuple[Step, str], Ask | Confirmed] = {
    (Step.invite, "1"): Ask(Step.accept),
    (Step.invite, "2"): Ask(Step.decline),
    (Step.invite, "*"): Ask(Step.invite),
    (Step.accept, "1"): Confirmed(accept=True),
    (Step.accept, "2"): Ask(Step.decline),
    (Step.accept, "*"): Ask(Step.accept),
    (Step.decline, "1"): Ask(Step.accept),
    (Step.decline, "2"): Confirmed(accept=False),
    (Step.decline, "*"): Ask(Step.decline),
}


def pressed(step: Step, key: str, silent: int) -> Ask | Confirmed | GiveUp:
    """What follows the key; `key` empty means silence, `silent` counts the times nothing useful came."""
    known = _KEYS.get((step, key))
    if known is not None:
        return known
    if silent + 1 >= _PATIENCE:
        return GiveUp()
    return Ask(step, silent + 1, misheard=bool(key))


class Reply(StrEnum):
    """What a text says."""

    accept = "accept"
    decline = "decline"
    stop = "stop"
    other = "other"


_REPLIES = {"1": Reply.accept, "2": Reply.decline}
_STOP = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "td", "t", "退订"})


def read_text(body: str) -> Reply:
    """Reads a reply as people type it: full-width digits, spaces, a full stop at the end."""
    plain = unicodedata.normalize("NFKC", body).strip().strip("。.!,").strip().lower()
    if plain in _STOP:
        return Reply.stop
    return _REPLIES.get(plain, Reply.other)
