"""The draw itself: every committee that the rules allow is equally likely."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from expert_draw.engine.pool import Candidate, DrawRequest, Group, count_groups
from expert_draw.engine.quota import blocked_because, obstacles
from expert_draw.engine.randomness import Stream
from expert_draw.engine.wording import DrawInfeasible

MAX_TRIES = 4096
# A proof that nothing fits is looked for only when luck has failed for a while; it never changes what is drawn.
PROOF_AFTER = 64
ENUMERATION_STEPS = 200_000

Assignment = tuple[tuple[str, str], ...]
Method = Literal["rejection", "enumeration"]


@dataclass(frozen=True, slots=True)
class Drawn:
    """The outcome of a draw (中签结果).

    assignment: (slot key, candidate id), by slot key, then by id. method: how it was found. tries: attempts made.
    """

    assignment: Assignment
    method: Method
    tries: int


@dataclass(frozen=True, slots=True)
class _Lists:
    """A request made ready: per slot its key, quota and sorted candidates; what each carries; the room left."""

    slots: tuple[tuple[str, int, tuple[str, ...]], ...]
    candidates: tuple[Candidate, ...]
    caps: Mapping[str, int]
    held: Mapping[Group, int]

    def within_caps(self, chosen: list[str]) -> bool:
        if len(set(chosen)) != len(chosen):
            return False
        if not self.caps:
            return True
        seated = Counter(self.held)
        seated.update(group for id_ in chosen for group in self._capped_groups(id_))
        return all(count <= self.caps[group] for (group, _), count in seated.items())

    def _capped_groups(self, id_: str) -> Iterator[Group]:
        candidate = self.candidates[bisect_left(self.candidates, id_, key=lambda one: one.id)]
        return (group for group in candidate.groups if group[0] in self.caps)


def draw(request: DrawRequest, seed: bytes) -> Drawn:
    """Draws one committee, exactly uniformly among all feasible labelled committees; the same inputs, the same result.

    seed: at least 32 bytes. Raises DrawInfeasible when no committee exists or none could be decided on; it says which
    condition would have to give.
    """
    lists = _prepare(request)
    if any(len(eligible) < quota for _, quota, eligible in lists.slots):
        raise blocked_because(request)
    stream = Stream(seed)
    for tries in range(1, MAX_TRIES + 1):
        if (assignment := _attempt(lists, stream)) is not None:
            return Drawn(assignment, "rejection", tries)
        if tries == PROOF_AFTER and (blocking := obstacles(request)):
            raise blocking[0]
    # Rejection has been unlucky or the pool is very tight. Counting all committees is as uniform as rejection, so
    # changing over does not favour anybody.
    committees = committees_of(request)
    if not committees:
        raise blocked_because(request)
    return Drawn(committees[stream.below(len(committees))], "enumeration", MAX_TRIES)


def committees_of(request: DrawRequest) -> tuple[Assignment, ...]:
    """All feasible labelled committees in canonical order: slots by key, within a slot sets in lexicographic order.

    For small pools only: raises DrawInfeasible(draw.not_decided) past ENUMERATION_STEPS partial choices.
    """
    lists = _prepare(request)
    steps = 0

    def extend(place: int, chosen: list[str], assignment: Assignment) -> Iterator[Assignment]:
        nonlocal steps
        if place == len(lists.slots):
            yield assignment
            return
        key, quota, eligible = lists.slots[place]
        for members in combinations(eligible, quota):
            steps += 1
            if steps > ENUMERATION_STEPS:
                raise DrawInfeasible("draw.not_decided", tries=MAX_TRIES, limit=ENUMERATION_STEPS)
            together = [*chosen, *members]
            if lists.within_caps(together):
                yield from extend(place + 1, together, (*assignment, *((key, id_) for id_ in members)))

    return tuple(extend(0, [], ()))


def _prepare(request: DrawRequest) -> _Lists:
    removed = request.removed()
    caps = dict(request.group_caps)
    open_lists: dict[tuple[str, ...], tuple[str, ...]] = {}  # places of one kind share a list of thousands
    for slot in request.slots:
        if slot.eligible not in open_lists:
            open_lists[slot.eligible] = tuple([id_ for id_ in slot.eligible if id_ not in removed])
    return _Lists(
        slots=tuple((slot.key, slot.quota, open_lists[slot.eligible]) for slot in request.slots),
        candidates=request.candidates,
        caps=caps,
        held={group: count for group, count in count_groups(request.held).items() if group[0] in caps},
    )


def _attempt(lists: _Lists, stream: Stream) -> Assignment | None:
    """One whole attempt: independent subsets per slot; any clash throws all of it away.

    Redrawing only the clashing seat would be quicker and would favour some committees over others.
    """
    picks: list[tuple[str, str]] = []
    for key, quota, eligible in lists.slots:
        chosen: set[int] = set()
        while len(chosen) < quota:
            chosen.add(stream.below(len(eligible)))
        picks.extend((key, eligible[index]) for index in sorted(chosen))
    return tuple(picks) if lists.within_caps([id_ for _, id_ in picks]) else None
