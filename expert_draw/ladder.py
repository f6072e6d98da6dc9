"""How an invited expert is reached: a call, then a text, then one more call."""

from dataclasses import dataclass

VOICE, SMS = "voice", "sms"
LADDER = (VOICE, SMS, VOICE)
"""The channels one after the other, while nobody answers."""


@dataclass(frozen=True, slots=True)
class Step:
    """The next thing to send: by which channel and in how many seconds."""

    channel: str
    after_s: int


def next_step(
    steps_done: int, *, channel: str, delivered: bool, sms_after_s: int, second_call_after_s: int
) -> Step | None:
    """What follows once `steps_done` steps have ended, the last of them by `channel`; None at the ladder's end.

    A text that could not be delivered brings the second call forward: nobody can be reading it.
    """
    if steps_done == 1 and channel == VOICE:
        return Step(SMS, sms_after_s)
    if steps_done == 2 and channel == SMS:  # noqa: PLR2004 -- the third and last step
        return Step(VOICE, second_call_after_s if delivered else 0)
    return None
