"""How long a recording is kept, and what may be done with it now."""

from datetime import datetime, timedelta
from enum import StrEnum


class Standing(StrEnum):
    """Where a recording that is over stands."""

    disposed = "disposed"  # its media are deleted; the manifest and the trail stay
    due = "due"  # its time is over and nothing holds it: two persons may dispose of it
    held = "held"  # a legal hold keeps it, however old it is
    kept = "kept"  # its time is not over


def ends_at(from_: datetime, years: int) -> datetime:
    """The moment so many years later; for the 29th of February the day after the 28th where there is none."""
    try:
        return from_.replace(year=from_.year + years)
    except ValueError:
        return from_.replace(year=from_.year + years, day=28) + timedelta(days=1)


def standing(now: datetime, ends: datetime, *, held: bool, disposed: bool) -> Standing:
    """What holds now. ends: when its time is over. held: whether a legal hold is in force."""
    if disposed:
        return Standing.disposed
    if held:
        return Standing.held
    return Standing.due if now >= ends else Standing.kept
