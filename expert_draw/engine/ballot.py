"""A list made ready for the draw: everything in whole numbers, so that a pool of a million costs no more than a small one."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from expert_draw.engine.pool import Group, Law, Level, Member, Pool, Standing, count_groups

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Role:
    """The vacant slots that share one list (同一候选名单的名额).

    members: int64, shape (length of the list,), ascending indices of candidates. needs: (slot, vacancies), ascending.
    """

    members: Integers
    needs: tuple[tuple[str, int], ...]

    @property
    def need(self) -> int:
        """How many are to be drawn from this list altogether."""
        return sum(need for _, need in self.needs)


@dataclass(frozen=True, slots=True, eq=False)
class Cap:
    """At most `most` members share one value of a group.

    token: int64, shape (candidates,): a number for the candidate's value, -1 for none. used: token → how many held and
    present members have it. more: index → further tokens, for the few candidates with several values.
    """

    most: int
    token: Integers
    used: Mapping[int, int] = field(default_factory=dict)
    more: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Bounded:
    """How many of the chosen have one bounded value: `least` to `most`, held and present members already taken off.

    has: bool, shape (candidates,). most may be below 0: then nothing is feasible.
    """

    has: Flags
    least: int
    most: int


@dataclass(frozen=True, slots=True, eq=False)
class Ballot:
    """One level of one draw in whole numbers (待抽名单). An index is the place of a candidate in the pool, from 0.

    roles: the different lists, in order of their first slot. conflicts: pairs (i, j), i < j, of which at most one may
    be chosen. barred: who is in conflict with someone held or present. weights: int64 per candidate under the law
    "weighted", else None. hopeless: held and present members break the level by themselves, nobody can be chosen.
    rivals: who must not sit beside an index, from `conflicts`. totals: for each role the running sums of its members'
    weights; () under the other laws.
    """

    size: int
    roles: tuple[Role, ...]
    caps: tuple[Cap, ...] = ()
    bounds: tuple[Bounded, ...] = ()
    conflicts: tuple[tuple[int, int], ...] = ()
    barred: frozenset[int] = frozenset()
    weights: Integers | None = None
    law: Law = "uniform-labelled"
    hopeless: bool = False
    rivals: Mapping[int, frozenset[int]] = field(init=False, repr=False)
    totals: tuple[Integers, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rivals: dict[int, set[int]] = {}
        for one, other in self.conflicts:
            rivals.setdefault(one, set()).add(other)
            rivals.setdefault(other, set()).add(one)
        object.__setattr__(self, "rivals", {index: frozenset(others) for index, others in rivals.items()})
        weights = self.weights
        sums = () if weights is None else tuple(np.cumsum(weights[role.members]) for role in self.roles)
        object.__setattr__(self, "totals", sums)

    @property
    def places(self) -> int:
        """How many are to be drawn altogether."""
        return sum(role.need for role in self.roles)


def lists_of(pool: Pool, standing: Standing) -> dict[str, tuple[int, ...]]:
    """For every vacant slot its list (docs/draw-record.md section 6): ascending indices of candidates."""
    return {slot: tuple(members.tolist()) for slot, members in _lists(pool, standing).items()}


def ballots(pool: Pool, standing: Standing, law: Law) -> tuple[Ballot, ...]:
    """One ballot for each level of the pool, strictest first, all on the same lists."""
    roles = _roles(standing, _lists(pool, standing))
    sitting = (*pool.held, *standing.present)
    weights = None
    if law == "weighted":
        weights = np.fromiter((one.weight for one in pool.candidates), np.int64, len(pool.candidates))
    columns = _Columns(pool)
    bounds = _bounds(pool, columns, sitting, sum(role.need for role in roles))
    conflicts, barred, touching = _conflicts(pool, sitting)
    made = []
    for level in pool.levels:
        caps, broken = _caps(level, columns, sitting)
        apart = level.apart
        made.append(
            Ballot(
                size=len(pool.candidates),
                roles=roles,
                caps=caps,
                bounds=bounds,
                conflicts=conflicts if apart else (),
                barred=barred if apart else frozenset(),
                weights=weights,
                law=law,
                hopeless=broken or (apart and touching),
            )
        )
    return tuple(made)


class _Columns:
    """The groups of all candidates: each different combination is kept, and looked at, once."""

    def __init__(self, pool: Pool) -> None:
        seen: dict[tuple[Group, ...], int] = {}
        count = len(pool.candidates)
        self.which = np.fromiter(
            (seen.setdefault(one.groups, len(seen)) for one in pool.candidates), np.int64, count
        )
        self.combinations = tuple(seen)

    def having(self, name: str, values: frozenset[str]) -> Flags:
        """Per candidate: whether it has one of these values of that group."""
        found = (any(key == name and value in values for key, value in own) for own in self.combinations)
        return np.fromiter(found, np.bool_, len(self.combinations))[self.which]

    def tokens(self, name: str) -> tuple[Integers, dict[str, int], dict[int, tuple[int, ...]]]:
        """Per candidate a number for its value (-1: none), the number of each value, and who has further ones."""
        numbers: dict[str, int] = {}
        first = np.full(len(self.combinations), -1, np.int64)
        several: dict[int, tuple[int, ...]] = {}
        for at, own in enumerate(self.combinations):
            tokens = [numbers.setdefault(value, len(numbers)) for key, value in own if key == name]
            if tokens:
                first[at] = tokens[0]
            if len(tokens) > 1:
                several[at] = tuple(tokens[1:])
        more: dict[int, tuple[int, ...]] = {}
        if several:
            at_all = np.flatnonzero(np.isin(self.which, list(several))).tolist()
            more = {index: several[int(self.which[index])] for index in at_all}
        return first[self.which], numbers, more


def _lists(pool: Pool, standing: Standing) -> dict[str, Integers]:
    seen: dict[tuple[str, ...], int] = {}
    candidates, count = pool.candidates, len(pool.candidates)
    which = np.fromiter((seen.setdefault(one.slots, len(seen)) for one in candidates), np.int64, count)
    free = np.fromiter((not one.grounds for one in candidates), np.bool_, count)
    gone = (pool.place_of(id_) for id_ in (*standing.out, *(one.id for one in standing.present)))
    free[[place for place in gone if place is not None]] = False
    at_place = None if pool.follows is None else standing.at_place
    columns = None if at_place is None else _Columns(pool)
    lists: dict[str, Integers] = {}
    for slot, _ in standing.needed:
        fits = np.fromiter((slot in slots for slots in seen), np.bool_, len(seen))[which] & free
        if pool.follows is not None and at_place is not None and columns is not None:
            fits &= columns.having(pool.follows[1], at_place.get(slot, frozenset()))
        lists[slot] = np.flatnonzero(fits)
    return lists


def _roles(standing: Standing, lists: Mapping[str, Integers]) -> tuple[Role, ...]:
    needs: dict[bytes, list[tuple[str, int]]] = {}
    members: dict[bytes, Integers] = {}
    for slot, need in sorted(standing.needed):
        key = lists[slot].tobytes()
        members.setdefault(key, lists[slot])
        needs.setdefault(key, []).append((slot, need))
    return tuple(Role(members[key], tuple(own)) for key, own in needs.items())


def _bounds(pool: Pool, columns: _Columns, sitting: Iterable[Member], places: int) -> tuple[Bounded, ...]:
    counts = count_groups(sitting)
    return tuple(
        Bounded(
            columns.having(bound.group, frozenset((bound.value,))),
            max(bound.least - counts[bound.group, bound.value], 0),
            min(bound.most - counts[bound.group, bound.value], places),
        )
        for bound in pool.bounds
    )


def _caps(level: Level, columns: _Columns, sitting: Sequence[Member]) -> tuple[tuple[Cap, ...], bool]:
    counts = count_groups(sitting)
    caps, broken = [], False
    for name, most in level.caps:
        token, numbers, more = columns.tokens(name)
        own = Counter({value: count for (group, value), count in counts.items() if group == name})
        used = {numbers[value]: count for value, count in own.items() if value in numbers}
        broken = broken or any(count > most for count in own.values())
        caps.append(Cap(most, token, used, more))
    return tuple(caps), broken


def _conflicts(
    pool: Pool, sitting: Iterable[Member]
) -> tuple[tuple[tuple[int, int], ...], frozenset[int], bool]:
    """Pairs of candidates, who is barred by someone sitting, and whether two who sit are a pair themselves."""
    seated = {one.id for one in sitting}
    pairs: list[tuple[int, int]] = []
    barred: set[int] = set()
    touching = False
    for pair in pool.conflicts:
        open_ = [place for id_ in pair if id_ not in seated and (place := pool.place_of(id_)) is not None]
        if len(open_) == 2:  # noqa: PLR2004
            pairs.append((open_[0], open_[1]))
        barred.update(open_ if len(open_) == 1 else ())
        touching = touching or not open_
    return tuple(pairs), frozenset(barred), touching
