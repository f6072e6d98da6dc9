"""The draw itself: every committee that the rules allow is equally likely, or as likely as its published weights say."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from expert_draw.engine.ballot import Ballot, Cap, Integers, ballots
from expert_draw.engine.counting import Counting, counting
from expert_draw.engine.pool import Law, Pool, Standing
from expert_draw.engine.randomness import Stream, Suite

FIRST_TRIES = 4096
LAST_TRIES = 262_144
SAMPLES = 4096

Picks = tuple[tuple[str, int], ...]
Method = Literal["rejection", "counting", "none"]


@dataclass(frozen=True, slots=True)
class Picked:
    """What was drawn, on indices of candidates.

    picks: (slot, index), ascending; () when nothing fits. level: from 1, the last one when nothing fits. method: how it
    was found. tries: attempts made at that level.
    """

    picks: Picks
    level: int
    method: Method
    tries: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """The outcome of a draw (中签结果): as `Picked`, with (slot, code), by slot, then by code."""

    assignment: tuple[tuple[str, str], ...]
    level: int
    method: Method
    tries: int


def draw(pool: Pool, standing: Standing, law: Law, seed: bytes, suite: Suite = "sha256") -> Drawn:
    """Draws all vacancies of one kind by docs/draw-record.md section 6; the same inputs, the same result.

    seed: at least 32 bytes. When no level of the pool gives a result, method is "none" and assignment ().
    """
    picked = pick(ballots(pool, standing, law), Stream(seed, suite))
    assignment = tuple((slot, pool.candidates[index].id) for slot, index in picked.picks)
    return Drawn(assignment, picked.level, picked.method, picked.tries)


def pick(ballots: Sequence[Ballot], stream: Stream) -> Picked:
    """Draws from ballots made ready, one per level and strictest first: the first level with a result counts.

    The time does not depend on the size of the pool. Raises ValueError when there is no ballot.
    """
    if not ballots:
        raise ValueError("a draw has at least one level")
    tries = 0
    for level, ballot in enumerate(ballots, start=1):
        picks, method, tries = _pick_at(ballot, stream)
        if picks is not None:
            return Picked(picks, level, method, tries)
    return Picked((), len(ballots), "none", tries)


def feasible_with(ballot: Ballot, picks: Iterable[tuple[str, int]]) -> bool:
    """Whether these (slot, index) are, or with the places still open may become, a feasible committee.

    Each sits in a vacant slot on whose list it is, nobody twice, no slot over its need, within caps, bounds and
    conflicts; open places count towards the lower bounds.
    """
    free: dict[str, int] = {slot: need for role in ballot.roles for slot, need in role.needs}
    lists = {slot: role.members for role in ballot.roles for slot, _ in role.needs}
    chosen = []
    for slot, index in picks:
        if not free.get(slot) or not _on_list(lists[slot], index):
            return False
        free[slot] -= 1
        chosen.append(index)
    return _holds(ballot, chosen, sum(free.values()))


def _pick_at(ballot: Ballot, stream: Stream) -> tuple[Picks | None, Method, int]:
    if any(len(role.members) < role.need for role in ballot.roles):
        return None, "none", 1
    throw = _Throw(ballot, stream)
    for tries in range(1, FIRST_TRIES + 1):
        if (picks := throw.once()) is not None:
            return picks, "rejection", tries
    # Rejection has been unlucky or the list is very tight. Counting all committees gives each the same chance that
    # rejection gives it, so that changing over does not favour anybody.
    exact = counting(ballot)
    if exact is not None:
        return _sample(ballot, exact, throw, stream)
    for tries in range(FIRST_TRIES + 1, LAST_TRIES + 1):
        if (picks := throw.once()) is not None:
            return picks, "rejection", tries
    return None, "none", LAST_TRIES


def _sample(
    ballot: Ballot, exact: Counting, throw: "_Throw", stream: Stream
) -> tuple[Picks | None, Method, int]:
    if exact.total == 0:
        return None, "none", FIRST_TRIES
    for sample in range(1, SAMPLES + 1):
        chosen = exact.committee(stream.below(exact.total))
        picks = _seated(ballot, chosen, stream)
        people = [index for _, index in picks]
        if _at_peace(ballot, frozenset(people)) and throw.lawful(people):
            return picks, "counting", FIRST_TRIES + sample
    return None, "none", FIRST_TRIES + SAMPLES


def _seated(ballot: Ballot, chosen: Sequence[Sequence[int]], stream: Stream) -> Picks:
    """Who of a role takes which of its slots, each way equally likely."""
    picks: list[tuple[str, int]] = []
    for role, members in zip(ballot.roles, chosen, strict=True):
        left = list(members)
        for slot, need in role.needs:
            picks.extend((slot, left.pop(stream.below(len(left)))) for _ in range(need))
    return tuple(sorted(picks))


class _Throw:
    """Attempts at one ballot on one stream, with everything looked up beforehand that does not change between them."""

    __slots__ = ("_ballot", "_members", "_order", "_stream", "_sums", "_totals")

    def __init__(self, ballot: Ballot, stream: Stream) -> None:
        self._ballot = ballot
        self._stream = stream
        # (slot, role) once for every vacancy, slots ascending
        self._order = sorted(
            (slot, number)
            for number, role in enumerate(ballot.roles)
            for slot, need in role.needs
            for _ in range(need)
        )
        self._members: list[Callable[[int], int]] = [role.members.item for role in ballot.roles]
        self._totals = ballot.totals
        self._sums = (
            [int(total[-1]) for total in self._totals]
            if ballot.law == "weighted"
            else [len(role.members) for role in ballot.roles]
        )

    def once(self) -> Picks | None:
        """One whole attempt, carried to its end before it is judged; whatever does not hold is thrown away as a whole.

        Making good only the place that clashes would be quicker and would favour some committees over others.
        """
        chosen = self._weighted() if self._totals else self._uniform()
        if not _holds(self._ballot, chosen) or not self.lawful(chosen):
            return None
        return tuple(sorted((slot, index) for (slot, _), index in zip(self._order, chosen, strict=True)))

    def lawful(self, chosen: Sequence[int]) -> bool:
        """Under "uniform-sets": a set that can be seated in D ways stays with a chance of one in D; else always."""
        return (
            self._ballot.law != "uniform-sets" or self._stream.below(ways_to_seat(self._ballot, chosen)) == 0
        )

    def _uniform(self) -> list[int]:
        below, sums, members = self._stream.below, self._sums, self._members
        found: list[set[int]] = [set() for _ in sums]
        chosen = []
        for _, role in self._order:
            own = found[role]
            while (x := below(sums[role])) in own:
                pass
            own.add(x)
            chosen.append(members[role](x))
        return chosen

    def _weighted(self) -> list[int]:
        below, sums, members = self._stream.below, self._sums, self._members
        return [
            members[role](int(np.searchsorted(self._totals[role], below(sums[role]), side="right")))
            for _, role in self._order
        ]


def ways_to_seat(ballot: Ballot, chosen: Sequence[int]) -> int:
    """D of docs/draw-record.md section 6: in how many ways each chosen one can be given a list it is on."""
    ways: dict[tuple[int, ...], int] = {tuple(role.need for role in ballot.roles): 1}
    for index in chosen:
        fits = [number for number, role in enumerate(ballot.roles) if _on_list(role.members, index)]
        longer: dict[tuple[int, ...], int] = {}
        for left, count in ways.items():
            for role in fits:
                if left[role]:
                    rest = (*left[:role], left[role] - 1, *left[role + 1 :])
                    longer[rest] = longer.get(rest, 0) + count
        ways = longer
    return sum(ways.values())


def _holds(ballot: Ballot, chosen: Sequence[int], still_open: int = 0) -> bool:
    people = frozenset(chosen)
    if ballot.hopeless or len(people) != len(chosen):
        return False
    for cap in ballot.caps:
        if not _within(cap, chosen):
            return False
    for bound in ballot.bounds:
        has = bound.has.item
        count = sum([has(index) for index in chosen])
        if count > bound.most or count + still_open < bound.least:
            return False
    return _at_peace(ballot, people)


def _within(cap: Cap, chosen: Sequence[int]) -> bool:
    token, used, more, most = cap.token.item, cap.used, cap.more, cap.most
    seen: dict[int, int] = {}
    for index in chosen:
        tokens = (own,) if (own := token(index)) >= 0 else ()
        if more and index in more:
            tokens = (*tokens, *more[index])
        for one in tokens:
            seen[one] = count = seen.get(one, used.get(one, 0)) + 1
            if count > most:
                return False
    return True


def _at_peace(ballot: Ballot, people: frozenset[int]) -> bool:
    """Whether no two of them are in conflict, nor one with somebody who sits already."""
    if not people.isdisjoint(ballot.barred):
        return False
    rivals = ballot.rivals
    return not rivals or all(index not in rivals or people.isdisjoint(rivals[index]) for index in people)


def _on_list(members: Integers, index: int) -> bool:
    at = int(np.searchsorted(members, index))
    return at < len(members) and int(members[at]) == index
