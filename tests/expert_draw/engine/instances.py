"""Small lists to draw from, every feasible committee of them by trying all, and what a law says of each."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from fractions import Fraction
from itertools import combinations, product
from math import sqrt
from typing import TypeVar

from hypothesis import strategies as st

from expert_draw.engine.pool import (
    Bound,
    Candidate,
    DrawKind,
    Group,
    Law,
    Level,
    Member,
    Pool,
    Standing,
    first_standing,
)

LETTERS = "abcdefghijklmnopqrstuvwxyz"
LAWS: tuple[Law, ...] = ("uniform-labelled", "uniform-sets", "weighted")
Committee = frozenset[tuple[str, str]]
Outcome = TypeVar("Outcome", bound=Hashable)


def listed(
    slots: Mapping[str, tuple[int, str]],
    groups: Mapping[str, str] | None = None,
    *,
    caps: Mapping[str, int] | None = None,
    levels: tuple[Level, ...] = (),
    weights: Mapping[str, int] | None = None,
    grounds: str = "",
    bounds: tuple[Bound, ...] = (),
    conflicts: Iterable[str] = (),
    held: tuple[Member, ...] = (),
    kind: DrawKind = DrawKind.expert,
    follows: tuple[DrawKind, str] | None = None,
) -> Pool:
    """A pool in short: slots as {key: (quota, "abc")}, every letter a candidate; groups as {"employer": "xxyz"}, a value
    for each letter in order, "." for none."""
    letters = sorted(set("".join(letters for _, letters in slots.values())))
    carried: dict[str, list[Group]] = {letter: [] for letter in letters}
    for name, values in (groups or {}).items():
        for letter, value in zip(letters, values, strict=False):
            if value != ".":
                carried[letter].append((name, value))
    return Pool(
        kind,
        tuple((key, quota) for key, (quota, _) in slots.items()),
        tuple(
            Candidate(
                letter,
                tuple(carried[letter]),
                tuple(key for key, (_, own) in slots.items() if letter in own),
                ("busy",) if letter in grounds else (),
                (weights or {}).get(letter, 1),
            )
            for letter in letters
        ),
        levels or (Level(tuple((caps or {}).items())),),
        follows,
        bounds,
        tuple((pair[0], pair[1]) for pair in conflicts),
        held,
    )


def lists_by_hand(pool: Pool, standing: Standing) -> dict[str, list[str]]:
    """The list of each vacant slot, read off the specification."""
    gone = standing.out | {one.id for one in standing.present}
    lists = {}
    for slot, _ in standing.needed:
        lists[slot] = [
            one.id for one in pool.candidates if slot in one.slots and not one.grounds and one.id not in gone
        ]
        if pool.follows and standing.at_place is not None:
            name, there = pool.follows[1], standing.at_place.get(slot, frozenset())
            lists[slot] = [
                id_ for id_ in lists[slot] if any((name, value) in pool.by_id(id_).groups for value in there)
            ]
    return lists


def feasible(pool: Pool, standing: Standing, level: Level, people: list[str], open_: int = 0) -> bool:
    """Whether these people may sit together with everyone who sits already; open_: places that stay vacant."""
    if len(set(people)) != len(people):
        return False
    sitting = [*pool.held, *standing.present]
    carried = Counter(group for one in sitting for group in one.groups)
    carried.update(group for id_ in people for group in pool.by_id(id_).groups)
    caps = dict(level.caps)
    if any(name in caps and count > caps[name] for (name, _), count in carried.items()):
        return False
    for bound in pool.bounds:
        count = carried[bound.group, bound.value]
        if count > bound.most or count + open_ < bound.least:
            return False
    together = {*people, *(one.id for one in sitting)}
    return not level.apart or not any(together.issuperset(pair) for pair in pool.conflicts)


def committees(pool: Pool, standing: Standing | None = None, level: Level | None = None) -> set[Committee]:
    """Every feasible labelled committee of a level (the first one), found by trying all and nothing clever."""
    where = standing or first_standing(pool)
    lists = lists_by_hand(pool, where)
    choices = [[(slot, own) for own in combinations(lists[slot], need)] for slot, need in where.needed]
    found = set()
    for chosen in product(*choices):
        people = [id_ for _, own in chosen for id_ in own]
        if feasible(pool, where, level or pool.levels[0], people):
            found.add(frozenset((slot, id_) for slot, own in chosen for id_ in own))
    return found


def chances(pool: Pool, everyone: set[Committee], law: Law) -> dict[Committee, Fraction]:
    """The chance that a law gives to each labelled committee."""
    sets = Counter(frozenset(id_ for _, id_ in one) for one in everyone)
    share: dict[Committee, Fraction] = {}
    for one in everyone:
        weight = Fraction(1)
        if law == "uniform-sets":
            weight /= sets[frozenset(id_ for _, id_ in one)]
        if law == "weighted":
            for _, id_ in one:
                weight *= pool.by_id(id_).weight
        share[one] = weight
    whole = sum(share.values())
    return {one: weight / whole for one, weight in share.items()}


def too_uneven(seen: Counter[Outcome], expected: Mapping[Outcome, Fraction]) -> bool:
    """Whether a sample does not fit its law: something impossible, or chi-square beyond what one of 10,000 honest
    samples shows (Wilson and Hilferty's approximation)."""
    if not set(seen) <= set(expected):
        return True
    if len(expected) == 1:
        return False
    draws = seen.total()
    chi_square = sum((seen[one] - draws * float(p)) ** 2 / (draws * float(p)) for one, p in expected.items())
    freedom, normal = len(expected) - 1, 3.719
    limit = freedom * (1 - 2 / (9 * freedom) + normal * sqrt(2 / (9 * freedom))) ** 3
    return chi_square > limit


@st.composite
def pools(draw: st.DrawFn, *, most_people: int = 8, apart: bool = True) -> Pool:
    """Small pools of every shape, feasible or not: overlapping slots, caps, bounds, conflicts, held members, grounds."""
    letters = LETTERS[: draw(st.integers(2, most_people))]
    values = st.sampled_from(["x", "y", "z"])
    names = ("employer", "region")

    def some_groups() -> tuple[Group, ...]:
        return tuple((name, draw(values)) for name in names if draw(st.booleans()))

    slots = tuple((key, draw(st.integers(1, 2))) for key in "123"[: draw(st.integers(1, 3))])
    keys = st.sets(st.sampled_from([key for key, _ in slots]), min_size=1)
    held = (Member("held", some_groups()),) if draw(st.booleans()) else ()
    people = (*letters, *(one.id for one in held))
    pairs = st.lists(st.tuples(st.sampled_from(people), st.sampled_from(people)), max_size=2)
    bounds = []
    for value in "xyz"[: draw(st.integers(0, 2))]:
        least = draw(st.integers(0, 2))
        bounds.append(Bound("region", value, least, draw(st.integers(least, 4))))
    return Pool(
        DrawKind.expert,
        slots,
        tuple(
            Candidate(
                letter,
                some_groups(),
                tuple(draw(keys)),
                draw(st.sampled_from([(), (), (), ("busy",)])),
                draw(st.integers(1, 5)),
            )
            for letter in letters
        ),
        (Level((("employer", draw(st.integers(1, 2))),) if draw(st.booleans()) else (), apart),),
        None,
        tuple(bounds),
        tuple((one, other) for one, other in draw(pairs) if one != other),
        held,
    )
