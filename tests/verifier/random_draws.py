"""Draws nobody thought of: random lists, laws, levels, bounds and answers, told to their end by the service's own engine."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from expert_draw.engine.pool import Bound, Candidate, DrawKind, Group, Law, Level, Member, Pool
from expert_draw.engine.randomness import Stream, Suite
from expert_draw.engine.record import DrawRecord
from expert_draw.engine.wording import RecordBroken
from tests.expert_draw.engine.samples import HOUSE, code, in_codes, later, played, ready

LAWS: tuple[Law, ...] = ("uniform-labelled", "uniform-sets", "weighted")
SUITES: tuple[Suite, ...] = ("sha256", "sm3")
LEVELS = (
    (Level(),),
    (Level((("unit", 1),)), Level((("unit", 2),), apart=False), Level((), apart=False)),
    (Level((("unit", 1),)),),
    (Level((("city", 1),)), Level((("city", 2), ("unit", 3)))),
    (Level((("unit", 2),), apart=False),),
)
LEAVING = {DrawKind.expert: "declined", DrawKind.venue: "refused", DrawKind.seat: "taken"}
Quotas = tuple[tuple[str, int], ...]
Follows = tuple[DrawKind, str] | None
T = TypeVar("T")


class Luck:
    """What comes by chance in a test, the same for the same seed everywhere and for ever."""

    def __init__(self, seed: int) -> None:
        self._stream = Stream(seed.to_bytes(32, "big"))

    def below(self, bound: int) -> int:
        return self._stream.below(bound)

    def between(self, least: int, most: int) -> int:
        return least + self.below(most - least + 1)

    def happens(self, percent: int) -> bool:
        return self.below(100) < percent

    def one_of(self, things: Sequence[T]) -> T:
        return things[self.below(len(things))]

    def some_of(self, things: Sequence[T], count: int) -> list[T]:
        """So many of them, in the order they stand in."""
        left = list(range(len(things)))
        return [things[index] for index in sorted(left.pop(self.below(len(left))) for _ in range(count))]


def told(seed: int) -> DrawRecord:
    """The record of a draw made up from this seed: up to four rounds with answers, exclusions, redraws and reserves."""
    luck = Luck(seed)
    law, suite = luck.one_of(LAWS), luck.one_of(SUITES)
    pools = tuple(_pools(luck, law))
    record = ready(pools, number=f"CQ-2026-{seed:06}", suite=suite, law=law, reserve=luck.one_of([0, 3, 6]))
    for minute in range(100, 900, 200):
        record = _filled(luck, record, minute)
        if record.phase == "stuck":
            record = record.redraw(later(minute + 50), HOUSE, "nobody_fits")
            continue
        record = _answered(luck, record, minute + 60)
        record = _excluded(luck, record, pools, minute + 70)
        if not any(record.needed(pool.kind) for pool in pools):
            break
    return record


def dealt(number: int) -> DrawRecord:
    """A draw found by counting: five places on one list, one member from a large unit whose codes lie among all others'."""
    slots = tuple("abcde")
    candidates = tuple(
        Candidate(code(f"{number} {one}"), in_codes([("unit", f"u{one if one < 5 else 0}")]), slots)
        for one in range(100)
    )
    pool = Pool(DrawKind.expert, tuple((slot, 1) for slot in slots), candidates, (Level((("unit", 1),)),))
    return played(ready((pool,), number=f"CQ-2026-{number:06}", suite=SUITES[number % 2]), 10)


def _pools(luck: Luck, law: Law) -> Iterator[Pool]:
    """Experts, then perhaps venues and seats; in half of the draws each follows the one before."""
    chained, crowded = luck.happens(50), luck.happens(30)
    slots = luck.some_of("abcde", luck.between(1, 3))
    quotas: Quotas = tuple((slot, 1 if chained else luck.between(1, 3)) for slot in slots)
    if crowded:
        quotas = (("a", 1), ("b", 1)) if chained else (("a", 3), ("b", 2))
    yield _pool(luck, DrawKind.expert, quotas, None, law, crowded=crowded)
    follows: Follows = (DrawKind.expert, "city") if chained else None
    if luck.happens(60):
        yield _pool(luck, DrawKind.venue, quotas if chained else (("v", 2),), follows, law)
        follows = (DrawKind.venue, "city") if chained else None
    if luck.happens(60):
        yield _pool(luck, DrawKind.seat, quotas if chained else (("s", 1), ("t", 2)), follows, law)


def _pool(
    luck: Luck, kind: DrawKind, quotas: Quotas, follows: Follows, law: Law, *, crowded: bool = False
) -> Pool:
    """A crowded list has nearly everybody in one unit, so that attempts fail and the committee is found by counting."""
    slots = [slot for slot, _ in quotas]

    def groups(number: int) -> tuple[Group, ...]:
        unit = f"u{(0 if number % 20 else 1 + number // 20) if crowded else luck.below(5)}"
        cities = luck.some_of(["c0", "c1", "c2"], luck.one_of([0, 1, 1, 1, 2]) if follows else 1)
        return tuple(sorted(in_codes([("unit", unit), *(("city", city) for city in cities)])))

    candidates = tuple(
        Candidate(
            code(f"{kind}{number}"),
            groups(number),
            tuple(luck.some_of(slots, luck.between(1, len(slots)))),
            ("busy",) if luck.happens(10) else (),
            luck.between(1, 9) if law == "weighted" else 1,
        )
        for number in range(100 if crowded else luck.between(5, 16))
    )
    held = (Member(code(f"held {kind}"), groups(1)),) if luck.happens(20) else ()
    ids = sorted(one.id for one in (*candidates, *held))
    pairs = {tuple(luck.some_of(ids, 2)) for _ in range(luck.one_of([0, 0, 1, 4]))}
    city = in_codes([("city", luck.one_of(["c0", "c1", "c2"]))])[0]
    least = luck.between(0, 1)
    bounds = (Bound(*city, least, least + luck.between(0, 3)),) if luck.happens(40) else ()
    levels = LEVELS[2] if crowded else luck.one_of(LEVELS)
    return Pool(kind, quotas, candidates, levels, follows, bounds, tuple(sorted(pairs)), held)


def _filled(luck: Luck, record: DrawRecord, minute: int) -> DrawRecord:
    """The vacancies are filled: from the reserve where that can be done, else in a round of their own."""
    if record.needed(DrawKind.expert):
        try:
            record = record.draw_reserve(later(minute), HOUSE)
        except RecordBroken:
            return _round(luck, record, minute)
        return record.draw(later(minute), HOUSE) if record.phase == "drawing" else record
    return _round(luck, record, minute)


def _round(luck: Luck, record: DrawRecord, minute: int) -> DrawRecord:
    return played(record, minute, ("drand", minute) if luck.happens(30) else None)


def _answered(luck: Luck, record: DrawRecord, minute: int) -> DrawRecord:
    """Some of those who hold a place give it up, and whoever follows them loses theirs with them."""
    for holder in record.holders:
        if luck.happens(30) and holder in record.holders:
            leaving = LEAVING[holder.kind]
            record = record.outcome(later(minute), HOUSE, holder.kind, holder.slot, holder.code, leaving)
    return record


def _excluded(luck: Luck, record: DrawRecord, pools: tuple[Pool, ...], minute: int) -> DrawRecord:
    pool = luck.one_of(pools)
    sitting = {holder.code for holder in record.holders if holder.kind is pool.kind}
    free = [one.id for one in pool.candidates if one.id not in sitting]
    return record.exclude(later(minute), HOUSE, pool.kind, [(luck.one_of(free), "late_tie")])
