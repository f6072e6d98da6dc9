"""Whether any committee exists, without counting them: by moving people from place to place, or by a bounded search."""

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from expert_draw.engine.ballot import Ballot
from expert_draw.engine.crowd import MOST_BITS, hopeless
from expert_draw.engine.draw import feasible_with
from expert_draw.engine.randomness import Stream

SEARCH_STEPS = 100_000
QUICK_TRIES = 64

Token = tuple[int, int]


def witnessed(ballot: Ballot) -> bool:
    """Whether a few attempts at random find a committee: then there is one. The seed is a fixed one, nothing is drawn."""
    if hopeless(ballot):
        return False
    stream = Stream(bytes(32))
    return any(feasible_with(ballot, _attempt(ballot, stream)) for _ in range(QUICK_TRIES))


def can_be_filled(ballot: Ballot) -> bool | None:
    """Whether any feasible committee exists; None when this could not be decided within SEARCH_STEPS.

    Exact by maximum flow where nobody has two capped values and nothing is bounded or in conflict. Otherwise places are
    filled by a bounded search over kinds of candidates.
    """
    if hopeless(ballot) or competing(ballot):
        return False
    puzzle = Puzzle.of(ballot)
    if puzzle.is_flow:
        return not puzzle.stuck()
    for cap in ballot.caps:
        alone = Puzzle.of(replace(ballot, caps=(cap,), bounds=(), conflicts=()))
        if alone.is_flow and alone.stuck():
            return False
    return puzzle.by_search()


def competing(ballot: Ballot) -> frozenset[int]:
    """The lists (their numbers) that have too few candidates together for the places they need together; () if none."""
    return Puzzle.of(replace(ballot, caps=(), bounds=(), conflicts=(), barred=frozenset())).stuck()


def _attempt(ballot: Ballot, stream: Stream) -> list[tuple[str, int]]:
    picks: list[tuple[str, int]] = []
    for role in ballot.roles:
        chosen: list[int] = []
        while len(chosen) < role.need:
            index = int(role.members[stream.below(len(role.members))])
            if index not in chosen:
                chosen.append(index)
        slots = (slot for slot, need in role.needs for _ in range(need))
        picks.extend(zip(slots, chosen, strict=True))
    return picks


@dataclass(frozen=True, slots=True)
class _Person:
    """What matters of a candidate: the lists, the capped values, the bounded values; own: a number for who has conflicts."""

    roles: int
    tokens: tuple[Token, ...]
    bounded: int
    own: int


@dataclass(frozen=True, slots=True)
class Puzzle:
    """A ballot as a question of seating: how many of each sort of person there are, and how much room each value has.

    sorts: with how many of them, at most as many as there are places.
    """

    needs: tuple[int, ...]
    sorts: Mapping[_Person, int]
    room: Mapping[Token, int]
    bounds: tuple[tuple[int, int], ...]
    enemies: frozenset[tuple[int, int]]

    @classmethod
    def of(cls, ballot: Ballot) -> "Puzzle":
        """Everyone on a list who can sit at all."""
        wide = max(len(ballot.roles), len(ballot.bounds)) > MOST_BITS
        roles: npt.NDArray[Any] = np.zeros(ballot.size, np.object_ if wide else np.int64)
        bounded = np.zeros_like(roles)
        for at, role in enumerate(ballot.roles):
            roles[role.members] |= 1 << at
        for at, bound in enumerate(ballot.bounds):
            bounded[bound.has] |= 1 << at
        roles[list(ballot.barred)] = 0
        who = np.flatnonzero(roles)
        in_conflict = {index for pair in ballot.conflicts for index in pair}
        tokens: dict[int, tuple[Token, ...]] = defaultdict(tuple)
        room: dict[Token, int] = {}
        for at, cap in enumerate(ballot.caps):
            own = cap.token[who]
            for index, token in zip(who[own >= 0].tolist(), own[own >= 0].tolist(), strict=True):
                both = (token, *cap.more.get(index, ()))
                tokens[index] += tuple((at, one) for one in both)
                room.update({(at, one): cap.most - cap.used.get(one, 0) for one in both})
        sorts = Counter(
            _Person(mask, tokens.get(index, ()), has, index if index in in_conflict else -1)
            for index, mask, has in zip(who.tolist(), roles[who].tolist(), bounded[who].tolist(), strict=True)
            if all(room[token] > 0 for token in tokens.get(index, ()))
        )
        return cls(
            tuple(role.need for role in ballot.roles),
            {sort: min(count, ballot.places) for sort, count in sorts.items()},
            room,
            tuple((bound.least, bound.most) for bound in ballot.bounds),
            frozenset(ballot.conflicts),
        )

    @property
    def is_flow(self) -> bool:
        """Whether `stuck` answers the whole question."""
        alone = all(len(person.tokens) <= 1 for person in self.sorts)
        return alone and not self.enemies and not self.bounds

    def stuck(self) -> frozenset[int]:
        """Seats people one place at a time, moving others if needed; the lists that compete when there is no way.

        Regards lists and the one capped value of each person alone.
        """
        people = [person for person, count in self.sorts.items() for _ in range(count)]
        seated: dict[int, int] = {}
        for role, need in enumerate(self.needs):
            for _ in range(need):
                if reached := self._seat_one_more(role, people, seated):
                    return reached
        return frozenset()

    def _seat_one_more(self, start: int, people: Sequence[_Person], seated: dict[int, int]) -> frozenset[int]:
        """Breadth-first search for a chain of moves that frees a place; the lists reached if there is none."""
        sitting: dict[Token, list[int]] = defaultdict(list)
        for one in seated:
            for token in people[one].tokens:
                sitting[token].append(one)
        # reached[list] = (list that takes, who comes, who has to leave this list)
        reached: dict[int, tuple[int, int, int] | None] = {start: None}
        queue = deque([start])
        while queue:
            role = queue.popleft()
            for one, person in enumerate(people):
                if not person.roles >> role & 1:
                    continue
                in_the_way = [one] if one in seated else self._in_the_way(person, sitting)
                if not in_the_way:
                    _move(role, one, reached, seated)
                    return frozenset()
                for other in in_the_way:
                    if (their := seated[other]) not in reached:
                        reached[their] = (role, one, other)
                        queue.append(their)
        return frozenset(reached)

    def _in_the_way(self, person: _Person, sitting: Mapping[Token, Sequence[int]]) -> Sequence[int]:
        """Those of whom one would have to leave before this person may sit: the members of a full group."""
        for token in person.tokens:
            if len(sitting[token]) >= self.room[token]:
                return sitting[token]
        return ()

    def by_search(self) -> bool | None:
        """Fills place after place with sorts of people; None when SEARCH_STEPS do not suffice."""
        return _Search(self).fill(0, 0)


def _move(
    role: int, one: int, reached: Mapping[int, tuple[int, int, int] | None], seated: dict[int, int]
) -> None:
    step = reached[role]
    seated[one] = role
    while step is not None:
        role, comes, leaves = step
        del seated[leaves]
        seated[comes] = role
        step = reached[role]


class _Search:
    """The state of a search: who is left, how much room, who sits."""

    def __init__(self, puzzle: Puzzle) -> None:
        self._puzzle = puzzle
        self._order = tuple(puzzle.sorts)
        self._left = dict(puzzle.sorts)
        self._room = dict(puzzle.room)
        self._places = [role for role, need in enumerate(puzzle.needs) for _ in range(need)]
        self._sitting: list[_Person] = []
        self._steps = 0

    def fill(self, place: int, first: int) -> bool | None:
        """Whether the places from this one on can be filled; those of one list by sorts from `first` on."""
        if place == len(self._places):
            return self._lows_met(0)
        for index in range(first, len(self._order)):
            person = self._order[index]
            if not self._fits(person, self._places[place]):
                continue
            self._steps += 1
            if self._steps > SEARCH_STEPS:
                return None
            self._sit(person, 1)
            # Places of one list are alike, so that its sorts need be tried in one order only.
            same = place + 1 < len(self._places) and self._places[place + 1] == self._places[place]
            answer = (
                self.fill(place + 1, index if same else 0)
                if self._lows_met(len(self._places) - place - 1)
                else False
            )
            if answer is not False:
                return answer
            self._sit(person, -1)
        return False

    def _fits(self, person: _Person, role: int) -> bool:
        if not person.roles >> role & 1 or not self._left[person]:
            return False
        if any(self._room[token] <= 0 for token in person.tokens):
            return False
        highs = enumerate(self._puzzle.bounds)
        if any(person.bounded >> at & 1 and self._having(at) >= most for at, (_, most) in highs):
            return False
        pairs = ((min(person.own, one.own), max(person.own, one.own)) for one in self._sitting)
        return not any(pair in self._puzzle.enemies for pair in pairs)

    def _sit(self, person: _Person, many: int) -> None:
        self._left[person] -= many
        for token in person.tokens:
            self._room[token] -= many
        if many > 0:
            self._sitting.append(person)
        else:
            self._sitting.pop()

    def _having(self, at: int) -> int:
        return sum(person.bounded >> at & 1 for person in self._sitting)

    def _lows_met(self, still_open: int) -> bool:
        return all(
            self._having(at) + still_open >= least for at, (least, _) in enumerate(self._puzzle.bounds)
        )
