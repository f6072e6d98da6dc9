"""What staff types as the reason of an act: it stays in the trail, so it says something and is one line."""

import re

from app.core.errors import InvalidInput
from app.core.i18n import N_
from app.core.logging import blot

SHORTEST, LONGEST = 4, 400
# Control characters break what the texts go into: a NUL cannot be stored everywhere, others forge lines and terminals.
LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"


def reason(text: str) -> str:
    """The reason without spaces around it, and without anybody's numbers, which no trail can forget again.

    InvalidInput when it says nothing, or what cannot be stored.
    """
    found = blot(text.strip())
    if len(found) < SHORTEST:
        raise InvalidInput("reason-short", N_("原因不足 4 个字"), N_("写明原因，留在审计记录中"))
    if not fits(found):
        raise InvalidInput("reason-shape", N_("原因超过 400 字，或不是一行文字"), N_("改写后重新提交"))
    return found


def fits(text: str) -> bool:
    """Whether this says something, and can be stored: one line of 4 to 400 characters."""
    return SHORTEST <= len(text) <= LONGEST and re.fullmatch(LINE, text) is not None
