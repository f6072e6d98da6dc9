"""How many each ground of avoidance leaves out, as far as the reader may know it."""

from collections.abc import Mapping

from app.evaluation.shown import Excluded
from expert_draw.engine.avoidance import Ground

PERSONAL = "personal"
"""One row for all grounds that concern single people."""
_PERSONAL = frozenset(
    {
        Ground.controlling_interest.value,
        Ground.credit_list.value,
        Ground.kin.value,
        Ground.named_person.value,
        Ground.suspended.value,
    }
)
_TOLD_FROM = 5


def counted(counts: Mapping[str, int], *, supervises: bool) -> Excluded:
    """How many each ground leaves out, ascending. Grounds that concern single people are one row for all who do not
    supervise, without a number where it is small: whoever books could else learn something about the person they name.
    """
    if supervises:
        return tuple(sorted(counts.items()))
    plain = tuple(sorted((ground, count) for ground, count in counts.items() if ground not in _PERSONAL))
    personal = sum(count for ground, count in counts.items() if ground in _PERSONAL)
    return (*plain, (PERSONAL, personal if personal >= _TOLD_FROM else None))


def named(ground: str, *, supervises: bool) -> str:
    """The ground, or the one word for all that concern single people."""
    return PERSONAL if ground in _PERSONAL and not supervises else ground
