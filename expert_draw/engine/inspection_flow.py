"""Whether inspectors can be found for all objects at all: as many places as possible are filled, and what remains counted."""

from collections import deque
from collections.abc import Sequence


def unplaced(classes: Sequence[tuple[int, int, Sequence[int]]], room: Sequence[int]) -> int:
    """How many places stay empty at best; 0 just when an assignment exists.

    classes: (places, most places one inspector can take there, who may). room: how many places each inspector can take.
    The greatest flow from classes to inspectors, found by paths that move inspectors from one class to another.
    """
    left = list(room)
    given: list[dict[int, int]] = [dict.fromkeys(allowed, 0) for _, _, allowed in classes]
    missing = 0
    for source, (places, _, _) in enumerate(classes):
        empty = places
        while empty and (path := _way(source, classes, given, left)):
            empty -= _move(path, empty, classes, given, left)
        missing += empty
    return missing


def _way(
    source: int,
    classes: Sequence[tuple[int, int, Sequence[int]]],
    given: Sequence[dict[int, int]],
    left: Sequence[int],
) -> list[tuple[int, int]]:
    """The shortest way to someone with room: (class, inspector it takes more of), each taken from the class after it.

    Empty when there is none.
    """
    came: dict[int, tuple[int, int]] = {}
    seen, queue = {source}, deque([source])
    while queue:
        here = queue.popleft()
        for who in classes[here][2]:
            if given[here][who] == classes[here][1]:
                continue
            if left[who]:
                return _back(source, here, who, came)
            for other, theirs in enumerate(given):
                if other not in seen and theirs.get(who):
                    seen.add(other)
                    came[other] = here, who
                    queue.append(other)
    return []


def _back(source: int, here: int, who: int, came: dict[int, tuple[int, int]]) -> list[tuple[int, int]]:
    path = [(here, who)]
    while here != source:
        here, who = came[here]
        path.append((here, who))
    return path[::-1]


def _move(
    path: Sequence[tuple[int, int]],
    places: int,
    classes: Sequence[tuple[int, int, Sequence[int]]],
    given: Sequence[dict[int, int]],
    left: list[int],
) -> int:
    """Fills places along the way, as many as it bears, and says how many."""
    after = [here for here, _ in path[1:]]
    bears = [places, left[path[-1][1]], *(classes[here][1] - given[here][who] for here, who in path)]
    bears += [given[other][who] for other, (_, who) in zip(after, path, strict=False)]
    amount = min(bears)
    for here, who in path:
        given[here][who] += amount
    for other, (_, who) in zip(after, path, strict=False):
        given[other][who] -= amount
    left[path[-1][1]] -= amount
    return amount
