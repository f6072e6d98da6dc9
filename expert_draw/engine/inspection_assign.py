"""Who inspects what (检查人员随机匹配): inspectors drawn for every object, never one with an interest in it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from math import comb
from typing import Literal, TypeVar

import numpy as np

from expert_draw.engine.inspection import InspectionObject, Inspector
from expert_draw.engine.inspection_flow import unplaced
from expert_draw.engine.randomness import Stream
from expert_draw.engine.wording import InspectionInfeasible

AssignMethod = Literal["rejection", "counting", "stepwise", "none"]
Pair = tuple[str, str]  # object, inspector
Found = list[tuple[str, int]]  # object, index of the inspector
Attempt = Callable[[Stream], Found | None]
T = TypeVar("T")
MAX_TRIES = 4096
MAX_STEPWISE = 256
_LEAST_STEPWISE = 16
_WORK = 1_000_000  # bounds attempts and tables, so that the largest campaigns answer within seconds


@dataclass(frozen=True, slots=True)
class Vacancy:
    """One object that lacks inspectors. allowed: ascending indices of who may inspect it now; need: how many it lacks."""

    object: str
    allowed: tuple[int, ...]
    need: int


@dataclass(frozen=True, slots=True)
class Staffing:
    """What an assignment starts from: inspectors by index (ascending by id), how many objects each has, and what lacks.

    Objects that the same inspectors may inspect share one tuple `allowed`.
    """

    inspectors: tuple[str, ...]
    had: tuple[int, ...]
    vacancies: tuple[Vacancy, ...]
    most: int

    @property
    def places(self) -> int:
        """How many inspectors are lacking in all."""
        return sum(one.need for one in self.vacancies)


@dataclass(frozen=True, slots=True)
class Assignment:
    """The new pairs (object, inspector), ascending. `stepwise`: not every permitted assignment was exactly equally likely."""

    pairs: tuple[Pair, ...]
    method: AssignMethod
    tries: int


def staffing(
    objects: Iterable[InspectionObject],
    inspectors: Iterable[Inspector],
    per_object: int,
    most: int,
    *,
    present: Collection[Pair] = (),
    parted: Collection[Pair] = (),
    left: Collection[str] = (),
) -> Staffing:
    """Makes an assignment ready. objects: those chosen. present: pairs that stand; parted: pairs given up; left: who left."""
    crew = sorted(inspectors, key=lambda one: one.id)
    at = {one.id: index for index, one in enumerate(crew)}
    load = Counter(who for _, who in present)
    away: defaultdict[str, set[int]] = defaultdict(set)
    with_unit: defaultdict[str, set[int]] = defaultdict(set)
    for thing, who in (*present, *parted):
        if who in at:
            away[thing].add(at[who])
    gone = set(left)
    free = [i for i, it in enumerate(crew) if not it.grounds and it.id not in gone and load[it.id] < most]
    for index in free:
        for unit in crew[index].units:
            with_unit[unit].add(index)
    held = Counter(thing for thing, _ in present)
    lists: dict[frozenset[int], tuple[int, ...]] = {}
    vacancies: list[Vacancy] = []
    for one in sorted(objects, key=lambda it: it.id):
        if held[one.id] < per_object:
            barred = away[one.id].union(*(with_unit.get(unit, ()) for unit in one.units))
            if (key := frozenset(barred)) not in lists:
                lists[key] = tuple(index for index in free if index not in barred)
            vacancies.append(Vacancy(one.id, lists[key], per_object - held[one.id]))
    ids = tuple(one.id for one in crew)
    return Staffing(ids, tuple(load[who] for who in ids), tuple(vacancies), most)


def assign(asked: Staffing, stream: Stream) -> Assignment:
    """Draws the pairs as docs/draw-record.md section 11 says; never raises, method `none` when nothing was found."""
    if _hopeless(asked):
        return Assignment((), "none", 1)
    places, done = asked.places, 0
    phases: tuple[tuple[AssignMethod, int, Callable[[Staffing], Attempt]], ...] = (
        ("rejection", max(1, min(MAX_TRIES, _WORK // max(1, places))), _all_at_once),
        ("counting", MAX_TRIES if _countable(asked) else 0, _by_loads),
        ("stepwise", max(_LEAST_STEPWISE, min(MAX_STEPWISE, _WORK // max(1, places))), _step_by_step),
    )
    for method, tries, prepare in phases:
        attempt = prepare(asked) if tries else None
        for number in range(done + 1, done + tries + 1):
            if attempt and (found := attempt(stream)) is not None:
                pairs = sorted((thing, asked.inspectors[who]) for thing, who in found)
                return Assignment(tuple(pairs), method, number)
        done += tries
    return Assignment((), "none", done)


def obstacles(asked: Staffing) -> tuple[InspectionInfeasible, ...]:
    """Why no assignment exists and what to mend: objects too few may inspect, or a load too small and which suffices.

    Empty just when a permitted assignment exists.
    """
    short = _short(asked)
    if short or not asked.places:
        return short
    if not unplaced(*_classes(asked, asked.most)):
        return ()
    low, high = asked.most + 1, max(asked.had, default=0) + len(asked.vacancies)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if unplaced(*_classes(asked, middle)) else (low, middle)
    return (InspectionInfeasible("inspection.load_short", most=asked.most, needed=asked.places, enough=low),)


def foreseen(
    objects: Iterable[InspectionObject],
    inspectors: Sequence[Inspector],
    per_object: int,
    most: int,
    number: int,
) -> tuple[InspectionInfeasible, ...]:
    """What would block an assignment before the objects are drawn: each that too few may inspect, and too small a load.

    number: how many objects will be drawn. Empty does not promise that every sample can be staffed; `obstacles` tells then.
    """
    drawable = [one for one in objects if not one.grounds]
    asked = staffing(drawable, inspectors, per_object, most)
    found = _short(asked)
    free, places = sum(not one.grounds for one in inspectors), number * per_object
    if free and places > most * free:
        enough = -(-places // free)
        found += (InspectionInfeasible("inspection.load_short", most=most, needed=places, enough=enough),)
    return found


def _short(asked: Staffing) -> tuple[InspectionInfeasible, ...]:
    return tuple(
        InspectionInfeasible(
            "inspection.object_short", object=one.object, needed=one.need, found=len(one.allowed)
        )
        for one in asked.vacancies
        if len(one.allowed) < one.need
    )


def _reachable(asked: Staffing) -> list[int]:
    """Who is on the list of any object, ascending."""
    return sorted({index for allowed in {one.allowed for one in asked.vacancies} for index in allowed})


def _hopeless(asked: Staffing) -> bool:
    """Whether a glance shows that there is no assignment."""
    room = sum(asked.most - asked.had[index] for index in _reachable(asked))
    return asked.places > room or any(len(one.allowed) < one.need for one in asked.vacancies)


def _countable(asked: Staffing) -> bool:
    return len(_reachable(asked)) * asked.places * asked.most <= _WORK


def _all_at_once(asked: Staffing) -> Attempt:
    """An attempt looks at nothing but who may inspect what, and fails as soon as someone has too many."""

    def attempt(stream: Stream) -> Found | None:
        had = list(asked.had)
        found: Found = []
        for one in asked.vacancies:
            taken: set[int] = set()
            for _ in range(one.need):
                while (who := one.allowed[stream.below(len(one.allowed))]) in taken:
                    pass
                had[who] += 1
                if had[who] > asked.most:
                    return None
                taken.add(who)
                found.append((one.object, who))
        return found

    return attempt


def _by_loads(asked: Staffing) -> Attempt:
    """An attempt draws how many objects everyone gets, exactly by counting, then which; fails when some do not fit."""
    crew = _reachable(asked)
    rooms = [asked.most - asked.had[index] for index in crew]
    rows = _rows(rooms, asked.places)
    fitting = [(one.object, frozenset(one.allowed), one.need) for one in asked.vacancies]

    def attempt(stream: Stream) -> Found | None:
        row = [
            who
            for who, times in zip(crew, _loads(rows, asked.places, stream), strict=True)
            for _ in range(times)
        ]
        _shuffle(row, stream)
        found: Found = []
        at = 0
        for thing, allowed, need in fitting:
            taken = row[at : (at := at + need)]
            if len(set(taken)) < need or not allowed.issuperset(taken):
                return None
            found.extend((thing, who) for who in taken)
        return found

    return attempt


def _rows(rooms: Sequence[int], places: int) -> list[list[int]]:
    """[i][t]: how many rows of t inspectors from the i-th on have nobody in them more often than there is room."""
    rows = [[1] + [0] * places]
    for room in reversed(rooms):
        after = rows[-1]
        rows.append(
            [sum(comb(t, a) * after[t - a] for a in range(min(room, t) + 1)) for t in range(places + 1)]
        )
    return rows[::-1]


def _loads(rows: Sequence[Sequence[int]], places: int, stream: Stream) -> list[int]:
    """How often everyone stands in a row of `places`, each row being equally likely."""
    loads: list[int] = []
    x = stream.below(rows[0][places])
    for after in rows[1:]:
        load = 0
        while x >= (ways := comb(places, load) * after[places - load]):
            x -= ways
            load += 1
        x //= comb(places, load)
        places -= load
        loads.append(load)
    return loads


def _step_by_step(asked: Staffing) -> Attempt:
    """An attempt takes the objects in random order, whoever has more room being likelier; fails at a dead end."""
    lists = {one.allowed: np.array(one.allowed, dtype=np.int64) for one in asked.vacancies}
    steps = [(one.object, lists[one.allowed], one.need) for one in asked.vacancies]
    rooms = asked.most - np.array(asked.had, dtype=np.int64)

    def attempt(stream: Stream) -> Found | None:
        room, order = rooms.copy(), list(steps)
        _shuffle(order, stream)
        found: Found = []
        for thing, allowed, need in order:
            tickets = room[allowed]
            for _ in range(need):
                ends = tickets.cumsum()
                if not ends[-1]:
                    return None
                place = int(ends.searchsorted(stream.below(int(ends[-1])), side="right"))
                tickets[place] = 0
                room[allowed[place]] -= 1
                found.append((thing, int(allowed[place])))
        return found

    return attempt


def _shuffle(items: list[T], stream: Stream) -> None:
    for i in range(len(items)):
        other = i + stream.below(len(items) - i)
        items[i], items[other] = items[other], items[i]


def _classes(asked: Staffing, most: int) -> tuple[list[tuple[int, int, Sequence[int]]], list[int]]:
    """Objects that the same inspectors may inspect, together: (places, objects, inspectors), and everyone's room."""
    together: Counter[tuple[int, tuple[int, ...]]] = Counter(
        (one.need, one.allowed) for one in asked.vacancies
    )
    room = [max(0, most - had) for had in asked.had]
    return [(need * count, count, allowed) for (need, allowed), count in together.items()], room
