"""What may become of one who was drawn, and what that leads to."""

from collections.abc import Mapping
from types import MappingProxyType

from expert_draw.engine.pool import DrawKind

# (what is known of one who was drawn, what happened) -> what is known then. "vacated" frees the place for a further
# round; a late answer is written down and changes nothing.
_EXPERT: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("drawn", "accepted"): "accepted",  # takes part
        ("drawn", "declined"): "vacated",  # said no
        ("drawn", "expired"): "vacated",  # did not answer in time
        ("drawn", "unreachable"): "vacated",  # no message could be delivered
        ("drawn", "struck"): "vacated",  # found ineligible before answering
        ("accepted", "withdrawn"): "vacated",  # asked leave after accepting
        ("accepted", "no_show"): "vacated",  # did not come
        ("accepted", "recused"): "vacated",  # declared a conflict of interest
        ("accepted", "struck"): "vacated",  # found ineligible after accepting
        ("accepted", "removed"): "vacated",  # sent away by the supervisor
        ("accepted", "ill"): "vacated",  # cannot go on
        ("vacated", "late"): "vacated",  # answered after the place was given up
    }
)
_PLACE: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("drawn", "accepted"): "accepted",  # confirmed by the guest center
        ("drawn", "refused"): "vacated",  # refused by the guest center
        ("drawn", "released"): "vacated",  # no longer needed for this place
        ("drawn", "taken"): "vacated",  # booked by another evaluation in the meantime
        ("drawn", "fault"): "vacated",  # out of order
        ("accepted", "released"): "vacated",
        ("accepted", "fault"): "vacated",
    }
)


def state_after(kind: DrawKind, state: str, outcome: str) -> str | None:
    """drawn, accepted or vacated; None when that outcome cannot follow that state."""
    return (_EXPERT if kind is DrawKind.expert else _PLACE).get((state, outcome))
