"""What the log says of refusals: who was refused what, and where; never what was sent.

Of strangers a few lines in a while are told and the rest is not, for whoever is nobody can ask without end.
"""

import logging

from starlette.requests import Request

from app.core.allowance import Allowance
from app.core.errors import Forbidden, YuanpingError

log = logging.getLogger(__name__)

_STRANGERS_AT_ONCE, _STRANGERS_PER_S = 20, 0.1
_OUR_FAULT = 500


def note(request: Request, refusal: YuanpingError) -> None:
    """One line for a refusal to somebody who is signed in, and for a stranger who tried what only a forger would."""
    actor_id = str(getattr(request.state, "actor_id", ""))
    if refusal.status >= _OUR_FAULT:
        return
    forbidden = isinstance(refusal, Forbidden)
    if actor_id or (forbidden and _told_of_strangers(request)):
        level = logging.WARNING if forbidden else logging.INFO
        log.log(level, "%s was refused at %s: %s", actor_id or "a stranger", where(request), refusal.code)


def where(request: Request) -> str:
    """Where it happened, as the service is written: an address itself can hold a secret, such as the code of a link."""
    return str(getattr(request.scope.get("route"), "path", "an unknown address"))


def _told_of_strangers(request: Request) -> bool:
    state = request.app.state
    if not hasattr(state, "strangers_told"):
        state.strangers_told = Allowance(_STRANGERS_AT_ONCE, _STRANGERS_PER_S)
    allowance: Allowance = state.strangers_told
    return allowance.take(state.clock.monotonic_ns())
