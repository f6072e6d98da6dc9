"""Draws of every shape from beginning to end, each a record that both verifiers must find good."""

from collections.abc import Callable
from functools import cache

from expert_draw.engine.lines import time_of, write_event
from expert_draw.engine.pool import Candidate, DrawKind, Level, Pool
from expert_draw.engine.record import DrawRecord, RosterRoot
from expert_draw.engine.round_entries import Call
from tests.expert_draw.engine.samples import (
    HOUSE,
    STRICT,
    accepted,
    answered,
    called,
    code,
    code_at,
    expert_pool,
    finished,
    first_of,
    in_codes,
    later,
    locked,
    opened,
    played,
    ready,
    revealed,
    seat_pool,
    venue_pool,
)

ROSTER = RosterRoot("9c" * 32, 12)


def crowd(count: int, *, weights: bool = False) -> Pool:
    """Several places under one condition: A0801 needs three, C03 two, and fifteen candidates fit both."""
    people = tuple(
        Candidate(
            code(f"e{number}"),
            in_codes([("employer", f"u{number // 2}"), ("city", "123"[number % 3])]),
            tuple(
                slot
                for slot, fits in (("A0801", number < count * 5 // 8), ("C03", number >= count * 3 // 8))
                if fits
            ),
            ("busy",) if number == 3 else (),
            weight=1 + number % 7 if weights else 1,
        )
        for number in range(count)
    )
    return Pool(DrawKind.expert, (("A0801", 3), ("C03", 2)), people, (Level((("employer", 1),)),))


@cache
def withheld() -> DrawRecord:
    """The supervisor does not reveal, the time runs out, the draw is void in its name."""
    record = revealed(called(ready(number="CQ-2026-000130"), 10), 11, ("tenderee", "center"))
    return record.void(later(41), HOUSE, "share_withheld", "supervisor")


@cache
def venue_first() -> DrawRecord:
    """Venues first, then their experts, then seats; one venue refuses and takes its expert and seat along."""

    def tell(number: str) -> DrawRecord | None:
        venues, experts = venue_pool(follows=None), expert_pool(follows=(DrawKind.venue, "city"))
        record = played(ready((venues, experts, seat_pool()), number=number), 10)
        if record.phase != "between":
            return None
        record = answered(record, 20, "1", "accepted")
        record = record.outcome(
            later(21), HOUSE, DrawKind.venue, "1", code_at(record, "1", DrawKind.venue), "refused"
        )
        record = played(record, 30)
        return accepted(record, 40).close(later(50), HOUSE) if record.phase == "between" else None

    return first_of(tell)


@cache
def with_beacon() -> DrawRecord:
    """A shallow pool that the supervisor has to accept, and public randomness after the reveals."""
    pool = expert_pool()
    record = opened((pool,), number="CQ-2026-000140", roster=ROSTER, before="CQ-2026-000139")
    record = played(locked(record, STRICT), 10, beacon=("drand", 4711))
    return accepted(record, 30).close(later(40), HOUSE)


@cache
def from_reserves() -> DrawRecord:
    """Places are filled from the reserve list twice; when it finds nobody any more, the parties are called again."""

    def tell(number: str) -> DrawRecord | None:
        record = played(ready((expert_pool(), venue_pool()), number=number, reserve=2), 10)
        if record.phase != "between":
            return None
        record = answered(answered(record, 20, "1", "declined"), 21, "3", "unreachable")
        record = record.draw_reserve(later(22), HOUSE)
        if record.phase != "between":
            return None
        record = answered(record, 30, "1", "declined").draw_reserve(later(31), HOUSE)
        if record.phase != "between":
            return None
        record = played(answered(record, 40, "1", "expired"), 50)
        return record if record.phase == "between" else None

    def told(number: str) -> DrawRecord | None:
        try:
            return tell(number)
        except Exception as refusal:
            if getattr(refusal, "code", "") != "record.no_reserve":
                raise
            return None

    return first_of(told)


@cache
def past_reserves() -> DrawRecord:
    """What the house must not do: it calls the parties again where the next reserve would do. Else all is in order."""
    record = played(ready((crowd(16),), number="CQ-2026-000156", reserve=2), 10)
    record = answered(record, 20, "C03", "declined")
    body = Call(2, time_of(later(60)), None).body()
    record = record.after(write_event(HOUSE, "sha256", record.events[-1], later(30), Call.TYPE, body))
    return revealed(record, 31).draw(later(33), HOUSE)


@cache
def redrawn() -> DrawRecord:
    """Nobody fits beside who accepted: everybody is let go and all places are drawn anew in the same record."""
    people = (("a", "u", ("1",)), ("c", "w", ("1", "2")), ("d", "w", ("1",)), ("e", "x", ("2",)))
    pool = Pool(
        DrawKind.expert,
        (("1", 1), ("2", 1)),
        tuple(Candidate(code(who), in_codes([("employer", unit)]), slots) for who, unit, slots in people),
        (Level((("employer", 1),)),),
    )

    def tell(number: str) -> DrawRecord | None:
        record = played(ready((pool,), number=number), 10)
        if (code_at(record, "1"), code_at(record, "2")) != (code("a"), code("c")):
            return None
        record = answered(answered(record, 20, "2", "accepted"), 21, "1", "declined")
        record = played(record, 30)
        assert record.phase == "stuck"
        record = played(record.redraw(later(40), HOUSE, "nobody_fits"), 50)
        return accepted(record, 60).close(later(70), HOUSE)

    return first_of(tell)


@cache
def in_sm3() -> DrawRecord:
    """The same with the hash of the Chinese standard, and two parties."""
    names = ("center", "supervisor")
    record = opened((expert_pool(),), number="CQ-2026-000150", suite="sm3", names=names)
    record = answered(played(locked(record), 10), 20, "2", "declined")
    return accepted(played(record, 30), 40).close(later(50), HOUSE)


@cache
def weighted() -> DrawRecord:
    """Chances by published weights; two places are drawn again together."""
    record = played(ready((crowd(24, weights=True),), number="CQ-2026-000151", law="weighted"), 10)
    for one in record.holders[1:3]:
        record = record.outcome(later(20), HOUSE, DrawKind.expert, one.slot, one.code, "declined")
    return accepted(played(record, 30), 40).close(later(50), HOUSE)


@cache
def uniform_sets() -> DrawRecord:
    """Every set of members is equally likely, whichever way they could be seated."""
    return played(ready((crowd(24),), number="CQ-2026-000152", law="uniform-sets"), 10)


@cache
def counted() -> DrawRecord:
    """A list that whole attempts hardly ever meet: drawn by counting."""
    big = {place: tuple(f"{place}{number}" for number in range(9)) for place in "ABCDEF"}
    people = [Candidate(code(place), in_codes([("employer", place)]), (place,)) for place in big]
    people += [
        Candidate(code(id_), in_codes([("employer", "big"), ("city", "123"[int(id_[1]) % 3])]), (place,))
        for place, many in big.items()
        for id_ in many
    ]
    pool = Pool(
        DrawKind.expert, tuple((place, 1) for place in big), tuple(people), (Level((("employer", 1),)),)
    )

    def tell(number: str) -> DrawRecord | None:
        record = played(ready((pool,), number=number), 10)
        methods = [event.body["method"] for event in record.events if event.type == "round"]
        return record if methods == ["counting"] else None

    return first_of(tell)


@cache
def excluded_later() -> DrawRecord:
    """A candidate found ineligible between two rounds, and a holder struck after accepting."""
    record = played(ready((expert_pool(),), number="CQ-2026-000154"), 10)
    seated = {one.code for one in record.holders}
    free = next(one.id for one in expert_pool().candidates if one.id not in seated)
    record = answered(answered(record, 20, "3", "accepted"), 21, "3", "struck", "ef" * 32)
    record = record.exclude(later(22), HOUSE, DrawKind.expert, [(free, "employer")])
    return accepted(played(record, 30), 40)


@cache
def given_up() -> DrawRecord:
    """Void before anything was drawn."""
    record = opened((expert_pool(),), number="CQ-2026-000155")
    return record.void(later(1), HOUSE, "cancelled")


GOOD: dict[str, Callable[[], DrawRecord]] = {
    "good-closed": finished,
    "good-withheld": withheld,
    "good-venue-first": venue_first,
    "good-beacon": with_beacon,
    "good-reserves": from_reserves,
    "good-redraw": redrawn,
    "good-sm3": in_sm3,
    "good-weighted": weighted,
    "good-sets": uniform_sets,
    "good-counting": counted,
    "good-excluded-later": excluded_later,
    "good-given-up": given_up,
}
PUBLIC = ("good-closed", "good-reserves")
