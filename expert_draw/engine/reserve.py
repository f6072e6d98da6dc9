"""The reserve behind each list (备选): who comes next, in an order that nobody without the list can compute."""

from collections.abc import Collection

import numpy as np

from expert_draw.engine.ballot import Role
from expert_draw.engine.randomness import Stream


def reserve_order(role: Role, drawn: Collection[int], most: int, stream: Stream) -> tuple[int, ...]:
    """The first `most` of a list in random order, or all if it is shorter; drawn: who is no longer on it.

    Indices of candidates as in the ballot. Every order is equally likely (docs/draw-record.md section 6, Reserves).
    Several lists are served by one stream, in order of their first slot.
    """
    left = role.members[~np.isin(role.members, list(drawn))]
    moved: dict[
        int, int
    ] = {}  # only what a swap has moved, so that a long list costs no more than a short one
    order = []
    for at in range(min(most, len(left))):
        with_ = at + stream.below(len(left) - at)
        order.append(int(left[moved.get(with_, with_)]))
        moved[with_] = moved.get(at, at)
    return tuple(order)
