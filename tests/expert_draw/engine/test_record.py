"""The record of a draw: what may follow what, and that every step is written down."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import YuanpingError
from expert_draw.engine.entries import RulePack
from expert_draw.engine.pool import Candidate, DrawKind, DrawRequest, Pool, Slot
from expert_draw.engine.randomness import chain_anchor, chain_share
from expert_draw.engine.record import DrawRecord, candidate_code, code_request, group_code
from expert_draw.engine.verify import verify_record
from expert_draw.engine.wording import DrawInfeasible, RecordBroken
from tests.expert_draw.engine.samples import (
    RULES,
    SALT,
    START,
    anchors,
    brute_force,
    code_at,
    expert_pool,
    finished,
    later,
    opened,
    request,
    requests,
    seat_pool,
    shares,
    two_rounds,
    venue_pool,
)

EXPERT, VENUE, SEAT = DrawKind.expert, DrawKind.venue, DrawKind.seat


def refused(code: str, step: Callable[[], object]) -> YuanpingError:
    with pytest.raises(YuanpingError) as caught:
        step()
    assert caught.value.code == code
    return caught.value


def drawn() -> DrawRecord:
    return opened().draw_round(later(1), shares(1))


def groups_at(record: DrawRecord, slot: str, kind: DrawKind, name: str) -> set[str]:
    at = next(one.candidate for one in record.holders if (one.kind, one.slot) == (kind, slot))
    return {value for group, value in at.groups if group == name}


def test_a_whole_draw_is_one_line_for_each_step() -> None:
    record = finished()
    assert [event.type for event in record.events] == [
        *["open", "round", "round", "round", "outcome", "outcome", "outcome", "outcome", "pool"],
        *["round", "round", "round", "outcome", "outcome", "close"],
    ]
    assert [event.n for event in record.events] == list(range(1, 16))
    assert record.head == record.events[-1].hash
    assert record.text.decode() == "".join(event.text + "\n" for event in record.events)
    assert verify_record(record.text).ok


def test_the_record_holds_no_id_name_or_group_in_clear() -> None:
    people = (
        Candidate("李四-id", (("employer", "某某集团"),)),
        Candidate("王五-id", (("employer", "某某集团"),)),
    )
    asked = DrawRequest(EXPERT, (Slot("1", 1, ("李四-id",)),), people, excluded=(("王五-id", "busy"),))
    coded, id_of = code_request(asked, SALT)
    record = DrawRecord.open(START, number="CQ-1", rules=RULES, anchors=anchors(), pools=[Pool(coded)])
    assert record.text.isascii()
    assert id_of[candidate_code(SALT, "李四-id")] == "李四-id"
    assert id_of[candidate_code(SALT, "王五-id")] == "王五-id"
    assert coded.candidates[0].groups == (("employer", group_code(SALT, "employer", "某某集团")),)


def test_a_name_cannot_get_into_a_record() -> None:
    plain = Pool(DrawRequest(EXPERT, (Slot("1", 1, ("张三",)),), (Candidate("张三"),)))
    refused(
        "record.malformed",
        lambda: DrawRecord.open(START, number="CQ-1", rules=RULES, anchors=anchors(), pools=[plain]),
    )
    refused("record.malformed", lambda: drawn().outcome(later(2), EXPERT, "1", "张三", "accepted"))
    refused("record.malformed", lambda: drawn().void(later(2), "因张三请假"))


def test_codes_depend_on_the_salt_and_on_what_they_stand_for() -> None:
    codes = {
        candidate_code(SALT, "a"),
        candidate_code(b"s" * 32, "a"),
        group_code(SALT, "a", ""),
        candidate_code(SALT, "b"),
    }
    assert len(codes) == 4
    with pytest.raises(TypeError, match="32 bytes"):
        candidate_code(b"short", "a")


def test_each_place_is_given_an_expert_a_venue_in_their_city_and_a_seat_in_it() -> None:
    record = drawn()
    for place in "123":
        assert groups_at(record, place, EXPERT, "city") == groups_at(record, place, VENUE, "city")
        assert groups_at(record, place, VENUE, "center") == groups_at(record, place, SEAT, "center")
    rooms = [groups_at(record, place, SEAT, "room").pop() for place in "123"]
    assert len(set(rooms)) == 3
    assert len({one.candidate.id for one in record.holders}) == 9


def test_the_three_kinds_of_a_round_share_its_number_and_its_shares() -> None:
    rounds = [json.loads(event.line)["body"] for event in two_rounds().events if event.type == "round"]
    assert [(one["round"], one["kind"]) for one in rounds] == [
        *[(1, "expert"), (1, "venue"), (1, "seat")],
        *[(2, "expert"), (2, "venue"), (2, "seat")],
    ]
    assert rounds[0]["shares"] == rounds[2]["shares"] != rounds[3]["shares"]
    assert len({one["seed"] for one in rounds}) == 6


def test_kinds_may_be_drawn_one_by_one_within_a_round() -> None:
    record = opened().draw_round(later(1), shares(1), [EXPERT])
    record = record.draw_round(later(1), shares(1), [VENUE]).draw_round(later(1), shares(1), [SEAT])
    assert record.text == opened().draw_round(later(1), shares(1)).text


def test_once_anything_else_is_written_a_fresh_share_is_needed() -> None:
    record = opened().draw_round(later(1), shares(1), [EXPERT]).declare(later(2), venue_pool(without="m"))
    refused("record.broken_commitment", lambda: record.draw_round(later(2), shares(1), [VENUE]))
    assert record.draw_round(later(2), shares(2), [VENUE]).history.round_no == 2


def test_who_declines_leaves_with_venue_and_seat_and_is_not_asked_again() -> None:
    record = drawn()
    gone = code_at(record, "1")
    record = record.outcome(later(2), EXPERT, "1", gone, "declined")
    assert [record.needed(kind) for kind in DrawKind] == [(("1", 1),)] * 3
    for round_no in (2, 3, 4):
        record = record.draw_round(later(3), shares(round_no))
        assert code_at(record, "1") != gone
        record = record.outcome(later(4), EXPERT, "1", code_at(record, "1"), "expired")


def test_a_seat_out_of_order_is_replaced_without_moving_anyone_else() -> None:
    record = drawn()
    broken, expert, venue = (code_at(record, "2", kind) for kind in (SEAT, EXPERT, VENUE))
    record = record.outcome(later(2), SEAT, "2", broken, "fault").draw_round(later(3), shares(2))
    assert (code_at(record, "2"), code_at(record, "2", VENUE)) == (expert, venue)
    assert record.history.round_no == 2


def test_a_venue_that_refuses_takes_its_seat_along() -> None:
    record = drawn()
    record = record.outcome(later(2), VENUE, "3", code_at(record, "3", VENUE), "refused")
    assert [record.needed(kind) for kind in DrawKind] == [(), (("3", 1),), (("3", 1),)]


def test_later_exclusions_hold_for_every_further_round() -> None:
    record = opened()
    wanted = [
        one.id for one in expert_pool().request.candidates if one.id not in expert_pool().request.removed()
    ]
    keep = set(wanted[:5])
    record = record.exclude(later(1), EXPERT, [(code, "on_leave") for code in wanted if code not in keep])
    try:
        record = record.draw_round(later(2), shares(1), [EXPERT])
    except DrawInfeasible:
        return
    assert {one.candidate.id for one in record.holders} <= keep


def test_only_known_and_unseated_candidates_can_be_excluded() -> None:
    refused("record.exclude_unknown", lambda: opened().exclude(later(1), EXPERT, [("0" * 32, "busy")]))
    record = drawn()
    refused(
        "record.exclude_seated", lambda: record.exclude(later(2), EXPERT, [(code_at(record, "1"), "busy")])
    )
    refused("record.malformed", lambda: record.exclude(later(2), EXPERT, []))


def test_a_pool_that_cannot_give_the_vacancies_is_refused_and_nothing_is_written() -> None:
    record = opened()
    everyone = [(one.id, "on_leave") for one in expert_pool().request.candidates]
    record = record.exclude(later(1), EXPERT, everyone)
    assert refused("draw.slot_short", lambda: record.draw_round(later(2), shares(1))).params["available"] == 0


@pytest.mark.parametrize(
    ("before", "outcome"),
    [
        ([], "withdrawn"),
        ([], "late"),
        ([], "released"),
        ([], "unheard_of"),
        (["accepted"], "accepted"),
        (["accepted"], "declined"),
        (["declined"], "accepted"),
        (["declined"], "declined"),
        (["accepted", "no_show"], "accepted"),
    ],
)
def test_an_outcome_out_of_turn_is_refused(before: list[str], outcome: str) -> None:
    record = drawn()
    code = code_at(record, "1")
    for step in before:
        record = record.outcome(later(2), EXPERT, "1", code, step)
    refused("record.outcome_refused", lambda: record.outcome(later(3), EXPERT, "1", code, outcome))


def test_an_outcome_of_someone_not_drawn_is_refused() -> None:
    record = drawn()
    refused(
        "record.not_drawn", lambda: record.outcome(later(2), EXPERT, "2", code_at(record, "1"), "declined")
    )


def test_a_draw_without_vacancies_is_refused() -> None:
    refused("record.nothing_needed", lambda: drawn().draw_round(later(2), shares(2)))
    refused("record.nothing_needed", lambda: drawn().history.draw_round(EXPERT, 2, ()))


def test_a_kind_without_a_list_is_refused() -> None:
    record = DrawRecord.open(START, number="CQ-1", rules=RULES, anchors=anchors(), pools=[expert_pool()])
    refused("record.kind_unknown", lambda: record.needed(SEAT))
    refused("record.nothing_needed", lambda: record.draw_round(later(1), shares(1), [SEAT]))


def test_a_seat_cannot_be_drawn_before_its_venue() -> None:
    refused("record.followed_vacant", lambda: opened().draw_round(later(1), shares(1), [SEAT]))


def test_a_list_can_be_restated_but_not_its_terms() -> None:
    record = drawn()
    assert record.declare(later(2), venue_pool(without="mn")).events[-1].type == "pool"
    refused("record.pool_frozen", lambda: record.declare(later(2), expert_pool()))
    loose = replace(seat_pool(), request=replace(seat_pool().request, group_caps=()))
    refused("record.pool_changed_slots", lambda: record.declare(later(2), loose))
    refused(
        "record.pool_changed_slots", lambda: record.declare(later(2), replace(venue_pool(), follows=None))
    )


def test_a_list_first_given_later_is_as_good() -> None:
    record = DrawRecord.open(START, number="CQ-1", rules=RULES, anchors=anchors(), pools=[expert_pool()])
    record = (
        record.draw_round(later(1), shares(1)).declare(later(2), venue_pool()).draw_round(later(3), shares(2))
    )
    assert groups_at(record, "1", EXPERT, "city") == groups_at(record, "1", VENUE, "city")
    assert verify_record(record.text).ok


@pytest.mark.parametrize(
    "pools",
    [
        [venue_pool()],
        [expert_pool(), replace(venue_pool(), follows=(SEAT, "city")), seat_pool()],
        [expert_pool(), replace(venue_pool(), follows=(VENUE, "city"))],
        [replace(expert_pool(), follows=(VENUE, "city")), venue_pool()],
        [
            Pool(code_request(request({"1": (2, "abc")}), SALT)[0]),
            Pool(code_request(request({"1": (1, "mn")}, kind=VENUE), SALT)[0], (EXPERT, "city")),
        ],
    ],
)
def test_what_a_list_follows_must_be_drawn_earlier_and_place_by_place(pools: list[Pool]) -> None:
    refused(
        "record.follow_unknown",
        lambda: DrawRecord.open(START, number="CQ-1", rules=RULES, anchors=anchors(), pools=pools),
    )


def test_a_share_that_was_not_promised_is_refused() -> None:
    wrong = {**shares(1), "center": b"y" * 32}
    assert refused("record.broken_commitment", lambda: opened().draw_round(later(1), wrong)).params == {
        "party": "center"
    }
    refused("record.broken_commitment", lambda: opened().draw_round(later(1), shares(2)))
    refused("record.wrong_parties", lambda: opened().draw_round(later(1), {"center": shares(1)["center"]}))


def test_a_draw_is_closed_only_when_every_place_is_filled_and_confirmed() -> None:
    record = two_rounds()
    assert refused("record.not_filled", lambda: record.close(later(20))).params == {
        "kind": "expert",
        "slot": "1",
    }
    record = record.outcome(later(20), EXPERT, "1", code_at(record, "1"), "declined")
    assert refused("record.not_filled", lambda: record.close(later(20))).params["slot"] == "1"


def test_nothing_follows_the_end() -> None:
    record = finished()
    for step in (
        record.close,
        lambda now: record.void(now, "any"),
        lambda now: record.draw_round(now, shares(3)),
    ):
        with pytest.raises(RecordBroken):
            step(later(300))
    refused("record.finished", lambda: record.void(later(300), "any"))
    gone = drawn().void(later(2), "share_withheld", "supervisor")
    assert refused("record.finished", lambda: gone.close(later(3))).params == {"state": "void"}
    assert verify_record(gone.text).summary.state == "void"


@pytest.mark.parametrize("cut", range(16))
def test_a_stored_record_continues_where_it_stood(cut: int) -> None:
    record = finished()
    part = DrawRecord.load(event.text for event in record.events[:cut])
    assert part.history.state == ("empty" if cut == 0 else "closed" if cut == 15 else "open")
    whole = part
    for event in record.events[cut:]:
        whole = whole.after(event)
    assert whole == record == DrawRecord.load(event.line for event in record.events)


def test_a_clock_set_back_stands_still() -> None:
    record = opened().draw_round(START - timedelta(hours=1), shares(1))
    assert {event.at for event in record.events} == {"2026-11-21T01:00:00Z"}


def test_times_are_written_in_utc() -> None:
    now = START.astimezone(timezone(timedelta(hours=8)))
    record = DrawRecord.open(now, number="CQ-1", rules=RULES, anchors=anchors(), pools=[expert_pool()])
    assert record.events[0].at == "2026-11-21T01:00:00Z"


def test_the_next_round_says_which_share_is_due() -> None:
    assert [opened().next_round, drawn().next_round, two_rounds().next_round] == [1, 2, 3]


@pytest.mark.parametrize(
    "fields",
    [
        {"number": ""},
        {"number": "CQ 2026"},
        {"anchors": {}},
        {"anchors": {"Center": bytes(32)}},
        {"anchors": {"center": bytes(31)}},
        {"rules": RulePack("cn_tender", "1", "00")},
        {"pools": []},
        {"pools": [expert_pool(), expert_pool()]},
    ],
)
def test_an_opening_that_is_not_complete_is_refused(fields: dict[str, Any]) -> None:
    whole: dict[str, Any] = {"number": "CQ-1", "rules": RULES, "anchors": anchors(), "pools": [expert_pool()]}
    refused("record.malformed", lambda: DrawRecord.open(START, **{**whole, **fields}))


@given(requests(), st.binary(min_size=32, max_size=32))
def test_whatever_is_drawn_verifies_and_fits(asked: DrawRequest, secret: bytes) -> None:
    coded, _ = code_request(asked, SALT)
    chain = {"center": chain_anchor(secret, 3)}
    record = DrawRecord.open(START, number="CQ-1", rules=RULES, anchors=chain, pools=[Pool(coded)])
    if not brute_force(asked):
        with pytest.raises(DrawInfeasible):
            record.draw_round(later(1), {"center": chain_share(secret, 3, 1)})
        return
    record = record.draw_round(later(1), {"center": chain_share(secret, 3, 1)})
    assert frozenset((one.slot, one.candidate.id) for one in record.holders) in brute_force(coded)
    left = record.holders[0]
    record = record.outcome(later(2), EXPERT, left.slot, left.candidate.id, "declined")
    try:
        record = record.draw_round(later(3), {"center": chain_share(secret, 3, 2)})
    except DrawInfeasible:
        record = record.void(later(3), "pool_exhausted")
    assert verify_record(record.text, head=record.head).ok
    assert len({one.candidate.id for one in record.holders}) == len(record.holders)


@given(st.permutations("abcdefghijkl"))
def test_the_order_of_the_roster_does_not_reach_the_record(order: list[str]) -> None:
    pool = expert_pool().request
    mixed = DrawRequest(
        EXPERT,
        tuple(Slot(slot.key, slot.quota, tuple(reversed(slot.eligible))) for slot in reversed(pool.slots)),
        tuple(sorted(pool.candidates, key=lambda one: order.index("abcdefghijkl"[int(one.id, 16) % 12]))),
        pool.group_caps,
        pool.held,
        tuple(reversed(pool.excluded)),
    )
    one, other = (
        DrawRecord.open(START, number="CQ-1", rules=RULES, anchors=anchors(), pools=[Pool(request_)])
        for request_ in (pool, mixed)
    )
    assert one.text == other.text


def test_appointed_members_count_for_the_caps_of_every_round() -> None:
    held = (Candidate("owner", (("employer", "x"),)),)
    groups = {"a": (("employer", "x"),), "b": (("employer", "y"),), "c": (("employer", "y"),)}
    coded, id_of = code_request(request({"1": (1, "abc")}, groups, {"employer": 1}, held=held), SALT)
    record = DrawRecord.open(START, number="CQ-1", rules=RULES, anchors=anchors(), pools=[Pool(coded)])
    for round_no in (1, 2):
        record = record.draw_round(later(1), shares(round_no))
        assert id_of[code_at(record, "1")] in "bc"
        record = record.outcome(later(2), EXPERT, "1", code_at(record, "1"), "declined")
    refused("draw.cap_blocks", lambda: record.draw_round(later(3), shares(3)))
