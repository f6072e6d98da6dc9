"""Who guesses at one of the doors from one address has to wait, and the trail says so once."""

import threading
from datetime import timedelta

from app.accounts import service
from app.accounts.throttle import Throttle
from app.web.pages.visit import Visit

ANSWER, SEAT, SET_UP, SIGN_IN, TERMINAL = "answer", "seat", "set-up", "sign-in", "terminal"
_SHARED = 4  # a whole office, or all phones of a network, come from one address: so many times the wrong tries of one
_making = threading.Lock()


def throttle(visit: Visit, door: str) -> Throttle:
    """The one memory of wrong tries at this door of the running service, made with the first of them."""
    accounts = visit.settings.accounts
    tries = accounts.sign_in_tries * (1 if door in {SEAT, SET_UP, TERMINAL} else _SHARED)
    with _making:
        state = visit.request.app.state
        known: dict[str, Throttle] = getattr(state, "throttles", {})
        state.throttles = known
        return known.setdefault(door, Throttle(tries, timedelta(seconds=accounts.sign_in_pause_s)))


def address_of(visit: Visit) -> str:
    return visit.request.client.host if visit.request.client else ""


def note_wrong(visit: Visit, door: str, number: int) -> None:
    """Try `number` was wrong; with the last one the pause begins, and that is written down."""
    if number == throttle(visit, door).tries:
        with visit.database.transaction() as session:
            service.note_guessing(session, visit.now, door=door, address=address_of(visit))
