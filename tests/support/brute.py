"""Small draws and every one of their committees, found by trying all and nothing clever."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import prod

from hypothesis import strategies as st

from expert_draw.engine.pool import Bound, Candidate, DrawKind, Group, Law, Level, Member, Pool, Standing

Committee = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A pool and where it stands."""

    pool: Pool
    standing: Standing


def committees_of(pool: Pool, standing: Standing, level: int = 0) -> Iterator[Committee]:
    """Every feasible labelled committee: (slot, code) by slot, then by code."""
    choices = [
        [(slot, chosen) for chosen in combinations(_list_of(pool, standing, slot), need)]
        for slot, need in standing.needed
    ]

    def extend(at: int, sofar: Committee) -> Iterator[Committee]:
        if at == len(choices):
            if _allowed(pool, standing, pool.levels[level], [code for _, code in sofar]):
                yield sofar
            return
        for slot, chosen in choices[at]:
            yield from extend(at + 1, (*sofar, *((slot, code) for code in chosen)))

    return extend(0, ())


def weight_of(pool: Pool, committee: Committee, law: Law) -> int:
    """1, or the product of the members' weights."""
    return prod(pool.by_id(code).weight for _, code in committee) if law == "weighted" else 1


def _list_of(pool: Pool, standing: Standing, slot: str) -> list[str]:
    present = {one.id for one in standing.present}
    return [
        one.id
        for one in pool.candidates
        if slot in one.slots and not one.grounds and one.id not in present and one.id not in standing.out
    ]


def _allowed(pool: Pool, standing: Standing, level: Level, chosen: list[str]) -> bool:
    if len(set(chosen)) < len(chosen):
        return False
    sitting = [*pool.held, *standing.present]
    groups = [*(one.groups for one in sitting), *(pool.by_id(code).groups for code in chosen)]
    counts: Counter[Group] = Counter(group for own in groups for group in own)
    caps = dict(level.caps)
    everyone = {*chosen, *(one.id for one in sitting)}
    return (
        all(count <= caps[name] for (name, _), count in counts.items() if name in caps)
        and all(one.least <= counts[one.group, one.value] <= one.most for one in pool.bounds)
        and not (level.apart and any(one in everyone and other in everyone for one, other in pool.conflicts))
    )


@st.composite
def asked(
    draw: st.DrawFn,
    *,
    weighted: bool = False,
    second_cap: bool = False,
    conflicts: bool = True,
    crowded: bool = False,
) -> Asked:
    """Up to eight candidates for up to three slots; employers, regions, bounds, kin, members held and present.

    crowded: more candidates and places and two employers of whom two or three may sit.
    """
    slots = draw(st.lists(st.integers(1, 2), min_size=2 if crowded else 1, max_size=3))
    employers = st.sampled_from("xy" if crowded else "xyzw")
    keys = [str(at + 1) for at in range(len(slots))]
    some_slots = st.sets(st.sampled_from(keys), min_size=1).map(lambda own: tuple(sorted(own)))

    def groups(held: bool) -> tuple[Group, ...]:
        own = [("region", draw(st.sampled_from("pqr")))] if draw(st.integers(0, 3)) else []
        return (*own, ("employer", draw(employers))) if draw(st.integers(0, 3)) or held else tuple(own)

    candidates = [
        Candidate(
            f"c{at}",
            groups(held=False),
            draw(some_slots),
            ("kin",) if not draw(st.integers(0, 7)) else (),
            draw(st.integers(1, 5)) if weighted else 1,
        )
        for at in range(draw(st.integers(6, 10) if crowded else st.integers(1, 8)))
    ]
    codes = [one.id for one in candidates]
    sitting = [Member(f"h{at}", groups(held=True)[-1:]) for at in range(draw(st.integers(0, 1)))]
    present = [Member(f"p{at}", groups(held=True)[-1:]) for at in range(draw(st.integers(0, 1)))]
    pairs: set[tuple[str, str]] = set()
    if conflicts and len(codes) > 1:
        either = st.sampled_from([*codes, *(one.id for one in sitting)])
        drawn = draw(st.lists(st.tuples(either, either), max_size=3))
        pairs = {(min(one), max(one)) for one in drawn if one[0] != one[1]}
    caps = [("employer", draw(st.integers(1, 3)))] if draw(st.integers(0, 4)) else []
    caps = [("employer", draw(st.integers(2, 3)))] if crowded else caps
    if second_cap and draw(st.booleans()):
        caps.append(("region", draw(st.integers(1, 3))))
    bounds = []
    for value in draw(st.sets(st.sampled_from("pqr"), max_size=2)):
        least = draw(st.integers(0, 2))
        bounds.append(Bound("region", value, least, least + draw(st.integers(0, 3))))
    pool = Pool(
        DrawKind.expert,
        tuple(zip(keys, slots, strict=True)),
        tuple(candidates),
        (Level(tuple(caps), draw(st.booleans())),),
        bounds=tuple(bounds),
        conflicts=tuple(pairs),
        held=tuple(sitting),
    )
    out = frozenset(draw(st.sets(st.sampled_from(codes), max_size=1)))
    return Asked(pool, Standing(pool.slots, tuple(present), out))
