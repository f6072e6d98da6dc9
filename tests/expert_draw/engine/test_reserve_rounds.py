"""Reserves: who comes next stands fixed with the shares, is written nowhere, and is opened one by one."""

import pytest

from expert_draw.engine.ballot import lists_of
from expert_draw.engine.lines import write_event
from expert_draw.engine.pool import Candidate, DrawKind, Level, Pool, first_standing
from expert_draw.engine.randomness import Stream
from expert_draw.engine.record import DrawRecord
from expert_draw.engine.rerun import next_round, reserve_round
from expert_draw.engine.verify import verify_record
from expert_draw.engine.wording import RecordBroken
from tests.expert_draw.engine import stories
from tests.expert_draw.engine.samples import (
    HOUSE,
    accepted,
    answered,
    called,
    code,
    code_at,
    expert_pool,
    in_codes,
    later,
    played,
    ready,
    venue_pool,
)

EXPERT = DrawKind.expert


def plain(count: int = 8, **changes: object) -> Pool:
    """Two places from one list, a third from another; everyone in a unit of their own."""
    return Pool(
        EXPERT,
        (("1", 1), ("2", 1), ("3", 1)),
        tuple(
            Candidate(
                code(f"p{number}"),
                in_codes([("employer", f"{number}")]),
                ("1", "2") if number < 5 else ("3",),
            )
            for number in range(count)
        ),
        **changes,  # type: ignore[arg-type]
    )


def by_hand(record: DrawRecord, most: int) -> dict[str, list[str]]:
    """The reserves of round 1, by the words of docs/draw-record.md section 6."""
    pool = record.pool(EXPERT)
    drawn = {one for _, one in record.last_drawn(EXPERT)}
    (call,) = [event for event in record.events if event.type == "call"]
    told = DrawRecord.trust([event.line for event in record.events[: call.n + 3]], record.openings)
    stream = Stream(told.history.seed(EXPERT, "reserve"), "sha256")
    found: dict[str, list[str]] = {}
    served: dict[tuple[int, ...], list[str]] = {}
    for slot, members in sorted(lists_of(pool, first_standing(pool)).items()):
        if members not in served:
            left = [pool.candidates[index].id for index in members if pool.candidates[index].id not in drawn]
            for at in range(min(most, len(left))):
                other = at + stream.below(len(left) - at)
                left[at], left[other] = left[other], left[at]
            served[members] = left[:most]
        found[slot] = served[members]
    return found


def test_reserves_come_in_the_order_fixed_by_the_shares() -> None:
    record = played(ready((plain(),), reserve=3), 10)
    order = by_hand(record, 3)
    record = answered(answered(record, 20, "1", "declined"), 21, "3", "declined").draw_reserve(
        later(22), HOUSE
    )
    assert (code_at(record, "1"), code_at(record, "3")) == (order["1"][0], order["3"][0])
    record = answered(answered(record, 30, "2", "declined"), 31, "1", "expired").draw_reserve(
        later(32), HOUSE
    )
    assert (code_at(record, "1"), code_at(record, "2")) == (order["1"][1], order["2"][2])
    line = record.events[-1]
    assert (line.type, line.body["method"], line.body["round"], line.body["tries"]) == (
        "round",
        "reserve",
        1,
        1,
    )
    assert verify_record(record.text(openings=True)).full


def test_when_a_list_is_used_up_a_new_call_is_needed_and_makes_new_reserves() -> None:
    record = played(ready((plain(),), reserve=1), 10)
    record = answered(record, 20, "1", "declined").draw_reserve(later(21), HOUSE)
    record = answered(record, 22, "2", "declined")
    with pytest.raises(RecordBroken, match="no_reserve"):
        record.draw_reserve(later(23), HOUSE)
    record = answered(played(record, 30), 40, "2", "declined").draw_reserve(later(41), HOUSE)
    assert record.events[-1].body["round"] == 2
    # Place 3 was not vacant in round 2, so nothing stands behind it any more.
    record = answered(record, 50, "3", "declined")
    with pytest.raises(RecordBroken, match="no_reserve"):
        record.draw_reserve(later(51), HOUSE)
    assert verify_record(record.text(openings=True)).full


def test_parties_are_not_called_again_while_a_reserve_would_do() -> None:
    record = answered(played(ready((plain(),), reserve=1), 10), 20, "1", "declined")
    with pytest.raises(RecordBroken, match="reserve_first"):
        called(record, 21)
    record = answered(record.draw_reserve(later(22), HOUSE), 23, "2", "declined")
    assert called(record, 24).phase == "revealing"


def test_a_verifier_without_the_lists_cannot_tell_that_a_reserve_was_left_out() -> None:
    record = stories.past_reserves()
    assert verify_record(record.text(openings=False)).ok
    (found,) = verify_record(record.text(openings=True)).findings
    assert (found.code, record.events[found.line - 1].type) == ("record.reserve_first", "call")


def test_nobody_calls_without_the_lists_that_could_hold_a_reserve() -> None:
    """Whoever writes the next line has the lists; without them nobody can say that no reserve would do."""
    record = answered(played(ready((plain(),), reserve=1), 10), 20, "1", "declined")
    closed = DrawRecord.trust([event.line for event in record.events])
    with pytest.raises(RecordBroken, match="list_unopened"):
        called(closed, 21)


def test_without_reserves_promised_there_are_none() -> None:
    record = answered(played(ready((plain(),)), 10), 20, "1", "declined")
    with pytest.raises(RecordBroken, match="no_reserve"):
        record.draw_reserve(later(21), HOUSE)


def test_nothing_is_taken_where_nothing_is_vacant_or_a_call_is_open() -> None:
    record = played(ready((plain(),), reserve=2), 10)
    with pytest.raises(RecordBroken, match="nothing_needed"):
        record.draw_reserve(later(20), HOUSE)
    with pytest.raises(RecordBroken, match="out_of_place"):
        called(ready((plain(),), reserve=2), 10).draw_reserve(later(11), HOUSE)


def test_a_reserve_who_does_not_fit_beside_the_others_is_passed_over() -> None:
    """All reserves of place 1 but one share the unit of who sits at place 3."""
    people = [("a", "u"), ("b", "u"), ("c", "u"), ("d", "v"), ("e", "w")]
    candidates = [Candidate(code(who), in_codes([("employer", unit)]), ("1",)) for who, unit in people]
    candidates.append(Candidate(code("z"), in_codes([("employer", "u")]), ("3",)))
    pool = Pool(EXPERT, (("1", 1), ("3", 1)), tuple(candidates), (Level((("employer", 1),)),))
    record = played(ready((pool,), reserve=9), 10)
    order = by_hand(record, 9)["1"]
    record = answered(answered(record, 19, "3", "accepted"), 20, "1", "declined").draw_reserve(
        later(21), HOUSE
    )
    assert code_at(record, "1") == next(who for who in order if who in (code("d"), code("e")))
    record = answered(record, 30, "1", "declined")
    with pytest.raises(RecordBroken, match="no_reserve"):
        record.draw_reserve(later(31), HOUSE)


def test_what_follows_is_drawn_at_once_with_chance_from_the_reserve_line() -> None:
    record = stories.from_reserves()
    methods = [(event.body["kind"], event.body["method"]) for event in record.events if event.type == "round"]
    assert methods[2:6] == [("expert", "reserve"), ("venue", "rejection")] * 2
    seeds = [event.body["seed"] for event in record.events if event.type == "round"]
    assert seeds[0] == seeds[2] == seeds[4]
    assert len(set(seeds)) == len(seeds) - 2


def test_while_followers_are_to_be_drawn_nothing_else_may_stand() -> None:
    record = stories.from_reserves()
    number = next(event.n for event in record.events if event.body.get("method") == "reserve")
    told = DrawRecord.trust([event.line for event in record.events[:number]], record.openings)
    assert told.phase == "drawing"
    with pytest.raises(RecordBroken, match="out_of_place"):
        accepted(told, 30)
    assert told.void(later(30), HOUSE, "regret").phase == "void"


def test_a_venue_without_its_expert_waits_for_the_reserve() -> None:
    """Venues first: an expert follows a venue, and no reserve can come before the venue is there again."""
    venues, experts = venue_pool(follows=None), expert_pool(follows=(DrawKind.venue, "city"))
    record = played(ready((venues, experts), reserve=3), 10)
    gone = code_at(record, "1", DrawKind.venue)
    record = record.outcome(later(20), HOUSE, DrawKind.venue, "1", gone, "refused")
    with pytest.raises(RecordBroken, match="followed_vacant"):
        record.draw_reserve(later(21), HOUSE)
    assert called(answered(record, 22, "2", "declined"), 23).phase == "revealing"


def test_a_call_for_other_kinds_ends_the_reserves_of_experts() -> None:
    record = played(ready((expert_pool(), venue_pool()), reserve=3), 10)
    gone = code_at(record, "1", DrawKind.venue)
    record = record.outcome(later(20), HOUSE, DrawKind.venue, "1", gone, "refused")
    assert record.history.reserves is not None
    record = answered(played(record, 30), 40, "1", "declined")
    with pytest.raises(RecordBroken, match="no_reserve"):
        record.draw_reserve(later(41), HOUSE)


def test_a_reserve_line_that_was_never_promised_is_refused() -> None:
    record = answered(played(ready((plain(),), reserve=2), 10), 20, "1", "declined")
    entry = reserve_round(record.history, record.lists)
    without = answered(played(ready((plain(),)), 10), 20, "1", "declined")
    line = write_event(HOUSE, "sha256", without.events[-1], later(21), "round", entry.body())
    with pytest.raises(RecordBroken, match="out_of_place"):
        without.after(line)


def test_a_reserve_line_where_nothing_is_vacant_is_refused() -> None:
    record = answered(played(ready((plain(),), reserve=2), 10), 20, "1", "declined").draw_reserve(
        later(21), HOUSE
    )
    last = record.events[-1]
    line = write_event(HOUSE, "sha256", last, later(22), "round", last.body)
    with pytest.raises(RecordBroken, match="nothing_needed"):
        record.after(line)
    with pytest.raises(RecordBroken, match="nothing_needed"):
        next_round(record.history, record.lists)
