"""Why somebody who holds a place leaves it, as staff declares it on their own."""

from enum import StrEnum


class Cause(StrEnum):
    """What each means in the world."""

    illness = "illness"  # cannot go on
    no_show = "no_show"  # did not come within the time of grace
    recusal = "recusal"  # declared, or was found to have, a conflict of interest
