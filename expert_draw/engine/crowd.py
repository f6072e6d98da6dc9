"""Who of a list can still be chosen, and who of them stand in one another's way: the columns an exact count is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from expert_draw.engine.ballot import Ballot, Cap, Flags, Integers

# Role and bounded values of a candidate are bits of one whole number.
MOST_BITS = 40
TABLE = 1 << 23


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """The candidates who can be chosen at all, one row each.

    who: int64 (rows,), ascending indices in the ballot. roles, has: bit masks of the lists and the bounded values of
    each. weight: int64, 1 for all but under the law "weighted". block: int64, which block of a cap that can bind they
    belong to, -1 for none. room: int64 (blocks,), how many of a block may sit, at least 1. needs: places of each role.
    bounds: (least, most) of each bounded value that can bind. conflicts: pairs of rows.
    """

    who: Integers
    roles: Integers
    has: Integers
    weight: Integers
    block: Integers
    room: Integers
    needs: tuple[int, ...]
    bounds: tuple[tuple[int, int], ...]
    conflicts: tuple[tuple[int, int], ...]

    def adding(self, role: int, has: int) -> tuple[int, ...]:
        """The vector of one member chosen for a role who has these bounded values."""
        own = [int(at == role) for at in range(len(self.needs))]
        return (*own, *(has >> at & 1 for at in range(len(self.bounds))))


def numbered(values: Integers) -> tuple[Integers, Integers]:
    """(number of each value among the different ones from 0, the different ones ascending); values from 0."""
    top = int(values.max(initial=0))
    if top > TABLE:
        different, numbers = np.unique(values, return_inverse=True)
        return numbers.astype(np.int64), different
    table = np.zeros(top + 1, np.int64)
    table[values] = 1
    return (np.cumsum(table) - 1)[values], np.flatnonzero(table)


def hopeless(ballot: Ballot) -> bool:
    """Whether it is plain at first sight that no committee is feasible."""
    return (
        ballot.hopeless
        or any(len(role.members) < role.need for role in ballot.roles)
        or any(bound.most < max(bound.least, 0) for bound in ballot.bounds)
    )


def crowd_of(ballot: Ballot) -> Crowd | None:
    """The columns of a ballot that is not hopeless; None when somebody has two capped values that can both bind."""
    if len(ballot.roles) + len(ballot.bounds) > MOST_BITS:
        return None
    roles = np.zeros(ballot.size, np.int64)
    for at, role in enumerate(ballot.roles):
        roles[role.members] |= 1 << at
    open_to = roles > 0
    open_to[list(ballot.barred)] = False
    for bound in ballot.bounds:
        if bound.most == 0:
            open_to &= ~bound.has
    for cap in ballot.caps:
        _close_full(cap, open_to)
    who = np.flatnonzero(open_to)
    blocks = _blocks(ballot, who)
    if blocks is None:
        return None
    has, bounds = _bounded(ballot, who)
    return Crowd(
        who,
        roles[who],
        has,
        np.ones(len(who), np.int64) if ballot.weights is None else ballot.weights[who],
        *blocks,
        tuple(role.need for role in ballot.roles),
        bounds,
        _pairs(ballot, open_to, who),
    )


def _close_full(cap: Cap, open_to: Flags) -> None:
    """Nobody of a group that is full already can be chosen."""
    full = [token for token, used in cap.used.items() if used >= cap.most]
    if full:
        open_to &= ~np.isin(cap.token, full)
        open_to[[index for index, tokens in cap.more.items() if not set(tokens).isdisjoint(full)]] = False


def _blocks(ballot: Ballot, who: Integers) -> tuple[Integers, Integers] | None:
    """(block of each row, room of each block); None when two blocks of one row can both bind.

    A value that no more candidates have than may sit, or of which every committee may be made, does not bind.
    """
    block, rooms = np.full(len(who), -1, np.int64), []
    blocks = 0
    for cap in ballot.caps:
        row_of = (
            {int(index): row for row, index in enumerate(who.tolist()) if index in cap.more}
            if cap.more
            else {}
        )
        extra = [(row, token) for index, row in row_of.items() for token in cap.more[index]]
        rows = np.concatenate((np.flatnonzero(cap.token[who] >= 0), [row for row, _ in extra])).astype(
            np.int64
        )
        tokens = np.concatenate(
            (cap.token[who[rows[: len(rows) - len(extra)]]], [token for _, token in extra])
        )
        numbers, different = numbered(tokens.astype(np.int64))
        room = np.full(len(different), cap.most, np.int64) - _used(cap.used, different)
        binding = (np.bincount(numbers, minlength=len(different)) > room) & (room < ballot.places)
        bound = binding[numbers]
        rows, numbers = rows[bound], (np.cumsum(binding) - 1)[numbers[bound]]
        if (np.bincount(rows) > 1).any() or (block[rows] >= 0).any():
            return None
        block[rows] = numbers + blocks
        rooms.append(room[binding])
        blocks += int(binding.sum())
    return block, np.concatenate([np.zeros(0, np.int64), *rooms])


def _used(used: Mapping[int, int], tokens: Integers) -> Integers:
    taken = np.zeros(len(tokens), np.int64)
    for token, count in used.items():
        taken[tokens == token] = count
    return taken


def _bounded(ballot: Ballot, who: Integers) -> tuple[Integers, tuple[tuple[int, int], ...]]:
    bounds: list[tuple[int, int]] = []
    has = np.zeros(len(who), np.int64)
    for bound in ballot.bounds:
        own = bound.has[who]
        least, most = max(bound.least, 0), min(bound.most, ballot.places)
        if least or most < min(ballot.places, int(own.sum())):
            has |= own.astype(np.int64) << len(bounds)
            bounds.append((least, most))
    return has, tuple(bounds)


def _pairs(ballot: Ballot, open_to: Flags, who: Integers) -> tuple[tuple[int, int], ...]:
    both = [pair for pair in ballot.conflicts if open_to[pair[0]] and open_to[pair[1]]]
    rows = np.searchsorted(who, np.array(both, np.int64).reshape(-1, 2))
    return tuple((int(one), int(other)) for one, other in rows)
