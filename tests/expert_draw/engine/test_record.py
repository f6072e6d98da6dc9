"""Stories of draws as their records tell them: what each step writes, what it leads to, and that it cannot be told otherwise."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from expert_draw.engine.certificate import Certificate, certify
from expert_draw.engine.fixed_entries import Lock
from expert_draw.engine.pool import DrawKind
from expert_draw.engine.randomness import chain_share
from expert_draw.engine.record import DrawRecord, agree_signature, approve_signature, reveal_signature
from expert_draw.engine.verify import verify_record
from expert_draw.engine.wording import RecordBroken
from tests.expert_draw.engine import stories
from tests.expert_draw.engine.samples import (
    HOUSE,
    LENGTH,
    NAMES,
    SECRETS,
    SIGNERS,
    START,
    STRICT,
    accepted,
    agreed,
    answered,
    called,
    code,
    code_at,
    expert_pool,
    finished,
    in_codes,
    later,
    locked,
    nonce,
    opened,
    played,
    ready,
    revealed,
    seat_pool,
    two_rounds,
    venue_pool,
)

GOOD = sorted(stories.GOOD)


@pytest.mark.parametrize("name", GOOD)
def test_a_record_that_could_be_written_is_one_that_can_be_verified(name: str) -> None:
    record = stories.GOOD[name]()
    verdict = verify_record(record.text(openings=True), record.head, HOUSE.public)
    assert (verdict.ok, verdict.full, verdict.findings) == (True, True, ())
    public = verify_record(record.text(openings=False), record.head, HOUSE.public)
    assert (public.ok, public.full, public.findings) == (True, False, ())
    assert public.summary == verdict.summary


@pytest.mark.parametrize("name", GOOD)
def test_a_record_is_the_same_whether_trusted_or_checked(name: str) -> None:
    record = stories.GOOD[name]()
    lines = [event.text for event in record.events]
    for read in (DrawRecord.trust(lines, record.openings), DrawRecord.load(lines, record.openings)):
        assert (read.events, read.history, read.openings) == (record.events, record.history, record.openings)
        assert (read.head, read.phase, read.missing) == (record.head, record.phase, record.missing)
        for kind in record.history.terms:
            assert read.pool(kind) == record.pool(kind)
            assert read.standing(kind) == record.standing(kind)


@pytest.mark.parametrize("name", GOOD)
def test_every_beginning_of_a_record_is_a_record(name: str) -> None:
    record = stories.GOOD[name]()
    for count in range(1, len(record.events)):
        lines = b"".join(event.line + b"\n" for event in record.events[:count])
        assert verify_record(lines).ok
        assert verify_record(lines).summary.state == "open"


def test_a_draw_goes_through_its_phases() -> None:
    record = opened()
    assert (record.phase, record.missing, record.next_round) == ("agreeing", NAMES, 1)
    record = agreed(record)
    assert (record.phase, record.missing) == ("locking", ())
    record = locked(record)
    assert (record.phase, record.open_call) == ("between", None)
    record = called(record, 10, ("drand", 1))
    assert (record.phase, record.missing, record.next_round) == ("revealing", NAMES, 2)
    call = record.open_call
    assert call is not None
    assert (call.hash, call.until, call.beacon) == (record.head, "2026-11-21T01:40:00Z", ("drand", 1))
    record = revealed(record, 11, ("tenderee",))
    assert record.missing == ("center", "supervisor")
    record = revealed(record, 12)
    assert (record.phase, record.missing) == ("revealing", ())
    record = record.mix(later(13), HOUSE, "77" * 32)
    assert record.phase == "drawing"
    record = record.draw(later(14), HOUSE)
    assert (record.phase, record.open_call) == ("between", None)
    assert accepted(record, 20).close(later(30), HOUSE).phase == "closed"


def test_a_round_draws_all_kinds_and_each_fits_what_it_follows() -> None:
    record = played(ready(), 10)
    assert [one.kind for one in record.holders] == [kind for kind in DrawKind for _ in range(3)]
    groups = {
        (one.kind, one.slot): dict(record.pool(one.kind).by_id(one.code).groups) for one in record.holders
    }
    for slot in "123":
        assert groups[DrawKind.venue, slot]["city"] == groups[DrawKind.expert, slot]["city"]
        assert groups[DrawKind.seat, slot]["center"] == groups[DrawKind.venue, slot]["center"]
    assert record.last_drawn(DrawKind.seat) == tuple(
        (one.slot, one.code) for one in record.holders if one.kind is DrawKind.seat
    )
    assert ready().last_drawn(DrawKind.seat) == ()


def test_who_leaves_is_replaced_with_what_followed_and_never_drawn_again() -> None:
    record = two_rounds()
    gone = {event.body["code"] for event in record.events if event.type == "outcome"} - {
        one.code for one in record.holders
    }
    assert len(gone) == 2
    assert gone == record.standing(DrawKind.expert).out
    drawn = [event.body["kind"] for event in record.events if event.type == "round"]
    assert drawn == ["expert", "venue", "seat"] * 2
    assert [event.body["needed"] for event in record.events if event.type == "round"][3:] == [
        [["1", 1], ["2", 1]]
    ] * 3


def test_when_a_venue_refuses_its_expert_goes_along_and_may_come_again() -> None:
    record = stories.venue_first()
    (refused,) = [event for event in record.events if event.body.get("outcome") == "refused"]
    told = DrawRecord.trust([event.text for event in record.events[: refused.n - 1]], record.openings[:3])
    lost = code_at(told, "1")
    told = told.outcome(later(21), HOUSE, DrawKind.venue, "1", code_at(told, "1", DrawKind.venue), "refused")
    assert {one.slot for one in told.holders} == {"2", "3"}
    assert lost not in told.standing(DrawKind.expert).out
    assert [told.needed(kind) for kind in DrawKind] == [(("1", 1),)] * 3


def test_a_late_answer_is_written_down_and_changes_nothing() -> None:
    record = played(ready(), 10)
    who = code_at(record, "1")
    record = answered(record, 20, "1", "expired")
    told = record.outcome(later(21), HOUSE, DrawKind.expert, "1", who, "late")
    assert told.history == record.history
    assert len(told.events) == len(record.events) + 1


def test_after_a_redraw_all_places_are_vacant_and_a_late_answer_may_still_come() -> None:
    record = stories.redrawn()
    (redraw,) = [event.n for event in record.events if event.type == "redraw"]
    lines = [event.text for event in record.events[:redraw]]
    told = DrawRecord.trust(lines, record.openings)
    assert (told.holders, told.needed(DrawKind.expert)) == ((), (("1", 1), ("2", 1)))
    assert told.standing(DrawKind.expert).out == {code("a")}
    told.outcome(later(80), HOUSE, DrawKind.expert, "2", code("c"), "late")
    with pytest.raises(RecordBroken, match="outcome_refused"):
        told.outcome(later(80), HOUSE, DrawKind.expert, "2", code("c"), "withdrawn")


def test_a_list_too_short_for_its_places_is_drawn_with_no_result() -> None:
    pool = expert_pool(candidates=expert_pool().candidates[:2], conflicts=())
    record = played(ready((pool,)), 10)
    assert record.phase == "stuck"
    assert (record.events[-1].body["method"], record.events[-1].body["drawn"]) == ("none", [])
    assert record.void(later(30), HOUSE, "pool_exhausted").phase == "void"


def test_a_clock_set_back_does_not_stop_a_record() -> None:
    record = opened()
    later_on = record.agree(START - timedelta(hours=3), HOUSE, "center", agree_of("center", record))
    assert later_on.events[-1].at == record.events[0].at


def agree_of(party: str, record: DrawRecord) -> str:
    return agree_signature(SIGNERS[party], record.events[0].hash)


def test_a_promise_of_shares_is_walked_back_link_by_link() -> None:
    shares = [event.body["share"] for event in two_rounds().events if event.type == "reveal"]
    wanted = [chain_share(SECRETS[party], LENGTH, r).hex() for r in (1, 2) for party in reversed(NAMES)]
    assert shares == wanted


def test_the_text_of_a_record_holds_codes_only() -> None:
    """No name, no id, no number of a phone can be read in it."""
    text = finished().text(openings=True).decode()
    assert text.isascii()
    for name in ("owner", "employer-x", "zt", "530600"):
        assert name not in text
    loose = re.sub(r'"[0-9a-f]{32,128}"|"[0-9T:Z-]{20}"', "", text)
    assert not re.search(r"[0-9]{7}", loose)


def test_openings_are_parted_from_lines_and_tell_their_line() -> None:
    record = two_rounds()
    heads = [one[:40].split(",")[0:2] for one in record.openings]
    assert heads == [
        ['{"kind":"expert"', '"line":1'],
        ['{"kind":"venue"', '"line":1'],
        ['{"kind":"seat"', '"line":1'],
        ['{"kind":"venue"', '"line":17'],
    ]
    assert record.text(openings=True).startswith(record.text(openings=False))


def test_no_step_draws_again_what_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    record = two_rounds()

    def never(*_: object) -> None:
        raise AssertionError("a draw was run again")

    monkeypatch.setattr("expert_draw.engine.rerun.draw", never)
    monkeypatch.setattr("expert_draw.engine.lists._read_pool", never)
    told = DrawRecord.trust([event.line for event in record.events], record.openings)
    told = called(answered(accepted(told, 50), 51, "1", "withdrawn"), 60)
    assert revealed(told, 61).phase == "drawing"


def test_a_record_without_its_lists_can_go_on_but_not_draw() -> None:
    public = DrawRecord.trust([event.line for event in ready().events])
    waiting = revealed(called(public, 10), 11)
    with pytest.raises(RecordBroken, match="list_unopened"):
        waiting.draw(later(12), HOUSE)


def test_rows_of_another_origin_are_not_trusted() -> None:
    record = finished()
    lines = [event.text for event in record.events]
    with pytest.raises(RecordBroken, match="wrong_number"):
        DrawRecord.load([*lines[:3], *lines[4:]], record.openings)
    with pytest.raises(RecordBroken, match="opening_unknown"):
        DrawRecord.trust(lines[:3], record.openings)
    with pytest.raises(RecordBroken, match="opening_unknown"):
        DrawRecord.trust(lines, ["nonsense"])


def test_reading_gives_words_for_what_cannot_be_opened() -> None:
    with pytest.raises(RecordBroken, match="malformed"):
        opened((expert_pool(),), number="draw no. 5")
    with pytest.raises(RecordBroken, match="follow_unknown"):
        opened((venue_pool(), expert_pool()))
    with pytest.raises(RecordBroken, match="malformed"):
        opened((expert_pool(), expert_pool()))
    with pytest.raises(RecordBroken, match="malformed"):
        opened(())
    with pytest.raises(RecordBroken, match="malformed"):
        opened(names=())


def test_warnings_need_the_signature_of_the_supervisor() -> None:
    record = agreed(opened((expert_pool(),)))
    told = locked(record, STRICT)
    assert [event.type for event in told.events[-2:]] == ["lock", "approve"]
    waiting = DrawRecord.trust([event.line for event in told.events[:-1]], told.openings)
    assert waiting.phase == "approving"
    with pytest.raises(RecordBroken, match="not_approved"):
        called(waiting, 10)
    with pytest.raises(RecordBroken, match="wrong_party_signature"):
        waiting.approve(later(3), HOUSE, approve_signature(SIGNERS["center"], waiting.head))
    busy = next(one.id for one in expert_pool().candidates if not one.grounds)
    waiting = waiting.exclude(later(3), HOUSE, DrawKind.expert, [(busy, "ill")])
    lock = waiting.events[-2].hash
    assert waiting.approve(later(4), HOUSE, approve_signature(SIGNERS["supervisor"], lock)).phase == "between"


def test_without_a_supervisor_a_draw_with_warnings_cannot_go_on() -> None:
    record = agreed(opened((expert_pool(),), names=("center",)))
    with pytest.raises(RecordBroken, match="party_unknown"):
        locked(record, STRICT)


def test_figures_come_together_or_not_at_all() -> None:
    record = agreed(opened((expert_pool(),)))
    certificate = certify(record.pool(DrawKind.expert), "uniform-labelled", STRICT)
    with pytest.raises(RecordBroken, match="wrong_figures"):
        record.lock(later(2), HOUSE, replace(certificate, least=None))
    with pytest.raises(RecordBroken, match="wrong_figures"):
        record.lock(later(2), HOUSE, replace(certificate, lists=()))
    rows = certificate.chance_rows or ()
    for wrong in (rows[1:], (*rows[1:], rows[0]), ((rows[0][0], rows[0][1] + 1), *rows[1:])):
        with pytest.raises(RecordBroken, match="wrong_figures"):
            record.lock(later(2), HOUSE, replace(certificate, chance_rows=wrong))
    entry = Lock.read(record.lock(later(2), HOUSE, certificate).events[-1].body)
    assert (entry.feasible, len(entry.warnings)) == (str(certificate.feasible), 3)


def test_venues_alone_can_be_drawn() -> None:
    record = agreed(opened((venue_pool(follows=None), seat_pool())))
    certificate = Certificate(None, None, None, None, (), (), None)
    record = played(record.lock(later(2), HOUSE, certificate), 10).close(later(20), HOUSE)
    verdict = verify_record(record.text(openings=True))
    assert (verdict.ok, verdict.full, len(verdict.summary.holders)) == (True, True, 6)


def test_signatures_of_parties_cannot_be_reused() -> None:
    record = called(ready(), 10)
    own = chain_share(SECRETS["center"], LENGTH, 1)
    elsewhere = reveal_signature(SIGNERS["center"], "00" * 32, own)
    with pytest.raises(RecordBroken, match="wrong_party_signature"):
        record.reveal(later(11), HOUSE, "center", own, elsewhere)
    assert nonce("a") != nonce("b")
    assert in_codes([("a", "b")]) != in_codes([("b", "a")])
